"""A project folder opened: its data, its split, its models; `init` and `doctor`."""
