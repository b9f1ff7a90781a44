"""A fit finds what is there, and little where there is nothing."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from versim.league.constants import BY_NAME, CONSTANTS, Scaling
from versim.league.fitting import Chain, Chains, fit, select, shuffled, solve
from versim.league.ingredients import INGREDIENTS

pytest.importorskip("scipy")

TRUTH = {"kernel_time_factor": 1.3, "attention_time_factor": 2.0}


def chains(runs: int = 60) -> Chains:
    """Runs of various shares of products, attention, element-wise work and communication."""
    random = np.random.default_rng(3)
    made = []
    for _ in range(runs):
        seconds = np.zeros((3, len(INGREDIENTS)))
        for name, most in (("products", 1.0), ("attention", 0.5), ("pointwise", 0.4), ("tp communication", 0.6)):
            seconds[:, INGREDIENTS.index(name)] = random.uniform(0, most, 3)
        made.append(
            Chain(
                seconds=seconds,
                launches=random.uniform(100, 1000, 3),
                wire_s=np.zeros(3),
                host_s=np.zeros(3),
                count=random.integers(1, 9, 3).astype(float),
                messages=np.zeros(len(INGREDIENTS)),
                messages_late_s=0.0,
                stage_messages=float(random.integers(0, 9)),
                rest_s=0.01,
            )
        )
    return Chains.joined(made)


def test_a_fit_finds_the_constants_that_made_the_times() -> None:
    """To a few percent, though each constant is drawn to its neutral value."""
    measured_s = chains().predicted_s(Scaling.of(TRUTH))
    found = solve(chains(), measured_s, tuple(TRUTH))
    assert found["kernel_time_factor"] == pytest.approx(1.3, rel=0.1)
    assert found["attention_time_factor"] == pytest.approx(2.0, rel=0.25)


def test_messages_between_stages_have_a_time_of_their_own() -> None:
    """Found from how many lie on each chain, and only where there are any."""
    measured_s = chains().predicted_s(Scaling.of({"stage_message_s": 0.3}))
    assert solve(chains(), measured_s, ("stage_message_s",))["stage_message_s"] == pytest.approx(0.3, rel=0.1)
    alone = attrs.evolve(chains(), stage_messages=np.zeros(60))
    assert not alone.uses("stage_message_s").any()
    assert chains().composition(Scaling.of({"stage_message_s": 0.3})).sum() == pytest.approx(float(measured_s.sum()))


def test_constants_that_hide_one_another_are_exchanged() -> None:
    """What is best alone need not be part of what is best together."""
    truth = {"tp_communication_factor": 0.2, "kernel_time_factor": 1.4}
    measured_s = chains().predicted_s(Scaling.of(truth))
    assert set(select(chains(), measured_s, np.arange(60) % 5, [*truth, "pointwise_time_factor"], 2)) == set(truth)


def test_left_out_folds_are_not_seen() -> None:
    """The error that is told comes from constants that differ by fold."""
    random = np.random.default_rng(5)
    measured_s = chains().predicted_s(Scaling.of(TRUTH)) * np.exp(random.normal(0, 0.05, 60))
    found = fit(chains(), measured_s, np.arange(60) % 5)
    assert set(found.folds) == {0, 1, 2, 3, 4}
    assert found.error < 0.5 * found.error_without
    assert found.error_in_sample <= found.error * 1.05


def test_shuffled_times_cannot_be_fitted() -> None:
    """What noise is worth: the search must not win on runs whose times were dealt out anew."""
    random = np.random.default_rng(5)
    # Attention is slow: a structure that only the right labels show.
    measured_s = chains().predicted_s(Scaling.of({"attention_time_factor": 4.0})) * np.exp(random.normal(0, 0.03, 60))
    found = fit(chains(), measured_s, np.arange(60) % 5)
    assert found.error < 0.5 * shuffled(chains(), measured_s, np.arange(60) % 5, tuple(found.constants))


def test_few_runs_are_evidence_for_few_constants() -> None:
    """Ten runs for each."""
    few = chains(14)
    measured_s = few.predicted_s(Scaling.of(TRUTH | {"pointwise_time_factor": 2.0}))
    assert len(fit(few, measured_s, np.arange(14) % 5).constants) <= 1


def test_a_chain_is_a_sum_over_ingredients() -> None:
    """The composition adds up to the step, whatever the constants."""
    for values in ({}, TRUTH, {"launch_s": 1e-3, "step_overhead_s": 0.1}):
        scaling = Scaling.of(values)
        assert np.allclose(chains().composition(scaling).sum(axis=1), chains().predicted_s(scaling))


def test_some_of_the_runs_are_those_runs() -> None:
    """In any order."""
    rows = np.array([5, 2, 59])
    every = chains()
    assert np.allclose(every.of(rows).predicted_s(Scaling.of(TRUTH)), every.predicted_s(Scaling.of(TRUTH))[rows])


def test_every_constant_says_what_it_means() -> None:
    """Named, with a unit, and doing nothing at its neutral value."""
    assert Scaling.of({constant.name: constant.neutral for constant in CONSTANTS}).is_neutral
    assert all(constant.meaning and constant.unit for constant in BY_NAME.values())
