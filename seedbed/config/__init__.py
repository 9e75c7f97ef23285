"""seedbed.yaml as data: every key with its range and its default, and the models that a config may name."""
