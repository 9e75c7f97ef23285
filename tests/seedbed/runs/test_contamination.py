"""Contamination: rows that give a test set away are found and named, others are let be, and bad sets are refused."""

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kinds import Page, Task
from support.served import Served, served

from programs.core.kinds import Labelled, Preference, Stepwise
from programs.core.row import Exchange
from programs.core.text import rouge_l, words
from programs.instructions.lab import Pair
from seedbed.errors import UserError
from seedbed.runs.dedup.contamination import TEMPLATE, Contamination

__all__ = ["served"]

QUESTION = "A farmer has 17 sheep and all but 9 run away; how many sheep does the farmer have left?"
ANSWER = "All but nine ran away, so nine sheep are left on the farm when the day is over."
FILLER = "Before we begin, please read what follows with care and take all the time that you need for it."
WORDS = [f"w{number}" for number in range(40)]
said = st.lists(st.sampled_from(WORDS), min_size=1, max_size=25)


def jsonl(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def against(tmp_path: Path) -> Contamination:
    jsonl(
        tmp_path / "sheep.jsonl", [{"id": 1, "question": "Who wrote Hamlet?"}, {"question": QUESTION, "answer": ANSWER}]
    )
    return Contamination(["sheep.jsonl"], tmp_path)


def row(asked: str, answered: str = "I do not know.") -> Exchange:
    return Exchange(asked=asked, said=answered)


def test_a_test_question_is_refused_and_its_set_named(against: Contamination) -> None:
    drop = against.refusal(row(QUESTION.upper()))
    assert drop is not None
    assert (drop.step, drop.reason) == ("contamination", "in a test set")
    assert drop.detail == f"100% of the words of sheep.jsonl#2: {' '.join(words(QUESTION))!r}"


ODD = "Señor Åkerblom's café sells 17 piñatas a day; how many does Señor Åkerblom sell in a week of seven days?"
CHINESE = "一个农夫有十七只羊,除了九只以外全都跑了,请问这个农夫现在还剩下几只羊?"


@pytest.mark.parametrize(
    "asked",
    [
        unicodedata.normalize("NFD", ODD),
        "\u00ad".join(ODD),
        "\u200b".join(ODD),
        "".join(chr(ord(mark) + 0xFEE0) if "a" <= mark <= "z" else mark for mark in ODD),
        CHINESE.replace("羊", "", 1),
        f"请读题:{CHINESE}",
    ],
    ids=["decomposed", "soft hyphens", "no width", "full width", "a character less", "within"],
)
def test_a_test_question_is_known_in_every_form_and_without_blanks(tmp_path: Path, asked: str) -> None:
    jsonl(tmp_path / "odd.jsonl", [{"question": ODD}, {"question": CHINESE}])
    assert Contamination(["odd.jsonl"], tmp_path).refusal(row(asked))
    assert not Contamination(["odd.jsonl"], tmp_path).refusal(row("一个渔夫有三条船,昨天卖掉了两条,他还有几条船?"))


def test_alike_is_measured_in_languages_without_blanks() -> None:
    assert rouge_l(CHINESE, CHINESE.replace("羊", "牛", 1)) > 0.9
    assert rouge_l(CHINESE, "天气预报说明天有雨") < 0.3


def test_a_word_keeps_its_vowel_signs() -> None:
    assert words("किताब कहाँ है?") == ["किताब", "कहाँ", "है"]


@pytest.mark.parametrize(
    "given",
    [
        row(f"{FILLER} {QUESTION} {FILLER}"),
        row(QUESTION.replace("many", "few")),
        row(QUESTION.replace(" left?", " now?")),
        row("How many are left?", f"{FILLER} {ANSWER}"),
        row(" ".join(QUESTION.split()[:9]), " ".join(QUESTION.split()[9:])),
        row("who wrote hamlet"),
        Pair(context=FILLER, question="Who wrote Hamlet?", answer="Shakespeare"),
        Preference(instruction="How many are left?", chosen_answer="Nine.", rejected_answer=ANSWER),
        Preference(instruction="How many are left?", chosen_answer=ANSWER, rejected_answer="Nine."),
        Stepwise(problem="How many are left?", completions=["We count.", ANSWER], ratings=[1, 1]),
        Task(task=QUESTION),
        Page(page=f"{FILLER} {QUESTION}"),
        Labelled(text=QUESTION, label="riddle"),
    ],
    ids=[
        *("within", "changed within", "changed at the end", "as response", "in two", "short", "short topic"),
        *("rejected", "chosen", "step", "prompt", "text", "labelled"),
    ],
)
def test_a_row_with_most_of_an_item_is_refused(given: Any, against: Contamination) -> None:
    assert against.refusal(given) is not None


@pytest.mark.parametrize(
    "given",
    [
        row("A farmer has 17 sheep and sells 9; how many sheep remain in the barn?"),
        row(" ".join(QUESTION.split()[:8])),
        row("I saw it today. Who wrote Hamlet?"),
        row("Name a play.", "Who wrote Hamlet?"),
        row(" ".join(reversed(QUESTION.split()))),
        row(""),
        Exchange(text=QUESTION, asked="What is told here?", said="A riddle."),
        Page(topic=QUESTION, page="A farm is told of."),
    ],
    ids=["alike", "less than half", "short within", "short as response", "reversed", "empty", "document", "topic"],
)
def test_a_row_with_less_is_let_be(given: Exchange, against: Contamination) -> None:
    assert against.refusal(given) is None


def test_more_than_half_of_an_item_is_too_much(tmp_path: Path) -> None:
    item = [f"w{number}" for number in range(20)]
    jsonl(tmp_path / "set.jsonl", [{"q": " ".join(item)}])
    against = Contamination(["set.jsonl"], tmp_path)
    assert against.refusal(row(" ".join(item[:10]))) is None
    assert against.refusal(row(" ".join(item[:11]))) is not None


def matched(item: Sequence[str], texts: Sequence[Sequence[str]]) -> float:
    """The rule, word for word: the share of an item's words within a run of eight that a text has too."""
    runs = {tuple(text[at : at + 8]) for text in texts for at in range(len(text) - 7)}
    places = {at + n for at in range(len(item) - 7) if tuple(item[at : at + 8]) in runs for n in range(8)}
    return len(places) / len(item)


@settings(max_examples=200)
@given(st.data(), st.lists(said, min_size=1, max_size=4))
def test_the_rule_is_kept_to_the_word(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, items: list[list[str]]
) -> None:
    folder = tmp_path_factory.mktemp("sets")
    against = Contamination([str(jsonl(folder / "set.jsonl", [{"q": " ".join(item)} for item in items]))], folder)
    copied = [item[start : start + data.draw(st.integers(6, 20))] for item in items for start in (0, len(item) // 3)]
    texts = [data.draw(said) + data.draw(st.sampled_from(copied)) + data.draw(said) for _ in range(2)]
    expected = any(len(item) >= 8 and matched(item, texts) > 0.5 for item in items)
    asked, answered = map(" ".join, texts)
    if " ".join(texts[0]) not in {" ".join(item) for item in items if len(item) < 8}:
        assert (against.refusal(row(asked, answered)) is not None) == expected


def test_every_kind_of_set_and_every_text_of_a_row_counts(tmp_path: Path) -> None:
    import datasets

    names = ["csv", "parquet", "txt", "nested", "hf"]
    items = {name: f"{QUESTION} So said the {name} that nobody else has ever read." for name in names}
    (tmp_path / "a.csv").write_text(f'id,question\n1,"{items["csv"]}"\n')
    datasets.Dataset.from_list([{"question": items["parquet"]}]).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.txt").write_text(f"Test items\n\n{items['txt']}\n")
    jsonl(tmp_path / "a.jsonl", [{"turns": [{"role": "user", "content": items["nested"]}], "n": 3, "none": None}])
    saved = datasets.DatasetDict({"test": datasets.Dataset.from_list([{"question": items["hf"]}])})
    saved.save_to_disk(str(tmp_path / "saved"))
    hub = f"hf://{tmp_path / 'saved'}"
    against = Contamination(["a.*", hub], tmp_path)
    where = {"csv": "a.csv#1", "parquet": "a.parquet#1", "txt": "a.txt#3", "nested": "a.jsonl#1", "hf": f"{hub}#1"}
    for name, item in items.items():
        drop = against.refusal(row(item))
        assert drop is not None
        assert drop.detail.startswith(f"100% of the words of {where[name]}: ")


def test_what_all_rows_of_a_set_have_is_its_template(tmp_path: Path) -> None:
    task = "Read the question with care and choose the one right answer from the list below."
    rows = [{"task": task, "question": f"{QUESTION} This is number {number}."} for number in range(TEMPLATE + 1)]
    jsonl(tmp_path / "set.jsonl", rows)
    against = Contamination(["set.jsonl"], tmp_path)
    assert against.refusal(row(task)) is None
    assert against.refusal(row(rows[3]["question"])) is not None
    jsonl(tmp_path / "set.jsonl", rows[1:])
    assert Contamination(["set.jsonl"], tmp_path).refusal(row(task)) is not None


def test_without_a_test_set_every_row_is_let_be() -> None:
    assert Contamination([], Path()).refusal(row(QUESTION, ANSWER)) is None


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("set.jsonl", '{"q": "one"}\nnonsense\n', "row 2 is not a JSON object"),
        ("set.jsonl", "", "no text"),
        ("set.jsonl", '{"q": 1}\n', "no text"),
        ("set.parquet", "no parquet", "cannot be read as a table"),
        ("set.txt", " \n", "no text"),
    ],
)
def test_a_set_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: str, why: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=rf"{name}.*{why}") as error:
        Contamination([name], tmp_path)
    assert "gates.test_sets" in error.value.hint


@pytest.mark.parametrize("entry", ["nowhere.jsonl", "none/*.csv", "hf:///nowhere"])
def test_a_set_that_is_not_there_is_named(tmp_path: Path, entry: str) -> None:
    with pytest.raises(UserError, match=entry.replace("*", r"\*")):
        Contamination([entry], tmp_path)


def test_a_run_holds_its_rows_against_the_sets_of_the_config(served: Served) -> None:
    assert served.run(rows=4) == 0
    given_away = served.rows()[0]["question"]
    (served.base / "test.jsonl").write_text(json.dumps({"question": given_away}) + "\n", encoding="utf-8")
    assert served.run("again", 4, gates__test_sets=["test.jsonl"]) == 0
    assert given_away not in {row["question"] for row in served.rows("again")}
    assert "in a test set" in {row["reason"] for row in served.rows("again", "rejected")}
