"""What compiling brings, measured and shipped through the commands: few seeds, other teachers, what a run then uses."""

import functools
import json
import random
import re
import shutil
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.paths import TEACHER

import seedbed as api
from seedbed.cli.main import main
from seedbed.config.load import load_config
from seedbed.models import embedder
from seedbed.models.embedding_batches import EmbeddingQueue
from seedbed.project.project import Project
from seedbed.sources import passages
from seedbed.sources.documents import Reading, read_documents

WEAK = """

_strong = reply


def reply(prompt: str, draw: int) -> str:
    \"\"\"Loses its way in DSPy's chat format, and in one prompt of four.\"\"\"
    if "[[ ##" in prompt:
        return "I am sorry, I do not follow."
    return "I do not know." if zlib.crc32(prompt.encode()) % 4 == 0 else _strong(prompt, draw)
"""
CONFIG = """
recipe: grounded-qa
models:
  strong: {model: scripted/strong.py}
  weak: {model: scripted/weak.py}
  lost: {model: scripted/lost.py}
roles: {teacher: strong, judge: strong}
sources: {documents: documents, chunk_tokens: 32}
seeds: seeds.jsonl
gates: {relevance: 0.05, judges: []}
compile: {compare: 24}
run: {rows: 4}
"""
PLACES = re.findall(
    r"\w+",
    """Alder Birch Cedar Dill Elm Fir Gorse Hazel Iris Juniper Kale Larch Maple Nettle Oak Pine Quince Rowan Sorrel
    Thyme Violet Yew""",
)
WORDS = re.findall(
    r"\w+",
    """amber baker candle dairy engine ferry garden harbour inlet jetty kettle lantern market needle orchard parlour
    quarry river stable tower umbrella valley wagon yard arch barrel cellar ditch fence gate hedge island junction kiln
    ledge meadow nest oven pump quilt rope saddle tunnel vault windmill attic bridge chapel dock easel forge granary""",
)


def document(place: str) -> str:
    """Three paragraphs of two sentences, each a passage of its own and unlike every other."""
    chance = random.Random(place)
    sentences = [
        f"{' '.join(chance.sample(WORDS, 6)).capitalize()} at {place} opened in {chance.randint(1700, 1999)} and "
        f"brought {chance.choice(WORDS)} and {chance.choice(WORDS)} to the people."
        for _ in range(6)
    ]
    return "\n\n".join(f"{first} {second}" for first, second in zip(sentences[::2], sentences[1::2], strict=True))


def seed(place: str, n: int) -> dict[str, str]:
    passage = document(place).split("\n\n")[n]
    answer = passage.split(". ")[0] + "."
    question = f"What does it say in particular about {' '.join(answer.split()[:6])}?"
    return {"id": f"{place}-{n}", "source": f"{place}.md", "document": passage, "question": question, "answer": answer}


def project(folder: Path, seeds: int) -> Path:
    """A project of 22 documents, with two seeds on each of the first ones, and scripted teachers."""
    (folder / "documents").mkdir(parents=True)
    for place in PLACES:
        (folder / "documents" / f"{place}.md").write_text(document(place), encoding="utf-8")
    lines = [json.dumps(seed(PLACES[n // 2], n % 2)) for n in range(seeds)]
    (folder / "seeds.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "seedbed.yaml").write_text(CONFIG, encoding="utf-8")
    text = TEACHER.read_text(encoding="utf-8")
    (folder / "strong.py").write_text(text, encoding="utf-8")
    (folder / "weak.py").write_text(text + WEAK, encoding="utf-8")
    (folder / "lost.py").write_text("def reply(prompt: str, draw: int) -> str:\n    return ''\n", encoding="utf-8")
    return folder


def words(texts: Sequence[str], **_: Any) -> np.ndarray:
    """Bags of words as vectors: alike texts are near, and no model is loaded."""
    vectors = np.full((len(texts), 512), 1e-6, dtype=np.float32)
    for row, text in enumerate(texts):
        for word in text.lower().split():
            vectors[row, zlib.crc32(word.strip(".,?").encode()) % 512] += 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module", autouse=True)
def _fast_embedder() -> Iterator[None]:
    model = type("Words", (), {"encode": staticmethod(words), "preprocess": staticmethod(lambda texts: {})})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedder, "_model", lambda name: model)
        queue = EmbeddingQueue(functools.partial(embedder._encoded, ""))
        patch.setattr(embedder, "_queue", lambda name: queue)  # what the model says stays with it
        yield


def seedbed(folder: Path, command: str, *more: str) -> int:
    return main([command, "-c", str(folder / "seedbed.yaml"), *more])


def manifest(folder: Path, teacher: str) -> dict[str, Any]:
    path = folder / "compiled" / "grounded-qa" / f"{teacher}.manifest.json"
    return json.loads(path.read_text(encoding="utf-8"))


def paid(folder: Path) -> int:
    return len((folder / "calls.txt").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of 24 seeds, compiled for both teachers."""
    folder = project(tmp_path_factory.mktemp("swap") / "project", seeds=24)
    for teacher in ("strong", "weak"):
        assert seedbed(folder, "compile", "--teacher", teacher) == 0
    return folder


@pytest.fixture
def copied(swapped: Path, tmp_path: Path) -> Path:
    """The same, to change."""
    return Path(shutil.copytree(swapped, tmp_path / "project"))


def evaluated(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert seedbed(folder, "evaluate", "--json", *more) == 0
    return json.loads(capsys.readouterr().out)


def test_documents_are_read_once_whatever_the_number_of_teachers(
    swapped: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = list[Any]()

    def counted(*args: Any, **settings: Any) -> Reading:
        readings.append(args)
        return read_documents(*args, **settings)

    monkeypatch.setattr(passages, "read_documents", counted)
    assert len(evaluated(swapped, capsys, "--teachers", "strong,weak")) == 2
    assert len(readings) == 1


def test_a_gain_that_is_there_is_found_and_ships(swapped: Path) -> None:
    compiled = manifest(swapped, "weak")
    assert compiled["comparison"]["before"]["unreadable"] == 1
    assert compiled["comparison"]["difference"]["verdict"] == "better"
    assert (compiled["ships"], compiled["comparison"]["before"]["n"]) == ("compiled", 24)


def test_where_compiling_brings_nothing_the_uncompiled_one_ships_and_run_says_why(
    swapped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert manifest(swapped, "strong")["ships"] == "uncompiled"
    assert seedbed(swapped, "run", "--out", str(tmp_path / "ds")) == 0
    output = capsys.readouterr().err
    assert "program: uncompiled (gain 0.00 [-0.31, 0.31] over 10 documents" in output
    assert "no measurable difference" in output
    assert seedbed(swapped, "run", "--teacher", "weak", "--out", str(tmp_path / "weak")) in (0, 1)
    assert "program: compiled\n" in capsys.readouterr().err


def test_ship_overrides_is_recorded_and_costs_no_call(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = paid(copied)
    assert seedbed(copied, "compile", "--ship", "compiled") == 0
    assert "ships: compiled (asked for by compile.ship)" in capsys.readouterr().out
    assert manifest(copied, "strong")["ships"] == "compiled"
    assert manifest(copied, "strong")["settings"]["ship"] == "compiled"
    assert paid(copied) == before
    assert seedbed(copied, "compile", "--ship", "neither") == 2


def test_programs_are_compared_on_held_out_documents_evenly_and_on_no_document_with_a_training_seed(
    swapped: Path,
) -> None:
    opened = Project(load_config(swapped / "seedbed.yaml"), swapped)
    groups = [source.group for source in opened.test_sources()]
    assert len(groups) == 24
    assert set(groups) == opened.held_out
    assert {groups.count(group) for group in groups} <= {2, 3}
    assert not set(groups) & {opened.group(seed) for seed in opened.training_seeds}


def test_each_teacher_is_scored_by_one_metric_on_the_same_sources(
    swapped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strong, weak = evaluated(swapped, capsys, "--teachers", "strong,weak")
    assert strong["metric"] == weak["metric"]
    assert [standing["name"] for standing in strong["standings"]] == ["uncompiled", "compiled for weak", "compiled"]
    assert [standing["name"] for standing in weak["standings"]] == ["uncompiled", "compiled for strong", "compiled"]
    assert {standing["n"] for result in (strong, weak) for standing in result["standings"]} == {24}
    as_written, swap, own = weak["standings"]
    assert as_written["unreadable"] == 1
    assert swap["unreadable"] < 1
    assert own["metric"]["mean"] > as_written["metric"]["mean"]
    assert weak["gains"]["compiled"]["verdict"] == "better"
    assert strong["standings"][0]["metric"]["mean"] > own["metric"]["mean"]
    assert {*weak["agreement"][0]["scores"]} == {"uncompiled", "compiled for strong", "compiled"}


def test_what_a_row_took_is_counted_and_priced(swapped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (strong,) = evaluated(swapped, capsys)
    (as_written, _) = strong["standings"]
    assert as_written["calls"] >= as_written["n"]
    assert as_written["tokens_per_row"] == as_written["tokens"] / as_written["accepted"]
    assert as_written["dollars_per_row"] == 0


def test_the_tables_fit_a_terminal(swapped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seedbed(swapped, "evaluate", "--teachers", "strong,weak") == 0
    output = capsys.readouterr().out
    assert max(map(len, output.splitlines())) <= 120
    assert "none kept" in output
    rows = [line for line in output.splitlines() if line.startswith(("uncompiled", "compiled"))]
    assert len({len(line) for line in rows if "%" in line}) == 1


def test_evaluating_again_costs_no_call(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = evaluated(copied, capsys, "--teachers", "weak,strong")
    before = paid(copied)
    assert evaluated(copied, capsys, "--teachers", "weak,strong") == first
    assert paid(copied) == before


def test_a_teacher_without_a_program_is_compiled_on_demand_only(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seedbed(copied, "evaluate", "--teachers", "strong,lost") == 2
    assert "--compile-missing" in capsys.readouterr().err
    assert not (copied / "compiled/grounded-qa/lost.json").exists()
    *_, lost = evaluated(copied, capsys, "--teachers", "strong,lost", "--compile-missing")
    assert manifest(copied, "lost")["ships"] == "uncompiled"
    assert {standing["dollars_per_row"] for standing in lost["standings"]} == {None}


def test_documents_that_a_program_was_compiled_on_are_never_compared_on(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Other settings than those of the compile may hold out other documents, some of whose seeds stand in prompts."""
    more = ["--set", "compile.held_out=0.9", "--set", "compile.compare=1000"]
    wide = Project(load_config(copied / "seedbed.yaml", more[1::2]), copied)
    shown = set(manifest(copied, "strong")["open_groups"])
    assert wide.held_out & shown
    (result,) = evaluated(copied, capsys, *more)
    assert result["standings"][0]["documents"] == len(wide.held_out - shown)


def test_with_nothing_left_to_compare_on_evaluate_says_so(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (copied / "documents").iterdir():
        if f"{path.stem}.md" not in "".join(manifest(copied, "strong")["open_groups"]):
            path.unlink()
    assert seedbed(copied, "evaluate") == 2
    assert "No source is left" in capsys.readouterr().err


def test_with_few_seeds_all_are_compiled_on_and_the_procedure_is_measured_by_folds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project(tmp_path / "few", seeds=12)
    assert seedbed(folder, "compile", "--teacher", "weak") == 0
    output = capsys.readouterr().out
    assert "(the procedure, by 3-fold; the shipped program has seen all seeds)" in output
    compiled = manifest(folder, "weak")
    assert (len(compiled["seeds"]["train"]), compiled["seeds"]["held_out"], compiled["folds"]) == (12, [], 3)
    (answers,) = compiled["procedure"]
    assert answers["n"] == 12
    assert answers["scores"]["compiled"]["mean"] > answers["scores"]["uncompiled"]["mean"] == 0
    assert answers["gains"]["compiled"]["documents"] == 6
    assert compiled["comparison"]["before"]["documents"] >= 6
    before = paid(folder)
    assert seedbed(folder, "compile", "--teacher", "weak") == 0
    assert paid(folder) == before
    (result,) = evaluated(folder, capsys, "--teachers", "weak")
    assert (result["agreement"], result["procedure"]) == ([], compiled["procedure"])


def test_with_nothing_held_out_the_compiled_program_ships_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = project(tmp_path / "p", seeds=8)
    for place in PLACES[4:]:
        (folder / "documents" / f"{place}.md").unlink()
    assert seedbed(folder, "compile", "--teacher", "weak", "--set", "compile.folds=2") == 0
    output = capsys.readouterr()
    assert "nothing is held out to compare on" in output.err
    assert "ships: compiled (nothing was held out to compare on)" in output.out
    assert "warning: the gain is not known" in output.out
    assert (manifest(folder, "weak")["comparison"], manifest(folder, "weak")["folds"]) == (None, 2)


def test_folds_leave_every_seed_out_once_and_no_document_on_both_sides(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", seeds=24)
    opened = Project(load_config(folder / "seedbed.yaml", ["compile.folds=4"]), folder)
    folds = opened.seed_folds()
    assert len(folds) == 4
    assert sorted(seed.id for _, test in folds for seed in test) == sorted(seed.id for seed in opened.inputs.seeds)
    for train, test in folds:
        assert len(train) + len(test) == 24
        assert not {seed.group for seed in train} & {seed.group for seed in test}
    assert opened.training_seeds == opened.inputs.seeds
    assert not {opened.group(seed) for seed in opened.inputs.seeds} & {source.group for source in opened.test_sources()}


@pytest.mark.parametrize(
    ("seeds", "folds", "expected"), [(12, None, 3), (24, None, 0), (12, 0, 0), (24, 5, 5), (4, 9, 2)]
)
def test_folds_are_for_few_seeds_or_on_demand(tmp_path: Path, seeds: int, folds: int | None, expected: int) -> None:
    folder = project(tmp_path / "p", seeds)
    more = [] if folds is None else [f"compile.folds={folds}"]
    opened = Project(load_config(folder / "seedbed.yaml", more), folder)
    assert opened.folds == expected
    assert bool(opened.test_seeds) == (expected == 0)


@pytest.mark.embedded
@pytest.mark.timeout(600)
def test_the_embedded_model_at_two_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path / "p", seeds=4)
    config = (folder / "seedbed.yaml").read_text(encoding="utf-8")
    config = config.replace("{model: scripted/strong.py}", "{model: embedded/smollm2-135m, max_tokens: 64}")
    config = config.replace("{model: scripted/weak.py}", "{model: embedded/smollm2-135m, max_tokens: 24}")
    (folder / "seedbed.yaml").write_text(config, encoding="utf-8")
    settings = ("compile.compare=3", "compile.folds=0", "compile.max_calls=24")
    more = ["--compile-missing", *(word for setting in settings for word in ("--set", setting))]
    long, brief = evaluated(folder, capsys, "--teachers", "strong,weak", *more)
    for result in (long, brief):
        as_written, swap, own = result["standings"]
        assert {standing["n"] for standing in (as_written, swap, own)} == {3}
        assert own["unreadable"] < as_written["unreadable"]
        assert {gain["verdict"] for gain in result["gains"].values()} == {"too few documents to say"}
    assert long["standings"][0]["tokens"] > brief["standings"][0]["tokens"]


def test_one_fold_leaves_nothing_to_compile_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seedbed(project(tmp_path / "p", 12), "compile", "--set", "compile.folds=1") == 2
    assert "compile.folds" in capsys.readouterr().err


LENT = ("--teacher", "strong", "--set", "run.program=weak")


def test_a_teacher_runs_the_program_that_was_compiled_for_another(
    swapped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ds"
    assert seedbed(swapped, "run", *LENT, "--out", str(out)) == 0
    said = capsys.readouterr().err
    assert "program of weak: compiled\n" in said
    assert "note: strong runs the program of weak, so its figures may not hold here\n" in said
    report = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert (report["program"], [*report["teachers"]]) == (manifest(swapped, "weak")["state"], ["strong"])
    kept = json.loads((out / "made_with/strong.manifest.json").read_text(encoding="utf-8"))
    assert (kept["teacher"], kept["state"]) == ("weak", report["program"])
    assert f"program: `{report['program']}` (compiled for weak)" in (out / "README.md").read_text(encoding="utf-8")
    assert main(["report", str(out)]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "measured with weak" in page
    assert "weak: The mean score" in page
    assert "They were compiled for weak." in page
    assert main(["run", "-c", str(swapped / "seedbed.yaml"), *LENT, "--out", str(out), "--rows", "5"]) == 0


def test_a_cascade_that_runs_one_program_shows_its_compile_once_and_says_whose(swapped: Path, tmp_path: Path) -> None:
    cascade = ("--set", "roles.teacher=[weak, strong]", "--set", "run.program=weak")
    out = tmp_path / "ds"
    assert seedbed(swapped, "run", *cascade, "--out", str(out)) in (0, 1)
    assert main(["report", str(out)]) == 0
    page = (out / "report.html").read_text(encoding="utf-8")
    assert len(re.findall(r"<[^>]*>\s*weak: The mean score", page)) == 1
    assert "The mean score" not in page.replace("weak: The mean score", "")


def test_the_other_commands_take_the_lent_program_too(swapped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert seedbed(swapped, "prompt", *LENT) == 0
    assert f"compiled: {swapped / 'compiled' / 'grounded-qa' / 'weak.json'}" in capsys.readouterr().out
    (result,) = evaluated(swapped, capsys, "--teachers", "strong", "--set", "run.program=weak")
    assert [standing["name"] for standing in result["standings"]] == ["uncompiled", "compiled for weak"]
    assert (result["ships"], result["why"]) == ("compiled", f"with weak {manifest(swapped, 'weak')['why']}")
    weak, strong = evaluated(swapped, capsys, "--teachers", "weak,strong", "--set", "run.program=weak")
    assert [standing["name"] for standing in weak["standings"]] == ["uncompiled", "compiled"]
    assert strong["standings"] == result["standings"]


def test_the_acceptance_of_one_teacher_is_not_taken_for_that_of_another(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled = manifest(copied, "weak")
    compiled["comparison"]["after"]["acceptance"]["mean"] = 0.01
    (copied / "compiled/grounded-qa/weak.manifest.json").write_text(json.dumps(compiled), encoding="utf-8")

    def patience(*more: str) -> str:
        capsys.readouterr()
        assert seedbed(copied, "estimate", *more, "--json") == 0
        return " ".join(re.findall(r"stops when (\d+) sources", capsys.readouterr().out))

    assert int(patience("--teacher", "weak")) > 40
    assert patience(*LENT) == "40"


def test_a_folder_takes_no_rows_of_another_teacher_with_the_same_program(
    swapped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "ds")
    assert seedbed(swapped, "run", *LENT, "--out", out) == 0
    assert seedbed(swapped, "run", "--teacher", "weak", "--out", out) == 2
    assert "holds rows of strong, and this run asks weak" in capsys.readouterr().err


def test_prompts_as_written_are_nobodys(swapped: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, more in (("a", [*LENT, "--uncompiled"]), ("b", ["--teacher", "strong", "--set", "run.program=strong"])):
        out = tmp_path / name
        assert seedbed(swapped, "run", *more, "--out", str(out)) == 0
        assert "(prompts as written), metric" in (out / "README.md").read_text(encoding="utf-8")
    assert "program: uncompiled, as asked for\n" in capsys.readouterr().err


def test_a_config_that_lends_a_program_compiles_it(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """roles.teacher: strong; what is compiled, reported and run is the program of weak."""
    for path in (copied / "compiled" / "grounded-qa").iterdir():
        path.unlink()
    lent = ("--set", "run.program=weak")
    assert seedbed(copied, "run", *lent, "--out", str(copied / "ds")) == 2
    assert "Make one with seedbed compile --teacher weak, or do without" in capsys.readouterr().err
    assert api.compile(api.open_project(copied, lent[1])).teacher == "weak"
    assert seedbed(copied, "compile", *lent) == 0
    assert {path.name.split(".")[0] for path in (copied / "compiled" / "grounded-qa").iterdir()} == {"weak"}
    assert seedbed(copied, "run", *lent, "--out", str(copied / "ds")) == 0
    assert seedbed(copied, "pairs", str(copied / "ds"), "--out", str(copied / "pairs"), "--samples", "2") in (0, 1)


def test_without_a_program_of_its_own_the_error_names_one_to_run(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seedbed(copied, "run", "--teacher", "lost", "--out", str(copied / "ds")) == 2
    assert "run that of strong with --set run.program=strong" in capsys.readouterr().err
    assert seedbed(copied, "run", "--set", "run.program=lost", "--out", str(copied / "ds")) == 2
    assert "There is no compiled program for grounded-qa with lost" in capsys.readouterr().err
    assert seedbed(copied, "evaluate", "--set", "run.program=lost") == 2
    assert "so does seedbed compile --teacher lost" in capsys.readouterr().err
    assert seedbed(copied, "evaluate", "--set", "run.program=lost", "--compile-missing") == 0
    assert manifest(copied, "lost")["teacher"] == "lost"
    assert seedbed(copied, "run", "--set", "run.program=stronk", "--out", str(copied / "ds")) == 2
    assert 'run.program: there is no alias "stronk"; did you mean "strong"?' in capsys.readouterr().err
