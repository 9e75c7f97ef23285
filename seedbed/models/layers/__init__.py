"""Engines around an engine: each adds one thing, such as a retry, a limit or a replay."""
