"""Times that int64 picoseconds cannot hold are refused with their figure and node; none wraps into the past."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from versim import (
    LONGEST_PS,
    NO_TIME,
    Device,
    Dimension,
    FaultsError,
    Fixed,
    GraphBuilder,
    Inputs,
    Link,
    Mesh,
    Prediction,
    System,
    TooLongError,
    compare_predictions,
    consumed_as_pinned,
    in_picoseconds,
    instances_of,
    pin,
    prediction_of,
    replay,
)
from versim.comparison.contract import BrokenContractError, hold_to_contract

DAY_S = 86_400.0
RING = System(
    dimensions=(Dimension(topology="ring", size=2, link=Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)),),
    device=Device(name="any"),
)


def chain_of_days(*days: float) -> Inputs:
    """Nodes of so many days each, one after the other, and a message beside them."""
    builder = GraphBuilder(Mesh.of(rank=2))
    after: list[int] = []
    for number, each in enumerate(days):
        after = [builder.compute(f"node {number}", [(Fixed(each * DAY_S), 1)], after=after)]
    builder.collective("sum", "all_reduce", 8, axes=["rank"])
    return pin(builder.build(), RING)


def predicted(pinned: Inputs, meeting_ps: int = 1000) -> Prediction:
    """An event-driven schedule of it."""
    instances = instances_of(pinned.graph)
    meetings = np.full(len(instances.meeting_match), meeting_ps, dtype=np.int64)
    schedule = replay(instances, pinned.compute_ns * 1000, meetings)
    return prediction_of(pinned, instances, schedule, simulator="fake", engine="test")


def test_seconds_are_rounded_or_refused_by_name() -> None:
    """Numpy alone would make the longest a time before the step began."""
    assert in_picoseconds(np.array([0.0, 1e-12, 1.0]), str).tolist() == [0, 1, 10**12]
    for wrong in (np.inf, np.nan, 1e12):
        with pytest.raises(TooLongError, match=r"message 1 takes .* s \(.* days\); times are counted"):
            in_picoseconds(np.array([0.0, wrong]), lambda row: f"message {row} takes")
    with pytest.raises(ValueError, match=r"message 0 -1.0 s"):
        in_picoseconds(np.array([-1.0]), lambda row: f"message {row}")


def test_a_node_of_months_is_refused_when_it_is_pinned() -> None:
    """With what it is called."""
    with pytest.raises(FaultsError, match=r"node 0 \('node 0'\) takes 5184000.0 s"):
        chain_of_days(60)


def test_nodes_that_take_centuries_together_are_refused() -> None:
    """Their sum is taken in int64."""
    with pytest.raises(FaultsError, match=r"its nodes take 5.184e\+09 s in all, node 0 \('node 0'\) alone 4.32e\+06 s"):
        chain_of_days(*[50] * 1200)


def test_a_step_of_months_is_refused_where_it_is_replayed() -> None:
    """Each node fits, the last end does not: the node that ends too late is named."""
    with pytest.raises(TooLongError, match=r"node 1 \('node 1'\) ends at 6.912e\+06 s \(80 days\)"):
        predicted(chain_of_days(40, 40))


@pytest.mark.parametrize("days", [(53.3,), (26.6, 26.6), (1e-9, 53.3)])
def test_nothing_is_negative_in_the_longest_step_that_is_taken(days: tuple[float, ...]) -> None:
    """Slack was from 53 days on: sums of two times have to fit, too."""
    pinned = chain_of_days(*days)
    one, two = (predicted(pinned, meeting_ps) for meeting_ps in (1000, LONGEST_PS))
    for number, prediction in enumerate((one, two)):
        object.__setattr__(prediction, "label", "ab"[number])
    comparison = compare_predictions(pinned, [one, two], "a")
    for result in comparison.results:
        assert result.slack_ps is not None
        assert result.slack_ps.min() >= 0
        assert result.totals is not None
        assert result.totals.idle_ps >= 0
        assert result.totals.exposed_communication_ps >= 0
        assert all(row.total_ps >= 0 for row in (*result.groups, *result.operations))


def test_a_difference_whose_terms_may_not_fit_is_not_attributed() -> None:
    """One's durations in the other's order may take longer than either: no term is better than a wrapped one."""
    builder = GraphBuilder(Mesh.of(rank=2))
    after: list[int] = []
    for number in range(4):
        after = [builder.collective(f"sum {number}", "all_reduce", 8, axes=["rank"], after=after)]
    pinned = pin(builder.build(), RING)
    long_ps = 45 * 86_400 * 10**12
    answers = []
    for label, durations in (("a", [long_ps, 1, 1, 1]), ("b", [1, long_ps, 1, 1])):
        instances = instances_of(pinned.graph)
        schedule = replay(instances, pinned.compute_ns * 1000, np.array(durations)[instances.meeting_match])
        made = prediction_of(pinned, instances, schedule, simulator="fake", engine="test")
        object.__setattr__(made, "label", label)
        answers.append(made)
    comparison = compare_predictions(pinned, answers, "a")
    assert comparison.result("b").difference_ps == 0
    assert comparison.result("b").attribution is None


@pytest.mark.parametrize("column", ["start_ps", "end_ps", "ready_ps"])
def test_times_that_are_too_long_are_refused_where_a_prediction_enters(column: str) -> None:
    """A backend with sums of its own can pass the limit; the node is named."""
    pinned = chain_of_days(1)
    prediction = predicted(pinned)
    times = getattr(prediction.spans, column).copy()
    times[0] = 2**62
    prediction = attrs.evolve(prediction, spans=attrs.evolve(prediction.spans, **{column: times}))
    with pytest.raises(TooLongError, match=r"node 0 \('node 0'\) ends at"):
        hold_to_contract(pinned, prediction)


def test_what_a_machine_did_not_say_is_no_time() -> None:
    """NO_TIME passes; anything else below 0 does not."""
    made = chain_of_days(1)
    prediction = predicted(made)
    ready = np.full(prediction.spans.count, NO_TIME, dtype=np.int64)
    hold_to_contract(made, attrs.evolve(prediction, spans=attrs.evolve(prediction.spans, ready_ps=ready)))
    with pytest.raises(BrokenContractError, match=r"spans.ready_ps of -2"):
        hold_to_contract(made, attrs.evolve(prediction, spans=attrs.evolve(prediction.spans, ready_ps=ready - 1)))
    assert consumed_as_pinned(made).compute_ns.min() >= 0
