"""The metric of a project: the judges that the config asks for, its fit, and its calibrator."""

from metrics.calibration.frozen import Frozen
from metrics.metric import Metric
from optimize.artefact import without_address
from programs.judges.judge import Judge, Pairwise, RulesJudge, aspects_of, judges_of
from seedbed.compiling.calibrate import Calibrator
from seedbed.compiling.user_rules import user_rules
from seedbed.config.load import unknown
from seedbed.errors import UserError
from seedbed.progress import Progress
from seedbed.project.project import Project
from seedbed.project.session import Session


def asked_judges(project: Project) -> list[Judge]:
    """The config's judges, or the recipe's; and those that the recipe requires, and of gates.rules. UserError if one
    does not fit."""
    gates = project.config.gates
    chosen = aspects_of(project.recipe) if gates.judges is None else list(gates.judges)
    chosen += sorted(project.recipe.required - {*chosen})
    if gates.rules and "rules" not in chosen:
        chosen.append("rules")
    judges = [_judge(project, name) for name in chosen]
    for judge in judges:
        judge.samples = gates.judge_samples
    return judges


def project_metric(session: Session, frozen: Frozen) -> Metric:
    """The project's metric with these frozen weights and judges. A row may not repeat the prompt of a seed.

    Raises UserError if the metric was fitted to evidence of another embedder, cross-encoder or judge model."""
    gates = session.project.config.gates
    for key, fitted, current in (
        ("embedder", frozen.embedder, session.project.config.embedder),
        ("gates.cross_encoder", frozen.cross_encoder, gates.cross_encoder),
    ):
        if fitted != current:
            raise UserError(
                f"The metric was calibrated with {key}: {fitted or 'none'}, but the config names {current or 'none'}.",
                hint="Calibrate or compile again, or correct the config.",
            )
    check_reader(session, frozen)
    shown = [text for seed in session.project.source_seeds if (text := seed.shown)]
    return Metric(
        session.project.recipe,
        session.embed,
        session.project.bars,
        fitted=frozen.fitted,
        fits=frozen.fits,
        alone=frozen.alone,
        judges=_opened(session.project, frozen),
        shown=shown,
        checks=user_rules(gates.checks, session.project.base),
        entail=session.entail,
        manner=session.project.inputs.manner,
    )


def calibrator(
    session: Session, progress: Progress, *, teacher: str | None = None, checks: int | None = None
) -> Calibrator:
    """The calibrator that freezes a metric with this project's judges. `teacher`: the alias that writes rows, if it
    is not this session's teacher. `checks`: as in Calibrator."""
    roles = session.project.config.roles.named()
    return Calibrator(
        session.embed,
        session.project.config.embedder,
        progress,
        judges=asked_judges(session.project),
        pairwise=Pairwise(),
        cross_encoder=session.project.config.gates.cross_encoder,
        writer=roles["judge"],
        teacher=roles["judge"] if _one_model(session, teacher or roles["teacher"], roles["judge"]) else "",
        required=session.project.recipe.required,
        checks=checks,
        reader=reader(session),
        english=session.project.inputs.manner.english,
        worked=lambda: sum(tally.seconds for tally in session.journal.tallies.values()),
        showable=lambda case: session.project.is_open(case.group),
        grouped=session.project.grouped,
    )


def reader(session: Session) -> str:
    """The identity of the judge's model if it scores how likely answers are, for a recipe on documents; else empty."""
    model = session.lm("judge")
    recipe, gates = session.project.recipe, session.project.config.gates
    scores_answers = gates.likelihood and recipe.on_documents and model.scores
    return without_address(model.async_engine.identity) if scores_answers else ""


def check_reader(session: Session, frozen: Frozen) -> None:
    """Raises UserError if the metric weighs likelihoods of a model other than the judge's."""
    if frozen.reader and frozen.reader != (current := reader(session)):
        raise UserError(
            f"The metric weighs how likely answers are to {frozen.reader}, but the judge's model is "
            f"{current or 'not asked for likelihoods'}.",
            hint="Set gates.likelihood and name that model as roles.judge, or calibrate or compile again.",
        )


def _judge(project: Project, name: str) -> Judge:
    recipe, makers = project.recipe, judges_of(project.recipe)
    if name not in makers:
        raise UserError(f"gates.judges: {unknown('judge', name, list(makers))}", hint="Correct it in seedbed.yaml.")
    judge = makers[name]()
    if isinstance(judge, RulesJudge):
        judge.rules = list(project.config.gates.rules)
        if not judge.rules:
            raise UserError(
                "The judge rules has no rules.", hint="List them under gates.rules: a sentence each, to be kept."
            )
    if judge.needs_document and not recipe.on_documents:
        raise UserError(
            f"gates.judges: the judge {name} does not fit {recipe.name} rows, which rest on no document.",
            hint=f"Its own are {', '.join(aspects_of(recipe)) or 'none'}.",
        )
    return judge


def _opened(project: Project, frozen: Frozen) -> list[Judge]:
    """The frozen judges, and those that a row needs although calibration did not keep them."""
    try:
        judges = frozen.opened(project.recipe)
    except ValueError as error:
        raise UserError(f"The judges cannot be used: {error}.", hint="Calibrate or compile again.") from error
    needed = project.recipe.required | ({"rules"} if project.config.gates.rules else set())
    frozen_aspects = {judge.aspect for judge in judges}
    return judges + [judge for judge in asked_judges(project) if judge.aspect in needed - frozen_aspects]


def _one_model(session: Session, *aliases: str) -> bool:
    entries = [session.project.config.models[alias] for alias in aliases]
    return len({(entry.model, entry.api_base) for entry in entries}) == 1
