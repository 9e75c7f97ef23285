"""The time a reply takes to read grows no faster than it: a model that falls into a rut writes the same for pages."""

import signal
from collections.abc import Iterator

import pytest
from support.reading import read

SECONDS = 4  # CPU time for all formats; a tenth of it is enough, and minutes pass where the time grows with the square
N = 60_000
RUTS = {
    "blanks in a marker": "[[ ## answer" + " " * N + "x",
    "a marker with blanks before its end": "[[ ## answer" + " " * N + "## ]]\nx",
    "blanks behind a marker's word": "[[ ## a b" + " " * N + ":" + " " * N + "x",
    "blanks in a value": "[[ ## answer ## ]]\na" + " " * N + "b",
    "lines in a value": "[[ ## answer ## ]]\na" + "\n" * N + "b",
    "a torn marker": "[[ ## answer ## ]]\na [[ ##" + " " * N + "]b",
    "torn markers": "[[ ## answer ## ]]\na" + " [[ ##" * (N // 6) + "]b",
    "blanks behind a fence": "```" + " " * N + "x",
    "blanks in a fence": "```\na" + " " * N + "x",
    "lines in a fence": "```" + "\n" * N + "x",
    "tags that open": "<answer>" * (N // 8),
    "tags that open behind one that closes": "</answer>" + "<answer>" * (N // 8),
    "lines before a decision": "a" + "\n" * N + "b",
    "lines with a blank": "a" + "\n " * (N // 2) + "b",
}


@pytest.fixture(autouse=True)
def limited() -> Iterator[None]:
    def over(*_: object) -> None:
        raise AssertionError(f"more than {SECONDS} s of CPU")

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("rut", RUTS)
@pytest.mark.parametrize("kind", ["text", "verdict", "list"])
def test_a_rut_is_read_or_refused_in_time(rut: str, kind: str) -> None:
    name = {"text": "answer", "verdict": "verdict", "list": "points"}[kind]
    for form in ("chat", "json", "compact", "plain"):
        read(form, kind, RUTS[rut].replace("answer", name))
