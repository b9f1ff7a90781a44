"""Communications whose parts do not fit together are refused by name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from versim import FaultsError, GraphBuilder, Mesh


def _fault(write: Callable[[GraphBuilder], Any]) -> str:
    builder = GraphBuilder(Mesh.of(dp=2, pp=3))
    write(builder)
    with pytest.raises(FaultsError) as caught:
        builder.build()
    assert len(caught.value.faults) == 1, caught.value
    return str(caught.value.faults[0])


def _message(builder: GraphBuilder, source: Any, target: Any) -> None:
    builder.transfer("x", 8, source=source, target=target)


def test_a_send_without_a_receive() -> None:
    """It would wait for ever, or vanish, depending on the simulator."""
    fault = _fault(lambda builder: builder.send("x", 8, match=1, on={"pp": 0}))
    assert fault == "node 0 ('x') sends, but nothing receives it; add the receive with the same match"


def test_a_receive_without_a_send() -> None:
    """The other way round."""
    fault = _fault(lambda builder: builder.recv("x", 8, match=1, on={"pp": 0}))
    assert fault == "node 0 ('x') receives, but nothing sends to it; add the send with the same match"


@pytest.mark.parametrize("end", ["send", "recv"])
def test_one_end_too_many(end: str) -> None:
    """A message has one sender and one receiver."""

    def write(builder: GraphBuilder) -> None:
        builder.send("s", 8, match=1, on={"pp": 0})
        builder.recv("r", 8, match=1, on={"pp": 1})
        getattr(builder, end)("extra", 8, match=1, on={"pp": 2})

    assert "node 2 ('extra') is one end too many" in _fault(write)


@pytest.mark.parametrize("place", [{"pp": 1}, {"pp": 1, "dp": 0}, None])
def test_a_message_to_oneself(place: Any) -> None:
    """That is a dependency, not a message."""
    assert "sends to its own rank" in _fault(lambda builder: _message(builder, place, place))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ({"pp": [0, 1]}, {"pp": [1, 2]}),
        ({"pp": 0}, {"pp": [1, 2]}),
        (None, {"pp": 1}),
        ({"pp": 0, "dp": 0}, {"pp": 1}),
    ],
)
def test_ends_that_cannot_be_paired(source: Any, target: Any) -> None:
    """Replicated axes are paired coordinate by coordinate; a fan-out is several messages."""
    assert "cannot be paired" in _fault(lambda builder: _message(builder, source, target))


def test_ends_of_unequal_size() -> None:
    """A receive that expects other than what is sent."""

    def write(builder: GraphBuilder) -> None:
        builder.send("s", 8, match="m", on={"pp": 0})
        builder.recv("r", 16, match="m", on={"pp": 1})

    assert _fault(write) == "node 1 ('r'): its size_bytes 16 differs from 8 of the other parts of match 'm'"


def test_ends_of_unequal_tags() -> None:
    """Simulators match by tag."""

    def write(builder: GraphBuilder) -> None:
        builder.send("s", 8, match="m", on={"pp": 0}, tag=1)
        builder.recv("r", 8, match="m", on={"pp": 1}, tag=2)

    assert "its tag 2 differs from 1" in _fault(write)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "all_gather"}, "its kind all_gather differs from all_reduce"),
        ({"size_bytes": 9}, "its size_bytes 9 differs from 8"),
        ({"algorithm": "ring"}, "its algorithm"),
        ({"axes": ("dp", "pp")}, "its group"),
    ],
)
def test_parts_of_a_collective_that_disagree(change: dict[str, Any], said: str) -> None:
    """Which of them was meant cannot be guessed."""
    same: dict[str, Any] = {"kind": "all_reduce", "size_bytes": 8, "axes": ("pp",), "match": "m"}

    def write(builder: GraphBuilder) -> None:
        builder.collective("a", **same, on={"pp": 0})
        builder.collective("b", **{**same, **change}, on={"pp": [1, 2]})

    assert said in _fault(write)


def test_a_message_matched_with_a_collective() -> None:
    """Two things under one name."""
    builder = GraphBuilder(Mesh.of(dp=2, pp=3))
    builder.collective("c", "all_reduce", 8, axes=("dp",), match="m")
    builder.send("s", 8, match="m", on={"pp": 0})
    with pytest.raises(FaultsError, match="its kind point_to_point differs from all_reduce"):
        builder.build()


def test_a_collective_of_kind_point_to_point() -> None:
    """Messages have two ends, which only send and recv can say."""
    fault = _fault(lambda builder: builder.collective("c", "point_to_point", 8, axes=("dp",)))
    assert fault == "node 0 ('c') is a collective matched with a point-to-point message"


def test_a_collective_of_one_rank() -> None:
    """There is nobody to talk to; what it would take differs between simulators."""
    fault = _fault(lambda builder: builder.collective("c", "all_reduce", 8, axes=("pp",), on={"pp": 1}))
    assert fault == "node 0 ('c') is a collective of one rank along pp; leave it out"


def test_parts_that_leave_a_rank_alone() -> None:
    """Replica 1 has a part on one stage only."""

    def write(builder: GraphBuilder) -> None:
        builder.collective("a", "all_reduce", 8, axes=("pp",), match="m", on={"pp": 0})
        builder.collective("b", "all_reduce", 8, axes=("pp",), match="m", on={"pp": 1, "dp": 0})

    assert "a collective of one rank along pp; a part is missing" in _fault(write)


def test_groups_of_unequal_size() -> None:
    """The simulators' collectives are the same on every group."""

    def write(builder: GraphBuilder) -> None:
        builder.collective("a", "all_reduce", 8, axes=("pp",), match="m", on={"pp": [0, 1]})
        builder.collective("b", "all_reduce", 8, axes=("pp",), match="m", on={"pp": 2, "dp": 0})

    assert "groups along pp have 2 to 3 ranks; a part is missing" in _fault(write)


def test_a_rank_that_takes_part_twice() -> None:
    """One contribution each."""

    def write(builder: GraphBuilder) -> None:
        builder.collective("a", "all_reduce", 8, axes=("pp",), match="m", on={"pp": [0, 1]})
        builder.collective("b", "all_reduce", 8, axes=("pp",), match="m", on={"pp": [1, 2]})

    assert "rank 1 takes part more than once" in _fault(write)


@pytest.mark.parametrize("choice", [{}, {"axes": ("dp",), "ranks": (0, 3)}])
def test_either_axes_or_a_group(choice: dict[str, Any]) -> None:
    """Neither says nothing, both may contradict."""
    fault = _fault(lambda builder: builder.collective("c", "all_reduce", 8, **choice, on={"pp": 0}))
    assert "needs either axes or an explicit group of ranks" in fault


@pytest.mark.parametrize(
    ("ranks", "said"),
    [
        ((0, 1, 2), "rank 2 of its group [0, 1, 2] has no part in it"),
        ((0, 3, 4), "rank 4 of its group [0, 3, 4] has no part in it"),
        ((0, 9), "its group [0, 9] is not within the 6 ranks of (dp=2, pp=3)"),
        ((-1, 0), "its group [-1, 0] is not within"),
        ((0, 0, 1), "needs a group of at least 2 distinct ranks, got [0, 0, 1]"),
        ((0,), "needs a group of at least 2 distinct ranks, got [0]"),
    ],
)
def test_explicit_groups_that_are_incomplete(ranks: tuple[int, ...], said: str) -> None:
    """Every member has a part; the parts here stand on ranks 0, 1, 3 and 4, or on 0 and 3."""
    on: dict[str, Any] = {"pp": 0} if ranks == (0, 3, 4) else {"pp": [0, 1]}
    if ranks == (0, 1, 2):
        on = {"pp": [0, 1], "dp": [0]}
    assert said in _fault(lambda builder: builder.collective("c", "all_reduce", 8, ranks=ranks, on=on))


def test_an_outsider_in_an_explicit_group() -> None:
    """Replication along dp brings rank 3 in, which the group does not name."""
    fault = _fault(lambda builder: builder.collective("c", "all_reduce", 8, ranks=(0, 1), on={"pp": [0, 1]}))
    assert fault == "node 0 ('c'): rank 3 takes part but is not of its group [0, 1]"


def test_what_was_sound_on_one_mesh_is_looked_at_on_another() -> None:
    """A group along an axis of one rank is none, however often the same was seen on two."""
    for ranks, message in ((2, ""), (1, "a collective of one rank"), (2, "")):
        builder = GraphBuilder(Mesh.of(dp=ranks, tp=2))
        builder.collective("sum", "all_reduce", 8, axes=("dp",))
        with pytest.raises(FaultsError, match=message) if message else contextlib.nullcontext():
            builder.build()
