"""The compiled program on disk: whole or not there, whatever moment a crash picks, and never one that was changed."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dspy
import pytest
from support.artefacts import made

from optimize import artefact
from optimize.artefact import Artefact, Manifest, Mismatch
from programs.core.recipe import recipes

RECIPE = recipes()["grounded-qa"]


class Crash(BaseException):
    """A kill, at a moment of the test's choosing."""


def load(path: Path, **changes: str) -> Artefact:
    return artefact.load(RECIPE, path, **{"teacher": "small", "identity": "model"} | changes)


def names(found: Artefact) -> set[str]:
    """The name by which each part goes: one, if all are of one artefact."""
    program, (judge,) = found.compiled.step("ask_question").demos[0], found.frozen.opened()
    return {program["question"], judge.judge.demos[0]["question"], found.manifest.optimizer}


@contextlib.contextmanager
def crashing(monkeypatch: pytest.MonkeyPatch, at: int) -> Iterator[list[int]]:
    """The disk's `at`-th operation from now, and every later one, does not happen; yields what was counted."""
    count = [0]

    def dying(operation: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(operation)
        def call(*args: Any, **kwargs: Any) -> Any:
            count[0] += 1
            if count[0] > at:
                raise Crash
            return operation(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for name in ("mkdir", "write_text", "replace", "unlink", "rmdir"):
            patch.setattr(Path, name, dying(getattr(Path, name)))
        patch.setattr(artefact.os, "fsync", dying(artefact.os.fsync))
        patch.setattr(dspy.Module, "save", dying(dspy.Module.save))
        yield count


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an artefact named `old` stands."""
    artefact.save(made("old"), tmp_path / "compiled" / "small.json")
    return tmp_path / "compiled" / "small.json"


def test_a_crash_at_any_moment_leaves_the_old_set_or_the_new_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, at = [], 0
    while True:
        artefact.save(made("old"), path)
        try:
            with crashing(monkeypatch, at):
                artefact.save(made("new"), path)
            break
        except Crash:
            (name,) = names(load(path))
            seen.append(name)
            with contextlib.suppress(Crash), crashing(monkeypatch, at // 2):
                artefact.save(made("newer"), path)  # a second crash, while the first is being tidied up
            assert len(names(load(path))) == 1
        at += 1
    assert seen == sorted(seen, reverse=True)
    assert set(seen) == {"old", "new"}
    assert names(load(path)) == {"new"}
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "small.json",
        "small.manifest.json",
        "small.metric.json",
        "small.uncompiled.json",
        "small.verdicts.jsonl",
    ]


def test_the_first_save_leaves_nothing_or_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for at in range(40):
        path = tmp_path / str(at) / "small.json"
        try:
            with crashing(monkeypatch, at):
                artefact.save(made("new"), path)
        except Crash:
            with contextlib.suppress(FileNotFoundError):
                assert names(load(path)) == {"new"}
            continue
        assert at > 5
        return
    pytest.fail("a save of so few files takes fewer operations")


@pytest.mark.parametrize("part", [lambda path: path, artefact.uncompiled_path, artefact.metric_path])
def test_a_file_that_was_changed_is_named(path: Path, part: Callable[[Path], Path]) -> None:
    changed = part(path)
    changed.write_text(changed.read_text(encoding="utf-8").replace("question", "Question"), encoding="utf-8")
    with pytest.raises(Mismatch, match=rf"{changed.name} was changed after it was compiled"):
        load(path)


def test_a_file_that_is_gone_is_named(path: Path) -> None:
    artefact.metric_path(path).unlink()
    with pytest.raises(Mismatch, match=r"metric.json is missing"):
        load(path)


def test_a_manifest_of_another_version_is_said_to_be_one(path: Path) -> None:
    artefact.manifest_path(path).write_text('{"recipe": "grounded-qa"}', encoding="utf-8")
    with pytest.raises(Mismatch, match="this version of Seedbed"):
        load(path)
    assert artefact.save(made("new"), path)
    assert names(load(path)) == {"new"}


def test_a_program_of_another_teacher_is_refused_by_alias_and_by_what_stands_behind_it(path: Path) -> None:
    with pytest.raises(Mismatch, match="compiled for the teacher small"):
        load(path, teacher="strong")
    with pytest.raises(Mismatch, match="the model behind the teacher"):
        load(path, identity="another")


KEY = "sk-in-the-address-0123456789"
ADDRESS = f"http://gateway.example:8000/{KEY}/v1|m|0123456789abcdef"  # an endpoint's identity


def test_an_address_is_neither_kept_nor_told_but_by_its_host(path: Path) -> None:
    new = made("new")
    manifest = Manifest.model_validate(new.manifest.model_dump() | {"identity": ADDRESS})
    artefact.save(dataclasses.replace(new, manifest=manifest), path)
    assert KEY not in artefact.manifest_path(path).read_text(encoding="utf-8")
    assert "gateway.example:8000" in artefact.manifest_path(path).read_text(encoding="utf-8")
    assert names(load(path, identity=ADDRESS)) == {"new"}
    for other in (KEY[::-1], KEY[:-1], "v1"):
        with pytest.raises(Mismatch, match=r"the model behind the teacher http://gateway\.example:8000") as raised:
            load(path, identity=ADDRESS.replace(KEY, other))
        assert KEY not in str(raised.value)
        assert KEY[::-1] not in str(raised.value)


def test_a_program_that_was_compiled_when_addresses_were_kept_whole_is_accepted(path: Path) -> None:
    artefact.save(made("new", identity=ADDRESS), path)
    assert KEY in artefact.manifest_path(path).read_text(encoding="utf-8")
    assert names(load(path, identity=ADDRESS)) == {"new"}
    with pytest.raises(Mismatch, match=r"gateway\.example") as raised:
        load(path, identity=ADDRESS.replace(KEY, "v1"))
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("which", ["compiled", "uncompiled"])
def test_what_ships_is_what_the_manifest_says_and_both_are_kept(path: Path, which: str) -> None:
    artefact.save(made("new", ships=which), path)
    found = load(path)
    assert found.shipped is getattr(found, which)
    assert found.compiled.step("ask_question").demos
    assert not found.uncompiled.step("ask_question").demos


def test_both_programs_are_plain_dspy_state(path: Path) -> None:
    for file, demos in ((path, 1), (artefact.uncompiled_path(path), 0)):
        program = RECIPE.program()
        program.load(file)
        assert len(program.step("ask_question").demos) == demos


def test_the_same_artefact_is_the_same_bytes(path: Path) -> None:
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    artefact.save(made("old"), path)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


def test_the_manifest_that_save_gives_is_the_one_that_load_reads(path: Path) -> None:
    manifest = artefact.save(made("new"), path)
    assert load(path).manifest == manifest
    assert set(manifest.files) == {"small.json", "small.uncompiled.json", "small.metric.json", "small.verdicts.jsonl"}
