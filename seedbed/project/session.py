"""A session: a project's open models, embedder and journal. `with Session(...)` closes them again."""

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import dspy

from programs.core.background import run_sync
from programs.core.tools import Member, Tools
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
    """A project's open models and embedder, over stores that the caller opened.

    Args:
        project: with the models. replies: the store of replies. spending: the store in which cost is reserved.
        history: keep DSPy's traces (optimizers need them; in a long run they would grow too large).
        say: receives a line for events of the models. book: the batch jobs of a run in batch mode.
        offline: ask no model, so no key is needed; a call that is not in the store fails.

    Raises UserError if there is a cap in dollars and an unknown price, or if a model cannot be opened.
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
        """Open teacher and judge. Raises UserError if one cannot be opened; then nothing stays open."""
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
                tools=self._tools(),
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

    def _tools(self) -> Tools:
        """The tools of a program, with the models of all roles."""
        roles = self.project.config.roles
        return Tools(
            judge=self.lm("judge"),
            embed=self.embed,
            panel=tuple(self.member("panel", alias) for alias in roles.panel),
            student=self.member("student", roles.student) if roles.student else None,
            weak=self.member("weak", roles.weak) if roles.weak else None,
        )

    def member(self, role: str, alias: str) -> Member:
        """A model that is bound to a role, of which there may be several. The teacher's fallback serves the panel."""
        fallback = self.project.config.fallback
        stand_in = getattr(fallback, "teacher" if role == "panel" else role, None)
        return Member(alias, self.models.lm(alias, None if stand_in == alias else stand_in))

    def identity(self, role: str) -> str:
        """The identity of the model of a role: address and model, or weights."""
        return self.lm(role).async_engine.identity

    def embedded(self) -> dict[str, dict[str, Any]]:
        """By alias, the file and the server settings of every embedded model in use; empty if offline."""
        from seedbed.models.engines.embedded import record

        entries = (
            {} if self.offline else {alias: self.project.config.models[alias] for alias in in_use(self.project.config)}
        )
        return {alias: record(entry, self.project.base) for alias, entry in entries.items() if entry.is_embedded}

    def row(self) -> contextlib.AbstractContextManager[None]:
        """Mark the calls in this block as those of one row: a batch is sent once every row waits."""
        return self.models.waves.row() if self.book else contextlib.nullcontext()

    @contextlib.contextmanager
    def scope(self, id: str, draw: int = 0) -> Iterator[Scope]:
        """Count the calls in this block for one candidate."""
        with Scope(id, draw).open() as scope:
            yield scope

    def cost(self, tallies: Mapping[str, Tally]) -> float | None:
        """The cost of these calls in dollars, replayed ones included; None if a price or a call's usage is unknown."""
        models, total = self.project.config.models, 0.0
        for alias, tally in tallies.items():
            if alias in models:
                model_price = price(models[alias])
                if model_price is None or (tally.untold and not model_price.is_free):
                    return None
                total += model_price.dollars(tally.input_tokens, tally.output_tokens)
                total -= (1 - BATCH_SHARE) * model_price.dollars(tally.batch_input, tally.batch_output)
        return total


class Session(OpenModels):
    """`OpenModels` with a journal and the project's ledger, which it opens and closes.

    Args:
        project: to open. journal: its file; created if absent. history, say, offline: see `OpenModels`.
        caps: of the run in this session, besides the project's.

    Raises UserError if there is a cap in dollars and an unknown price, or if a file cannot be used.
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
        with contextlib.ExitStack() as stores:  # closed at once if a later one cannot be opened
            self.journal = Journal(journal)
            stores.callback(self.journal.close)
            self.ledger = _ledger(project, self.journal, caps)
            stores.callback(lambda: run_sync(self.ledger.aclose()))
            sends_batches = caps is not None and caps.mode == "batch" and not offline
            book = WaveBook(journal.with_name("batches.sqlite")) if sends_batches else None
            if book:
                stores.callback(book.close)
            super().__init__(project, self.journal, self.ledger, history=history, say=say, book=book, offline=offline)
            self._stores = stores.pop_all()
        for note in self.journal.notes:
            say(note)

    def __exit__(self, *exception: object) -> None:
        with self._stores:
            super().__exit__(*exception)

    @property
    def owner(self) -> str:
        """The id of the run, independent of its folder. A run rebuilt from a copy of a journal has the copy's id."""
        return self.ledger.account + self.journal.fact("copy", "")

    def settle(self, wave: str) -> None:
        """Settle by the user's answer, WAVE=JOB or WAVE=none, a batch that may or may not have been sent."""
        if not self.book:
            raise UserError(
                f"--batch-job {wave}: this run sends no batches.", hint="Set run.mode: batch, or leave it out."
            )
        self.book.settle(wave)


def _ledger(project: Project, journal: Journal, caps: RunSettings | None) -> Ledger:
    """The project's ledger, with an account for this journal."""
    account = journal.fact("account", secrets.token_hex(8))
    return Ledger(project.base / ".seedbed" / "ledger.sqlite", account, project.config.budget, caps)
