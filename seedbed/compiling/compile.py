"""`seedbed compile`: fits the metric to people's verdicts, searches every step with it, and compares the programs."""

import hashlib
from collections.abc import Sequence
from typing import Any

import dspy

from metrics.calibration.frozen import Frozen
from metrics.calibration.observations import Alike
from metrics.calibration.predictions import Prediction
from metrics.metric import Metric
from optimize import artefact
from optimize.comparison import Comparison, compare
from optimize.label_agreement import Agreement, agreement, agreement_by_step, agreements
from optimize.optimizers import REFLECTING, auto
from optimize.scoring import score_program
from optimize.search import StepSearch, formats_tried, replies, wordings_tried
from optimize.search_size import SIZES
from optimize.shipping import decide, open_question
from optimize.variant import Lap, Variant
from programs.core.program import Program
from programs.core.step import Step
from seedbed.compiling.figures import unlabelled_line
from seedbed.compiling.metric import calibrator, project_metric
from seedbed.compiling.preflight import provide, reflects
from seedbed.compiling.ranking import nothing_to_rank, seed_faults
from seedbed.compiling.verdicts import open_metric, open_predictions
from seedbed.config.load import unknown
from seedbed.errors import UserError
from seedbed.progress import Progress
from seedbed.project.project import Project
from seedbed.project.session import Session
from seedbed.versions import versions


class Compilation:
    """One compile of a project: run `await work()`, then read `program` and `manifest`."""

    def __init__(self, session: Session, progress: Progress) -> None:
        self.session, self.project, self.progress = session, session.project, progress
        _check_steps(session.project)
        self.program: Program = self.project.program()
        self.steps, self.laps = dict[str, Variant](), list[Lap]()
        self.optimizers: dict[str, str] = {}
        self.known_programs = _known_programs(session.project)  # read first, so that a mistake costs no call
        self.allowance = provide(session)

    async def work(self) -> artefact.Manifest:
        """Fit and freeze the metric, compile the program, and compare both programs on held-out sources. Saves the
        artefact.

        The figures are measured once, after the last choice. They decide only which program is selected.
        """
        self.project.keep_sides(self.progress.say)
        for line in self.project.said_of_seeds():
            self.progress.say(f"note: {line}")
        frozen, predictions = await self._freeze()
        metric = project_metric(self.session, frozen)
        self.allowance = provide(self.session)  # the caps are for the search only: count from here
        step_examples = self._examples(self.project.training_seeds)
        faults = await seed_faults(metric, self.project.inputs.seeds)
        for line in [*nothing_to_rank(metric, step_examples), *faults]:
            self.progress.say(f"note: {line}")
        for name, examples in step_examples.items():
            await self._search(name, examples, metric)
        procedure = await self._procedure(metric)
        comparison = await self._compare(metric)
        agreed = await self._agreement(comparison, metric)
        manifest = self._manifest(frozen, procedure, comparison, agreed)
        path, uncompiled = self.project.compiled_path(), self.project.program()
        try:
            return artefact.save(artefact.Artefact(self.program, uncompiled, frozen, manifest, predictions), path)
        except OSError as error:
            raise UserError(f"Cannot write {path}: {error.strerror}.", hint="Make room and compile again.") from error

    async def _freeze(self) -> tuple[Frozen, Sequence[Prediction]]:
        """The metric that the config names; else one fitted to the verdicts, or to the seeds and rows made from them by
        rules; else the prior weights. Beside it, its prediction for each verdict."""
        config, cases = self.project.config, self.project.cases
        if config.metric:
            return open_metric(self.project), open_predictions(self.project)
        freezer = calibrator(self.session, self.progress, checks=config.compile.judge_checks)
        if cases:
            try:
                return await freezer.frozen(cases), freezer.predictions
            except Alike as error:
                raise UserError(f"verdicts: {error}", hint="Or take verdicts: out of the config.") from error
        self.progress.say(unlabelled_line(config.embedder, documents=self.project.recipe.on_documents))
        return freezer.uncalibrated(), []

    def _examples(self, seeds: Sequence[Any]) -> dict[str, list[Any]]:
        """The examples for each step that is searched. Labelled steps come first, since others are scored by the steps
        after them."""
        examples, labelled = self.project.examples(seeds), self.project.recipe.labelled
        steps = self.project.config.compile.steps
        return {
            name: step_examples
            for name, step_examples in sorted(examples.items(), key=lambda item: item[0] not in labelled)
            if step_examples and (steps is None or name in steps)
        }

    async def _search(self, name: str, examples: list[Any], metric: Metric) -> None:
        settings, optimizer = self.project.config.compile, self._optimizer(name, len(examples))
        size = SIZES[settings.budget]
        known_steps, step = self._known_steps(name), self.program.step(name)
        formats = formats_tried(step, dspy.settings.lm)
        total = replies(size, 2 * len(formats) + len(known_steps), wordings_tried(step))
        reflection = self.session.lm("reflection") if optimizer in REFLECTING else None
        with self.progress.task(f"compile {name}", total) as task:
            search = StepSearch(
                self.program,
                name,
                examples,
                metric,
                size,
                on_score=task,
                say=self.progress.say,
                note=task.note,
                allowance=self.allowance.part(self._share()),
                novelty=settings.novelty,
                seed=settings.random_seed,
                known_steps=known_steps,
                reflection=reflection,
            )
            self.steps[name] = await search.run(optimizer)
            self.laps += search.laps

    def _known_steps(self, name: str) -> dict[str, Step]:
        """This step in programs compiled elsewhere, by path, without demos that are seeds of this project."""
        seed_inputs = [
            dict(example.inputs()) for example in self.project.examples(self.project.inputs.seeds).get(name, [])
        ]
        steps = dict[str, Step]()
        for path, program in self.known_programs.items():
            step = steps[path] = program.step(name).deepcopy()
            step.demos = [
                demo
                for demo in step.demos
                if {key: demo.get(key) for key in step.signature.input_fields} not in seed_inputs
            ]
        return steps

    def _optimizer(self, name: str, examples: int) -> str:
        """The optimizer that the config names, or the choice of `auto` for this step, which is reported. A bare step
        shows no instruction, so only its demos are optimized."""
        settings = self.project.config.compile
        optimizer: str = settings.optimizer
        if optimizer == "auto":
            optimizer = auto(examples, settings.budget, reflects=reflects(self.session))
            self.progress.say(f"{name}: auto takes {optimizer} ({examples} examples)")
        if optimizer in REFLECTING and self.program.step(name).is_bare:
            self.progress.say(f"{name}: bootstrap instead of {optimizer}, since its prompt has no instruction")
            optimizer = "bootstrap"
        self.optimizers[name] = optimizer
        return optimizer

    def _share(self) -> float:
        """The share of the caps that may be spent after this step: all searches, those of folds included, have equal
        parts."""
        steps = self._examples(self.project.training_seeds).keys()
        searches = len(steps) + self.project.folds * len(self.project.recipe.labelled.keys() & steps)
        return (len(self.steps) + 1) / searches

    async def _procedure(self, metric: Metric) -> list[Agreement]:
        """The k-fold agreement of labelled steps with people's labels, on seeds that were not compiled on."""
        labelled, folds, uncompiled = self.project.recipe.labelled, self.project.seed_folds(), "uncompiled"
        groups: dict[str, list[str]] = {step: [] for step in labelled}
        scores: dict[str, dict[str, list[float]]] = {step: {uncompiled: [], "compiled": []} for step in labelled}
        for number, (training, left_out) in enumerate(folds, 1):
            self.progress.say(
                f"fold {number} of {len(folds)}: compiled on {len(training)} seeds, {len(left_out)} left out"
            )
            programs = {uncompiled: self.project.program(), "compiled": await self._fold(training, metric)}
            for step, examples in self._examples(left_out).items():
                if comparator := labelled.get(step):
                    groups[step] += [example.group for example in examples]
                    for name, program in programs.items():
                        scores[step][name] += await agreements(program, step, comparator, examples, metric.embed)
        return [agreement(step, labelled[step], groups[step], scores[step]) for step in sorted(groups) if groups[step]]

    async def _fold(self, seeds: Sequence[Any], metric: Metric) -> Program:
        """A program with labelled steps compiled on these seeds only."""
        fold = Compilation(self.session, self.progress)
        for name, examples in self._examples(seeds).items():
            if name in self.project.recipe.labelled:
                await fold._search(name, examples, metric)
        return fold.program

    async def _compare(self, metric: Metric) -> Comparison | None:
        sources = self.project.test_sources()
        if not sources:
            self.progress.say(f"nothing is held out to compare on: add {self.project.inputs.kind.more}")
            return None
        metric = metric.showing(self.program)  # the same metric for both; no row may repeat a demo
        with self.progress.task("compare on held-out sources", 2 * len(sources)) as on_score:
            before = await score_program(self.project.program(), sources, metric, self.session.scope, on_score)
            after = await score_program(self.program, sources, metric, self.session.scope, on_score)
        return compare("uncompiled", before, "compiled", after, lambda spent: self.session.cost(spent.tallies))

    async def _agreement(self, comparison: Comparison | None, metric: Metric) -> list[Agreement]:
        """The agreement of labelled steps with people's labels on held-out seeds, where the rows are no proof."""
        if not open_question(comparison, self.project.config.compile.ship):
            return []
        programs = {"uncompiled": self.project.program(), "compiled": self.program}
        examples = self._examples(self.project.test_seeds)
        return await agreement_by_step(programs, self.project.recipe.labelled, examples, metric.embed)

    def _manifest(
        self,
        frozen: Frozen,
        procedure: Sequence[Agreement],
        comparison: Comparison | None,
        agreed: Sequence[Agreement],
    ) -> artefact.Manifest:
        project, tallies = self.project, list(self.session.journal.tallies.values())
        decision = decide(comparison, project.config.compile.ship, agreed)
        return artefact.Manifest(
            recipe=project.recipe.name,
            teacher=project.config.teacher,
            identity=self.session.identity("teacher"),
            signatures=artefact.signatures_hash(project.program()),
            optimizer=project.config.compile.optimizer,
            optimizers=self.optimizers,
            settings=project.config.compile.model_dump(),
            options=project.options.model_dump(mode="json"),
            seeds={
                "train": [seed.id for seed in project.training_seeds],
                "held_out": [seed.id for seed in project.test_seeds],
            },
            seeds_digest=_digest(project),
            open_groups=project.open_groups,
            metric=frozen.hash,
            calibration=frozen.figures,
            steps={name: f"{variant.name}: {variant.score:.3f} on {variant.n}" for name, variant in self.steps.items()},
            races=self.laps,
            folds=project.folds,
            procedure=procedure,
            agreement=agreed,
            comparison=comparison,
            ships=decision.ships,
            why=decision.why,
            calls=sum(tally.calls for tally in tallies),
            input_tokens=sum(tally.input_tokens for tally in tallies),
            output_tokens=sum(tally.output_tokens for tally in tallies),
            versions=versions(),
            embedded=self.session.embedded(),
            state=artefact.state_hash(self.program),
        )


def _check_steps(project: Project) -> None:
    """Raises UserError if `compile.steps` names a step that cannot be searched."""
    names = [name for name, examples in project.examples(project.training_seeds).items() if examples]
    for step in project.config.compile.steps or ():
        if step not in names:
            raise UserError(
                f"compile.steps: {unknown('step to compile', step, names)}.",
                hint="Name steps that have examples, or take compile.steps: out to compile all of them.",
            )


def _known_programs(project: Project) -> dict[str, Program]:
    """The programs of compile.known, by their paths as in the config."""
    programs = dict[str, Program]()
    for path in project.config.compile.known:
        try:
            programs[path] = artefact.load(project.recipe, project.base / path, options=project.options).compiled
        except (OSError, artefact.Mismatch, ValueError) as error:
            reason = "it has no manifest beside it" if isinstance(error, FileNotFoundError) else str(error)
            raise UserError(
                f"compile.known: {path} is no compiled program: {reason}.",
                hint="Name the .json file that seedbed compile wrote, with its companions beside it.",
            ) from error
    return programs


def _digest(project: Project) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in project.inputs.seed_files)).hexdigest()[:16]
