"""Finds out whether llama.cpp uses a GPU here, and which build to install if it could."""

import shutil
from pathlib import Path

from seedbed.errors import UserError
from seedbed.models.shelf.machine import GB

_INDEX = "https://xorbitsai.github.io/xllamacpp/whl"  # the project's own; PyPI has its CPU and Metal builds
_INSTALL = "pip install xllamacpp --force-reinstall --index-url " + _INDEX
_BUILDS = {"NVIDIA": "cu128", "AMD": "rocm-6.4.1"}


def gpu() -> str:
    """A sentence with the GPUs that this build of llama.cpp uses, or with the command that installs a build for this
    machine's GPU. Raises UserError where the build cannot be loaded."""
    try:
        import xllamacpp
    except ImportError as error:
        raise UserError(f"xllamacpp cannot be loaded: {error}.", hint='pip install "seedbed[embedded]"') from error
    kinds = xllamacpp.ggml_backend_dev_type
    gpus = (kinds.GGML_BACKEND_DEVICE_TYPE_GPU, kinds.GGML_BACKEND_DEVICE_TYPE_IGPU)
    devices = [device for device in xllamacpp.get_device_info() if device["type"] in gpus]
    if devices:
        names = ", ".join(f"{device['description']} ({device['memory_total'] / GB:.0f} GB)" for device in devices)
        return f"works on {names}"
    if maker := _maker():
        build = f"{_INSTALL}/{_BUILDS[maker]}"
        return f"works on the CPU, and this machine has a GPU of {maker}; a build that uses it comes with: {build}"
    return "works on the CPU; this machine has no GPU that it could use"


def _maker() -> str:
    """The maker of this machine's GPU; "" where it has no GPU with a build."""
    if shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists():
        return "NVIDIA"
    return "AMD" if Path("/dev/kfd").exists() else ""
