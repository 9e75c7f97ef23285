"""The versions that a result depends on besides its inputs."""

import importlib.metadata


def versions() -> dict[str, str]:
    """By package, the versions that a result depends on besides its inputs."""
    names = ("seedbed", "dspy-ai", "sentence-transformers", "torch", "xllamacpp")
    return {name: version for name in names if (version := _version(name))}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
