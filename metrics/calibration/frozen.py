"""The metric that calibration froze: METRIC.json. Every compiled program, run and card carries its hash."""

import hashlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from metrics.band import Alone
from metrics.calibration.calibrate import Calibration
from metrics.calibration.fit import Fitted, prior
from metrics.evidence import PARTS
from programs.core.recipe import Recipe
from programs.core.whole import write_whole
from programs.judges.judge import Judge, judges_of


class Frozen(BaseModel):
    """All that a row's score depends on besides the row, and how good the metric is by the verdicts.

    Attributes:
        fitted: parts -> probability. aspects, fits: for the verdicts on one aspect, its figures and its own model.
        figures: of the fitted metric on rows it was not fitted to; None where nothing was calibrated. judges: the
        state (prompt, format, demos) of each judge whose verdicts count. shown: the documents of these demos.
        pairwise: the state of the judge of preferences. judge: the alias that judged. embedder, cross_encoder: names.
        alone: the fit of the evidence without any model, and the band in which a model is asked; None without a model.
        reader: the identity of the model whose likelihoods are weighed; empty where none are.
        verdicts: their digest. versions: of the packages. pairs: the metric was fitted to preferences, so it compares
        two answers and scores no row.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    fitted: Fitted
    alone: Alone | None = None
    figures: Calibration | None = None
    aspects: dict[str, Calibration] = Field(default_factory=dict)
    fits: dict[str, Fitted] = Field(default_factory=dict)
    pairwise: dict[str, Any] | None = None
    judges: dict[str, dict[str, Any]] = Field(default_factory=dict)
    shown: list[str] = Field(default_factory=list)
    judge: str = ""
    embedder: str = ""
    cross_encoder: str | None = None
    reader: str = ""
    verdicts: str = ""
    pairs: bool = False
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def hash(self) -> str:
        """16 hex digits over the whole content."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def opened(self, recipe: Recipe | None = None) -> list[Judge]:
        """The frozen judges, ready to be asked about a recipe's rows; without one, only shared judges are known. Raises
        ValueError where this version lacks one of them."""
        makers = judges_of(recipe)
        judges = [makers[name]() for name in self.judges if name in makers]
        if len(judges) < len(self.judges):
            raise ValueError(f"this version does not have all of the judges {', '.join(self.judges)}")
        for judge in judges:
            judge.load_state(self.judges[judge.aspect])
        return judges

    @property
    def unread(self) -> list[str]:
        """Parts with a weight that no scorer or judge here reads: they are scores from elsewhere."""
        readable = PARTS | self.judges.keys()
        return sorted(name for name, weight in self.fitted.weights.items() if weight > 0 and name not in readable)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all. The same content gives the same bytes. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = self.model_dump_json(indent=1) + "\n"
        write_whole(path, lambda file: file.write_text(text, encoding="utf-8"))


def load_frozen(path: Path) -> Frozen:
    """Read METRIC.json. Raises OSError, or pydantic's ValidationError for another kind of file."""
    return Frozen.model_validate_json(path.read_text(encoding="utf-8"))


def uncalibrated(judges: list[Judge], embedder: str, cross_encoder: str | None = None) -> Frozen:
    """The metric before any verdict: the shipped weights, with these judges as they are."""
    names = [*PARTS, *(judge.aspect for judge in judges)]
    states = {judge.aspect: judge.dump_state() for judge in judges}
    return Frozen(fitted=prior(names, embedder), judges=states, embedder=embedder, cross_encoder=cross_encoder)
