"""How a signature becomes a prompt, and a reply becomes fields again."""
