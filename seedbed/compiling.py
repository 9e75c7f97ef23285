"""`seedbed compile`: the judges are checked against people, then every step is searched, then the whole is compared."""

import hashlib
from collections.abc import Sequence
from typing import Any

from metrics.agreement import Check, LabelledCase, cases_for, check, check_judge
from metrics.metric import Metric
from optimize import artefact
from optimize.comparison import Comparison, compare
from optimize.scoring import score_program
from optimize.search import BUDGETS, StepSearch, Variant
from optimize.splits import split_groups
from programs.formats import FORMATS
from programs.judging import Judge
from programs.program import Program
from seedbed.errors import UserError
from seedbed.progress import Progress
from seedbed.project import Project
from seedbed.session import Session, versions

READABLE = 0.75  # the share of a judge's verdicts that must be readable for its message format to do
TRIALS = 4  # verdicts a message format is tried on
SHOWN, SHOWN_SHARE = 4, 0.4  # verdicts a judge is shown, and the share of open documents they may be of


class Compilation:
    """One compile of a project: run `await work()`, then read `program` and `manifest`."""

    def __init__(self, session: Session, progress: Progress) -> None:
        self.session, self.project, self.progress = session, session.project, progress
        self.program: Program = self.project.recipe.program()
        self.checks: list[Check] = []
        self.steps: dict[str, Variant] = {}

    async def work(self) -> artefact.Manifest:
        """Judges first, then frozen; then the program; then both programs on held-out sources. Saves the artefact."""
        evidence = await self._check_evidence()
        judges = await self.check_judges(self.session.judges())
        metric = self.session.metric(judges)
        for name, examples in self._examples().items():
            await self._search(name, examples, metric)
        comparison = await self._compare(metric)
        manifest = self._manifest(metric, evidence, comparison)
        path = self.project.compiled_path()
        try:
            artefact.save(self.program, judges, manifest, path)
        except OSError as error:
            raise UserError(f"Cannot write {path}: {error.strerror}.", hint="Make room and compile again.") from error
        return manifest

    async def check_judges(self, judges: Sequence[Judge]) -> list[Judge]:
        """Keep the judges that people's verdicts show to be of use; all of them where there are no verdicts."""
        kept = []
        for judge in judges:
            shown, cases = self._cases(judge.aspect)
            if not cases:
                self.progress.say(f"judge {judge.aspect}: unchecked, it takes verdicts of yes and of no on it")
                kept.append(judge)
                continue
            judge.judge.demos = [
                judge.example(self._candidate(case), good=case.label > 0, reason=case.reason) for case in shown
            ]
            self.checks.append(await self._check(judge, cases))
            useful = self.checks[-1].useful or judge.aspect in self.project.recipe.required
            kept += [judge] if useful else []
        return kept

    def _cases(self, aspect: str) -> tuple[list[LabelledCase], list[LabelledCase]]:
        """Verdicts to show a judge, never of held-out documents, and verdicts of other documents to check it on."""
        open_to_prompts = [case.group for case in self.project.verdicts if not self.project.is_held_out(case.group)]
        groups = split_groups(open_to_prompts, SHOWN_SHARE)[1]
        shown = [case for case in self.project.verdicts if case.group in groups and case.reason]
        others = [case for case in self.project.verdicts if case.group not in groups]
        return cases_for(aspect, shown, SHOWN), cases_for(aspect, others, self.project.config.compile.judge_checks)

    async def _check(self, judge: Judge, cases: Sequence[LabelledCase]) -> Check:
        """In the first message format, the cheapest first, whose verdicts can be read; or in none."""
        with self.progress.task(f"judge {judge.aspect}", len(cases)) as heard:
            for judge.judge.format in reversed(FORMATS):
                trial = await check_judge(judge, cases[:TRIALS], self._candidate)
                if trial.unscored <= (1 - READABLE) * trial.n:
                    return await check_judge(judge, cases, self._candidate, heard)
            return trial  # nothing is gained by asking on

    async def _check_evidence(self) -> Check | None:
        """How far the evidence alone tells people's good rows from their bad ones; costs no model call."""
        cases = self.project.verdicts
        if len({case.label > 0 for case in cases}) < 2:
            return None
        metric = self.session.metric([])
        scores: list[float | None] = [(await metric.worth(self._candidate(case))).score for case in cases]
        return check("evidence alone", scores, cases)

    def _candidate(self, case: LabelledCase) -> Any:
        inputs = {"document": case.document, "question": case.question or ""}
        return self.program.read("", inputs, {"answer": case.answer})[0]

    def _examples(self) -> dict[str, list[Any]]:
        wanted = self.project.recipe.on_request if self.project.config.sources.unanswerable else frozenset[str]()
        examples = self.project.recipe.examples(self.project.training_seeds)
        return {
            name: found
            for name, found in examples.items()
            if found and (name not in self.project.recipe.on_request or name in wanted)
        }

    async def _search(self, name: str, examples: list[Any], metric: Metric) -> None:
        settings = self.project.config.compile
        budget = BUDGETS[settings.budget]
        total = 2 * len(FORMATS) * budget.glance + 5 * budget.probe + 2 * budget.select
        with self.progress.task(f"compile {name}", total) as heard:
            search = StepSearch(self.program, name, examples, metric, budget, heard=heard, say=self.progress.say)
            self.steps[name] = (await search.run(settings.optimizer))[-1]

    async def _compare(self, metric: Metric) -> Comparison | None:
        sources = self.project.test_sources()
        if not sources:
            self.progress.say("nothing is held out to compare on: add a second document, or seeds on one")
            return None
        with self.progress.task("compare on held-out sources", 2 * len(sources)) as heard:
            before = await score_program(self.project.recipe.program(), sources, metric, self.session.scope, heard)
            after = await score_program(self.program, sources, metric, self.session.scope, heard)
        return compare("uncompiled", before, "compiled", after)

    def _manifest(self, metric: Metric, evidence: Check | None, comparison: Comparison | None) -> artefact.Manifest:
        project, tallies = self.project, list(self.session.journal.tallies.values())
        return artefact.Manifest(
            recipe=project.recipe.name,
            teacher=project.config.roles.teacher,
            identity=self.session.identity("teacher"),
            signatures=artefact.signatures_hash(project.recipe.program()),
            optimizer=project.config.compile.optimizer,
            settings=project.config.compile.model_dump(),
            seeds={
                "train": [seed.id for seed in project.training_seeds],
                "held_out": [seed.id for seed in project.test_seeds],
            },
            seeds_digest=_digest(project),
            metric=metric.hash,
            judges=self.checks,
            evidence=evidence,
            steps={name: f"{variant.what}: {variant.score:.3f} on {variant.n}" for name, variant in self.steps.items()},
            comparison=comparison,
            calls=sum(tally.calls for tally in tallies),
            input_tokens=sum(tally.input_tokens for tally in tallies),
            output_tokens=sum(tally.output_tokens for tally in tallies),
            versions=versions(),
            state=artefact.state_hash(self.program),
        )


def _digest(project: Project) -> str:
    return hashlib.sha256((project.base / project.config.seeds).read_bytes()).hexdigest()[:16]
