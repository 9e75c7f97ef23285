"""What of a folder becomes no passage, and how it is said: by doctor, preview, estimate, a run and run.json."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.office_files import xlsx
from support.paths import TEACHER

from seedbed.cli.main import main
from seedbed.cli.shared.options import open_project
from seedbed.errors import UserError

PROSE = "The boat house of the club was built in {} and holds {} boats on racks of ash wood along its northern wall."
FORM = "passages of at most 200 tokens, with headings (the default)"
QUESTIONS = ["How often does it turn?", "What does the mill do?", "How many turns are there?", "Does it turn?"]
SEEDS = [
    {
        "id": f"s{n}",
        "source": f"old{n}.txt",
        "document": f"It turned {n}.",
        "question": ask,
        "answer": f"{n} times",
    }
    for n, ask in enumerate(QUESTIONS)
]


class Folder:
    """A project with a scripted teacher, and what its commands print."""

    def __init__(self, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.base, self.documents, self._capsys = base, base / "documents", capsys
        self.documents.mkdir()
        self.seeds("\n".join(map(json.dumps, SEEDS)).encode())
        shutil.copy(TEACHER, base / "teacher.py")
        self.configure()

    def configure(self, encoding: str = "utf-8", remark: str = "", **sources: Any) -> None:
        """Write the config with these keys of `sources`."""
        config = {
            "recipe": "grounded-qa",
            "models": {"t": {"model": "scripted/teacher.py", "allows_training": True}},
            "roles": {"teacher": "t"},
            "embedder": "scripted/hashed-words",
            "sources": {"documents": "documents", **sources},
            "seeds": "seeds.jsonl",
            "gates": {"judges": [], "round_trip": 0, "relevance": -1},
            "options": {"draws": 1},
            "run": {"rows": 2},
        }
        text = f"{remark}{json.dumps(config)}\n"
        (self.base / "seedbed.yaml").write_bytes(text.encode(encoding))

    def seeds(self, content: bytes) -> None:
        """Write the seeds."""
        (self.base / "seeds.jsonl").write_bytes(content)

    def add(self, **files: str | bytes) -> None:
        """Write documents; in a name, `_` stands for the dot."""
        for name, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            (self.documents / name.replace("_", ".")).write_bytes(data)

    def says(self, *command: str) -> tuple[int, str]:
        """The exit code of a command, and all it prints."""
        self._capsys.readouterr()
        code = main([*command, "-c", str(self.base / "seedbed.yaml")])
        printed = self._capsys.readouterr()
        return code, printed.out + printed.err

    def doctor(self, name: str = "sources") -> str:
        """A line of doctor's."""
        return next(line for line in self.says("doctor")[1].splitlines() if line[5:].startswith(name))

    def run(self) -> tuple[str, dict[str, Any]]:
        """What a run prints, and its counts in run.json."""
        _, text = self.says("run", "--uncompiled", "--out", str(self.base / "ds"))
        counts: dict[str, Any] = json.loads((self.base / "ds" / "run.json").read_text(encoding="utf-8"))["counts"]
        return text, counts


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setenv("COLUMNS", "1000")
    return Folder(tmp_path, capsys)


def test_files_that_are_not_read_are_counted_by_their_kind_everywhere(folder: Folder) -> None:
    folder.add(club_txt=PROSE.format(1968, 24), a_png=b"x", b_png=b"x", notes="Words.", broken_xlsx=b"PK\x03\x04")
    remarks = ["broken.xlsx: it is not an .xlsx file", "notes: files without a suffix are not read"]
    remarks += ["2 (documents/a.png, documents/b.png): .png files are not read"]
    text, counts = folder.run()
    for printed in (
        folder.doctor(),
        folder.says("preview", "--uncompiled")[1],
        text,
        folder.says("estimate", "--uncompiled")[1],
    ):
        assert all(line in printed for line in remarks), printed
    assert {group["why"]: group["count"] for group in counts["skipped"]} == {
        "it is not an .xlsx file (an older .xls, or encrypted?)": 1,
        "files without a suffix are not read": 1,
        ".png files are not read": 2,
    }
    assert (counts["documents"], counts["sources"]) == (1, 1)


SHORT = "name,notes\nTarn Blue,Sharp and salty\nOld Fell,Nutty and firm\n"


@pytest.mark.parametrize("command", ["preview", "estimate", "run"])
@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"a_csv": SHORT}, "2 (documents/a.csv#1, documents/a.csv#2): fewer than 12 words (sources.shortest)"),
        ({"a_txt": "Too short."}, "documents/a.txt: fewer than 12 words (sources.shortest)"),
        ({"a_md": "# One\n\n- two\n- three\n"}, "documents/a.md: fewer than 12 words (sources.shortest)"),
    ],
)
def test_no_passage_at_all_is_an_error_with_the_reason(
    folder: Folder, command: str, files: dict[str, str], why: str
) -> None:
    folder.configure(text="notes")
    folder.add(**files)
    assert folder.doctor().startswith("BAD  sources: No passage could be made of the sources")
    code, printed = folder.says(
        command, "--uncompiled", *(["--out", str(folder.base / "ds")] if command == "run" else [])
    )
    assert code == 1
    assert why in printed
    assert "sources.shortest" in printed.splitlines()[-1]


def test_a_document_that_is_too_short_is_counted_once_however_often_the_sources_are_asked_for(folder: Folder) -> None:
    folder.add(a_txt="Too short.")
    project = open_project(folder.base / "seedbed.yaml")
    for _ in range(3):
        with pytest.raises(UserError, match=r"sources: documents/a\.txt: fewer than 12 words"):
            _ = project.inputs.sources


def test_columns_of_a_table_make_passages_together(folder: Folder) -> None:
    folder.add(a_csv=SHORT)
    folder.configure(text=["name", "notes"], shortest=5)
    assert folder.doctor() == f"ok   sources: 2 documents, 2 {FORM}"
    folder.configure(text="The cheese {name} is {notes}.", shortest=5)
    assert folder.doctor() == f"ok   sources: 2 documents, 2 {FORM}"
    folder.configure(text=["name", "milk"])
    assert "documents/a.csv: it has no column 'milk', but name, notes" in folder.doctor()


def test_a_table_that_lacks_the_columns_is_skipped_where_another_has_them(folder: Folder) -> None:
    folder.add(a_csv=f"notes\n{PROSE.format(1, 2).replace(',', ';')}\n", b_csv="other\nx\n")
    folder.configure(text="notes")
    line = folder.doctor()
    assert line.startswith(f"ok   sources: 1 documents, 1 {FORM}; skipped documents/b.csv: it has no column 'notes'")


FERRY = "The ferry house was built in 1931 from larch boards and has a bell that is rung in fog."
ENCODED = {
    "cp1252": "The café by the weir – opened in 1998 – sells “mill” cakes from noon until five o’clock each day.",
    "cp1251": "Чайный дом был построен в 1926 году на северном берегу реки, и в нём есть сорок старых стульев.",
    "gb18030": "茶馆建于一九二六年，位于河的北岸。茶馆每天早上七点开门，晚上九点关门。",
    "shift_jis": "茶館は1926年に川の北岸に建てられました。毎朝七時に開店し、夜九時に閉まります。",
    "utf-16": FERRY,
    "utf-8-sig": FERRY,
}


@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("write", [lambda text: ("a_txt", text), lambda text: ("a_csv", f'id,text\n1,"{text}"\n')])
def test_a_text_in_another_encoding_is_read_with_a_note(
    folder: Folder, encoding: str, write: Callable[[str], tuple[str, str]]
) -> None:
    text = ENCODED[encoding]
    name, content = write(text)
    folder.add(**{name: content.encode(encoding)})
    line = folder.doctor()
    assert line.startswith("ok   sources: 1 documents, 1 passages")
    assert ("read as" in line) == (not encoding.startswith("utf"))
    folder.run()
    from seedbed.sources.documents import read_documents

    (document,) = read_documents("documents", folder.base).documents
    assert document.text == text


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_seeds_and_config_may_be_in_another_encoding(folder: Folder, encoding: str) -> None:
    folder.add(a_txt=PROSE.format(1968, 24))
    folder.configure(encoding, remark="# Café – prices\r\n")
    lines = [json.dumps(seed | {"answer": f"{seed['answer']} – so it says"}, ensure_ascii=False) for seed in SEEDS]
    folder.seeds("\r\n".join(lines).encode(encoding))
    code, printed = folder.says("doctor")
    assert "ok   seeds: 4 read" in printed
    assert code == 0
    assert printed.count("read as Windows-1252") == 2 * (encoding == "cp1252")  # the config, and the seeds


def test_many_empty_rows_are_one_line(folder: Folder) -> None:
    rows = [{"text": ""}] * 200 + [{"text": PROSE.format(1968, 24)}, {"text": None}, {"text": ["a"]}]
    folder.add(a_jsonl="\n".join(map(json.dumps, rows)))
    text, counts = folder.run()
    line = "202 (documents/a.jsonl#1, documents/a.jsonl#2, documents/a.jsonl#3, ...): there is no text in column 'text'"
    assert text.count(line) == 2  # at the beginning and at the end
    (group,) = counts["skipped"]
    assert (group["count"], len(group["first"])) == (202, 100)


def test_a_workbook_without_the_columns_is_a_document(folder: Folder) -> None:
    folder.add(a_xlsx=xlsx(Fees=[["boat", "fee in pounds"], *([f"boat number {n}", n] for n in range(9))]))
    assert folder.doctor() == f"ok   sources: 1 documents, 1 {FORM}"


def test_a_linked_folder_is_named(folder: Folder, tmp_path: Path) -> None:
    folder.add(a_txt=PROSE.format(1968, 24))
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.txt").write_text(PROSE.format(1969, 25), encoding="utf-8")
    (folder.documents / "linked").symlink_to(tmp_path / "more")
    assert "skipped documents/linked: it is a link to a folder" in folder.doctor()


def test_headings_stand_in_the_prompt_where_they_are_asked_for(folder: Folder) -> None:
    folder.add(a_md=f"# Boats\n\n## House\n\n{PROSE.format(1968, 24)}\n")
    for headings in (False, True):
        folder.configure(headings=headings)
        assert ("Boats > House\nThe boat house" in folder.says("preview", "--uncompiled")[1]) == headings


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, FORM),
        ({"chunk_tokens": 64}, "passages of at most 64 tokens, without headings (set by sources.chunk_tokens)"),
        ({"headings": False}, "passages of at most 200 tokens, without headings (the default, and sources.headings)"),
    ],
)
def test_how_documents_are_cut_is_told_with_what_set_it(folder: Folder, keys: dict[str, Any], said: str) -> None:
    folder.add(a_txt=PROSE.format(1968, 24))
    folder.configure(**keys)
    for command in ("preview", "estimate"):
        assert f"1 {said}" in folder.says(command, "--uncompiled")[1]
    assert f"1 {said}" in folder.doctor()
    assert f"1 {said}" in folder.run()[0]


def test_a_model_of_the_shelf_is_named_as_what_set_the_passages(folder: Folder) -> None:
    folder.add(a_md=f"# Boats\n\n{PROSE.format(1968, 24)}\n")
    small = ["models.s={model: embedded/smollm2-135m}", "roles.teacher=s"]
    inputs = open_project(folder.base / "seedbed.yaml", None, small).inputs
    said = "1 passages of at most 64 tokens, without headings (set by embedded/smollm2-135m)"
    assert inputs.said_of_passages() == said


def test_teachers_that_are_compared_get_the_passages_of_the_first(folder: Folder) -> None:
    folder.add(a_md=f"# Boats\n\n{PROSE.format(1968, 24)}\n")
    project = open_project(folder.base / "seedbed.yaml", None, ["models.s={model: embedded/smollm2-135m}"])
    assert [*project.swapped("s").inputs.sources] == [*project.inputs.sources]
    alone = open_project(folder.base / "seedbed.yaml", "s", ["models.s={model: embedded/smollm2-135m}"])
    assert [*alone.inputs.sources] != [*project.inputs.sources]
