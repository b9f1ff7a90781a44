"""Waiting behind others, on an example whose figures can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from backends import Unit, first_come, in_order
from fakes import pinned_of, with_spans
from versim import NO_TIME, Fixed, GraphBuilder, Inputs, Instances, Kind, Mesh, Phase, instances_of
from versim.comparison import timeline
from versim.comparison.attribution import TermKind, attribute
from versim.comparison.attribution.chain import chain_of

WORK = [(Fixed(1e-9), 1)]


@pytest.fixture
def reduction() -> tuple[Inputs, Instances]:
    """Two stages: a gradient is reduced over dp while the next stage waits for a message.

    Rows: 0 layer (stage 1), 1 all-reduce of its gradients, 2 send to stage 0, 3 receive there, 4 layer (stage 0).
    """
    builder = GraphBuilder(Mesh.of(dp=2, pp=2))
    layer = builder.compute("layer", WORK, on={"pp": 1}, phase=Phase.BACKWARD)
    on = {"pp": 1}
    builder.collective("gradients", Kind.ALL_REDUCE, 64, axes=["dp"], on=on, after=[layer], phase=Phase.BACKWARD)
    _, received = builder.transfer("input", 64, source=on, target={"pp": 0}, after=[layer], phase=Phase.BACKWARD)
    builder.compute("layer", WORK, on={"pp": 0}, after=[received], phase=Phase.BACKWARD)
    pinned = pinned_of(builder.build())
    return pinned, instances_of(pinned.graph)


DURATIONS = np.array([100, 70, 10, 10, 100])
IN_ROWS = [Unit((0,)), Unit((1,)), Unit((2, 3)), Unit((4,))]


def test_a_send_behind_an_all_reduce_is_named(reduction: tuple[Inputs, Instances]) -> None:
    """Side by side 100 + 10 + 100; one at a time the send waits 70 for the all-reduce, and all of it is on the path."""
    pinned, instances = reduction
    beside = first_come(pinned, instances, DURATIONS, "beside")
    behind = in_order(pinned, instances, DURATIONS, IN_ROWS, serial=True, label="behind")
    found = attribute(pinned, beside, behind)
    assert found is not None
    assert (beside.makespan_ps, behind.makespan_ps, found.schedule_order_ps, found.rest_ps) == (210, 280, 70, 0)
    (pattern,) = found.patterns
    assert pattern.sentence == "point_to_point over pp waits behind all_reduce over dp on rank 1"
    assert (pattern.executions, pattern.wait_ps, pattern.on_path_ps, pattern.reference_wait_ps) == (1, 70, 70, 0)


def test_seen_from_the_other_side_it_no_longer_waits(reduction: tuple[Inputs, Instances]) -> None:
    """The reference serialises: the same pattern, all of it on the reference's side, and a gain."""
    pinned, instances = reduction
    beside = first_come(pinned, instances, DURATIONS, "beside")
    behind = in_order(pinned, instances, DURATIONS, IN_ROWS, serial=True, label="behind")
    found = attribute(pinned, behind, beside)
    assert found is not None
    assert found.schedule_order_ps == -70
    (pattern,) = found.patterns
    assert (pattern.wait_ps, pattern.reference_wait_ps, pattern.reference_on_path_ps) == (0, 70, 70)
    assert pattern.sentence.endswith("on no rank any more")


def test_a_lane_is_seen_only_where_something_waited_for_it(reduction: tuple[Inputs, Instances]) -> None:
    """The all-reduce and the send are in one lane when one waits; side by side they are in none."""
    pinned, instances = reduction
    behind = in_order(pinned, instances, DURATIONS, IN_ROWS, serial=True)
    assert chain_of(timeline(behind, instances)).waits.lanes.tolist()[1:3] != [-1, -1]
    beside = first_come(pinned, instances, DURATIONS)
    assert (chain_of(timeline(beside, instances)).waits.lanes == -1).all()


def test_every_moment_of_the_path_counts_once() -> None:
    """A send behind two all-reduces is charged for both, not the second of them, which waits too, once more."""
    builder = GraphBuilder(Mesh.of(dp=2, pp=2))
    on = {"pp": 1}
    layer = builder.compute("layer", WORK, on=on)
    for number in range(2):
        builder.collective(f"gradients {number}", Kind.ALL_REDUCE, 64, axes=["dp"], on=on, after=[layer])
    _, received = builder.transfer("input", 64, source=on, target={"pp": 0}, after=[layer])
    builder.compute("layer", WORK, on={"pp": 0}, after=[received])
    pinned = pinned_of(builder.build())
    instances = instances_of(pinned.graph)
    durations = np.array([100, 30, 40, 10, 10, 100])
    order = [Unit((0,)), Unit((1,)), Unit((2,)), Unit((3, 4)), Unit((5,))]
    behind = in_order(pinned, instances, durations, order, serial=True)
    found = attribute(pinned, first_come(pinned, instances, durations), behind)
    assert found is not None
    on_path = {(p.waiting, p.behind): (p.wait_ps, p.on_path_ps) for p in found.patterns}
    assert on_path == {
        ("point_to_point over pp", "all_reduce over dp"): (70, 70),
        ("all_reduce over dp", "all_reduce over dp"): (30, 0),
    }


def test_isolated_times_tell_contention_apart(reduction: tuple[Inputs, Instances]) -> None:
    """A message of 10 ps takes 15 alone in the other simulator and 40 beside others: 5 isolated, 25 contention."""
    pinned, instances = reduction
    slower = DURATIONS.copy()
    slower[2:4] = 40
    one, two = (first_come(pinned, instances, each) for each in (DURATIONS, slower))
    found = attribute(pinned, one, two, isolated_ps={1: 15})
    assert found is not None
    message = found.term("point_to_point over pp, backward")
    assert (message.effect_ps, message.isolated_ps, message.contention_ps) == (30, 5, 25)
    assert (message.change_ps, message.on_path_ps, message.in_slack_ps, message.executions) == (30, 30, 0, 1)
    assert found.term("all_reduce over dp, backward").contention_ps is None
    with pytest.raises(ValueError, match="communication 7 takes 1 ps"):
        attribute(pinned, one, two, isolated_ps={7: 1})
    with pytest.raises(ValueError, match="1 entries for 2 communications"):
        attribute(pinned, one, two, isolated_ps=[1])
    as_a_column = attribute(pinned, one, two, isolated_ps=np.array([NO_TIME, 15]))
    assert as_a_column is not None
    assert as_a_column.terms == found.terms
    with pytest.raises(ValueError, match="communication 0 takes -2 ps"):
        attribute(pinned, one, two, isolated_ps=np.array([-2, 15]))


def test_a_change_off_the_path_hides_in_slack(reduction: tuple[Inputs, Instances]) -> None:
    """The all-reduce may grow to 110 before anyone notices: from 70 to 90 it explains nothing."""
    pinned, instances = reduction
    slower = DURATIONS.copy()
    slower[1] = 90
    found = attribute(pinned, *(first_come(pinned, instances, each) for each in (DURATIONS, slower)))
    assert found is not None
    term = found.term("all_reduce over dp, backward")
    assert (term.effect_ps, term.change_ps, term.on_path_ps, term.in_slack_ps) == (0, 20, 0, 20)
    assert term.kind is TermKind.COMMUNICATION


def test_a_message_that_arrived_before_anyone_asked_is_not_waited_for() -> None:
    """An eager send: the receive, posted late, ends at once, and a slower link costs nothing until it is later."""
    builder = GraphBuilder(Mesh.of(pp=2))
    builder.send("early", 64, match="m", on={"pp": 0})
    busy = builder.compute("busy", WORK, on={"pp": 1})
    builder.recv("early", 64, match="m", on={"pp": 1}, after=[busy])
    pinned = pinned_of(builder.build())
    instances = instances_of(pinned.graph)
    eager = first_come(pinned, instances, np.array([10, 100, 10]))
    eager = with_spans(eager, start_ps=np.array([0, 0, 100]), end_ps=np.array([10, 100, 101]))
    model = chain_of(timeline(eager, instances))
    assert model.progress.late.tolist() == [False, False, True]
    assert model.progress.tail_ps.tolist() == [0, 0, 1]
    durations = np.array([[10, 100, 10], [60, 100, 60], [200, 100, 200]]).T
    assert model.makespans_ps(durations) == [101, 101, 200]
