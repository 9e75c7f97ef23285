"""Who is held out: it stays so when documents are added, and copies of a document stay together."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paths import TEACHER
from support.projects import short_passages

from metrics.calibration.frozen import load_frozen
from metrics.metric import Bars, Metric
from optimize.search import StepSearch
from optimize.search_size import SIZES
from optimize.splits import deal
from seedbed.cli.main import main
from seedbed.config.load import load_config
from seedbed.project.project import Project

NAMES = st.frozensets(st.text("abcdefgh", min_size=1, max_size=3), max_size=25)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fresh project with a scripted teacher."""
    return fresh(tmp_path / "project")


@pytest.fixture(scope="module")
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = fresh(tmp_path_factory.mktemp("split") / "project")
    assert main(["compile", "-c", str(folder / "seedbed.yaml")]) == 0
    return folder


@pytest.fixture
def compiled(_compiled: Path, tmp_path: Path) -> Path:
    """The same, compiled."""
    return shutil.copytree(_compiled, tmp_path / "compiled")


def fresh(folder: Path) -> Path:
    assert main(["init", str(folder)]) == 0
    shutil.copy(TEACHER, folder / "teacher.py")
    path = folder / "seedbed.yaml"
    config = path.read_text(encoding="utf-8").replace(
        "model: embedded/qwen2.5-coder-0.5b", "model: scripted/teacher.py"
    )
    config = config.replace("judges: [correct]", "judges: [grounded]")  # which gives reasons, so it is shown verdicts
    config = config.replace("budget: light,", "budget: light, ship: compiled,")
    path.write_text(short_passages(config), encoding="utf-8")
    return folder


def opened(folder: Path, *sets: str) -> Project:
    return Project(load_config(folder / "seedbed.yaml", sets), folder)


def add(folder: Path, count: int) -> None:
    """So many documents more, each a text of its own."""
    for number in range(count):
        sentences = " ".join(
            f"Mast {number} of row {line} was raised in the year {1700 + 7 * number + line} by a crew of {line + 4}."
            for line in range(8)
        )
        (folder / "documents" / f"mast-{number}.txt").write_text(sentences, encoding="utf-8")


def test_documents_added_after_a_compile_change_no_side(compiled: Path, tmp_path: Path) -> None:
    before = opened(compiled)
    older_groups = {source.group for source in before.inputs.sources}
    add(compiled, 10)
    after = opened(compiled)
    assert after.held_out & older_groups == before.held_out
    assert after.held_out > before.held_out  # of the new ones some are
    assert main(["run", "-c", str(compiled / "seedbed.yaml"), "--out", str(tmp_path / "ds"), "--rows", "60"]) == 0
    lineages = pq.read_table(tmp_path / "ds/rows/validation-00000.parquet")["lineage"].to_pylist()
    assert not {span["document"] for lineage in lineages for span in lineage["spans"]} & set(before.open_groups)


def test_a_program_is_not_run_where_what_it_was_compiled_on_is_held_out_now(
    compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = ["--set", "compile.held_out=0.9", "--out", str(tmp_path / "ds"), "--rows", "6"]
    assert main(["run", "-c", str(compiled / "seedbed.yaml"), *wide]) == 2
    assert "is held out now" in capsys.readouterr().err


def test_a_metric_whose_judge_was_shown_a_document_keeps_it_open(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ["-c", str(folder / "seedbed.yaml")]
    metric = folder / "METRIC.json"
    assert main(["calibrate", "--verdicts", str(folder / "verdicts.jsonl"), "--out", str(metric), *config]) == 0
    shown = load_frozen(metric).shown
    assert shown
    add(folder, 30)
    assert not [group for group in shown if opened(folder).is_held_out(group)]
    run = ["run", *config, "--uncompiled", "--rows", "4", "--set", "metric=METRIC.json"]
    assert main([*run, "--out", str(tmp_path / "ds")]) == 0
    shutil.rmtree(folder / "compiled")
    assert [group for group in shown if opened(folder, "compile.held_out=0.9").is_held_out(group)]
    assert main([*run, "--set", "compile.held_out=0.9", "--out", str(tmp_path / "other")]) == 2
    assert "METRIC.json shows its judges" in capsys.readouterr().err


def test_copies_of_a_document_are_on_its_side(folder: Path) -> None:
    documents = folder / "documents"
    names = [path for path in sorted(documents.iterdir()) if path.suffix in (".md", ".txt")]
    for path in names:
        text = path.read_text(encoding="utf-8").replace("\n\n", "\n\n\n").replace("**", "")
        (documents / f"{path.stem}-copy.txt").write_text(f"Page 1.\n{text}\nPage 2.", encoding="utf-8")
    project = opened(folder)
    sides = {path.stem: project.is_held_out(f"documents/{path.name}") for path in names}
    assert len(set(sides.values())) == 2
    assert {stem: project.is_held_out(f"documents/{stem}-copy.txt") for stem in sides} == sides
    training = {seed.document for seed in project.training_seeds}
    assert not training & {source.inputs["document"] for source in project.test_sources()}


def test_two_names_of_a_document_are_one_group_to_the_search(folder: Path) -> None:
    path = folder / "seeds.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for line in lines[::2]:
        line["source"] = f"documents/{line['source']}"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    project = opened(folder)
    metric = Metric(project.recipe, lambda texts: np.ones((len(texts), 1), np.float32), Bars())
    examples = project.examples(project.inputs.seeds)["answer_question"]
    search = StepSearch(project.recipe.program(), "answer_question", examples, metric, SIZES["light"])
    names = {line["document"]: Path(line["source"]).name for line in lines}
    sides = [{names[example.document] for example in side} for side in (search.trainset, search.valset)]
    assert all(sides)
    assert not sides[0] & sides[1]


def renamed(folder: Path) -> list[str]:
    """Every other verdict names its document by its whole path; the documents of all of them, by their last names."""
    path = folder / "verdicts.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    groups = [line["group"] for line in lines]
    for line in lines[::2]:
        line["group"] = f"documents/{line['group']}"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return groups


def calibrated(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    """What calibrating on the project's verdicts prints, as JSON."""
    options = ["--verdicts", str(folder / "verdicts.jsonl"), "-c", str(folder / "seedbed.yaml"), "--json"]
    capsys.readouterr()
    assert main(["calibrate", *options, "--out", str(folder / "METRIC.json"), *more]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)
    return printed


def test_two_names_of_a_document_are_one_group_to_the_metric(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    groups = renamed(folder)
    assert calibrated(folder, capsys, "--judge", "none")["groups"] == len(set(groups))
    check = ["--check", str(folder / "METRIC.json"), "--judge", "none"]
    assert calibrated(folder, capsys, *check)["groups"] == len(set(groups))


def test_no_verdict_on_a_document_that_the_judges_were_shown_is_counted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    groups = renamed(folder)
    counted = calibrated(folder, capsys)["n"]
    shown = load_frozen(folder / "METRIC.json").shown
    assert shown
    assert all(name.startswith("documents/") for name in shown)
    assert counted == sum(f"documents/{group}" not in shown for group in groups)


def test_copies_of_a_document_are_one_group_to_the_metric(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "verdicts.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    groups = {line["group"] for line in lines}
    for line in lines[::2]:
        line["group"] = f"copy-of-{line['group']}"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    for name in groups:
        shutil.copy(folder / "documents" / name, folder / "documents" / f"copy-of-{name}")
    assert calibrated(folder, capsys, "--judge", "none")["groups"] == len(groups)


def test_made_negatives_are_of_whole_documents(folder: Path) -> None:
    """Of good verdicts alone bad ones are made, for which another document's question is looked for."""
    renamed(folder)
    path = folder / "verdicts.jsonl"
    good = [line for line in path.read_text(encoding="utf-8").splitlines() if json.loads(line)["label"] == 1]
    path.write_text("\n".join(good) + "\n", encoding="utf-8")
    cases = opened(folder).cases
    assert {case.made for case in cases} == {"person", "rule"}
    assert all(case.group.startswith("documents/") for case in cases if case.made == "rule")


def test_the_digest_of_a_metric_is_of_its_verdicts_as_they_are_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy that gives its document another name changes no verdict."""
    calibrated(folder, capsys)
    before = load_frozen(folder / "METRIC.json")
    shutil.copy(folder / before.shown[0], folder / "documents" / "a-first-copy.txt")
    calibrated(folder, capsys)
    after = load_frozen(folder / "METRIC.json")
    assert after.verdicts == before.verdicts
    assert after.shown != before.shown


def test_a_metric_that_names_a_shown_document_by_its_end_is_refused_where_it_is_held_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As older ones do; the project's own verdicts need not name it."""
    calibrated(folder, capsys)
    path = folder / "METRIC.json"
    frozen = load_frozen(path)
    project = opened(folder)
    held_out_name = min(project.held_out - set(map(project.group, project.inputs.seeds)))
    frozen.model_copy(update={"shown": [Path(held_out_name).name]}).save(path)
    (folder / "verdicts.jsonl").unlink()
    config = folder / "seedbed.yaml"
    config.write_text(
        re.sub(r"(?m)^verdicts: .*$", "metric: METRIC.json", config.read_text(encoding="utf-8")), encoding="utf-8"
    )
    assert main(["run", "-c", str(config), "--uncompiled", "--rows", "4", "--out", str(folder / "ds")]) == 2
    assert "METRIC.json shows its judges" in capsys.readouterr().err


def test_documents_with_a_sentence_in_common_are_no_copies(tmp_path: Path, folder: Path) -> None:
    groups = {source.group for source in opened(folder).inputs.sources}
    for path in (folder / "documents").glob("*.txt"):
        path.write_text(path.read_text(encoding="utf-8") + "\n\nAll rights are reserved by us.", encoding="utf-8")
    assert {source.group for source in opened(folder).inputs.sources} == groups


@given(NAMES, NAMES, st.floats(0.1, 0.9), st.booleans(), st.dictionaries(st.sampled_from("abcdefgh"), st.booleans()))
def test_who_has_a_side_keeps_it(
    seeded: frozenset[str], bare: frozenset[str], share: float, folds: bool, older: dict[str, bool]
) -> None:
    held_out = deal(seeded, bare - seeded, share, folds=folds, kept=older)
    assert held_out <= seeded | bare
    assert {name: name in held_out for name in older if name in seeded | bare} == {
        name: side and not (folds and name in seeded) for name, side in older.items() if name in seeded | bare
    }


def test_documents_added_to_few_seeds_change_no_side_either(tmp_path: Path) -> None:
    """With few seeds it hangs on the documents without any whether seeds are held out at all."""
    folder = fresh(tmp_path / "p")
    seeds = (folder / "seeds.jsonl").read_text(encoding="utf-8").splitlines()[:16]
    (folder / "seeds.jsonl").write_text("\n".join(seeds) + "\n", encoding="utf-8")
    seed_sources = {json.loads(line)["source"] for line in seeds}
    for document in (folder / "documents").iterdir():
        if document.name not in seed_sources:
            document.unlink()
    before = opened(folder)
    assert before.folds == 0
    before.keep_sides()
    add(folder, 2)
    after = opened(folder)
    assert after.folds == 0
    assert after.held_out >= before.held_out


def run(folder: Path, *more: str) -> int:
    """A run of the project as written, into its folder ds."""
    return main(["run", "-c", str(folder / "seedbed.yaml"), "--out", str(folder / "ds"), "--uncompiled", *more])


def test_documents_added_between_two_invocations_change_no_side(folder: Path) -> None:
    """Nothing was compiled: the first invocation is what writes the sides down."""
    assert run(folder, "--rows", "2") == 0
    before = sides(folder)
    add(folder, 10)
    after = sides(folder)
    assert {name: after[name] for name in before} == before
    assert run(folder, "--rows", "4") == 0
    add(folder, 20)
    last = sides(folder)
    assert {name: last[name] for name in after} == after


def test_a_run_that_is_refused_writes_no_side_down(folder: Path) -> None:
    assert main(["run", "-c", str(folder / "seedbed.yaml"), "--out", str(folder / "ds"), "--rows", "2"]) == 2
    assert not (folder / "compiled").exists()


@pytest.mark.parametrize(
    ("sets", "hint"), [((), "Documents were added"), (("--set", "compile.held_out=0.9"), "set compile.held_out")]
)
def test_the_hint_speaks_of_what_likely_moved_a_document(
    folder: Path, sets: tuple[str, ...], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A split that was not written down is dealt anew when documents are added; one that was is where its share is."""
    calibrated(folder, capsys)
    path = folder / "METRIC.json"
    if not sets:
        (folder / "compiled" / "split.json").unlink()
    shown = [name for name, side in sides(folder, *sets[1:]).items() if side]
    path.write_text(load_frozen(path).model_copy(update={"shown": shown[:1]}).model_dump_json(), encoding="utf-8")
    assert run(folder, "--rows", "2", "--set", "metric=METRIC.json", *sets) == 2
    assert hint in capsys.readouterr().err


def test_a_seed_on_a_document_that_was_held_out_opens_it_where_folds_measure(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "seeds.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()[:8]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert run(folder, "--rows", "2") == 0
    project = opened(folder)
    assert project.folds
    name = min(project.held_out)
    seed = json.loads(lines[0]) | {"id": "added", "source": name}
    path.write_text("\n".join([*lines, json.dumps(seed)]) + "\n", encoding="utf-8")
    after = opened(folder)
    assert after.folds
    assert not after.test_seeds
    assert after.held_out == project.held_out - {name}
    capsys.readouterr()
    assert run(folder, "--rows", "3") == 0
    assert re.search(f"open now, and held out before.*: {name}$", capsys.readouterr().err, re.MULTILINE)
    assert run(folder, "--rows", "4") == 0
    assert "open now" not in capsys.readouterr().err


def sides(folder: Path, *sets: str) -> dict[str, bool]:
    """Whether each document is held out."""
    project = opened(folder, *sets)
    return {name: project.is_held_out(name) for name in sorted({source.group for source in project.inputs.sources})}


def keep(folder: Path, *sets: str) -> dict[str, bool]:
    """Write the sides down as they are dealt now."""
    opened(folder, *sets).keep_sides()
    return sides(folder, *sets)


def test_documents_that_were_away_for_a_while_come_back_to_their_sides(folder: Path, tmp_path: Path) -> None:
    add(folder, 8)
    before = keep(folder)
    away = tmp_path / "away"
    away.mkdir()
    for number in range(8):
        shutil.move(folder / f"documents/mast-{number}.txt", away)
    keep(folder)
    shutil.copytree(away, folder / "documents", dirs_exist_ok=True)
    (folder / "documents" / "mast-0.txt").rename(folder / "documents" / "mast-00.txt")  # a new one, dealt in with them
    after = sides(folder)
    assert {name: after[name] for name in before if name in after} == {
        name: side for name, side in before.items() if name in after
    }


def test_a_try_with_another_share_forgets_nothing(folder: Path) -> None:
    before = keep(folder)
    keep(folder, "compile.held_out=0.8")
    add(folder, 10)
    after = sides(folder)
    assert {name: after[name] for name in before} == before


def test_a_second_config_in_the_folder_leaves_the_olderof_the_firsts_documents(folder: Path) -> None:
    before = keep(folder)
    document = "documents/lighthouse-history.md"
    keep(folder, f"sources.documents={document}")
    add(folder, 10)
    after = sides(folder)
    assert {name: after[name] for name in before} == before


def test_olderthat_an_older_version_wrote_are_read_and_kept(folder: Path) -> None:
    """It wrote those of one deal a recipe."""
    names = sorted(sides(folder))
    held_out = [name for name, side in sides(folder).items() if not side][-3:]
    older = {
        "share": 0.45,
        "folds": False,
        "held_out": held_out,
        "open": [name for name in names if name not in held_out],
    }
    path = folder / "compiled" / "split.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"grounded-qa": older}), encoding="utf-8")
    assert [name for name, side in sides(folder).items() if side] == held_out
    keep(folder, "compile.held_out=0.8")
    assert [name for name, side in sides(folder).items() if side] == held_out


def test_a_document_held_out_opens_when_a_later_one_makes_it_a_copy_of_an_open_one(folder: Path) -> None:
    """Its open copy may stand in prompts already."""
    lines = [f"Crane {line} lifts {line + 40} tonnes onto the quay of harbour {line}." for line in range(8)]
    texts = {"early": lines[:5], "late": lines[3:], "middle": lines[1:7]}
    paths = {name: folder / "documents" / f"{name}.txt" for name in texts}
    for name in ("early", "late"):
        paths[name].write_text(" ".join(texts[name]), encoding="utf-8")
    names = set(sides(folder))
    held_out = {"documents/early.txt"}
    older = {"share": 0.45, "folds": False, "held_out": sorted(held_out), "open": sorted(names - held_out)}
    (folder / "compiled").mkdir()
    (folder / "compiled" / "split.json").write_text(json.dumps({"grounded-qa": older}), encoding="utf-8")
    assert opened(folder).is_held_out("documents/early.txt")
    paths["middle"].write_text(" ".join(texts["middle"]), encoding="utf-8")
    lines = list[str]()
    opened(folder).keep_sides(lines.append)
    assert not opened(folder).is_held_out("documents/early.txt")
    assert len(lines) == 1
    assert "documents/early.txt" in lines[0]
