"""A session: a project's models, embedder and journal, switched on. `with Session(...)` closes what it opened."""

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dspy

from programs.core.program import run_sync
from seedbed.config.sections import RunSettings
from seedbed.errors import UserError
from seedbed.models.batch.job_store import WaveBook
from seedbed.models.cross_encoder import Entailment
from seedbed.models.embedder import Embedder
from seedbed.models.lm import TeacherLM
from seedbed.models.prices import BATCH_SHARE, check_prices, in_use, price
from seedbed.models.registry import Models
from seedbed.project.project import Project
from seedbed.storage.journal import Journal, Scope, Tally
from seedbed.storage.ledger import Ledger
from seedbed.terminal import Say, silent

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else DSPy fetches a price map over the network


class Session:
    """Teachers by role over one journal.

    Args:
        project: what to open. journal: its file; created where absent.
        history: keep DSPy's traces (optimizers need them; a long run must not, they grow).
        say: told in a line what happens to the models. caps: of the run that this session is, beside the project's.
        offline: ask no model, hence need no key; what is not in the journal fails.

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
        check_prices(project.config)
        self.project, self.embed = project, Embedder(project.config.embedder)
        self.entail = Entailment(encoder) if (encoder := project.config.gates.cross_encoder) else None
        self.offline, self._history = offline, history
        with contextlib.ExitStack() as opening:  # closed at once where a later one cannot be opened
            self.journal, self.ledger = self._books(journal, caps, opening)
            self.book = self._batches(journal, caps)
            if self.book:
                opening.callback(self.book.close)
            self.models = Models(
                project.config.models,
                project.base,
                self.journal,
                ledger=self.ledger,
                book=self.book,
                say=say,
                offline=offline,
            )
            opening.callback(lambda: run_sync(self.models.aclose()))
            self._open = opening.pop_all()
        for note in self.journal.notes:
            say(note)

    def _books(self, path: Path, caps: RunSettings | None, opening: contextlib.ExitStack) -> tuple[Journal, Ledger]:
        """Where calls are kept, and where what they cost is booked."""
        journal = Journal(path)
        opening.callback(journal.close)
        account = journal.fact("account", secrets.token_hex(8))
        folder, budget = self.project.base / ".seedbed", self.project.config.budget
        ledger = Ledger(folder / "ledger.sqlite", account, budget, caps)
        opening.callback(lambda: run_sync(ledger.aclose()))
        return journal, ledger

    def _batches(self, journal: Path, caps: RunSettings | None) -> WaveBook | None:
        """The book of a run whose calls go in batches."""
        if self.offline or caps is None or caps.mode != "batch":
            return None
        return WaveBook(journal.with_name("batches.sqlite"))

    def __enter__(self) -> "Session":
        """Open teacher and judge. Raises UserError where one cannot be; nothing stays open then."""
        try:
            return self._start()
        except BaseException:
            self.__exit__()
            raise

    def _start(self) -> "Session":
        for name in ("dspy", "LiteLLM", "httpx"):
            logging.getLogger(name).setLevel(logging.ERROR)
        quiet: dict[str, Any] = {} if self._history else {"trace": None, "max_trace_size": 0}
        self._open.enter_context(
            dspy.context(
                lm=self.lm("teacher"),
                judge_lm=self.lm("judge"),
                embedder=self.embed,
                disable_history=True,
                **quiet,
            )
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def lm(self, role: str) -> TeacherLM:
        """The model bound to a role, with the fallback of that role."""
        config = self.project.config
        return self.models.lm(config.roles.named()[role], getattr(config.fallback, role))

    @property
    def owner(self) -> str:
        """Which run this is, wherever its folder lies; of a run made again from a copy of its journal, which copy."""
        return self.ledger.account + self.journal.fact("copy", "")

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

    def settle(self, wave: str) -> None:
        """Take a person's word, WAVE=JOB or WAVE=none, on a batch of which nobody else knows whether it was sent."""
        if not self.book:
            raise UserError(
                f"--batch-job {wave}: this run sends no batches.", hint="Set run.mode: batch, or leave it out."
            )
        self.book.settle(wave)

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
