"""The versions a result depends on beside its inputs."""

import importlib.metadata


def versions() -> dict[str, str]:
    """What a result depends on beside its inputs."""
    names = ("seedbed", "dspy-ai", "sentence-transformers", "torch", "xllamacpp")
    return {name: found for name in names if (found := _version(name))}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
