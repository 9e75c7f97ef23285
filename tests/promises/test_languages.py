"""Rows in German, Spanish, Chinese and Hindi: what is right passes, by the commands and by the metric."""

import asyncio
import json
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from spoken import LANGUAGES, Pair, pairs, write_documents
from support.bags import embed
from support.faults import fault
from support.paths import SUPPORT

from metrics.checks.manner import Manner
from metrics.checks.vetoes import like_a_seed
from metrics.diversity import variety
from metrics.evidence import evidence, missing_numbers
from metrics.metric import Bars, Metric
from programs.core.instance import Instance, broken, consistent
from programs.core.row import Exchange, Source
from programs.core.text import f1, rouge_l
from programs.qa.grounded_qa import QA, RECIPE
from seedbed.cli.main import main
from seedbed.config.load import load_config
from seedbed.project.project import Project
from seedbed.runs.dedup.contamination import Contamination
from seedbed.runs.dedup.duplicates import Duplicates
from seedbed.sources.copies import copies
from seedbed.sources.reading.document import Document
from signatures.refusal import declines


def spoken(folder: Path, language: str) -> Path:
    """`seedbed init`, with the documents and seeds of a language and a teacher that writes right pairs on them."""
    assert main(["init", str(folder)]) == 0
    shutil.rmtree(folder / "documents")
    write_documents(language, folder)
    for name in ("teacher.py", "polyglot.py"):
        shutil.copy(SUPPORT / name, folder)
    right = [pair._asdict() for pair in pairs(language) if pair.kind == "right"]
    (folder / "pairs.json").write_text(json.dumps(right), encoding="utf-8")
    config = (folder / "seedbed.yaml").read_text(encoding="utf-8")
    config = config.replace("embedded/qwen2.5-coder-0.5b", "scripted/polyglot.py", 1).replace("verdicts: ", "# ")
    config = config.replace("gates:\n", "gates:\n  relevance: -1\n  threshold: 0.01\n  near_duplicate: 1\n")
    config = config.replace("sources:\n", "sources:\n  chunk_tokens: 512\n")
    (folder / "seedbed.yaml").write_text(config, encoding="utf-8")
    return folder


@pytest.mark.parametrize("language", LANGUAGES)
def test_right_rows_of_every_language_come_through_a_run(tmp_path: Path, language: str) -> None:
    folder = spoken(tmp_path / "project", language)
    command = ["run", "-c", str(folder / "seedbed.yaml"), "--out", str(tmp_path / "ds"), "--uncompiled"]
    main([*command, "--rows", "20", "--set", "options.draws=2"])
    made = [row for path in tmp_path.glob("ds/rows/*.parquet") for row in pq.read_table(path).to_pylist()]
    known = {(pair.question, pair.answer) for pair in pairs(language) if pair.kind == "right"}
    assert {(row["question"], row["answer"]) for row in made} <= known
    assert len(made) >= 9  # of two draws on each of five documents; one may be like a seed


def manner(language: str) -> Manner:
    seeds = [pair for pair in pairs(language) if pair.kind == "seed"]
    return Manner.of([pair.question for pair in seeds], [pair.answer for pair in seeds])


def metric(language: str) -> Metric:
    return Metric(RECIPE, embed, Bars(relevance=-1), manner=manner(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_right_row_is_vetoed(language: str) -> None:
    right = [QA(passage=p.passage, question=p.question, answer=p.answer) for p in pairs(language) if p.kind == "right"]
    drops = [drop for row in right if (drop := asyncio.run(metric(language).veto(row)))]
    assert drops == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda pair: {"question": pair.question.strip("¿?？")}, "not a question"),
        (lambda pair: {"question": f"{pair.question} {pair.question}"}, "not a question"),
        (lambda pair: {"question": pair.question * 12}, "repetition"),
        (lambda pair: {"question": f"{pair.question[:-1]}\n?"}, "not a question"),
        (lambda pair: {"question": "What is the name of this place?"}, "another language"),
        (lambda pair: {"question": "В каком году был построен мост?"}, "another language"),
        (lambda pair: {"answer": "It is the name of the place that it has."}, "another language"),
        (lambda pair: {"answer": pair.question}, "no answer"),
        (lambda pair: {"answer": f"{pair.answer} 9173"}, "wrong number"),
        (lambda pair: {"answer": pair.passage}, "pasted passage"),
    ],
)
def test_what_is_wrong_in_any_language_is_vetoed(
    language: str, spoil: Callable[[Pair], dict[str, str]], reason: str
) -> None:
    pair = next(pair for pair in pairs(language) if pair.kind == "right")
    row = QA(passage=pair.passage, question=pair.question, answer=pair.answer).model_copy(update=spoil(pair))
    drop = asyncio.run(metric(language).veto(row))
    assert drop
    assert drop.reason == reason


def test_rules_of_english_words_give_no_evidence_on_other_languages() -> None:
    pair = next(pair for pair in pairs("de") if pair.kind == "right")
    row = Exchange(text=pair.passage, asked="Wer was dort, und who?", said="No, not the one of")
    said, left = (asyncio.run(evidence(row, embed, english=english)) for english in (True, False))
    assert said.keys() - left.keys() == {"answer type", "denial"}
    assert (said["whole"].score, left["whole"].score) == (0.0, 1.0)


ENGLISH_SEEDS = ["When did the bridge open?", "Who drew the bridge?", "How long is it today?", "Why was it shut?"]


@pytest.mark.parametrize(
    ("seeds", "question", "passes"),
    [
        (ENGLISH_SEEDS, "Name the one who drew the bridge.", False),
        (["Name the river it spans.", "Explain how it opens.", "Name who drew it."], "Explain who drew it.", True),
        (["Name the river it spans.", "Explain how it opens.", "Name who drew it."], "The bridge is old.", False),
        (["Which is it?\nA) oak\nB) ash", "Which was it?\nA) 1\nB) 2"], "Which is it now?\nA) one\nB) two", True),
        (ENGLISH_SEEDS, "Which is it now?\nA) one\nB) two", False),
        (["Why?", "Who drew it?", "When was it?"], "Who did?", True),
        (ENGLISH_SEEDS, "Who did?", False),
        (["كم طول الجسر؟", "من رسم الجسر؟", "متى افتتح الجسر؟"], "أين يقع الجسر؟", True),
        (["كم طول الجسر؟", "من رسم الجسر؟", "متى افتتح الجسر؟"], "يقع الجسر هنا.", False),
        (["橋は何年にできましたか。", "誰が橋を設計しましたか。"], "橋の長さは何メートルですか。", True),
        (["橋は何年にできましたか。", "誰が橋を設計しましたか。"], "橋の長さ", False),
        (["다리는 언제 열렸나요?", "누가 다리를 설계했나요?"], "다리의 길이는 얼마인가요?", True),
        (["¿Qué es?", "¿Quién fue?"], "Qué río es?", False),
    ],
)
def test_the_shape_of_a_question_is_that_of_the_seeds(seeds: list[str], question: str, passes: bool) -> None:
    drop = fault(QA(passage="Text.", question=question), Manner.of(seeds))
    assert (drop is None) is passes, drop


def test_an_instruction_is_in_a_script_of_the_seeds_and_its_input_in_any() -> None:
    seeds = Manner.of(["Translate this sentence into French", "Name three rivers of the north"])
    assert fault(Exchange(asked="用三句话介绍一条河流", said="好"), seeds)
    assert fault(Exchange(asked="Translate this into German\n\n桥很长", said="桥"), seeds) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_seeds_tell_that_they_are_not_in_english_and_a_key_says_otherwise(tmp_path: Path, language: str) -> None:
    assert not manner(language).english
    folder = spoken(tmp_path / "project", language)
    config = load_config(folder / "seedbed.yaml")
    assert not Project(config, folder).inputs.manner.english
    assert Project(config.model_copy(update={"language": "english"}), folder).inputs.manner.english


@pytest.mark.parametrize("recipe", ["grounded-qa", "lab", "self-instruct"])
def test_the_shipped_seeds_are_in_english_and_hold_rows_to_what_they_were_held_to(tmp_path: Path, recipe: str) -> None:
    assert main(["init", str(tmp_path / recipe), "--recipe", recipe]) == 0
    told = Project(load_config(tmp_path / recipe / "seedbed.yaml"), tmp_path / recipe).inputs.manner
    assert (told.english, told.refuses_english, told.scripts) == (True, False, ("LATIN",))
    assert recipe != "grounded-qa" or (told.closes, told.shortest, told.longest, told.marks) == ("?", 4, 40, 1)


def test_the_name_of_a_document_is_known_in_every_form(tmp_path: Path) -> None:
    folder = spoken(tmp_path / "project", "de")
    for path in (folder / "documents").iterdir():
        path.rename(path.with_name(unicodedata.normalize("NFD", path.name)))
    project = Project(load_config(folder / "seedbed.yaml"), folder)
    assert {project.group(seed) for seed in project.inputs.seeds} == {source.group for source in project.inputs.sources}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_passage_holds_about_as_much_in_every_language(tmp_path: Path, language: str) -> None:
    folder = spoken(tmp_path / "project", language)
    config = load_config(folder / "seedbed.yaml", ["sources.chunk_tokens=64"])
    assert 10 <= len(Project(config, folder).inputs.sources) <= 25


@pytest.mark.parametrize(
    "said", ["The document does\u00a0not say", "the document does not say。", " The docu\u00adment does not say. "]
)
def test_that_the_document_does_not_say_is_known_in_every_form(said: str) -> None:
    assert declines(said)
    assert not declines("The document does not say 5.")


def test_a_number_is_the_same_in_another_script() -> None:
    assert missing_numbers("1931", "पुल १९३१ में खुला।") == []
    assert missing_numbers("१९३२", "The bridge opened in 1931.") == ["1932"]


@pytest.mark.parametrize(("language", "reads"), [("de", True), ("es", True), ("zh", False), ("hi", False)])
def test_doctor_says_what_the_seeds_language_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str, reads: bool
) -> None:
    folder = spoken(tmp_path / "project", language)
    capsys.readouterr()
    assert main(["doctor", "-c", str(folder / "seedbed.yaml"), "--set", "sources.chunk_tokens=64"]) == 0
    told = capsys.readouterr().out
    assert "ok   language: not English, by their words" in told
    assert ("hardly reads them: name one of their language under embedder:" in told) is not reads
    main(["doctor", "-c", str(folder / "seedbed.yaml"), "--set", "language=english"])
    assert "ok   language: English, as language: says" in capsys.readouterr().out


def test_init_says_which_language_it_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "project")]) == 0
    assert "It is all in English" in capsys.readouterr().out


@pytest.mark.parametrize(("one", "other"), [("Brücke", "Bru\u0308cke"), ("桥 A", "桥 Ａ"), ("so\u00adfort", "sofort")])
def test_one_input_in_two_forms_is_one(one: str, other: str) -> None:
    def task(given: str, output: str) -> Instance:
        return Instance(instruction="Sag, was das ist", input=given, output=output)

    kept = consistent([task(one, "Ein Bau"), task(other, "Ein Bau")])
    assert not any(made.dropped for made in kept)
    assert all(made.dropped for made in consistent([task(one, "Ein Bau"), task(other, "Nichts")]))
    assert broken(task(one, other))


def test_kinds_of_questions_are_told_of_english_alone() -> None:
    def told(*asked: str) -> str:
        return str(variety([(Exchange(asked=text), Source(id=text, group="a", inputs={})) for text in asked], embed))

    assert "other" not in told("Wann wurde sie gebaut?", "这座桥有多长？")
    assert "when 50%" in told("When was it built?", "这座桥有多长？")


SAME = [
    ("पुल १९३१ में किस नदी पर बना और वह कितना लंबा है?", "पुल 1931 में किस नदी पर बना और वह कितना लंबा है?"),
    (
        "What isn't in the harbour's ledger of 1931 and of 1932?",
        "What isn’t in the harbour’s ledger of 1931 and of 1932?",
    ),
    (
        "Who is the co-operative's non-stop driver of the red bus?",
        "Who is the co‐operative's non‑stop driver of the red bus?",
    ),
    ("このガス橋は何年にできて長さは何メートルですか？", "この\uff76\uff9eス橋は何年にできて長さは何メートルですか?"),
    (
        "다리는 언제 열렸고 길이는 얼마이며 누가 설계했나요?",
        unicodedata.normalize("NFD", "다리는 언제 열렸고 길이는 얼마이며 누가 설계했나요?"),
    ),
    ("متى افتتح الجسر عام ١٩٣١ ومن رسم الجسر في المدينة؟", "متى افتتح الجسر عام 1931 ومن رسم الجسر في المدينة؟"),
    (
        "Wie lang ist die Brücke über den Fluß bei 3½ Grad?",
        "Wie lang ist die Bru\u0308cke u\u0308ber den Flu\u00adß bei 3 1/2 Grad?",
    ),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_text_in_other_characters_is_known_wherever_two_are_compared(tmp_path: Path, one: str, other: str) -> None:
    duplicates = Duplicates(1.0)
    assert duplicates.refusal(Exchange(asked=one, said="a")) is None
    duplicates.remember(Exchange(asked=one, said="a"))
    assert duplicates.refusal(Exchange(asked=other, said="b"))
    (tmp_path / "test.jsonl").write_text(json.dumps({"question": one}), encoding="utf-8")
    assert Contamination(["test.jsonl"], tmp_path).refusal(Exchange(asked=other, said="b"))
    assert like_a_seed(Exchange(asked=other), [one])
    assert rouge_l(one, other) == f1(one, other) == 1
    assert set(copies([Document(name=name, text=text) for name, text in (("a", one), ("b", other))])) == {"a", "b"}


@pytest.mark.parametrize(
    ("language", "document", "question", "copied"),
    [
        ("zh", "清泉牌净水器的水箱能装3.5升水。", "清泉牌净水器的水箱能装多少升水？", False),
        ("zh", "云顶茶厂的厂长周桂兰是第三代制茶人。", "云顶茶厂的厂长谁是第三代制茶人？", False),
        ("hi", "चलता पुस्तकालय गुरुवार को अमराई में रुकता है।", "चलता पुस्तकालय गुरुवार को कहाँ रुकता है?", False),
        ("zh", "风速超过每秒15米时，缆车必须停运。", "风速超过每秒15米时缆车必须停运？", True),
        ("hi", "चलता पुस्तकालय गुरुवार को अमराई में रुकता है।", "चलता पुस्तकालय गुरुवार को अमराई में रुकता है?", True),
    ],
)
def test_a_question_may_have_the_order_of_its_sentence_and_is_no_copy(
    language: str, document: str, question: str, copied: bool
) -> None:
    drop = fault(QA(passage=document, question=question), manner(language))
    assert (drop.reason if drop else None) == ("copied sentence" if copied else None)


@pytest.mark.parametrize(
    ("answer", "document", "missing"),
    [
        ("9种", "云顶茶厂种了九种茶树。", []),
        ("310米", "大坝长三百一十米。", []),
        ("2024年", "建于二〇二四年。", []),
        ("15天和20005人", "十五天来了两万零五人。", []),
        ("12本", "车上有二十本书。", ["12"]),
        ("8种", "云顶茶厂种了九种茶树。", ["8"]),
        ("10 nails", "You may hang pictures with up to ten small nails in each room.", []),
        ("3 days or 312 people", "It is done within three days by three hundred and twelve people.", []),
        ("4 days", "It is done within three days.", ["4"]),
        ("1 plot", "One of them is empty.", ["1"]),
        ("11 days", "You may return it once in the year.", ["11"]),  # the Spanish word for 11
        ("12 Personen", "Es kamen zwölf Personen zu der Sitzung.", []),
        ("25 personas", "Vinieron veinticinco personas a la reunión.", []),
    ],
)
def test_a_number_may_be_spelt(answer: str, document: str, missing: list[str]) -> None:
    assert missing_numbers(answer, document) == missing
