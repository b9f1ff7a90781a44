"""The network check: nobody is faster than the wires, and everybody feels them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import pytest
from versim import Degradation, Device, Dimension, Kind, Link, Message, System
from versim.comparison.wires import OWN_LINK, Alone, check_of, deviations, distinct, narrowed

GB = 1e9
SIZE = 8 * 10**8
NODES = System(
    dimensions=(
        Dimension(topology="switch", size=4, link=Link(bandwidth_bytes_per_s=400 * GB, latency_s=1e-6)),
        Dimension(topology="switch", size=4, link=Link(bandwidth_bytes_per_s=50 * GB, latency_s=2e-6)),
    ),
    device=Device(name="any"),
)
TP = Message(Kind.ALL_REDUCE, SIZE, 4, "tp", (0, 1, 2, 3))
DP = Message(Kind.ALL_REDUCE, SIZE, 4, "dp", (0, 4, 8, 12))
ALL = Message(Kind.ALL_GATHER, SIZE, 16, "dp+tp", tuple(range(16)))
PP = Message(Kind.POINT_TO_POINT, SIZE, 2, "pp", (0, 5))


def _times(of: Callable[[Message, System], float]) -> Alone:
    return lambda messages, system: [of(message, system) for message in messages]


def _honest(message: Message, system: System) -> float:
    """Twice what the wires need, and a latency."""
    return 1e-6 + 2 * system.fabric.least_time_s(message.kind, message.size_bytes, message.ranks)


def _first_link(message: Message, system: System) -> float:
    """As if there were the innermost dimension only."""
    link = system.dimensions[0].link
    return link.latency_s + 2 * message.size_bytes / link.bandwidth_bytes_per_s


def _first_group(message: Message, system: System) -> float:
    """As if every group were the first tensor-parallel one."""
    return _honest(attrs.evolve(message, ranks=TP.ranks), system)


def _constant(message: Message, system: System) -> float:
    """A table of another machine."""
    del system
    return 1e-6 + message.size_bytes / (10 * GB)


@pytest.mark.parametrize("message", [TP, DP, ALL, PP])
def test_who_sees_the_network_passes(message: Message) -> None:
    """However slow it is."""
    assert deviations([message], NODES, _times(_honest)) == ()


@pytest.mark.parametrize("planted", [_first_link, _first_group])
@pytest.mark.parametrize("message", [DP, PP])
def test_who_uses_the_wrong_link_is_found_with_the_link(
    planted: Callable[[Message, System], float], message: Message
) -> None:
    """Faster than the outer dimension can be; the figure names both."""
    (found,) = deviations([message], NODES, _times(planted))
    assert (found.dimension, found.link.bandwidth_bytes_per_s, found.factor) == (1, 50 * GB, 1)
    assert 0 in found.used
    assert found.seconds < found.least_s
    check = check_of([found], 1, NODES)
    assert check.passed is False
    assert check.detail.startswith(f"{message.axis} on dimension 0 (400 GB/s), not on dimension 1 (50 GB/s): ")


def test_a_link_that_is_not_the_narrowest_now_is_tried_by_itself() -> None:
    """Slow enough for the network as it is, blind to a dimension that could become the narrowest."""

    def blind(message: Message, system: System) -> float:
        return _honest(message, attrs.evolve(system, dimensions=(NODES.dimensions[0], system.dimensions[1])))

    (found,) = deviations([ALL], NODES, _times(blind))
    assert found.dimension == 0
    assert found.factor > 1


def test_who_does_not_move_is_found() -> None:
    """Slow enough to be possible, but the same on every network."""
    (found,) = deviations([DP], NODES, _times(_constant))
    assert (found.dimension, found.used, found.factor) == (1, (), 10)
    assert "dp on no link at all, not on dimension 1 (50 GB/s)" in check_of([found], 1, NODES).detail


def test_the_link_of_an_axis_is_the_one_that_counts() -> None:
    """Where parallelism has a network of its own; where its figures are the dimension's, both are one."""
    own = attrs.evolve(NODES, axis_links={"dp": Link(bandwidth_bytes_per_s=5 * GB, latency_s=0.0)})
    (found,) = deviations([DP], own, _times(_honest))
    assert found.dimension == OWN_LINK
    assert "not on its own link (5 GB/s)" in check_of([found], 1, own).detail

    def with_own(message: Message, system: System) -> float:
        return 2 * message.size_bytes / system.link(message.axis, message.ranks).bandwidth_bytes_per_s

    assert deviations([DP], own, _times(with_own)) == ()
    same = attrs.evolve(NODES, axis_links={"dp": NODES.dimensions[1].link})
    assert deviations([DP], same, _times(with_own)) == ()
    assert deviations([DP], same, _times(_honest)) == ()


def test_small_messages_are_not_held_to_what_rounding_hides() -> None:
    """Whole nanoseconds may be all that a simulator knows."""
    tiny = attrs.evolve(DP, size_bytes=4)
    assert deviations([tiny], NODES, _times(_constant)) == ()


def test_who_cannot_say_is_not_judged() -> None:
    """An answer that there is not is no deviation."""

    def silent(messages: Sequence[Message], system: System) -> list[float | None]:
        del system
        return [None] * len(messages)

    assert deviations([DP, TP], NODES, silent) == ()


def test_who_does_not_feel_degraded_links_is_found() -> None:
    """A card at a tenth under a group of which every member has to use its card."""
    slow = attrs.evolve(NODES, degraded=(Degradation(dimension=1, ranks=(4,), bandwidth_factor=0.1),))

    def far_and_blind(message: Message, system: System) -> float:
        return 100 * _honest(message, attrs.evolve(system, degraded=()))

    assert deviations([DP], slow, _times(_honest)) == ()
    (found,) = deviations([DP], slow, _times(far_and_blind))
    assert (found.dimension, found.factor) == (1, 0)


def test_who_does_not_feel_a_single_slow_link_of_a_ring_is_found() -> None:
    """A message between its ends, or past it, has no other way; who is blind to it takes what it took."""
    slow = System(
        dimensions=(Dimension(topology="ring", size=8, link=Link(bandwidth_bytes_per_s=50 * GB, latency_s=1e-6)),),
        device=Device(name="any"),
        degraded=(Degradation(dimension=0, link=(3, 4), bandwidth_factor=0.1),),
    )

    def blind(message: Message, system: System) -> float:
        return 100 * _honest(message, attrs.evolve(system, degraded=()))

    across, past, beside = (Message(Kind.POINT_TO_POINT, SIZE, 2, "pp", ends) for ends in ((3, 4), (2, 5), (5, 7)))
    assert deviations([across, past, beside], slow, _times(_honest)) == ()
    found = deviations([across, past, beside], slow, _times(blind))
    assert [one.message for one in found] == [across, past]
    assert all(one.certain and one.factor == 0 for one in found)
    # All reduce over the whole ring can go without it, so that is nobody's fault.
    everyone = Message(Kind.ALL_REDUCE, SIZE, 8, "dp", tuple(range(8)))
    assert deviations([everyone], slow, _times(blind)) == ()
    assert deviations([everyone], slow, _times(blind), uncertain=True) != ()


def test_a_degraded_link_beside_whole_ones_may_be_left_alone() -> None:
    """Of four cards a node has, a ring over two nodes uses one each way; a slow third one is none of its business."""
    slow = attrs.evolve(NODES, degraded=(Degradation(dimension=1, ranks=(2,), bandwidth_factor=0.1),))

    def over_the_first_card(message: Message, system: System) -> float:
        rate = min(hop.link.bandwidth_bytes_per_s for hop in system.fabric.path(3, 4))
        return 1e-6 + 2 * message.size_bytes / rate

    two_nodes = Message(Kind.ALL_REDUCE, SIZE, 8, "dp", tuple(range(8)))
    assert deviations([two_nodes], slow, _times(over_the_first_card)) == ()


def test_what_is_declared_has_not_failed() -> None:
    """It is named with the words of who declares it; one undeclared deviation fails all the same."""
    tp, dp = deviations([ALL, DP], NODES, _times(_first_link))
    declared = attrs.evolve(dp, declared="measured on one node")
    check = check_of([declared], 2, NODES)
    assert (check.passed, check.declared) == (None, "measured on one node")
    assert check_of([declared, tp], 2, NODES).passed is False
    assert check_of((), 2, NODES).passed is True
    assert check_of((), 0, NODES).passed is None


def test_what_deviates_in_the_same_words_is_said_once() -> None:
    """The groups that lie differently are many, what is wrong with the network is one thing."""
    (found,) = deviations([DP], NODES, _times(_first_link))
    assert check_of([found, attrs.evolve(found)], 2, NODES).detail == check_of([found], 2, NODES).detail


def test_distinct_communications_differ_in_kind_way_of_lying_or_size() -> None:
    """Groups that lie alike are one question; folded ones without a place are none."""
    alike = attrs.evolve(TP, ranks=(4, 5, 6, 7))
    larger = attrs.evolve(alike, size_bytes=2 * SIZE)
    folded = attrs.evolve(TP, ranks=())
    assert distinct([TP, alike, larger, DP, folded], NODES) == (TP, larger, DP)


def test_every_size_is_held_against_the_wires_as_they_are_and_narrower() -> None:
    """A curve that is right at its end may be wrong before."""
    small = attrs.evolve(DP, size_bytes=SIZE // 8)
    asked: list[tuple[System, list[int]]] = []

    def ends_well(message: Message, system: System) -> float:
        return _honest(message, system) if message.size_bytes == SIZE else _first_link(message, system)

    def alone(messages: Sequence[Message], system: System) -> list[float | None]:
        asked.append((system, [message.size_bytes for message in messages]))
        return [ends_well(message, system) for message in messages]

    (found,) = deviations([small, DP], NODES, alone)
    assert (found.message, found.dimension, found.factor) == (small, 1, 1.0)
    assert asked[0] == (NODES, [SIZE // 8, SIZE])
    assert all(sizes == [SIZE, SIZE // 8] for _, sizes in asked[1:])


def test_a_smaller_size_that_does_not_feel_a_narrower_cut_deviates() -> None:
    """On the network as it is it is slow enough, and it would be as fast on another."""
    small = attrs.evolve(DP, size_bytes=SIZE // 8)

    def answer(message: Message, system: System) -> float:
        return _honest(message, system if message.size_bytes == SIZE else NODES)

    (found,) = deviations([small, DP], NODES, _times(answer))
    assert (found.message, found.dimension) == (small, 1)
    assert found.factor >= 10


def test_a_narrowed_system_differs_in_that_dimension_only() -> None:
    """And in links of axes that are those of the dimension."""
    same = attrs.evolve(NODES, axis_links={"dp": NODES.dimensions[1].link, "tp": NODES.dimensions[0].link})
    slow = narrowed(same, 1, 10, ("dp", "tp"))
    assert slow.dimensions[0] == NODES.dimensions[0]
    assert slow.dimensions[1].link.bandwidth_bytes_per_s == 5 * GB
    assert slow.axis_links["dp"].bandwidth_bytes_per_s == 5 * GB
    assert slow.axis_links["tp"] == NODES.dimensions[0].link
