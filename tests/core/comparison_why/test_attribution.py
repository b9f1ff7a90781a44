"""The waterfall: it sums exactly, it is right where the answer is known, and its tests notice when it is wrong."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from backends import any_order, first_come, in_order, order_of
from fakes import nothing_ran, predicted
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from situations import compute_lags, instance_durations, predictions, problems
from strategies import unlike_durations
from versim import NONE, Inputs, Instances, Prediction, RankClasses, instances_of
from versim.comparison import timeline
from versim.comparison.attribution import Attribution, Policy, TermKind, attribute, chain, waits
from versim.comparison.attribution.chain import chain_of
from versim.comparison.attribution.progress import Progress, progress
from versim.comparison.critical_path import critical_path
from versim.comparison.groups import groups_of


def explained(
    pinned: Inputs, instances: Instances, reference: Prediction, other: Prediction, averaging: str = "sequential"
) -> Attribution:
    """The attribution on the very instances the stand-ins used."""
    chains = (chain_of(timeline(reference, instances)), chain_of(timeline(other, instances)))
    found = attribute(pinned, reference, other, chains=chains, averaging=averaging)
    assert found is not None
    return found


def assert_all_in(found: Attribution, name: str) -> None:
    """One term explains everything, every other nothing."""
    effects = {term.name: term.effect_ps for term in found.terms}
    assert effects.pop(name) == found.difference_ps
    assert set(effects.values()) <= {0}, effects


@settings(max_examples=100)
@given(st.data())
def test_terms_sum_to_the_difference_exactly(data: st.DataObject) -> None:
    """Whatever two simulators do, folded alike or not, no picosecond is lost or counted twice."""
    pinned, instances = data.draw(problems())
    single = instances_of(pinned.graph, RankClasses.single(pinned.graph.mesh))
    one, two = (
        data.draw(predictions(pinned, data.draw(st.sampled_from([instances, single])), label))
        for label in ("one", "two")
    )
    known = data.draw(
        st.lists(st.none() | st.integers(0, 1 << 45), min_size=len(pinned.graph.kind), max_size=len(pinned.graph.kind))
    )
    for isolated in (None, known):
        found = attribute(
            pinned, one, two, isolated_ps=isolated, averaging=data.draw(st.sampled_from(["sequential", "shapley"]))
        )
        assert found is not None
        assert one.makespan_ps is not None
        assert two.makespan_ps == one.makespan_ps + sum(term.effect_ps for term in found.terms)
        for term in found.terms:
            assert term.change_ps is None or term.on_path_ps + term.in_slack_ps == term.change_ps
            assert term.contention_ps is None or term.isolated_ps + term.contention_ps == term.effect_ps
        assert [term.kind for term in found.terms[-2:]] == [TermKind.ORDER, TermKind.REST]


@settings(max_examples=100)
@given(st.data())
def test_the_model_reproduces_any_timeline(data: st.DataObject) -> None:
    """Even one that contradicts the graph: what no edge explains is a lag, so nothing has to be believed."""
    pinned, instances = data.draw(problems())
    prediction = data.draw(predictions(pinned, instances, "one"))
    line = timeline(prediction, instances)
    if data.draw(st.booleans()):
        start = np.array(data.draw(st.lists(st.integers(0, 9), min_size=instances.count, max_size=instances.count)))
        lasts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=instances.count, max_size=instances.count)))
        line = attrs.evolve(line, start_ps=start, active_ps=start, end_ps=start + lasts)
    model = chain_of(line)
    ends = model.ends(progress(line).duration_ps[:, None], model.lag_ps)
    assert ends[:, 0].tolist() == line.end_ps.tolist()


@given(st.data())
def test_a_group_that_alone_is_scaled_receives_everything(data: st.DataObject) -> None:
    """With the schedule of the reference being first come, first served, whatever the change does to orders."""
    pinned, instances = data.draw(problems())
    durations = data.draw(instance_durations(instances, uneven=data.draw(st.booleans())))
    if data.draw(st.booleans()):
        durations %= 4  # everything ties with everything
    groups = groups_of(instances)
    group = data.draw(st.integers(0, groups.count - 1))
    scaled = np.where(groups.of == group, durations * data.draw(st.sampled_from([0, 2, 7])), durations)
    found = explained(
        pinned, instances, first_come(pinned, instances, durations), first_come(pinned, instances, scaled)
    )
    assert found.policy is Policy.REPLAY
    assert_all_in(found, groups.names[group])


@given(st.data())
def test_a_group_that_alone_is_scaled_receives_everything_in_a_fixed_order(data: st.DataObject) -> None:
    """With any order, lags before computations, and serial communication, as far as the reference shows it."""
    pinned, instances = data.draw(problems())
    durations = data.draw(instance_durations(instances, uneven=data.draw(st.booleans())))
    lags = data.draw(compute_lags(instances))
    order = any_order(instances, data.draw(st.integers(0, 99)))
    serial = data.draw(st.booleans())
    groups = groups_of(instances)
    group = data.draw(st.integers(0, groups.count - 1))
    scaled = np.where(groups.of == group, durations * data.draw(st.sampled_from([2, 7])), durations)
    one, two = (in_order(pinned, instances, each, order, serial=serial, lags_ps=lags) for each in (durations, scaled))
    lanes = [chain_of(timeline(each, instances)).waits.lanes != NONE for each in (one, two)]
    # A reference that never had to wait for its lane does not show that there is one.
    assume((lanes[0] == lanes[1]).all())
    assume(lanes[0].any() or not serial)
    found = explained(pinned, instances, one, two)
    assume(found.policy is Policy.FIXED_ORDER)
    event("lanes" if lanes[0].any() else "lags" if lags.any() else "order")
    assert_all_in(found, groups.names[group])


@given(st.data())
def test_orders_that_alone_differ_are_schedule_order(data: st.DataObject) -> None:
    """Including communication that is served one at a time and, in the reference, is not."""
    pinned, instances = data.draw(problems())
    durations = data.draw(instance_durations(instances))
    order = any_order(instances, data.draw(st.integers(0, 99)))
    other = in_order(pinned, instances, durations, order, serial=data.draw(st.booleans()))
    found = explained(pinned, instances, first_come(pinned, instances, durations), other)
    assert_all_in(found, TermKind.ORDER.value)


@settings(max_examples=100)
@given(st.data())
def test_a_simulator_without_overlap_differs_by_its_order(data: st.DataObject) -> None:
    """A rank that communicates does not compute: seen from either side, as soon as one has to wait for the other."""
    pinned, instances = data.draw(problems())
    durations = data.draw(instance_durations(instances))
    order = any_order(instances, data.draw(st.integers(0, 99)))
    beside = first_come(pinned, instances, durations)
    blocking = in_order(pinned, instances, durations, order, blocking=True)
    shared = chain_of(timeline(blocking, instances)).waits.lanes != NONE
    # Where every turn is one of like behind like, it could as well be two resources.
    assume(shared[instances.meeting == NONE].any())
    assume((shared | (durations == 0)).all())
    for reference, other in ((beside, blocking), (blocking, beside)):
        assert_all_in(explained(pinned, instances, reference, other), TermKind.ORDER.value)
    # Nor does its critical path pause where one waits for the other.
    assert critical_path(chain_of(timeline(blocking, instances))).gap_ps == 0


@given(st.data())
def test_lags_that_alone_differ_are_left(data: st.DataObject) -> None:
    """What neither durations nor orders explain is named as what is left, not hidden in them."""
    pinned, instances = data.draw(problems())
    durations = data.draw(instance_durations(instances))
    reference = first_come(pinned, instances, durations)
    lags = data.draw(compute_lags(instances))
    other = in_order(pinned, instances, durations, order_of(instances, reference), lags_ps=lags)
    found = explained(pinned, instances, reference, other)
    assert_all_in(found, TermKind.REST.value)


@settings(max_examples=50)
@given(st.data())
def test_equal_predictions_leave_nothing_to_explain(data: st.DataObject) -> None:
    """No difference, no effects, no patterns."""
    pinned, instances = data.draw(problems())
    prediction = data.draw(predictions(pinned, instances, "one"))
    found = explained(pinned, instances, prediction, prediction)
    assert {term.effect_ps for term in found.terms} == {0}
    assert found.patterns == ()


@settings(max_examples=30)
@given(st.data())
def test_averages_over_orders_agree_with_the_only_order_there_is(data: st.DataObject) -> None:
    """Where one group alone changed, its average is its effect."""
    pinned, instances = data.draw(problems())
    durations = data.draw(instance_durations(instances))
    groups = groups_of(instances)
    scaled = np.where(groups.of == 0, durations * 3, durations)
    one, two = (first_come(pinned, instances, each) for each in (durations, scaled))
    assert explained(pinned, instances, one, two, "shapley").terms == explained(pinned, instances, one, two).terms


def test_a_prediction_that_did_not_complete_is_not_explained(two_ranks: tuple[Inputs, Instances]) -> None:
    """Nor one that says nothing about its nodes, as a real program that only prints totals."""
    pinned, _ = two_ranks
    whole = predicted(pinned, 5)
    assert attribute(pinned, whole, nothing_ran(pinned)) is None
    assert attribute(pinned, nothing_ran(pinned), whole) is None
    silent = attrs.evolve(nothing_ran(pinned), spans=nothing_ran(pinned).spans)
    object.__setattr__(silent, "status", whole.status)
    object.__setattr__(silent, "makespan_ps", 7)
    assert attribute(pinned, whole, silent) is None


def _scaled_pair(pinned: Inputs, instances: Instances, *names: str) -> tuple[Prediction, Prediction]:
    groups = groups_of(instances)
    durations = np.full(instances.count, 1000, dtype=np.int64)
    chosen = np.isin(groups.of, [groups.names.index(name) for name in names])
    return tuple(  # type: ignore[return-value]
        first_come(pinned, instances, each) for each in (durations, np.where(chosen, 4 * durations, durations))
    )


def test_a_second_group_that_changed_is_noticed(two_ranks: tuple[Inputs, Instances]) -> None:
    """The property above can fail: it does when a second group is slower too."""
    pinned, instances = two_ranks
    name, second = "compute, forward", "point_to_point over pp, forward"
    assert_all_in(explained(pinned, instances, *_scaled_pair(pinned, instances, name)), name)
    with pytest.raises(AssertionError):
        assert_all_in(explained(pinned, instances, *_scaled_pair(pinned, instances, name, second)), name)


def test_counting_waiting_as_communication_is_noticed(
    two_ranks: tuple[Inputs, Instances], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A planted fault: durations from a part's own posting, so that a receive posted early seems to last longer."""
    pinned, instances = two_ranks

    def with_waiting(line: object) -> Progress:
        right = progress(line)  # type: ignore[arg-type]
        return attrs.evolve(right, duration_ps=line.end_ps - line.start_ps)  # type: ignore[attr-defined]

    monkeypatch.setattr(waits, "progress", with_waiting)
    name = "compute, forward"
    with pytest.raises(AssertionError):
        assert_all_in(explained(pinned, instances, *_scaled_pair(pinned, instances, name)), name)


def test_memory_bound_does_not_change_results(
    two_ranks: tuple[Inputs, Instances], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sets of durations may be evaluated one at a time."""
    _, instances = two_ranks
    line = timeline(predicted(two_ranks[0], 5), instances)
    model = chain_of(line)
    sets = np.arange(instances.count * 5).reshape(instances.count, 5)
    together = model.makespans_ps(sets)
    monkeypatch.setattr(chain, "MOST_VALUES", 1)
    assert model.makespans_ps(sets) == together


@given(st.data())
def test_other_durations_are_answered_as_the_simulator_would(data: st.DataObject) -> None:
    """The fixed-order model predicts what the same order with other durations really gives."""
    pinned, instances = data.draw(problems())
    order = any_order(instances, data.draw(st.integers(0, 99)))
    one, two = (data.draw(unlike_durations(instances.count)) for _ in range(2))
    lags = data.draw(compute_lags(instances))
    model = chain_of(timeline(in_order(pinned, instances, one, order, lags_ps=lags), instances))
    assert model.makespans_ps(two[:, None]) == [in_order(pinned, instances, two, order, lags_ps=lags).makespan_ps]
