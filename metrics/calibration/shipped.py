"""The fit that ships: weights that were fitted on the shipped seeds and good verdicts against rows made bad by rule.

`benchmarks/shipped_fit.py` makes shipped.json, and says whether it is what it makes.
"""

import functools
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from metrics.calibration.fitted import Fitted

FILE = Path(__file__).with_name("shipped.json")
BY_EMBEDDING = frozenset({"relevance", "located", "gain", "topic", "place"})
"""Evidence that an embedder gives: with another one it is on another scale."""


class Shipped(BaseModel):
    """The shipped fit and what is known of it.

    Attributes:
        embedder: that gave its evidence. fit: of all evidence. bare: of what needs no embedder, for other embedders.
        without: by document, the fit that left it out, for figures on that document's rows.
        level: the share of bad rows, each kind alike, that its threshold may let pass. rows: fitted to, by kind.
        accepted: the share accepted of each kind of row, its document left out. inputs: a digest of the rows.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    embedder: str
    fit: Fitted
    bare: Fitted
    without: dict[str, Fitted]
    level: float
    rows: dict[str, int]
    accepted: dict[str, float]
    auroc: float
    inputs: str

    def of(self, embedder: str) -> Fitted:
        """What may be said with this embedder ('' for the fit's own): all, or with another one what needs none."""
        return self.fit if embedder in ("", self.embedder) else self.bare


@functools.cache
def shipped() -> Shipped:
    """What ships with this version."""
    return Shipped.model_validate_json(FILE.read_text(encoding="utf-8"))
