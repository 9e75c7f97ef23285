"""The command line: a file per command; heavy imports stay inside the commands that need them."""
