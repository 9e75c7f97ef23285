"""Every kind of row has its form in the report."""

import re
from pathlib import Path

import pytest
from support.kinds import Page, Rephrased, Task
from support.recipes import recipe_that, register
from support.reported import as_finished
from support.run_folders import write_run

from programs.core.kinds import KINDS, Chat, Labelled, Preference, Prompt, Stepwise, Text, kind_of
from programs.core.program import Program
from programs.core.row import Candidate
from seedbed.cli.main import main

FORMS: dict[type[Candidate], tuple[Candidate, list[str]]] = {
    Chat: (
        Rephrased(text="Steam <i>rises</i>.", asked="What rises?", said="Steam."),
        ["<blockquote>", "Steam &lt;i&gt;rises&lt;/i&gt;.", ">user<", "What rises?", ">assistant<", "Steam."],
    ),
    Prompt: (Task(task="Write a poem."), [">user<", "Write a poem."]),
    Preference: (
        Preference(
            instruction="Boil it.",
            chosen_answer="Two minutes.",
            rejected_answer="No.",
            score_chosen=4.5,
            score_rejected=2,
        ),
        ["Boil it.", "✓</span> chosen, scored 4.50", "Two minutes.", "✗</span> rejected, scored 2.00", "No."],
    ),
    Stepwise: (
        Stepwise(problem="3 + 5", completions=["3 + 5 = 8", "So it is 9"], ratings=[1, -1]),
        ["3 + 5", "<ol", "✓</span> right, rated 1", "3 + 5 = 8", "✗</span> wrong, rated -1", "So it is 9"],
    ),
    Text: (Page(page="The cat sat."), ["The cat sat."]),
    Labelled: (Labelled(label="refund", text="Pay me back."), ['class="label">refund<', "Pay me back."]),
}


def test_every_kind_is_here() -> None:
    assert FORMS.keys() == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", ["accepted", "rejected"])
def test_a_row_is_shown_in_the_form_of_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Candidate], state: str
) -> None:
    candidate, parts = FORMS[kind]
    assert kind_of(type(candidate)) is kind

    class Made(Program):
        row = type(candidate)

    register(monkeypatch, recipe_that(name="made", program=Made))
    folder = as_finished(write_run(tmp_path / "ds", "made", [candidate], fallen=[(candidate, "near duplicate")]))
    assert main(["report", str(folder)]) == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    article = re.findall(r"(?s)<article.*?</article>", page)[state == "rejected"]
    places = [article.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)
    assert ("near duplicate" in article) is (state == "rejected")
    assert re.search(r"seedbed explain ds \w+", article)


def test_characters_that_hide_or_turn_the_text_are_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Made(Program):
        row = Page

    register(monkeypatch, recipe_that(name="made", program=Made))
    story = "The cat \u202esat\u202c.\x1b[31m\n\tZ\u0301 می\u200cروم 👩\u200d🔬 \x00"
    folder = as_finished(write_run(tmp_path / "ds", "made", [Page(page=story)]))
    assert main(["report", str(folder)]) == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "The cat ⟨U+202E⟩sat⟨U+202C⟩.⟨U+001B⟩[31m\n\tZ\u0301 می\u200cروم 👩\u200d🔬 ⟨U+0000⟩" in page
