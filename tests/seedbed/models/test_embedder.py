"""Embedding: who waits shares a batch, no text is encoded twice, and no score depends on who shared the batch."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.paths import DATA

from metrics.evidence import evidence
from programs.core.embedding import Vectors, ahead
from programs.core.row import Exchange
from programs.core.text import sentences
from seedbed.errors import UserError
from seedbed.models import embedder
from seedbed.models.embedder import MODEL, Embedder
from seedbed.models.embedding_batches import EmbeddingQueue

DOCUMENTS = sorted((DATA / "documents").glob("*.md"))


def vector(text: str) -> list[float]:
    return [float(len(text)), float(sum(map(ord, text)))]


def test_hashed_words_are_the_one_scripted_embedder() -> None:
    vectors = Embedder("scripted/hashed-words")(["A red boat.", "the RED boat", "nothing of it"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert vectors[0] @ vectors[1] > 0.5 > vectors[0] @ vectors[2]
    with pytest.raises(UserError, match=r"embedder: there is no scripted/foo"):
        Embedder("scripted/foo")


class Model:
    """Encodes when it is let, and remembers what it was given."""

    def __init__(self, *, open: bool = True) -> None:
        self.batches: list[list[str]] = []
        self.begun, self.let = threading.Semaphore(0), threading.Event()
        if open:
            self.let.set()

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.batches.append(list(texts))
        self.begun.release()
        assert self.let.wait(10)
        if "broken" in texts:
            raise ValueError("no such text")
        return np.array([vector(text) for text in texts], dtype=np.float32)


Opens = Callable[..., Embedder]


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch) -> Opens:
    """An embedder over a model, with a queue of its own."""

    def open(model: Model, **bounds: int) -> Embedder:
        queue = EmbeddingQueue(model, **bounds)
        monkeypatch.setattr(embedder, "_queue", lambda name: queue)
        return Embedder("a model")

    return open


async def held(model: Model, embed: Embedder, texts: Sequence[str] = ("first",)) -> asyncio.Task[Vectors]:
    """A task whose batch is being encoded, until the model is let."""
    task = asyncio.create_task(embed.later(texts))
    await asyncio.to_thread(model.begun.acquire)
    return task


def test_those_who_ask_meanwhile_share_the_next_batch(opens: Opens) -> None:
    model = Model(open=False)
    embed = opens(model)

    async def rows() -> list[Vectors]:
        first = await held(model, embed)
        others = [asyncio.create_task(embed.later([f"row {n}", "their document"])) for n in range(20)]
        await asyncio.sleep(0)
        model.let.set()
        await first
        return await asyncio.gather(*others)

    found = asyncio.run(rows())
    assert model.batches == [["first"], ["row 0", "their document", *(f"row {n}" for n in range(1, 20))]]
    for n, vectors in enumerate(found):
        assert vectors.tolist() == [vector(f"row {n}"), vector("their document")]


def test_a_text_on_its_way_is_not_encoded_again(opens: Opens) -> None:
    model = Model(open=False)
    embed = opens(model)

    async def rows() -> Vectors:
        first = await held(model, embed)
        again = asyncio.create_task(embed.later(["first"]))
        in_a_thread = asyncio.create_task(asyncio.to_thread(embed, ["first"]))
        await asyncio.sleep(0.01)
        model.let.set()
        return np.concatenate([await first, await again, await in_a_thread, embed(["first"])])

    assert asyncio.run(rows()).tolist() == [vector("first")] * 4
    assert model.batches == [["first"]]


def test_a_great_demand_is_served_in_turns(opens: Opens) -> None:
    """Whoever comes after it waits for its batches in order; whoever comes between two batches is not last."""
    model = Model()
    embed = opens(model, largest=8)
    assert embed([str(n) for n in range(20)]).tolist() == [vector(str(n)) for n in range(20)]
    assert [len(batch) for batch in model.batches] == [8, 8, 4]


def test_an_error_reaches_all_that_wait_and_no_one_after(opens: Opens) -> None:
    model = Model(open=False)
    embed = opens(model)

    async def rows() -> list[object]:
        first = await held(model, embed)
        others = [asyncio.create_task(embed.later(texts)) for texts in (["broken"], ["well"], ["first"])]
        await asyncio.sleep(0)
        model.let.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    kinds = [isinstance(found, ValueError) for found in asyncio.run(rows())]
    assert kinds == [False, True, True, False]
    assert embed(["well"]).tolist() == [vector("well")]


def test_who_no_longer_waits_leaves_the_others_alone(opens: Opens) -> None:
    model = Model(open=False)
    embed = opens(model)

    async def rows() -> Vectors:
        first = await held(model, embed)
        one, other = (asyncio.create_task(embed.later([text, "shared"])) for text in ("one", "other"))
        await asyncio.sleep(0)
        for gone in (first, one):
            gone.cancel()
        await asyncio.gather(first, one, return_exceptions=True)
        model.let.set()
        return await other

    assert asyncio.run(rows()).tolist() == [vector("other"), vector("shared")]
    assert embed(["first"]).tolist() == [vector("first")]
    assert list(itertools.chain(*model.batches)).count("first") == 1


def test_two_workers_encode_at_once(opens: Opens) -> None:
    both = threading.Barrier(2, timeout=10)

    class Meeting(Model):
        def __call__(self, texts: Sequence[str]) -> Vectors:
            both.wait()
            return super().__call__(texts)

    embed = opens(Meeting(), workers=2, largest=1)
    assert embed(["here", "there"]).tolist() == [vector("here"), vector("there")]


def test_the_latest_used_are_remembered(opens: Opens) -> None:
    """Room for three texts of one letter: the one asked for the longest ago goes."""
    model = Model()
    embed = opens(model, remembered=3 * (1 + 8 + 300))
    for text in ("a", "b", "c", "a", "d", "a", "c", "b"):
        embed([text])
    assert [batch[0] for batch in model.batches] == ["a", "b", "c", "d", "b"]


def test_what_is_asked_for_together_is_had_together_though_it_is_too_much_to_remember(opens: Opens) -> None:
    embed = opens(Model(), remembered=400, largest=2)
    texts = [f"{n}" for n in range(9)]
    for _ in range(2):
        assert embed(texts).tolist() == [vector(text) for text in texts]


@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6), min_size=1, max_size=8),
    st.integers(1, 4),
    st.integers(1, 2),
)
def test_everyone_gets_their_own_in_their_order(asked: list[list[str]], largest: int, workers: int) -> None:
    queue = EmbeddingQueue(Model(), largest=largest, workers=workers, remembered=1000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedder, "_queue", lambda name: queue)
        embed = Embedder("a model")

    async def all_at_once() -> list[Vectors]:
        return await asyncio.gather(*map(embed.later, asked))

    for texts, found in zip(asked, asyncio.run(all_at_once()), strict=True):
        assert found.tolist() == [vector(text) for text in texts]


def test_a_plain_function_embeds_ahead_too() -> None:
    known = asyncio.run(ahead(Model(), ["one", "two"]))
    assert known(["two", "one", "two"]).tolist() == [vector("two"), vector("one"), vector("two")]
    with pytest.raises(KeyError):
        known(["three"])


def test_texts_of_different_lengths_are_not_padded(monkeypatch: pytest.MonkeyPatch) -> None:
    class Padding:
        def preprocess(self, texts: list[str]) -> dict[str, Vectors]:
            longest = max(map(len, texts))
            return {"attention_mask": np.array([[n < len(text) for n in range(longest)] for text in texts])}

        def encode(self, texts: list[str], **_: object) -> Vectors:
            assert len({len(text) for text in texts}) == 1
            return np.array([vector(text) for text in texts])

    monkeypatch.setattr(embedder, "_model", lambda name: Padding())
    texts = ["aa", "b", "cc", "ddd", "e"]
    assert embedder._encoded("a model", texts).tolist() == [vector(text) for text in texts]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Sentences and passages of the documents, of 3 to some 250 tokens."""
    whole = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    return [one for text in whole for one in (text[:900], *sentences(text)[:9])][:40]


def test_a_vector_is_the_same_alone_and_in_company(texts: list[str]) -> None:
    company = embedder._encoded(MODEL, texts)
    for n in range(0, len(texts), 9):
        alone = embedder._encoded(MODEL, [texts[n]])[0]
        assert np.abs(alone - company[n]).max() < 1e-6
        assert alone @ alone == pytest.approx(1)


def test_scores_are_the_same_alone_and_in_company(texts: list[str]) -> None:
    """Else a run that was broken off and went on would differ from one that was not."""
    document = DOCUMENTS[0].read_text(encoding="utf-8")[:900]
    row = Exchange(text=document, asked="What is to be done first, and by whom?", said=sentences(document)[1])

    def scored(*company: str) -> object:
        queue = EmbeddingQueue(lambda new: embedder._encoded(MODEL, [*company, *new])[len(company) :])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(embedder, "_queue", lambda name: queue)
            return asyncio.run(evidence(row, Embedder(MODEL)))

    assert scored() == scored(*texts) == scored(*texts[6:9])
