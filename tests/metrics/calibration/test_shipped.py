"""The fit that ships is what its script makes of what ships with it, and says what it can see."""

from collections import Counter

import numpy as np
import pytest
import shipped_fit

from metrics.calibration.negatives import EDITS, RULES
from metrics.calibration.shipped import BY_EMBEDDING, shipped
from metrics.evidence import PARTS
from metrics.likelihood import LIKELIHOODS
from seedbed.compiling.figures import unlabelled_line
from seedbed.models.embedder import MODEL


def test_its_rows_are_those_that_ship() -> None:
    cases, ours = shipped_fit.rows(), shipped()
    assert ours.inputs == shipped_fit.inputs(cases), "run benchmarks/shipped_fit.py"
    assert ours.rows == Counter(map(shipped_fit.kind, cases))
    assert ours.without.keys() == {case.unit for case in cases}
    assert {what for what, *_ in RULES} <= ours.rows.keys()


def test_it_weighs_evidence_alone_and_what_needs_no_embedder_apart() -> None:
    ours = shipped()
    assert ours.embedder == MODEL
    assert ours.fit.weights.keys() == PARTS - {"round trip", "entailment", *LIKELIHOODS}
    assert ours.bare.weights.keys() == ours.fit.weights.keys() - BY_EMBEDDING


def test_its_threshold_lets_as_many_wrong_rows_pass_as_it_says() -> None:
    ours = shipped()
    told = [share for name, share in ours.accepted.items() if name in {what for what, *_ in RULES} - EDITS]
    assert np.mean(told) <= ours.level
    assert ours.accepted["right answer"] > 0.6


def test_what_a_machine_rounds_otherwise_is_the_same_file() -> None:
    assert shipped_fit.alike({"a": 0.5, "b": ["x"]}, {"a": 0.505, "b": ["x"]})
    assert not shipped_fit.alike({"a": 0.5}, {"a": 0.6})
    assert not shipped_fit.alike({"a": 0.5}, {"a": 0.5, "b": 1})


@pytest.mark.parametrize(("embedder", "more"), [(MODEL, False), ("another/embedder", True)])
def test_a_project_without_verdicts_hears_in_one_line_what_its_metric_sees(embedder: str, more: bool) -> None:
    line = unlabelled_line(embedder, documents=True)
    assert f"{shipped().accepted['right answer']:.0%} of right answers" in line
    assert "three words" in line
    assert "number swapped" in line
    assert "\n" not in line
    assert ("another embedder" in line) is more
    assert "no evidence" in unlabelled_line(embedder, documents=False)
