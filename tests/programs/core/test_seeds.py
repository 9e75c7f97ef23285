"""A seed becomes a row by the fields of the same names."""

from hypothesis import given
from hypothesis import strategies as st
from support.kinds import Dialogue, Rephrased

from programs.core.recipe import Seed
from programs.core.row import Exchange

texts = st.text(min_size=1, max_size=8)


class Labelled(Seed, row=Rephrased, group="source"):
    source: str
    document: str
    asked: str
    response: str


@given(texts, texts, texts, texts, texts)
def test_a_seed_stands_for_a_row_with_its_texts(id: str, source: str, document: str, asked: str, response: str) -> None:
    seed = Labelled(id=id, source=source, document=document, asked=asked, response=response)
    assert seed.row == Rephrased(text=document, asked=asked, said=response)
    assert seed.group == source


def test_a_seed_whose_class_names_no_row_stands_for_none() -> None:
    assert Seed(id="s-1").row is None
    assert Seed(id="s-1").group == "s-1"


def test_an_example_has_its_inputs_from_the_row() -> None:
    seed = Labelled(id="s-1", source="kettle.md", document="It boils.", asked="Does it?", response="Yes.")
    example = seed.example("document", "prompt", answer="Yes.")
    assert example.inputs().toDict() == {"document": "It boils.", "prompt": "Does it?"}
    assert example.labels().toDict() == {"answer": "Yes.", "group": "kettle.md"}


def test_a_row_does_not_share_what_its_seed_holds() -> None:
    class Talk(Seed, row=Dialogue):
        turns: list[Exchange]

    seed = Talk(id="s-1", turns=[Exchange(asked="Does it boil?")])
    seed.row.turns.pop()
    assert len(seed.turns) == 1
