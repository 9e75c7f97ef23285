"""Whether llama.cpp works on a GPU here, and what to install where it could."""

import shutil
from pathlib import Path

_INDEX = "https://xorbitsai.github.io/xllamacpp/whl"  # the project's own; PyPI has its CPU and Metal builds
_INSTALL = "pip install xllamacpp --force-reinstall --index-url " + _INDEX


def gpu() -> str:
    """In a sentence: the GPUs that this build of llama.cpp uses, or the command that installs one that would use the
    machine's."""
    import xllamacpp

    kinds = xllamacpp.ggml_backend_dev_type
    devices = [device for device in xllamacpp.get_device_info() if device["type"] != kinds.GGML_BACKEND_DEVICE_TYPE_CPU]
    if devices:
        names = ", ".join(f"{device['description']} ({device['memory_total'] / 1e9:.0f} GB)" for device in devices)
        return f"works on {names}"
    for maker, build in _machine().items():
        return (
            f"works on the CPU, and this machine has a GPU of {maker}; {_INSTALL}/{build} brings a build that uses it"
        )
    return "works on the CPU; this machine has no GPU that it could use"


def _machine() -> dict[str, str]:
    """The makers of this machine's GPUs, each with the build for it."""
    found = {}
    if shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists():
        found["NVIDIA"] = "cu128"
    if Path("/dev/kfd").exists():
        found["AMD"] = "rocm-6.4.1"
    return found
