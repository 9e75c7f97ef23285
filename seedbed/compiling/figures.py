"""The figures of a calibration, for people and for programs."""

from collections.abc import Mapping
from typing import Any

from metrics.calibration.calibrate import Calibration
from metrics.calibration.frozen import Frozen
from metrics.calibration.negatives import EDITS
from metrics.calibration.report import Judged, Part
from metrics.calibration.shipped import shipped
from metrics.calibration.usefulness import source_name

OUT_OF_FOLD = "the fitted metric, on verdicts it was not fitted to"


def as_json(frozen: Frozen) -> dict[str, Any]:
    """The figures, those of each aspect, and the metric's hash. No figures if no verdict is on rows as a whole."""
    aspects = {aspect: figures.model_dump() for aspect, figures in frozen.aspects.items()}
    figures = frozen.figures.model_dump() if frozen.figures else {}
    return {**figures, "aspects": aspects, "hash": frozen.hash}


def calibration_text(frozen: Frozen) -> str:
    """The figures for the terminal: the metric beside the judges and the trivial rules, then notes. If all verdicts are
    on what a judge alone looks at, the figures of each such aspect."""
    if frozen.figures is None:
        return "\n\n".join(_text(figures, f"verdicts on {aspect}", {}) for aspect, figures in frozen.aspects.items())
    return _text(frozen.figures, "preferences" if frozen.pairs else "verdicts", frozen.aspects)


def _text(figures: Calibration, kind: str, aspects: Mapping[str, Calibration]) -> str:
    lines = [
        f"{figures.n} {kind} in {figures.groups} groups; 95% intervals by group",
        "",
        _line("", "AUROC"),
        _line(OUT_OF_FOLD, _interval(figures, "auroc")),
        *(_line(f"{source_name(name)} alone", _judged(judged)) for name, judged in figures.judges.items()),
        *(_line(f"trivial rule: {_RULES[name]}", f"{rule.auroc:.2f}") for name, rule in figures.baselines.items()),
        _line("metric minus the better trivial rule", _interval(figures, "difference")),
        "",
        _line(f"accuracy at the threshold {figures.threshold:.2f}", _interval(figures, "accuracy")),
        _line("Cohen's kappa", _interval(figures, "kappa")),
        _line("Spearman with the labels", _interval(figures, "spearman")),
        _line("expected calibration error", _interval(figures, "ece")),
        _line("rows that every judge could score", f"{figures.coverage:.0%}"),
        *_parts(figures),
        *_kinds(figures),
        *(_line(f"on {aspect} alone, {part.n} verdicts", _interval(part, "auroc")) for aspect, part in aspects.items()),
        "",
        "weights: " + ", ".join(f"{name} {weight:.2f}" for name, weight in sorted(figures.weights.items())),
        *(f"note: {note}" for note in figures.notes),
    ]
    return "\n".join(lines)


def calibration_line(figures: Calibration) -> str:
    """The metric in one line."""
    trivial = max(rule.auroc for rule in figures.baselines.values())
    people = {name: figures.kinds[name].accepted for name in ("good", "bad") if name in figures.kinds}
    shares = " and ".join(f"{share:.0%} of the {name} ones" for name, share in people.items())
    accepts = f", which accepts {shares}" if shares else ""
    return (
        f"metric against labels: AUROC {_interval(figures, 'auroc')} out of fold on {figures.n} verdicts, "
        f"the better trivial rule {trivial:.2f}; threshold {figures.threshold:.2f}{accepts}"
    )


def unlabelled_line(embedder: str, *, documents: bool) -> str:
    """How well the metric does without verdicts, in one line."""
    ours = shipped()
    if not documents:
        return "no verdicts: rows without a document have no evidence to weigh, and no judge is checked"
    caught = {name: ours.accepted[name] for name in SEEN}
    missed = {name: share for name, share in ours.accepted.items() if name in EDITS and share > MISSED}
    caught_line, missed_line = (
        ", ".join(f"{name} {share:.0%}" for name, share in shares.items()) for shares in (caught, missed)
    )
    warning = f"; they were fitted with another embedder than {embedder}, so less evidence is weighed" * (
        embedder != ours.embedder
    )
    return (
        "no verdicts: the shipped weights are used, and no judge is checked. On English documents that they were not "
        f"fitted to, they accept {ours.accepted['right answer']:.0%} of right answers and, of wrong ones, {caught_line}"
        f"; they accept many edits of a right answer ({missed_line}){warning}"
    )


MISSED = 0.4  # the metric hardly sees a kind of wrong rows if it accepts a greater share of them
SEEN = ("another sentence", "first sentence", "three words", "first number", "question holds its answer")
_RULES = {"length": "the shorter the answer", "overlap": "the more of its words in the document"}


def _parts(figures: Calibration) -> list[str]:
    """Figures that are reported separately: verdicts made by rule, and rows that the judging model wrote."""
    apart = {"against rows made bad by rule": figures.by_rule, "on rows of the model that judges": figures.own_rows}
    return [_line(f"{name}, {part.n} in all", _part(part)) for name, part in apart.items() if part]


def _kinds(figures: Calibration) -> list[str]:
    """The accepted share of each kind of row, highest first."""
    kinds = sorted(figures.kinds.items(), key=lambda item: -item[1].accepted)
    return [
        _line(
            f"accepted of {f'{name} rows' if name in ('good', 'bad') else name}, {kind.n}",
            f"{kind.accepted:.0%} [{kind.accepted_low:.0%}, {kind.accepted_high:.0%}]",
        )
        for name, kind in kinds
    ]


def _part(part: Part) -> str:
    one_kind = part.auroc is None
    return "one kind only" if one_kind else f"{part.auroc:.2f} [{part.auroc_low:.2f}, {part.auroc_high:.2f}]"


def _judged(judge: Judged) -> str:
    note = "" if judge.useful else ", of no use on these labels"
    return (
        f"{judge.auroc:.2f} [{judge.auroc_low:.2f}, {judge.auroc_high:.2f}]"
        f"  adds {judge.adds:+.2f} [{judge.adds_low:+.2f}, {judge.adds_high:+.2f}] to the evidence{note}"
    )


def _interval(figures: Calibration, name: str) -> str:
    value, low, high = (getattr(figures, f"{name}{end}") for end in ("", "_low", "_high"))
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def _line(name: str, value: str) -> str:
    return f"{name:<52}{value}"
