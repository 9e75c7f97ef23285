"""A search over one step of grounded-qa, with the pupil as its teacher: what several test files run."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dspy
from support.paths import SUPPORT

from metrics.metric import Bars, Metric
from optimize.search import StepSearch
from optimize.search_budget import Allowance, Caps, Cost
from optimize.search_size import SIZES
from optimize.variant import Variant
from programs.core.background import run_sync
from programs.core.program import Program
from programs.core.recipe import recipes
from programs.qa.grounded_qa import QASeed
from seedbed.models.engines.engine import Shared
from seedbed.models.engines.scripted import ScriptedEngine
from seedbed.models.hashed_words import hashed_words as embed
from seedbed.models.layers.replayed import Replayed
from seedbed.models.lm import TeacherLM
from seedbed.storage.journal import Journal

RECIPE = recipes()["grounded-qa"]
NAMES = ("Abel", "Berta", "Carlo", "Dora", "Emil", "Frida", "Gustav", "Hanna")
NAMES += ("Ivo", "Jana", "Karl", "Lena", "Moritz", "Nora", "Otto", "Paula")


def seeds() -> list[QASeed]:
    return [
        QASeed(
            id=name,
            source=name,
            document=f"The house of {name} has {n} windows to the yard. A barn stands near the long road there.",
            question=f"What does it say about {name}?",
            answer=f"The house of {name} has {n} windows to the yard.",
        )
        for n, name in enumerate(NAMES, 10)
    ]


class Spoken(Shared):
    """A model that says to a prompt, its messages in one text, what it is told to."""

    identity, enforces_schema, continues, logprobs, concurrency = "spoken", True, False, False, 8

    def __init__(self, says: Callable[[str], str]) -> None:
        self.says = says

    async def complete(self, request: dspy.lm15.Request) -> dspy.lm15.Response:
        prompt = "\n".join([str(request.system or ""), *(message.text or "" for message in request.messages)])
        return dspy.lm15.Response(
            id=None,
            model=request.model,
            message=dspy.lm15.Message.assistant(self.says(prompt)),
            finish_reason="stop",
            usage=dspy.lm15.Usage(input_tokens=1, output_tokens=1),
        )

    async def aclose(self) -> None: ...


class Search:
    """One search over `answer_question` in a folder: its program, its journal, what it said, and what it found."""

    def __init__(self, folder: Path, optimizer: str, *, caps: Caps | None = None, budget: str = "light") -> None:
        folder.mkdir(exist_ok=True)
        for name in ("pupil.py", "teacher.py"):
            shutil.copy(SUPPORT / name, folder)
        self.folder, self.optimizer = folder, optimizer
        self.journal, self.said, self.notes = Journal(folder / "journal.sqlite"), list[str](), list[str]()
        self.program: Program = RECIPE.program()
        self.metric = Metric(RECIPE, embed, Bars(relevance=0.1))
        self.search = StepSearch(
            self.program,
            "answer_question",
            RECIPE.examples(seeds(), RECIPE.options())["answer_question"],
            self.metric,
            SIZES[budget],
            say=self.said.append,
            note=self.notes.append,
            allowance=Allowance(caps or Caps(), self.cost),
        )

    def model(self, alias: str) -> TeacherLM:
        engine = ScriptedEngine(self.folder / "pupil.py")
        return TeacherLM(alias, Replayed(engine, alias, self.journal), temperature=0.0, max_tokens=512)

    def cost(self) -> Cost:
        tally = self.journal.tallies["small"]
        return Cost(calls=tally.calls, tokens=tally.input_tokens + tally.output_tokens, minutes=tally.seconds / 60)

    def run(self) -> Variant:
        with dspy.context(lm=self.model("small"), disable_history=True):
            try:
                return run_sync(self.search.run(self.optimizer))
            finally:
                self.journal.close()

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.program.dump_state())


def paid(folder: Path) -> int:
    path = folder / "calls.txt"
    return len(path.read_text(encoding="utf-8")) if path.exists() else 0
