"""A cross-encoder of the config: what it says counts, and another one's word is not taken for its own."""

from types import SimpleNamespace

import pytest
from support.served import Served, served

from seedbed.models import cross_encoder

pytestmark = pytest.mark.slow

__all__ = ["served"]
SAID = {"first": 0.25, "second": 0.75}


def entailments(served: Served) -> set[float]:
    """What the rows' cross-encoder said of them."""
    scores = [part for row in served.rows() for part in row["scores"] if part["part"] == "entailment"]
    return {score["score"] for score in scores}


def test_another_cross_encoder_scores_anew(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def model(name: str) -> tuple[SimpleNamespace, None]:
        return SimpleNamespace(predict=lambda pairs, apply_softmax: [SAID[name]] * len(pairs)), None

    monkeypatch.setattr(cross_encoder, "_model", model)
    for name, said in SAID.items():
        assert served.run(rows=4, gates__cross_encoder=name) == 0
        assert entailments(served) == {said}
    calls = len(served.server.bodies)
    assert served.run(rows=4, gates__cross_encoder="first") == 0
    assert (entailments(served), len(served.server.bodies)) == ({SAID["first"]}, calls)
