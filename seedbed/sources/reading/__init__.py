"""One file to a Document: a reader for each format, in a process of its own."""
