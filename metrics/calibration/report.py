"""What a calibration reports: a judge, a trivial rule and the fitted metric, each in figures."""

from pydantic import BaseModel, ConfigDict


class _Figures(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Judged(_Figures):
    """A judge by itself, on the good rows and the bad ones whose fault is its own, of those it scored (their share is
    `coverage`), all pairs of them compared.

    `adds`: by how much its readings raise the AUROC of the evidence on these rows, out of fold, paired, by group.
    `promises`: by itself it beats chance and both trivial rules. `useful`: it does, and what it adds lies above 0.
    The figures of `likelihood` are those of `answer_likelihood`; what it adds is what all its parts add, on all rows.
    """

    auroc: float
    auroc_low: float
    auroc_high: float
    adds: float
    adds_low: float
    adds_high: float
    promises: bool
    useful: bool
    coverage: float


class Part(_Figures):
    """The fitted metric on some of the rows only; no AUROC where these hold one class."""

    n: int
    auroc: float | None
    auroc_low: float | None
    auroc_high: float | None


class Kind(_Figures):
    """Rows of one kind: how many, and the share of them that the metric accepts, with its interval."""

    n: int
    accepted: float
    accepted_low: float
    accepted_high: float


class Rule(_Figures):
    """A trivial rule, compared within the same folds as the metric."""

    auroc: float


class Calibration(_Figures):
    """What the fitted metric is worth on rows it was not fitted to, with 95% intervals by group.

    Of people's verdicts where these tell good from bad, else of all. `coverage`: the share of rows that every judge
    scored. `judge`: the judges' mean, None without a reading. `difference`: the metric's AUROC less the better trivial
    rule's, paired. `by_rule`: rows that people accepted against rows made bad by rule; `kinds`: what is accepted of the
    rows that people called `good` and `bad`, and of those made bad by each rule. `own_rows`: rows that the very model
    that judges wrote. `notes`: what a person should know of these figures.
    """

    n: int
    groups: int
    coverage: float
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    kappa: float
    kappa_low: float
    kappa_high: float
    auroc: float
    auroc_low: float
    auroc_high: float
    spearman: float
    spearman_low: float
    spearman_high: float
    ece: float
    ece_low: float
    ece_high: float
    judge: Judged | None
    judges: dict[str, Judged]
    difference: float
    difference_low: float
    difference_high: float
    baselines: dict[str, Rule]
    by_rule: Part | None
    kinds: dict[str, Kind]
    own_rows: Part | None
    weights: dict[str, float]
    ridge: float
    threshold: float
    notes: list[str]
