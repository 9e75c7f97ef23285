"""The embedded models: downloads, checks and serves their files."""
