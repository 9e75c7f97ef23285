"""A model server on loopback that answers at once or after a set time, for less CPU than any client spends on asking.

    python benchmarks/mock_server.py [--port 8123]

OpenAI's `/chat/completions` and `/completions`, below a path that sets the latency: `/fixed-200/v1` is 200 ms,
`/lognormal-1000-0.8/v1` has a mean of 1,000 ms and a sigma of 0.8. A latency depends on the messages alone, so whoever
asks the same waits the same. So does a reply at temperature 0; above, every reply is another, unless the request has a
`seed`. Replies are in the format the prompt asks for and made of the document's own words. `GET /stats` counts.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import math
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import orjson

Latency = Callable[[int], float]
"""From a request's mark, 32 bits, to seconds."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
_ASKED = "Respond with"
_QUESTIONS = (
    "What does it say about {}?",
    "Why would anyone want to hear more about {}?",
    "How can you explain to a friend what has been found about {}?",
    "Who was the first to write it all down about {}?",
)


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """A server in a process of its own; yields its address, `http://127.0.0.1:PORT`."""
    with subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def stats(address: str) -> dict[str, Any]:
    """What a server counted: `requests`, `inside` it now and at `most`, `seconds` from the first request to the last
    reply, its CPU `cpu_ms` a request, and `prompts`, a sum over all messages, equal for who sent the same ones."""
    with urllib.request.urlopen(f"{address}/stats") as reply:
        found: dict[str, Any] = json.load(reply)
    return found


class Counts:
    """What all connections share."""

    def __init__(self) -> None:
        self.requests = self.inside = self.most = self.prompts = 0
        self._spent = time.process_time()
        self._first = self._last = 0.0

    def begin(self, mark: int) -> None:
        self._first = self._first or time.monotonic()
        self.requests, self.inside = self.requests + 1, self.inside + 1
        self.most, self.prompts = max(self.most, self.inside), (self.prompts + mark) & 0xFFFFFFFF

    def end(self) -> None:
        self.inside, self._last = self.inside - 1, time.monotonic()

    def report(self) -> dict[str, Any]:
        spent = 1000 * (time.process_time() - self._spent) / max(self.requests, 1)
        figures = {"cpu_ms": round(spent, 3), "seconds": self._last - self._first}
        return figures | {name: getattr(self, name) for name in ("requests", "inside", "most", "prompts")}


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as much of it as clients of JSON use: no chunked bodies."""

    def __init__(self, counts: Counts, loop: asyncio.AbstractEventLoop) -> None:
        self._counts, self._loop, self._buffer = counts, loop, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < whole:
                return
            head, body = self._buffer[:end], self._buffer[end + 4 : whole]
            self._buffer = self._buffer[whole:]
            self._answer(head.split(b" ", 2)[1].decode(), body)

    def _answer(self, path: str, body: bytes) -> None:
        if not path.endswith("completions"):
            found = self._counts.report() if path == "/stats" else {"object": "list", "data": []}
            return self._send(orjson.dumps(found))
        asked = orjson.loads(body)
        if not (texts := _texts(asked)):
            return self._send(b'{"error": {"message": "there are no messages"}}', b"400 Bad Request")
        mark = zlib.crc32("\n".join(texts).encode())
        self._counts.begin(mark)
        salt = (asked.get("seed") or self._counts.requests) if asked.get("temperature") else 0
        raw = _completion(asked.get("model", ""), texts, reply(texts[-1], mark + salt), chat="messages" in asked)
        self._loop.call_later(latency(path.split("/")[1])(mark), self._finish, raw)
        return None

    def _finish(self, raw: bytes) -> None:
        self._counts.end()
        self._send(raw)

    def _send(self, raw: bytes, status: bytes = b"200 OK") -> None:
        if not self._transport.is_closing():
            self._transport.write(_HEAD % (status, len(raw)) + raw)


@functools.cache
def latency(name: str) -> Latency:
    """`fixed-MS`, `lognormal-MEAN_MS-SIGMA`; anything else is none at all."""
    kind, *numbers = name.split("-")
    if kind == "fixed":
        return lambda mark: float(numbers[0]) / 1000
    if kind == "lognormal":
        mean, sigma = float(numbers[0]) / 1000, float(numbers[1])
        normal = statistics.NormalDist(math.log(mean) - sigma**2 / 2, sigma)
        return lambda mark: math.exp(normal.inv_cdf((mark + 0.5) / 2**32))
    return lambda mark: 0.0


def reply(prompt: str, mark: int) -> str:
    """The reply to a prompt: each field it asks for, in the format it asks for. `mark` chooses among questions."""
    tail = prompt[prompt.rfind(_ASKED) :] if _ASKED in prompt[-600:] else prompt[prompt.rstrip().rfind("\n") + 1 :]
    form, names = _wanted(tail)
    values = {name: _value(name, prompt, mark) for name in names}
    if form == "json":
        return orjson.dumps(values).decode()
    told = {name: orjson.dumps(one).decode() if isinstance(one, list) else one for name, one in values.items()}
    if form == "chat":
        return "\n\n".join(f"[[ ## {name} ## ]]\n{one}" for name, one in told.items()) + "\n\n[[ ## completed ## ]]"
    first, *others = values.items()
    listed = "\n".join(f"{n}. {one}" for n, one in enumerate(first[1], 1)) if isinstance(first[1], list) else first[1]
    return "\n".join([str(listed), *(f"{name.capitalize()}: {one}" for name, one in others)])


@functools.lru_cache(4096)
def _wanted(tail: str) -> tuple[str, list[str]]:
    """The format, and the fields, of a prompt's last words; a prompt that ends in `Field:` is answered in lines."""
    if not tail.startswith(_ASKED):
        name = tail.strip().rstrip(":").lower()
        return "lines", ["reasoning", "verdict"] if name == "reasoning" else [name]
    names = re.findall(r"`(?:\[\[ ## )?(\w+)", tail)
    return ("json", names) if "JSON object" in tail else ("chat", [name for name in names if name != "completed"])


def _value(name: str, prompt: str, mark: int) -> Any:
    if name == "question":
        return _question(_given(prompt, "document"), mark)
    if name == "answer":
        return _answer(_given(prompt, "document"), _given(prompt, "question"))
    if name == "claims":
        return [_given(prompt, "answer")]
    return {"verdict": "yes", "grade": 3, "reasoning": "The document says it in so many words."}.get(
        name, f"The {name} of case {mark}."
    )


def _question(document: str, mark: int) -> str:
    """About the first words of one of the document's sentences."""
    pieces = document.split(". ")
    asked, place = divmod(mark, len(pieces))
    subject = " ".join(pieces[place].split(" ", 7)[:7]).rstrip(".")
    return _QUESTIONS[asked % len(_QUESTIONS)].format(subject)


def _answer(document: str, question: str) -> str:
    """The sentence that the question's last words begin; the first one where there is none such."""
    start = max(0, document.find(question.rpartition(" about ")[2].rstrip("?")))
    end = document.find(". ", start)
    return document[start : end + 1] if end >= 0 else document[start:]


def _given(prompt: str, name: str) -> str:
    """The last value of an input field, as chat messages mark it or on a `Field: value` line; empty without one."""
    mark = f"[[ ## {name} ## ]]\n"
    if (at := prompt.rfind(mark)) >= 0:
        start = at + len(mark)
        ends = [end for stop in ("\n\n[[ ##", f"\n\n{_ASKED}") if (end := prompt.find(stop, start)) >= 0]
        return prompt[start : min(ends, default=len(prompt))]
    label = f"{name.capitalize()}: "
    if (at := prompt.rfind(label)) < 0:
        return ""
    end = prompt.find("\n", at)
    return prompt[at + len(label) : end if end >= 0 else len(prompt)]


def _texts(asked: dict[str, Any]) -> list[str]:
    """The messages' texts, or the prompt that is to be continued."""
    if "prompt" in asked:
        return [asked["prompt"]]
    contents = [message.get("content") or "" for message in asked["messages"]]
    return [one if isinstance(one, str) else "".join(part.get("text", "") for part in one) for one in contents]


def _completion(model: str, texts: list[str], said: str, *, chat: bool) -> bytes:
    """A completion with its tokens, taken to be 4 characters each."""
    read, written = sum(map(len, texts)) // 4, max(1, len(said) // 4)
    message: dict[str, Any] = {"message": {"role": "assistant", "content": said}} if chat else {"text": said}
    return orjson.dumps(
        {
            "id": "mock",
            "object": "chat.completion" if chat else "text_completion",
            "created": 1_700_000_000,
            "model": model,
            "choices": [{"index": 0, "finish_reason": "stop", **message}],
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        }
    )


async def _serve(port: int) -> None:
    loop, counts = asyncio.get_running_loop(), Counts()
    server = await loop.create_server(lambda: Connection(counts, loop), "127.0.0.1", port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    parent = os.getppid()
    while os.getppid() == parent:  # a benchmark that is killed leaves no server behind
        await asyncio.sleep(1)


def main() -> None:
    """Print the port and serve until ended, or until who started it has ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 takes one that is free")
    with contextlib.suppress(ImportError, KeyboardInterrupt):
        import uvloop

        uvloop.install()
    asyncio.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
