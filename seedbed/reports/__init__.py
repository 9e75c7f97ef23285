"""What people read in a terminal after a command."""
