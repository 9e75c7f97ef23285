"""The child process that talks to the Hub: it reads a request as a line of JSON, and prints answers as such lines."""

import errno
import io
import json
import sys
from pathlib import Path
from typing import Any

NEWEST = "main"  # the revision where none is named
PROBE = 5  # seconds within which the Hub must answer; `hf_hub_download` alone gives up after 23


def answer(request: dict[str, Any]) -> None:
    """Carry out a request, and print its results, or a sentence that says why it failed."""
    from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError is that of its HTTP client
        GatedRepoError,
        HfHubHTTPError,
        HTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        {"list": _list, "get": _get, "fetch": _fetch}[request["ask"]](request)
    except GatedRepoError:
        _print(error="its licence has to be accepted on its page, and HF_TOKEN has to name an account that did")
    except RevisionNotFoundError:
        _print(error=f"it has no revision {request['revision']}")
    except RepositoryNotFoundError:
        _print(error="there is no such repository, or it is private and HF_TOKEN may not read it")
    except HfHubHTTPError as error:
        _print(error=f"the Hub answers {error.response.status_code}")
    except (HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        _print(error=f"the Hub does not answer ({type(error).__name__})")
    except OSError as error:
        full = error.errno == errno.ENOSPC
        _print(full=True) if full else _print(error=f"{error.strerror or error}")
    except ValueError as error:
        _print(error=f"the Hub's client says: {' '.join(str(error).split())[:200]}")


def _list(request: dict[str, Any]) -> None:
    from huggingface_hub import HfApi

    info: Any = HfApi().repo_info(
        request["repository"], revision=request["revision"], timeout=PROBE, files_metadata=True
    )
    licence = getattr(info.card_data, "license", None) or ""
    _print(files={file.rfilename: file.size for file in info.siblings}, licence=str(licence))


def _get(request: dict[str, Any]) -> None:
    from huggingface_hub import hf_hub_download

    hf_hub_download(
        request["repository"],
        request["file"],
        revision=request["revision"],
        etag_timeout=PROBE,
        tqdm_class=_bar_class(),
    )
    _print(done=True)


def _fetch(request: dict[str, Any]) -> None:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    with Path(request["into"]).open("ab") as file:
        http_get(
            hf_hub_url(request["repository"], request["file"], revision=request["revision"]),
            file,
            resume_size=file.tell(),
            headers=build_hf_headers(),
            expected_size=request["size"],
            tqdm_class=_bar_class(),
        )
    _print(done=True)


def _bar_class() -> Any:
    """A class of invisible progress bars for the Hub's client, which print the number of bytes."""
    from tqdm import tqdm

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": False, "file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            is_refreshed: bool | None = super().update(n)
            _print(bytes=int(self.n))
            return is_refreshed

    return Bar


def _print(**answer: Any) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    answer(json.loads(sys.stdin.readline()))
