"""The embedded models: how their files are brought here, checked and served."""
