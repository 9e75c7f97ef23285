"""The door: command line, config, teachers, runs."""
