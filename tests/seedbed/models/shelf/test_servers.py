"""llama.cpp behind the engine: servers that share the machine, that end, and models that it cannot serve."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dspy
import psutil
import pytest
from support.gguf_file import write

from programs.core.background import run_sync
from programs.core.tools import using
from seedbed.config.catalogue import shelf
from seedbed.config.models import ModelEntry
from seedbed.errors import TeacherDown, UserError
from seedbed.models.call_context import calling
from seedbed.models.engines.embedded import EmbeddedEngine, check_memory
from seedbed.models.registry import Models
from seedbed.models.shelf import servers
from seedbed.models.shelf.files import is_here, shelf_file
from seedbed.models.shelf.servers import POOL
from seedbed.models.shelf.serving import serving
from seedbed.models.shelf.weights import weights
from seedbed.storage.journal import Journal

TINY = "embedded/smollm2-135m"
pytestmark = pytest.mark.embedded


@pytest.fixture
def models(journal: Journal, tmp_path: Path) -> Iterator[Any]:
    """Opens models by their entries, and closes them."""
    opened: list[Models] = []

    def open_models(**entries: dict[str, Any]) -> Models:
        checked = {alias: ModelEntry(**{"max_tokens": 8, **entry}) for alias, entry in entries.items()}
        opened.append(Models(checked, tmp_path, journal))
        return opened[-1]

    yield open_models
    for models in opened:
        run_sync(models.aclose())


def say(models: Models, alias: str, text: str = "Say hello.") -> str:
    """A reply of this alias, and no other's to the same words: one model's aliases share what is in the journal."""
    with calling(draw=ord(alias)):
        return str(run_sync(models.lm(alias).acall(text))[0])


def children() -> list[psutil.Process]:
    """The servers of this process that run: one that ended and was not waited for has no command line."""
    commands = [(child, child.as_dict(["cmdline"])["cmdline"] or []) for child in psutil.Process().children()]
    return [child for child, command in commands if "seedbed.models.shelf.serve" in " ".join(command)]


def altered(tmp_path: Path, old: bytes, new: bytes) -> Path:
    """The small model with a few bytes of its head changed."""
    assert len(old) == len(new)
    file = tmp_path / "altered.gguf"
    shutil.copyfile(shelf_file(shelf()["smollm2-135m"]), file)
    with file.open("rb+") as opened:
        head = opened.read(8_000_000)
        opened.seek(head.index(old))
        opened.write(new)
    return file


def test_two_models_serve_at_once_and_stop_when_nobody_needs_them(models: Any) -> None:
    pair = models(a={"model": TINY}, b={"model": TINY, "context": 512})
    assert say(pair, "a")
    assert say(pair, "b")
    assert len(children()) == 2
    run_sync(pair.aclose())
    assert not children()


def test_aliases_of_one_model_share_a_server(models: Any) -> None:
    pair = models(a={"model": TINY}, b={"model": TINY, "max_tokens": 4})
    assert say(pair, "a")
    assert say(pair, "b", "Say good-bye.")
    assert len(children()) == 1


def test_its_key_is_in_no_command_line(models: Any) -> None:
    tiny = models(a={"model": TINY})
    assert say(tiny, "a")
    key = next(server.key for server, _ in POOL._servers.values())
    assert key not in " ".join(children()[0].cmdline()) + str(children()[0].environ())


def test_a_server_that_is_killed_is_said_to_be(models: Any) -> None:
    tiny = models(a={"model": TINY})
    assert say(tiny, "a")
    children()[0].kill()
    with pytest.raises(TeacherDown, match="was killed, as a system does that runs out of memory"):
        say(tiny, "a", "Say it again.")


def test_a_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from seedbed.models.shelf.servers import Server;"
        "from seedbed.models.shelf.serving import Serving;"
        "from seedbed.models.shelf.weights import weights;"
        f"server = Server('m', weights({TINY!r}, Path()), Serving(512, 1, 1, -1));"
        "print(server._child.pid, flush=True); input()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    server = psutil.Process(int(parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    server.wait(20)


def test_too_little_memory_is_a_sentence(models: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "free", lambda: 200_000_000)
    with pytest.raises(UserError, match=r"smollm2-135m: serving takes up to 0\.6 GB of memory, and 0\.2 GB are free"):
        say(models(a={"model": TINY}), "a")


def test_models_that_run_leave_less_memory(models: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = models(a={"model": TINY}, b={"model": TINY, "context": 4000})
    assert say(pair, "a")
    monkeypatch.setattr(servers, "free", lambda: 600_000_000)
    with pytest.raises(UserError, match=r"and 0\.[12] GB are free"):
        say(pair, "b")


def test_models_that_are_served_together_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [ModelEntry(model=TINY), ModelEntry(model=TINY, context=512), ModelEntry(model=TINY, max_tokens=9)]
    monkeypatch.setattr(servers, "free", lambda: 10**9)
    with pytest.raises(UserError, match=r"smollm2-135m: serving takes up to 1\.0 GB of memory, and 1\.0 GB are free"):
        check_memory(entries, tmp_path)
    monkeypatch.setattr(servers, "free", lambda: 11 * 10**8)
    check_memory(entries, tmp_path)  # the third shares the first's server
    check_memory([ModelEntry(model=TINY, gpu_layers=30)] * 9, tmp_path)


def test_an_architecture_that_llama_cpp_does_not_know_is_named(models: Any, tmp_path: Path) -> None:
    write(tmp_path / "odd.gguf", values={"general.architecture": "perceptron", "tokenizer.chat_template": "x"})
    with pytest.raises(UserError, match="unknown model architecture: 'perceptron'") as raised:
        say(models(a={"model": "embedded/odd.gguf"}), "a")
    assert "Its log is" in raised.value.hint


@pytest.mark.parametrize("name", ["my model.gguf", "sub/x.gguf"])
def test_any_file_by_its_path(models: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / name).symlink_to(shelf_file(shelf()["smollm2-135m"]))
    assert say(models(a={"model": f"embedded/{name}"}), "a")


def test_a_file_that_is_cut_short_is_refused_at_once(models: Any, tmp_path: Path) -> None:
    (tmp_path / "cut.gguf").write_bytes(shelf_file(shelf()["smollm2-135m"]).read_bytes()[:-1000])
    with pytest.raises(UserError, match="cut short: its tensors end at byte 98,362,432, and the file at 98,361,432"):
        models(a={"model": "embedded/cut.gguf"}).lm("a")


def test_an_absent_file_is_named(models: Any) -> None:
    with pytest.raises(UserError, match=r"none\.gguf is not there"):
        models(a={"model": "embedded/none.gguf"}).lm("a")


def test_a_shelf_file_of_other_bytes_is_not_served(
    models: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shelf()["smollm2-135m"]
    altered(tmp_path, b"general.name", b"general.mane").rename(tmp_path / model.file)
    monkeypatch.setenv("SEEDBED_MODELS", str(tmp_path))
    with pytest.raises(UserError, match="is not the smollm2-135m of the shelf"):
        say(models(a={"model": TINY}), "a")


def test_a_model_without_a_template_only_continues_text(models: Any, tmp_path: Path) -> None:
    altered(tmp_path, b"tokenizer.chat_template", b"tokenizer.chat_tamplete")
    tiny = models(a={"model": "embedded/altered.gguf"})
    with pytest.raises(dspy.utils.exceptions.LMError, match=r"can only continue text \(completions\)"):
        say(tiny, "a")
    with using(continues=True):
        assert say(tiny, "a", "The bridge opened in")
    assert not tiny.lm("a").chats


def test_the_small_model_keeps_its_identity(tmp_path: Path) -> None:
    engine = EmbeddedEngine(ModelEntry(model=TINY), tmp_path)
    assert engine.identity == "embedded/smollm2-135m|b179c9523d0e6a0f"
    assert weights(TINY, tmp_path).identity == engine.identity


def test_what_the_shelf_says_of_memory_is_by_the_default_settings() -> None:
    for name, model in shelf().items():
        if is_here(model):
            entry, opened = ModelEntry(model=f"embedded/{name}"), weights(f"embedded/{name}", Path())
            assert serving(entry, opened.header).memory(opened.header, opened.bytes) == model.memory


def test_a_server_takes_no_more_memory_than_was_said(models: Any) -> None:
    tiny = models(a={"model": TINY})
    for number in range(3):
        assert say(tiny, "a", f"Tell me about {number}. " + "word " * 3500)
    assert children()[0].memory_info().rss < shelf()["smollm2-135m"].memory


def test_replies_do_not_depend_on_the_number_of_threads(models: Any) -> None:
    pair = models(a={"model": TINY, "threads": 1, "max_tokens": 40}, b={"model": TINY, "threads": 2, "max_tokens": 40})
    for text in ("Tell me about bridges.", "Why is the sky blue?"):
        assert say(pair, "a", text) == say(pair, "b", text)
