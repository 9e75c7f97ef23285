"""The formats of `seedbed export`, by trainer: the exact columns of a line, and how each kind of row becomes one."""
