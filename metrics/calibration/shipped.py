"""The shipped fit: weights fitted to the shipped seeds and good verdicts, against rows made bad by rule.

`benchmarks/shipped_fit.py` writes shipped.json, and checks that the file is what it would write.
"""

import functools
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from metrics.calibration.fitted import Fitted

FILE = Path(__file__).with_name("shipped.json")
BY_EMBEDDING = frozenset({"relevance", "located", "gain", "topic", "place"})
"""Evidence that an embedder gives. Another embedder gives it on another scale."""


class Shipped(BaseModel):
    """The shipped fit and its figures.

    Attributes:
        embedder: the one that gave the evidence. fit: of all evidence. bare: of the evidence that needs no embedder,
        for other embedders. without: by document, a fit without its rows, for figures on these rows.
        level: the share of bad rows, each kind counting the same, that the threshold may let pass. rows: how many rows
        of each kind were fitted to. accepted: the share accepted of each kind of row, by the fits without its document.
        inputs: a digest of the rows.
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
        """The fit for this embedder: of all evidence for the fit's own (or ''), else of what needs no embedder."""
        return self.fit if embedder in ("", self.embedder) else self.bare


@functools.cache
def shipped() -> Shipped:
    """The fit that this version ships."""
    return Shipped.model_validate_json(FILE.read_text(encoding="utf-8"))
