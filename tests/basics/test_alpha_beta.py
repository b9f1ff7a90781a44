"""The timing model alpha-beta: closed forms on the links of a system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import Device, Dimension, Kind, Link, Message, System, Topology, UnsupportedGraphError
from versim_basics.alpha_beta import AlphaBeta, AlphaBetaOptions

OUTER = Link(bandwidth_bytes_per_s=10e9, latency_s=5e-6)
INNER = Link(bandwidth_bytes_per_s=100e9, latency_s=1e-6)


def _system(**axis_links: Link) -> System:
    dimension = Dimension(topology=Topology.RING, size=8, link=INNER)
    return System(dimensions=(dimension,), device=Device(name="any"), axis_links=axis_links)


def _time_s(message: Message, system: System | None = None, **options: Any) -> float:
    timing = AlphaBeta().network(AlphaBetaOptions(**options))
    (time_s,) = timing.times_s((message,), system or _system()).tolist()
    return float(time_s)


def test_a_ring_all_reduce_takes_what_the_textbook_says() -> None:
    """2 (p-1) (α + S/(p B)), with figures a reader can follow: 14 rounds of 1 µs + 1 MB over 100 GB/s."""
    message = Message(Kind.ALL_REDUCE, 8_000_000, participants=8, axis="tp")
    assert _time_s(message) == pytest.approx(14 * (1e-6 + 1e6 / 100e9))


def test_a_message_takes_latency_plus_bytes_over_bandwidth() -> None:
    """The Hockney model itself."""
    message = Message(Kind.POINT_TO_POINT, 50_000_000, participants=2, axis="pp", ranks=(0, 1))
    assert _time_s(message) == pytest.approx(1e-6 + 50e6 / 100e9)


def test_the_link_is_that_of_the_axis() -> None:
    """Parallelism across nodes sees another link than parallelism within."""
    message = Message(Kind.POINT_TO_POINT, 1_000_000, participants=2, axis="dp")
    assert _time_s(message, _system(dp=OUTER)) == pytest.approx(5e-6 + 1e6 / 10e9)


def test_options_replace_the_link() -> None:
    """A measured α and β may be known where the links are not; zero latency is a value, not a gap."""
    message = Message(Kind.POINT_TO_POINT, 1_000_000, participants=2)
    assert _time_s(message, alpha_s=0.0, bandwidth_bytes_per_s=1e9) == pytest.approx(1e-3)


def test_the_graphs_algorithm_wins_over_the_option() -> None:
    """The graph says what is done; the option only fills in where it does not."""
    asked = Message(Kind.ALL_REDUCE, 1 << 20, participants=8, algorithm="direct")
    free = Message(Kind.ALL_REDUCE, 1 << 20, participants=8)
    assert _time_s(asked, algorithm="tree") == _time_s(free, algorithm="direct")


@given(
    size_bytes=st.integers(1, 1 << 40),
    participants=st.sampled_from([2, 4, 8, 64]),
    factor=st.floats(1.0, 1e3),
    algorithm=st.sampled_from(["ring", "direct", "halving_doubling", "tree"]),
)
def test_more_bandwidth_never_takes_longer(size_bytes: int, participants: int, factor: float, algorithm: str) -> None:
    """Alone on the network nothing can be lost by a faster link."""
    message = Message(Kind.ALL_REDUCE, size_bytes, participants)
    slow = _time_s(message, algorithm=algorithm, bandwidth_bytes_per_s=1e9)
    fast = _time_s(message, algorithm=algorithm, bandwidth_bytes_per_s=1e9 * factor)
    assert fast <= slow


def _nodes(outer_gb_per_s: float = 50, oversubscription: float = 1) -> System:
    """Four nodes of eight."""
    inner = Dimension(topology="switch", size=8, link=Link(bandwidth_bytes_per_s=400e9, latency_s=0.5e-6))
    outer = Link(bandwidth_bytes_per_s=outer_gb_per_s * 1e9, latency_s=1e-6)
    network = Dimension(topology="switch", size=4, link=outer, oversubscription=oversubscription)
    return System(dimensions=(inner, network), device=Device(name="any"))


@pytest.mark.parametrize(
    ("kind", "ranks", "expected_s"),
    [
        # Within a node: 14 rounds of two latencies, 14/8 of the tensor.
        (Kind.ALL_REDUCE, range(8), 14 * 1e-6 + 14 / 8 * 0.8e9 / 400e9),
        # One of each node: the network alone, which used to be taken for the node's.
        (Kind.ALL_REDUCE, range(0, 32, 8), 6 * 2e-6 + 6 / 4 * 0.8e9 / 50e9),
        # All: scattered within nodes, reduced between them an eighth each, gathered within nodes.
        (
            Kind.ALL_REDUCE,
            range(32),
            14 * 1e-6 + 14 / 8 * 0.8e9 / 400e9 + 6 * 2e-6 + 6 / 4 * 0.1e9 / 50e9,
        ),
        (Kind.ALL_GATHER, range(32), 7 * 1e-6 + 7 / 8 * 0.8e9 / 400e9 + 3 * 2e-6 + 3 / 4 * 0.1e9 / 50e9),
        # A message takes both dimensions' latencies and the narrower one's bandwidth.
        (Kind.POINT_TO_POINT, (0, 9), 3e-6 + 0.8e9 / 50e9),
        # No grid: a ring round all five, at the pace of the network.
        (Kind.ALL_REDUCE, (0, 1, 2, 3, 8), 8 * 3e-6 + 8 / 5 * 0.8e9 / 50e9),
    ],
)
def test_a_group_pays_for_every_dimension_it_crosses(kind: Kind, ranks: Sequence[int], expected_s: float) -> None:
    """Worked by hand on four nodes of eight."""
    message = Message(kind, 800_000_000, len(ranks), "dp", tuple(ranks))
    assert _time_s(message, _nodes()) == pytest.approx(expected_s)


def test_cards_that_are_shared_are_shared_by_the_members_of_a_node() -> None:
    """Two cards serve eight: alone a member has one, all eight have a quarter each."""
    alone = Message(Kind.ALL_REDUCE, 800_000_000, 4, "dp", tuple(range(0, 32, 8)))
    together = Message(Kind.ALL_REDUCE, 800_000_000, 32, "dp", tuple(range(32)))
    shared = _nodes(oversubscription=4)
    assert _time_s(alone, shared) == _time_s(alone, _nodes())
    assert _time_s(together, shared) - _time_s(together, _nodes()) == pytest.approx(6 / 4 * 0.1e9 * 3 / 50e9)


@given(
    kind=st.sampled_from([kind for kind in Kind if kind is not Kind.POINT_TO_POINT]),
    ranks=st.lists(st.integers(0, 31), min_size=2, max_size=12, unique=True),
    topology=st.sampled_from(["ring", "fully_connected", "switch"]),
    algorithm=st.sampled_from(["ring", "direct"]),
)
def test_nobody_is_faster_than_the_wires(kind: Kind, ranks: list[int], topology: str, algorithm: str) -> None:
    """Whatever the formula says, bytes have to cross the network's narrowest part, and feel it narrowed."""
    message = Message(kind, 1 << 30, len(ranks), "dp", tuple(ranks))
    inner = Dimension(topology=topology, size=8, link=Link(bandwidth_bytes_per_s=400e9, latency_s=0.0))
    outer = Dimension(topology=topology, size=4, link=Link(bandwidth_bytes_per_s=50e9, latency_s=0.0))
    system = System(dimensions=(inner, outer), device=Device(name="any"))
    takes_s = _time_s(message, system, algorithm=algorithm)
    assert takes_s >= system.fabric.least_time_s(kind, message.size_bytes, ranks)
    dimension = system.fabric.narrowest_cut(ranks).dimension
    narrower = attrs.evolve(
        system,
        dimensions=tuple(
            attrs.evolve(d, link=attrs.evolve(d.link, bandwidth_bytes_per_s=d.link.bandwidth_bytes_per_s / 10))
            if number == dimension
            else d
            for number, d in enumerate(system.dimensions)
        ),
    )
    assert _time_s(message, narrower, algorithm=algorithm) > takes_s


def test_one_rank_has_nothing_to_wait_for() -> None:
    """A group of one is no communication."""
    assert _time_s(Message(Kind.ALL_REDUCE, 1 << 20, 1, "dp", (3,))) == 0


def test_rows_keep_their_order() -> None:
    """Times are taken by position."""
    rows = [Message(Kind.ALL_GATHER, size, 4) for size in (1 << 30, 1, 1 << 10)]
    times_s = AlphaBeta().network(AlphaBetaOptions()).times_s(rows, _system())
    assert times_s.shape == (3,)
    assert times_s[1] < times_s[2] < times_s[0]
    assert AlphaBeta().network(AlphaBetaOptions()).times_s((), _system()).shape == (0,)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (Message(Kind.ALL_TO_ALL, 64, 8, algorithm="tree"), "tree does not do this: all_to_all of 64 bytes"),
        (Message(Kind.ALL_REDUCE, 64, 6, algorithm="halving_doubling"), "needs a power of two .* over 6 ranks"),
        (Message(Kind.ALL_REDUCE, 64, 8, algorithm="rign"), "did you mean 'ring'"),
    ],
)
def test_what_it_does_not_model_is_refused_with_the_way_out(message: Message, said: str) -> None:
    """A guess would look like a difference between simulators."""
    with pytest.raises(UnsupportedGraphError, match=said):
        _time_s(message)


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha_s": -1e-6},
        {"alpha_s": float("nan")},
        {"alpha_s": float("inf")},
        {"bandwidth_bytes_per_s": 0.0},
        {"bandwidth_bytes_per_s": float("inf")},
        {"algorithm": "star"},
    ],
)
def test_impossible_options_are_refused(wrong: dict[str, Any]) -> None:
    """They would surface as NaN seconds much later."""
    with pytest.raises(ValueError, match=r"."):
        AlphaBetaOptions(**wrong)


def test_it_leaves_compute_to_others() -> None:
    """A scenario that names it for compute is told so by the framework."""
    assert AlphaBeta().compute(AlphaBetaOptions()) is None
