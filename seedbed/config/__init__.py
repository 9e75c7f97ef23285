"""Reads seedbed.yaml: every key with its range and default, and the models that a config may name."""
