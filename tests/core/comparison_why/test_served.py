"""First come, first served, with a duration per instance."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from situations import instance_durations, problems
from strategies import durations
from versim import NO_TIME, Instances, Op, PinnedGraph, replay
from versim.comparison.attribution.served import Served


@settings(max_examples=150)
@given(st.data())
def test_it_is_the_replay_of_core_where_parts_end_together(data: st.DataObject) -> None:
    """Tick for tick, ties included: small durations make nearly everything tie."""
    pinned, instances = data.draw(problems())
    compute = data.draw(durations(pinned.graph.node_count))
    meeting = data.draw(durations(len(instances.meeting_match)))
    expected = replay(instances, compute, meeting)
    is_compute = pinned.graph.op[instances.node] == Op.COMPUTE
    each = compute[instances.node]
    each[~is_compute] = meeting[instances.meeting[~is_compute]]
    start, end = Served(instances).run(each)
    assert start.tolist() == expected.start_ps.tolist()
    assert end.tolist() == expected.end_ps.tolist()


@given(st.data())
def test_it_can_run_again(data: st.DataObject) -> None:
    """Nothing of a run is left behind for the next."""
    _, instances = data.draw(problems())
    one, two = (data.draw(instance_durations(instances, uneven=True)) for _ in range(2))
    served = Served(instances)
    first = served.run(one)[1].tolist()
    served.run(two)
    assert served.run(one)[1].tolist() == first


def test_parts_may_end_at_times_of_their_own(two_ranks: tuple[PinnedGraph, Instances]) -> None:
    """The send is done before the data have arrived; what follows the receive waits for the receive."""
    _, instances = two_ranks
    start, end = Served(instances).run(np.array([10, 3, 5, 10]))
    assert end.tolist() == [10, 13, 15, 25]
    assert start.tolist() == [0, 10, 0, 15]
    assert (end != NO_TIME).all()
