"""Chains of timings: the first that does not decline answers, and says where its seconds come from."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import pytest
from numpy.typing import NDArray
from versim import (
    ComponentError,
    Device,
    DeviceTerm,
    Dimension,
    Folded,
    Gemm,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    Message,
    Origin,
    Pointwise,
    System,
    Topology,
    UnsupportedGraphError,
    VersimError,
    pin,
)
from versim.chains import ComputeChain, NetworkChain
from versim.containment import held_responsible

SYSTEM = System(
    dimensions=(
        Dimension(topology=Topology.RING, size=4, link=Link(bandwidth_bytes_per_s=1e9, latency_s=0)),
        Dimension(topology=Topology.RING, size=2, link=Link(bandwidth_bytes_per_s=1e8, latency_s=0)),
    ),
    device=Device(name="any"),
)


@attrs.frozen
class Products:
    """Measured products of one size, and nothing else."""

    def times_s(self, terms: Sequence[DeviceTerm], device: Device) -> NDArray[np.float64]:  # noqa: ARG002
        """One second each."""
        return np.array([1.0 if isinstance(term, Gemm) and term.m == 1 else np.nan for term in terms])

    def origins(self, terms: Sequence[DeviceTerm], device: Device) -> list[Origin]:  # noqa: ARG002
        """All measured."""
        return [Origin("measured", "products", "exactly") for _ in terms]


@attrs.frozen
class Anything:
    """Two seconds for everything, on the network only where it is no broadcast."""

    def times_s(self, rows: Sequence[DeviceTerm | Message], _: Device | System) -> NDArray[np.float64]:
        """Seconds."""
        if any(isinstance(row, Message) and row.kind is Kind.BROADCAST for row in rows):
            raise UnsupportedGraphError("no broadcast here")
        return np.full(len(rows), 2.0)


def test_each_row_has_the_first_answer_and_its_origin() -> None:
    """What a table does not hold is modelled, under the name of the model, with what kind of work it was."""
    chain = ComputeChain(("table", "model"), (Products(), Anything()))
    seconds, origins = chain.answers([Gemm(2, 1, 1, 2), Gemm(1, 1, 1, 2), Pointwise(1, 1)], SYSTEM.device)
    assert seconds.tolist() == [2, 1, 2]
    assert list(map(str, origins)) == [
        "modelled by model (products)",
        "measured by products (exactly)",
        "modelled by model (element-wise work)",
    ]


def test_a_timing_that_refuses_one_message_is_asked_for_the_others() -> None:
    """Inside a chain a refusal is a row declined; at its end it is a refusal."""
    rows = [Message(kind, 8, 4, ranks=(0, 1, 2, 3)) for kind in (Kind.ALL_REDUCE, Kind.BROADCAST)]

    class Last(Anything):
        def times_s(self, rows: Sequence[DeviceTerm | Message], _: Device | System) -> NDArray[np.float64]:
            return np.full(len(rows), 5.0)

    assert NetworkChain(("a", "b"), (Anything(), Last())).times_s(rows, SYSTEM).tolist() == [2, 5]
    with pytest.raises(UnsupportedGraphError):
        NetworkChain(("b", "a"), (Products(), Anything())).times_s(rows, SYSTEM)  # type: ignore[arg-type]


def test_what_nobody_answers_is_refused_with_the_chain() -> None:
    """Nothing is extrapolated in silence."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=4))
    builder.compute("work", [(Gemm(2, 1, 1, 2), 1), (Pointwise(1, 1), 1)])
    with pytest.raises(VersimError, match=r"the compute timing table declines Gemm\(.* and 1 more; name a timing"):
        pin(builder.build(), SYSTEM, ComputeChain(("table",), (Products(),)))


def test_seconds_are_summed_by_origin_over_nodes_and_ranks() -> None:
    """A node on eight ranks counts eight times, and communication inside it apart."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=4))
    builder.compute("all", [(Gemm(1, 1, 1, 2), 3), (Pointwise(1, 1), 1)])
    builder.compute("some", [(Folded(Kind.ALL_REDUCE, 8, "tp", 4), 1)], on={"dp": 0})
    inputs = pin(builder.build(), SYSTEM, ComputeChain(("t", "m"), (Products(), Anything())), Anything())
    shares = {(share.role, str(share.origin)): share.seconds for share in inputs.origins}
    assert shares == {
        ("compute", "measured by products (exactly)"): 24.0,
        ("compute", "modelled by m (element-wise work)"): 16.0,
        ("folded", "modelled by Anything (all_reduce)"): 8.0,
    }


def test_folded_communication_is_asked_between_its_ranks() -> None:
    """Where its axis is the mesh's; a parallelism that the mesh does not know has no place in the network."""
    asked: list[Message] = []

    @attrs.frozen
    class Asked:
        def times_s(self, rows: Sequence[Message], _: System) -> NDArray[np.float64]:
            asked.extend(rows)
            return np.ones(len(rows))

    builder = GraphBuilder(Mesh.of(dp=2, tp=4))
    for axis, participants in (("tp", 4), ("dp", 2), ("ep", 4), ("tp", 8)):
        builder.compute(axis, [(Folded(Kind.ALL_REDUCE, 8, axis, participants), 1)], on={"dp": (0, 1)})
    pin(builder.build(), SYSTEM, None, Asked())
    assert [message.ranks for message in asked] == [(0, 1, 2, 3), (0, 4), (), ()]


def test_a_refusal_says_why_where_a_timing_does() -> None:
    """Somebody who measured up to eight ranks can say so; the rest of the detail of a declined row is nobody's."""

    @attrs.frozen
    class Measured(Products):
        def times_s(self, terms: Sequence[DeviceTerm], _: Device) -> NDArray[np.float64]:
            return np.full(len(terms), np.nan)

        def origins(self, terms: Sequence[DeviceTerm], _: Device) -> list[Origin]:
            return [Origin("modelled", "measured", "declined: nothing was measured on it") for _ in terms]

    builder = GraphBuilder(Mesh.of(dp=2, tp=4))
    builder.compute("work", [(Pointwise(1, 1), 1)])
    with pytest.raises(VersimError, match=r"declines Pointwise\(.* \(nothing was measured on it\); name a timing"):
        pin(builder.build(), SYSTEM, ComputeChain(("m", "table"), (Measured(), Products())))


@pytest.mark.parametrize("broken", [ZeroDivisionError("a slip"), SystemExit(3)])
def test_what_breaks_in_a_timing_is_its_own_fault_whoever_asks(broken: BaseException) -> None:
    """A backend asks in the middle of a step; it must not be blamed, nor the other links of the chain."""

    class Breaking:
        def times_s(self, rows: object, on: object) -> NDArray[np.float64]:  # noqa: ARG002
            raise broken

    class Rambling(Anything):
        def origins(self, rows: object, on: object) -> list[Origin]:  # noqa: ARG002
            raise broken

    for kind, chain in (
        (Kind.BROADCAST, NetworkChain(("good", "bad"), (Anything(), Breaking()))),
        (Kind.ALL_REDUCE, NetworkChain(("bad",), (Rambling(),))),
    ):
        message = Message(kind, 1 << 20, 4, "dp", (0, 1, 2, 3))
        with pytest.raises(ComponentError, match="timing 'bad' failed") as error, held_responsible("backend", "x"):
            chain.answers((message,), SYSTEM)
        assert "backend" not in str(error.value)


def test_a_timing_that_returns_no_numbers_is_named() -> None:
    """Numbers are what it promises."""

    class Talking:
        def times_s(self, rows: object, on: object) -> object:  # noqa: ARG002
            return ["soon"]

    message = Message(Kind.ALL_REDUCE, 1 << 20, 4, "dp", (0, 1, 2, 3))
    with pytest.raises(ComponentError, match="timing 'talking' failed: ValueError"):
        NetworkChain(("talking",), (Talking(),)).times_s((message,), SYSTEM)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [-1.0, np.inf, -np.inf])
def test_what_is_no_duration_is_refused_whoever_asks(wrong: float) -> None:
    """Pins refused it, `versim collectives` printed −1.000 s, and a bus bandwidth below zero."""

    class Odd(Anything):
        def times_s(self, rows: Sequence[object], on: object) -> NDArray[np.float64]:  # noqa: ARG002
            return np.full(len(rows), wrong)

    message = Message(Kind.ALL_REDUCE, 1 << 20, 4, "dp", (0, 1, 2, 3))
    said = rf"timing 'odd' gives {wrong} s for Message.*size_bytes=1048576.*; a duration has to be a finite number"
    with pytest.raises(VersimError, match=said):
        NetworkChain(("odd",), (Odd(),)).times_s((message,), SYSTEM)
