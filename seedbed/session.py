"""A session: a project's models, embedder and journal, switched on. `with Session(...)` closes what it opened."""

import contextlib
import logging
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dspy

from metrics.frozen import Frozen
from metrics.metric import Metric
from optimize.artefact import without_address
from programs.judging import JUDGES, Judge, Pairwise, RulesJudge
from programs.program import run_sync
from seedbed.calibrating import Calibrator
from seedbed.config import unknown
from seedbed.cross_encoder import Entailment
from seedbed.embedder import Embedder
from seedbed.engines.batch_service import SHARE
from seedbed.engines.engine import Say, silent
from seedbed.errors import UserError
from seedbed.journal import Journal, Scope, Tally
from seedbed.ledger import Ledger
from seedbed.prices import check_prices, in_use, price
from seedbed.progress import Progress
from seedbed.project import Project
from seedbed.settings import RunSettings
from seedbed.teacher import Models
from seedbed.teacher_lm import TeacherLM
from seedbed.wave_book import WaveBook

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
        from seedbed.engines.embedded import record

        entries = (
            {} if self.offline else {alias: self.project.config.models[alias] for alias in in_use(self.project.config)}
        )
        return {alias: record(entry, self.project.base) for alias, entry in entries.items() if entry.is_embedded}

    def judges(self) -> list[Judge]:
        """As `asked_judges`, of this project."""
        return asked_judges(self.project)

    def calibrator(self, progress: Progress, *, teacher: str | None = None, checks: int | None = None) -> Calibrator:
        """What freezes a metric with this project's judges. `teacher`: the alias that writes rows, where it is not
        the one of this session. `checks`: as the Calibrator takes it."""
        roles = self.project.config.roles.named()
        return Calibrator(
            self.embed,
            self.project.config.embedder,
            progress,
            judges=self.judges(),
            pairwise=Pairwise(),
            cross_encoder=self.project.config.gates.cross_encoder,
            writer=roles["judge"],
            teacher=roles["judge"] if self._one_model(teacher or roles["teacher"], roles["judge"]) else "",
            required=self.project.recipe.required,
            checks=checks,
            reader=self.reader,
            english=self.project.manner.english,
            worked=lambda: sum(tally.seconds for tally in self.journal.tallies.values()),
            showable=lambda case: self.project.is_open(case.group),
            grouped=self.project.grouped,
        )

    @property
    def reader(self) -> str:
        """The identity of the judge's model where it is to tell how likely answers are, for a recipe on documents."""
        model = self.lm("judge")
        on_documents = self.project.recipe.program.row().document is not None
        wanted = self.project.config.gates.likelihood and on_documents and model.scores
        return without_address(model.async_engine.identity) if wanted else ""

    def check_reader(self, frozen: Frozen) -> None:
        """Raises UserError where the metric weighs the likelihoods of another model than the judge's."""
        if frozen.reader and frozen.reader != (now := self.reader):
            raise UserError(
                f"The metric weighs how likely answers are to {frozen.reader}, and the judge is "
                f"{now or 'not asked for them'}.",
                hint="Set gates.likelihood and name that model as roles.judge, or calibrate or compile again.",
            )

    def _one_model(self, *aliases: str) -> bool:
        entries = [self.project.config.models[alias] for alias in aliases]
        return len({(entry.model, entry.api_base) for entry in entries}) == 1

    def metric(self, frozen: Frozen) -> Metric:
        """The project's metric by these frozen weights and judges. A row may not repeat the prompt of a seed
        that was shown.

        Raises UserError where it was fitted to another embedder's, cross-encoder's or model's evidence."""
        gates = self.project.config.gates
        for what, fitted, now in (
            ("embedder", frozen.embedder, self.project.config.embedder),
            ("gates.cross_encoder", frozen.cross_encoder, gates.cross_encoder),
        ):
            if fitted != now:
                raise UserError(
                    f"The metric was calibrated with {what}: {fitted or 'none'}, and the config names {now or 'none'}.",
                    hint="Calibrate or compile again, or mend the config.",
                )
        self.check_reader(frozen)
        shown = [asked for seed in self.project.source_seeds if (asked := seed.asked)]
        return Metric(
            self.project.recipe,
            self.embed,
            self.project.bars,
            fitted=frozen.fitted,
            alone=frozen.alone,
            judges=self._opened(frozen),
            shown=shown,
            entail=self.entail,
            manner=self.project.manner,
        )

    def _opened(self, frozen: Frozen) -> list[Judge]:
        """The frozen judges, and those whose yes a row needs though calibration did not keep them."""
        try:
            judges = frozen.opened()
        except ValueError as error:
            raise UserError(f"The judges cannot be used: {error}.", hint="Calibrate or compile again.") from error
        needed = self.project.recipe.required | ({"rules"} if self.project.config.gates.rules else set())
        there = {judge.aspect for judge in judges}
        return judges + [judge for judge in self.judges() if judge.aspect in needed - there]

    def row(self) -> contextlib.AbstractContextManager[None]:
        """The calls made inside are one row's: a batch is sent once every row waits."""
        return self.models.waves.row() if self.book else contextlib.nullcontext()

    def settle(self, wave: str) -> None:
        """Take a person's word, WAVE=JOB or WAVE=none, on a batch of which nobody else knows whether it was sent."""
        if not self.book:
            raise UserError(f"--wave {wave}: this run sends no batches.", hint="Set run.mode: batch, or leave it out.")
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
                total -= (1 - SHARE) * known.dollars(tally.batch_input, tally.batch_output)
        return total


def asked_judges(project: Project) -> list[Judge]:
    """The judges the config asks for, or the recipe's; rules bring their own. Raises UserError for a misfit."""
    gates = project.config.gates
    chosen = list(project.recipe.judges if gates.judges is None else gates.judges)
    if gates.rules and "rules" not in chosen:
        chosen.append("rules")
    judges = [_judge(project, name) for name in chosen]
    for judge in judges:
        judge.samples = gates.judge_samples
    return judges


def _judge(project: Project, name: str) -> Judge:
    if name not in JUDGES:
        raise UserError(f"gates.judges: {unknown('judge', name, list(JUDGES))}", hint="Mend it in seedbed.yaml.")
    judge, recipe = JUDGES[name](), project.recipe
    if isinstance(judge, RulesJudge):
        judge.rules = list(project.config.gates.rules)
        if not judge.rules:
            raise UserError(
                "The judge rules has no rules.", hint="List them under gates.rules: a sentence each, to be kept."
            )
    if judge.needs_document and recipe.program.row().document is None:
        raise UserError(
            f"gates.judges: the judge {name} does not fit {recipe.name} rows, which rest on no document.",
            hint=f"Its own are {', '.join(recipe.judges) or 'none'}.",
        )
    return judge
