"""The child process that serves one model with llama.cpp: it reads settings as a line of JSON, and prints its address.

It is a separate process because llama.cpp aborts its process when an assertion fails or memory runs out, and because
its log goes to standard error, which here is a file. It exits when its standard input closes, so it never outlives the
process that started it.
"""

import json
import os
import shutil
import sys
from typing import Any

WARNINGS = 2  # and errors; more would be a line for every call


def serve(settings: dict[str, Any]) -> None:
    """Serve until the standard input ends. A model that llama.cpp refuses raises RuntimeError; the log says why."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path, params.api_keys = settings["path"], [settings["key"]]
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_parallel, params.n_ctx = settings["slots"], settings["slots"] * settings["context"]
    params.cpuparams.n_threads, params.n_gpu_layers = settings["threads"], settings["gpu_layers"]
    params.cache_ram_mib, params.fit_params = settings["cache_mib"], False  # take what was checked, no less
    params.endpoint_slots, params.slot_save_path = True, f"{settings['kept']}{os.sep}"
    params.verbosity, params.warmup, params.ui = WARNINGS, False, False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    shutil.rmtree(settings["kept"], ignore_errors=True)
    os._exit(0)  # at once: nobody waits for the calls in flight


if __name__ == "__main__":
    serve(json.loads(sys.stdin.readline()))
