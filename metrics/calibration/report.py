"""The figures that a calibration reports: of each judge, each trivial rule and the fitted metric."""

from pydantic import BaseModel, ConfigDict


class _Figures(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Judged(_Figures):
    """A judge by itself, on the rows that it scored: the good ones, and the bad ones with a fault that is its to see.
    All pairs of these rows are compared. `coverage` is the share of rows that it scored.

    `adds`: by how much its readings raise the AUROC of the evidence on these rows, out of fold, paired, by group.
    `promises`: by itself it beats chance and both trivial rules. `useful`: it promises, and `adds_low` is above 0.
    The figures of `likelihood` are those of `answer_likelihood`, but `adds` counts all parts of it, on all rows.
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
    """The fitted metric on some of the rows; no AUROC where these are all of one class."""

    n: int
    auroc: float | None
    auroc_low: float | None
    auroc_high: float | None


class Kind(_Figures):
    """Rows of one kind: their number, and the share of them that the metric accepts, with its interval."""

    n: int
    accepted: float
    accepted_low: float
    accepted_high: float


class Rule(_Figures):
    """A trivial rule. Its rows are compared within the same folds as the metric's."""

    auroc: float


class Calibration(_Figures):
    """How good the fitted metric is on rows it was not fitted to, with 95% intervals by group.

    The figures are about people's verdicts if these contain good and bad rows, else about all verdicts. `coverage`: the
    share of rows that every judge scored. `judge`: the judges' mean, None without a reading. `difference`: the metric's
    AUROC less the better trivial rule's, paired. `by_rule`: rows that people accepted against rows made bad by rule.
    `kinds`: the share accepted of the rows that people called `good` and `bad`, and of the rows made bad by each rule.
    `own_rows`: rows that the judging model itself wrote. `notes`: what a person should know about these figures.
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
