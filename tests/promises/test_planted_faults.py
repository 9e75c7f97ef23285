"""Of rows that are bad in a way that a check is there for, at least nine in ten are kept out; `support.planted`."""

import dataclasses
import functools

import planted as benchmark
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.planted import Fault, PlantedProgram, error_rate, plants

from programs.core.recipe import recipes

KEPT_OUT = 0.9  # of the bad rows that a check decides
PASSING = 0.85  # of the good rows, by the rules: a person's answer without a full stop counts as cut off
PLANTS = plants()
DECIDERS = {
    by: [(name, fault) for name, plant in PLANTS.items() for fault, of in plant.faults.items() if of.by == by]
    for by in ("check", "judge")
}


@functools.cache
def program(name: str) -> PlantedProgram:
    return PlantedProgram(recipes()[name], PLANTS[name])


def fault_of(name: str, fault: str) -> Fault:
    return PLANTS[name].faults[fault]


@pytest.mark.parametrize("name", PLANTS)
def test_good_replies_pass_the_rules(name: str) -> None:
    drops = [drop for _, _, drop in program(name).good]
    assert drops.count(None) >= PASSING * len(drops)


@pytest.mark.parametrize("name", PLANTS)
def test_a_fault_is_of_a_step_that_is_asked(name: str) -> None:
    steps = {step for step, _ in recipes()[name].program().named_predictors()}
    assert {step for step in PLANTS[name].good if not step.startswith("judge ")} <= steps
    assert {fault.step for fault in PLANTS[name].faults.values()} <= PLANTS[name].good.keys()


@pytest.mark.parametrize(("name", "fault"), DECIDERS["check"])
def test_what_a_check_decides_is_kept_out(name: str, fault: str) -> None:
    figures = program(name).figures(fault_of(name, fault))
    assert figures.planted
    assert figures.share_by_rule >= KEPT_OUT, figures.reasons


@pytest.mark.parametrize(("name", "fault"), DECIDERS["judge"])
def test_a_judge_is_no_worse_than_chance(name: str, fault: str) -> None:
    figures = program(name).figures(fault_of(name, fault))
    assert figures.planted
    assert figures.is_no_worse_than_chance


def test_the_judge_of_planted_rows_has_the_kappa_it_is_said_to_have() -> None:
    figures = program("lab").figures(fault_of("lab", "another question's answer"), rounds=8)
    assert figures.kappa == pytest.approx(0.6, abs=0.05)


@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_a_judge_that_errs_at_its_rate_agrees_by_its_kappa(agreement: float, good: float) -> None:
    errors = error_rate(agreement, good)
    accepted = good * (1 - errors) + (1 - good) * errors
    chance = accepted * good + (1 - accepted) * (1 - good)
    assert (1 - errors - chance) / (1 - chance) == pytest.approx(agreement)


def test_the_benchmark_prints_a_line_a_fault() -> None:
    plant = dataclasses.replace(PLANTS["lab"], faults={"refusal": fault_of("lab", "refusal")})
    heading, rule, line = benchmark.table({"lab": plant}, rounds=1)
    assert heading.count("|") == rule.count("|") == line.count("|")
    assert line.startswith("| lab | refusal | check |")
    assert "| 100% | 100% |" in line
