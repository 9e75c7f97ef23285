"""The models that run on this machine: the shelf, GGUF files, how they are brought here and served."""
