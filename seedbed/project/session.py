"""A session: a project's models, embedder and journal, switched on. `with Session(...)` closes what it opened."""

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import dspy

from programs.core.program import run_sync
from programs.core.tools import Tools
from seedbed.config.sections import RunSettings
from seedbed.errors import UserError
from seedbed.models.batch.job_store import WaveBook
from seedbed.models.call_context import Scope
from seedbed.models.cross_encoder import Entailment
from seedbed.models.embedder import Embedder
from seedbed.models.lm import TeacherLM
from seedbed.models.prices import BATCH_SHARE, check_prices, in_use, price
from seedbed.models.registry import Models
from seedbed.project.project import Project
from seedbed.storage.call import ReplyStore
from seedbed.storage.journal import Journal
from seedbed.storage.ledger import Ledger
from seedbed.storage.spending import SpendingStore
from seedbed.storage.usage import Tally
from seedbed.terminal import Say, silent

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else DSPy fetches a price map over the network


class OpenModels:
    """A project's models and embedder, switched on, over stores that someone else opened.

    Args:
        project: whose models. replies: where replies are found and kept. spending: where their cost is reserved.
        history: keep DSPy's traces (optimizers need them; a long run must not, they grow).
        say: told in a line what happens to the models. book: of the batch jobs of a run whose calls go in batches.
        offline: ask no model, hence need no key; a call that is not in the store fails.

    Raises UserError where a cap in dollars meets an unknown price, or a model cannot be opened.
    """

    def __init__(
        self,
        project: Project,
        replies: ReplyStore,
        spending: SpendingStore,
        *,
        history: bool = True,
        say: Say = silent,
        book: WaveBook | None = None,
        offline: bool = False,
    ) -> None:
        config = project.config
        check_prices(config)
        self.project, self.embed, self.book = project, Embedder(config.embedder), book
        self.entail = Entailment(config.gates.cross_encoder) if config.gates.cross_encoder else None
        self.offline, self._history, self._open = offline, history, contextlib.ExitStack()
        self.models = Models(config.models, project.base, replies, ledger=spending, book=book, say=say, offline=offline)
        self._open.callback(lambda: run_sync(self.models.aclose()))

    def __enter__(self) -> Self:
        """Open teacher and judge. Raises UserError where one cannot be; nothing stays open then."""
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        for name in ("dspy", "LiteLLM", "httpx"):
            logging.getLogger(name).setLevel(logging.ERROR)
        quiet: dict[str, Any] = {} if self._history else {"trace": None, "max_trace_size": 0}
        self._open.enter_context(
            dspy.context(
                lm=self.lm("teacher"),
                tools=Tools(judge=self.lm("judge"), embed=self.embed),
                disable_history=True,
                **quiet,
            )
        )

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def lm(self, role: str) -> TeacherLM:
        """The model bound to a role, with the fallback of that role."""
        config = self.project.config
        return self.models.lm(config.roles.named()[role], getattr(config.fallback, role))

    def identity(self, role: str) -> str:
        """What stands behind a role: address and model, or weights."""
        return self.lm(role).async_engine.identity

    def embedded(self) -> dict[str, dict[str, Any]]:
        """By alias, the file of every embedded model in use and how it is served; nothing where no model is asked."""
        from seedbed.models.engines.embedded import record

        entries = (
            {} if self.offline else {alias: self.project.config.models[alias] for alias in in_use(self.project.config)}
        )
        return {alias: record(entry, self.project.base) for alias, entry in entries.items() if entry.is_embedded}

    def row(self) -> contextlib.AbstractContextManager[None]:
        """The calls made inside are one row's: a batch is sent once every row waits."""
        return self.models.waves.row() if self.book else contextlib.nullcontext()

    @contextlib.contextmanager
    def scope(self, id: str, draw: int = 0) -> Iterator[Scope]:
        """Calls made inside belong to one candidate and are counted for it."""
        with Scope(id, draw).open() as scope:
            yield scope

    def cost(self, tallies: Mapping[str, Tally]) -> float | None:
        """What these calls cost in dollars, had each been paid; None where a price is unknown, or what a call took."""
        models, total = self.project.config.models, 0.0
        for alias, tally in tallies.items():
            if alias in models:
                known = price(models[alias])
                if known is None or (tally.untold and not known.is_free):
                    return None
                total += known.dollars(tally.input_tokens, tally.output_tokens)
                total -= (1 - BATCH_SHARE) * known.dollars(tally.batch_input, tally.batch_output)
        return total


class Session(OpenModels):
    """`OpenModels` over a journal and the project's ledger, which it opens and closes.

    Args:
        project: what to open. journal: its file; created where absent. history, say, offline: as for `OpenModels`.
        caps: of the run that this session is, beside the project's.

    Raises UserError where a cap in dollars meets an unknown price, or a file cannot be used.
    """

    def __init__(
        self,
        project: Project,
        journal: Path,
        *,
        history: bool = True,
        say: Say = silent,
        caps: RunSettings | None = None,
        offline: bool = False,
    ) -> None:
        with contextlib.ExitStack() as opening:  # closed at once where a later one cannot be opened
            self.journal = Journal(journal)
            opening.callback(self.journal.close)
            self.ledger = _ledger(project, self.journal, caps)
            opening.callback(lambda: run_sync(self.ledger.aclose()))
            sends_batches = caps is not None and caps.mode == "batch" and not offline
            book = WaveBook(journal.with_name("batches.sqlite")) if sends_batches else None
            if book:
                opening.callback(book.close)
            super().__init__(project, self.journal, self.ledger, history=history, say=say, book=book, offline=offline)
            self._stores = opening.pop_all()
        for note in self.journal.notes:
            say(note)

    def __exit__(self, *exception: object) -> None:
        with self._stores:
            super().__exit__(*exception)

    @property
    def owner(self) -> str:
        """Which run this is, wherever its folder lies; of a run made again from a copy of its journal, which copy."""
        return self.ledger.account + self.journal.fact("copy", "")

    def settle(self, wave: str) -> None:
        """Take a person's word, WAVE=JOB or WAVE=none, on a batch of which nobody else knows whether it was sent."""
        if not self.book:
            raise UserError(
                f"--batch-job {wave}: this run sends no batches.", hint="Set run.mode: batch, or leave it out."
            )
        self.book.settle(wave)


def _ledger(project: Project, journal: Journal, caps: RunSettings | None) -> Ledger:
    """The project's ledger, with an account for this journal."""
    account = journal.fact("account", secrets.token_hex(8))
    return Ledger(project.base / ".seedbed" / "ledger.sqlite", account, project.config.budget, caps)
