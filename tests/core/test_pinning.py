"""The promise of equal inputs: what is timed, how it is rounded, and what the digest stands for."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import pytest
from fakes import TimesOf, every, system_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import graphs
from versim import (
    Device,
    Dimension,
    ExecutionGraph,
    Fixed,
    Folded,
    Gemm,
    GraphBuilder,
    Inputs,
    Kind,
    Link,
    Mesh,
    Message,
    Phase,
    Pointwise,
    System,
    VersimError,
    communication_s,
    messages_of,
    pin,
)

GEMM = Gemm(2, 3, 4, 2)
KNOWN_DIGEST = "2845db10166fdd02f51a49025c053e81b17f3c3c1f2b13686903426a37e49592"
FOLDED = Folded(Kind.ALL_REDUCE, 1024, "tp", 4)


def _graph(*works: Sequence[tuple[Any, float]]) -> ExecutionGraph:
    builder = GraphBuilder(Mesh.of(rank=2))
    for number, work in enumerate(works):
        builder.compute(f"node {number}", work)
    builder.collective("sum", "all_reduce", 64, axes=("rank",), after=range(len(works)))
    return builder.build()


def _pin(graph: ExecutionGraph, **arguments: Any) -> Inputs:
    return pin(graph, system_of(graph), **arguments)


def test_work_is_the_sum_of_its_terms() -> None:
    """Counts multiply, fractions included; communication takes no compute."""
    graph = _graph([(GEMM, 2.5), (Fixed(3.0), 1), (FOLDED, 4)])
    pinned = _pin(graph, compute=every(2.0), folded=every(0.5))
    assert pinned.compute_s.tolist() == [2.5 * 2.0 + 3.0 + 4 * 0.5, 0.0]
    assert pinned.compute_ns.tolist() == [10_000_000_000, 0]


@pytest.mark.parametrize(
    ("seconds", "nanoseconds"),
    [(0.0, 0), (1e-10, 0), (0.5e-9, 0), (1.4e-9, 1), (1.5e-9, 2), (1.6e-9, 2), (4e6, 4 * 10**15)],
)
def test_seconds_are_rounded_to_the_nearest_nanosecond(seconds: float, nanoseconds: int) -> None:
    """Once, here, so that no simulator rounds by itself; exact halves go to the even neighbour."""
    pinned = _pin(_graph([(Fixed(seconds), 1)]))
    assert pinned.compute_ns.tolist() == [nanoseconds, 0]
    assert pinned.compute_s[0] == seconds


def test_distinct_rows_are_timed_once() -> None:
    """Timing a GEMM may search a thousand tilings; a step repeats a dozen GEMMs a million times."""
    asked: list[Sequence[Any]] = []

    def answer(rows: Sequence[Any]) -> Any:
        asked.append(rows)
        return np.ones(len(rows))

    other = Pointwise(10, 20)
    graph = _graph([(GEMM, 1), (other, 1)], [(GEMM, 2)], [(GEMM, 1), (other, 1)])
    _pin(graph, compute=TimesOf(answer))
    assert asked == [(GEMM, other)]


def test_folded_communication_is_timed_as_a_message() -> None:
    """It has a size, a kind and an axis, but no place in the graph's network."""
    asked: list[Sequence[Any]] = []

    def answer(rows: Sequence[Any]) -> Any:
        asked.append(rows)
        return [1e-3]

    _pin(_graph([(FOLDED, 1)]), folded=TimesOf(answer))
    assert asked == [(Message(Kind.ALL_REDUCE, 1024, participants=4, axis="tp"),)]


@pytest.mark.parametrize(("term", "role"), [(GEMM, "compute"), (FOLDED, "folded")])
def test_a_missing_timing_is_asked_for(term: Any, role: str) -> None:
    """With the term that needs it and where to name it."""
    with pytest.raises(VersimError, match=rf"has to be timed; name a .* timing in the pin \({role}: …\)"):
        _pin(_graph([(term, 1)]))


def test_a_timing_that_nothing_needs_is_not_asked() -> None:
    """A graph of fixed durations needs none."""
    pinned = _pin(_graph([(Fixed(1.0), 1)]), compute=TimesOf(lambda _: pytest.fail("asked")))
    assert pinned.compute_ns[0] == 10**9


def test_given_durations_replace_work_that_nobody_can_time() -> None:
    """The hierarchical mode: a node lasts what another simulation found."""
    pinned = _pin(_graph([(GEMM, 1)], [(Fixed(1.0), 1)]), durations_s={0: 2.5})
    assert pinned.compute_ns.tolist() == [2_500_000_000, 1_000_000_000, 0]


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -1e-9, -1.0, 1e7])
def test_what_is_no_duration_is_refused_with_its_node(seconds: float) -> None:
    """Declined, infinite and negative name what was timed; longer than a double counts in nanoseconds, the node."""
    for graph, role in ((_graph([(GEMM, 1)]), "compute"), (_graph([(FOLDED, 1)]), "folded")):
        said = rf"timing 'TimesOf' gives {seconds} s for (Gemm|Message)\(.*; a duration has to be a finite number"
        if math.isnan(seconds):
            said = rf"the {role} timing TimesOf declines (Gemm|Message)\(.*; name a timing after it"
        if math.isfinite(seconds) and seconds > 0:
            said = r"node 0 \('node 0'\) takes .* a duration has to be a finite number"
        with pytest.raises(VersimError, match=said):
            _pin(graph, **{role: every(seconds)})


@pytest.mark.parametrize(
    "answer",
    [
        lambda rows: np.ones(len(rows) + 1),
        lambda _: np.ones(0),
        lambda rows: np.ones((len(rows), 1)),
        lambda _: 1.0,
        lambda _: None,
    ],
)
def test_an_answer_of_the_wrong_shape_is_refused(answer: Callable[[Any], Any]) -> None:
    """Broadcasting it would give every row the first one's time."""
    with pytest.raises(VersimError, match=r"timing 'TimesOf' returned shape \(.*\) for 1 rows"):
        _pin(_graph([(GEMM, 1)]), compute=TimesOf(answer))
    with pytest.raises(VersimError, match="timing 'TimesOf' returned shape"):
        _pin(_graph([(FOLDED, 1)]), folded=TimesOf(answer))
    graph = _graph([(Fixed(1.0), 1)])
    with pytest.raises(VersimError, match="timing 'TimesOf' returned shape"):
        communication_s(graph, system_of(graph), TimesOf(answer))


@pytest.mark.parametrize("seconds", [math.nan, math.inf, -1.0])
def test_communication_times_are_held_to_the_same(seconds: float) -> None:
    """The message is named."""
    graph = _graph([(Fixed(1.0), 1)])
    said = "the network timing TimesOf declines" if math.isnan(seconds) else f"timing 'TimesOf' gives {seconds} s for"
    with pytest.raises(VersimError, match=rf"{said} Message\("):
        communication_s(graph, system_of(graph), every(seconds))


def test_equal_messages_are_timed_once() -> None:
    """A step sends the same activation thousands of times."""
    builder = GraphBuilder(Mesh.of(dp=2, pp=2))
    for size_bytes in (8, 16, 8):
        builder.transfer("x", size_bytes, source={"pp": 0}, target={"pp": 1})
    builder.collective("y", "all_reduce", 8, axes=("dp", "pp"), algorithm="ring")
    graph = builder.build()
    asked: list[Sequence[Message]] = []

    def answer(rows: Sequence[Message]) -> Any:
        asked.append(rows)
        return [row.size_bytes for row in rows]

    assert communication_s(graph, system_of(graph), TimesOf(answer)).tolist() == [8, 16, 8, 8]
    assert asked == [
        (
            Message(Kind.POINT_TO_POINT, 8, 2, "pp", (0, 1)),
            Message(Kind.POINT_TO_POINT, 16, 2, "pp", (0, 1)),
            Message(Kind.ALL_REDUCE, 8, 4, "dp+pp", (0, 1, 2, 3), "ring"),
        )
    ]
    assert [message.size_bytes for message in messages_of(graph)] == [8, 16, 8, 8]


def test_a_message_and_the_one_the_other_way_are_two_questions() -> None:
    """Their ends stand on the same placements in the same order where the receiver is written down first."""
    builder = GraphBuilder(Mesh.of(pp=2))
    first, second = {"pp": 0}, {"pp": 1}
    builder.send("forth", 8, match="forth", on=first)
    builder.recv("forth", 8, match="forth", on=second)
    builder.recv("back", 8, match="back", on=first)
    builder.send("back", 8, match="back", on=second)
    graph = builder.build()
    assert [message.ranks for message in messages_of(graph)] == [(0, 1), (1, 0)]
    system = System(
        dimensions=(Dimension(topology="ring", size=2, link=Link(bandwidth_bytes_per_s=1e9, latency_s=0.0)),),
        device=Device(name="any"),
    )
    times = TimesOf(lambda rows: [row.ranks[0] + 1.0 for row in rows])
    assert communication_s(graph, system, times).tolist() == [1.0, 2.0]


def _step(**changes: Any) -> Inputs:
    """A small step in which one thing can be changed."""
    given: dict[str, Any] = {
        "mesh": Mesh.of(dp=2, pp=2),
        "seconds": 1e-6,
        "stage": 0,
        "after": True,
        "size_bytes": 64,
        "tag": 7,
        "kind": "all_reduce",
        "axes": ("dp",),
        "algorithm": "ring",
        "swapped": False,
        "name": "layer",
        "phase": Phase.FORWARD,
        "layer": 0,
        "note": "",
        "split": False,
        "label": "",
        **changes,
    }
    builder = GraphBuilder(given["mesh"])
    work = [(Fixed(given["seconds"] / 2), 2)] if given["split"] else [(Fixed(given["seconds"]), 1)]
    labels = {"phase": given["phase"], "layer": given["layer"]}
    first = builder.compute(given["name"], work, on={"pp": given["stage"]}, **labels)
    after = [first] if given["after"] else []
    ends: list[Callable[[], int]] = [
        lambda: builder.send("send", 32, match="m", on={"pp": given["stage"]}, after=after, tag=given["tag"]),
        lambda: builder.recv("recv", 32, match="m", on={"pp": 1 - given["stage"]}, tag=given["tag"]),
    ]
    for end in reversed(ends) if given["swapped"] else ends:
        end()
    builder.collective(
        "sum", given["kind"], given["size_bytes"], axes=given["axes"], algorithm=given["algorithm"], after=[first]
    )
    if given["note"]:
        builder.note(given["note"])
    graph = builder.build()
    return pin(graph, system_of(graph), label=given["label"], provenance={"label": given["label"]})


@pytest.mark.parametrize(
    "change",
    [
        {"mesh": Mesh.of(dp=3, pp=2)},
        {"mesh": Mesh(("dp", "pp"), (2, 3))},
        {"seconds": 1.001e-6},
        {"stage": 1},
        {"after": False},
        {"size_bytes": 65},
        {"tag": 8},
        {"tag": None},
        {"kind": "all_gather"},
        {"axes": ("pp",)},
        {"axes": ("dp", "pp")},
        {"algorithm": "direct"},
        {"algorithm": ""},
        {"swapped": True},
    ],
    ids=str,
)
def test_the_digest_changes_with_whatever_a_simulator_may_consume(change: dict[str, Any]) -> None:
    """Equal digests are the licence to compare: ranks, places, order, dependencies, bytes, kinds, nanoseconds."""
    assert _step(**change).digest != _step().digest


def test_the_digest_changes_with_attributes_and_only_with_them() -> None:
    """A simulator that knows a name may consume it; graphs without attributes keep the digests they had."""
    plain = _step()
    columns = (np.arange(plain.graph.node_count), np.arange(plain.graph.communication_count))
    digests = {plain.digest}
    for field, column in zip(("node_attributes", "communication_attributes"), columns, strict=True):
        for attributes in ({"a": column}, {"b": column}, {"a": column + 1}, {"a": column, "b": column}):
            graph = attrs.evolve(plain.graph, **{field: attributes})
            digests.add(pin(graph, system_of(graph)).digest)
    assert len(digests) == 9
    empty = attrs.evolve(plain.graph, node_attributes={}, communication_attributes={})
    assert pin(empty, system_of(empty)).digest == plain.digest


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"name": "another name"},
        {"phase": Phase.BACKWARD},
        {"layer": None},
        {"note": "said for people"},
        {"seconds": 1.0000001e-6},
        {"split": True},
        {"label": "another pin"},
    ],
    ids=str,
)
def test_the_digest_ignores_what_no_simulator_consumes(change: dict[str, Any]) -> None:
    """Names, labels, fractions of a nanosecond, and how the work was put together."""
    assert _step(**change).digest == _step().digest


@given(graph=graphs(most_nodes=8))
def test_a_digest_depends_on_nothing_but_the_graph(graph: ExecutionGraph) -> None:
    """The same on every machine and in every run: no hash seeds, no addresses."""
    pinned = _pin(graph)
    assert pinned.digest == _pin(graph).digest
    assert len(pinned.digest) == 64


@given(graph=graphs(most_nodes=8), data=st.data())
def test_every_nanosecond_counts(graph: ExecutionGraph, data: st.DataObject) -> None:
    """A single changed duration anywhere is another pin."""
    row = data.draw(st.integers(0, graph.node_count - 1))
    pinned = _pin(graph)
    if graph.match[row] >= 0:
        return
    longer = _pin(graph, durations_s={row: float(pinned.compute_s[row]) + 1e-9})
    assert longer.digest != pinned.digest


def test_the_digest_is_known() -> None:
    """Stored results name it: it may change with the format of pins only, and then on purpose."""
    assert _step().digest == KNOWN_DIGEST


def test_a_pin_shows_its_label_and_digest() -> None:
    """In a debugger."""
    pinned = attrs.evolve(_step(), label="folded: deepflow")
    assert repr(pinned).startswith(f"<Inputs 'folded: deepflow' {pinned.digest[:12]} of <ExecutionGraph of 4 nodes")
