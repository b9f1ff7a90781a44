"""Causes in words: figures that tell apart what they are said to tell apart, and none where they do not."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import Kind, Message, TermCauses, bus_bandwidth
from versim.comparison.causes import Asked, causes_of
from versim_reporters.cause_words import in_words

BYTES = 10**9


def found(
    kind: Kind, before_ps: int, after_ps: int, effect_ps: int, latency_ps: tuple[int, int] = (0, 0)
) -> TermCauses:
    """A term of one communication among eight ranks, which takes its bytes and its latency."""
    message = Message(kind, BYTES, 8, "tp", tuple(range(8)))
    asked = [
        Asked(alone_ps=ps + more, near_ps=ps + more, instant_ps=ps, bare_ps=ps)
        for ps, more in zip((before_ps, after_ps), latency_ps, strict=True)
    ]
    return causes_of("term", effect_ps, None, [(message, 1, *asked)], 1)


def test_a_collective_has_the_bandwidth_that_its_links_are_compared_with() -> None:
    """An all-gather of 1 GB over 8 ranks in 2 ms moves 7/8 GB through each: 437.5 GB/s, not 500."""
    said = in_words(found(Kind.ALL_GATHER, 2 * 10**9, 4 * 10**9, 10**9))
    assert said == "bus bandwidth 219 GB/s instead of 438"
    assert bus_bandwidth(Kind.ALL_GATHER, 8, BYTES, 2e-3) == pytest.approx(437.5e9)


def test_a_message_moves_its_bytes() -> None:
    """Nothing is sent twice, so there is nothing to convert."""
    assert in_words(found(Kind.POINT_TO_POINT, 10**10, 2 * 10**10, 5)) == "moves the bytes at 50 GB/s instead of 100"


@given(
    kind=st.sampled_from([Kind.ALL_GATHER, Kind.ALL_REDUCE, Kind.POINT_TO_POINT]),
    before_ps=st.integers(1, 10**13),
    change_ps=st.integers(-(10**6), 10**6) | st.integers(-(10**13), 10**13),
    latency_ps=st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)),
    effect_ps=st.integers(-(10**12), 10**12),
)
def test_no_figure_stands_against_itself(
    kind: Kind, before_ps: int, change_ps: int, latency_ps: tuple[int, int], effect_ps: int
) -> None:
    """Neither "179 GB/s instead of 179", nor a lower bandwidth as the reason of taking less time."""
    after_ps = max(1, before_ps + change_ps)
    said = in_words(found(kind, before_ps, after_ps, effect_ps, latency_ps))
    for one, other in re.findall(r"([\d.e+]+) GB/s instead of ([\d.e+]+)", said):
        assert one != other
    for one, other in re.findall(r"latency of (.*?) each instead of ([^,]*)", said):
        assert one != other


@pytest.mark.parametrize(
    ("reference_ps", "other_ps", "said"),
    [
        (10**9, 3 * 10**9, "degraded links cost it 3.00 ms each instead of 1.00 ms"),
        (10**9, 0, "degraded links cost it nothing instead of 1.00 ms each"),
        (0, 10**9, "degraded links cost it 1.00 ms each, and the reference nothing"),
    ],
)
def test_a_degraded_link_is_named(reference_ps: int, other_ps: int, said: str) -> None:
    """With what it costs a communication in each simulator."""
    message = Message(Kind.ALL_REDUCE, BYTES, 8, "dp", tuple(range(8)))
    reference, other = (
        Asked(alone_ps=10**9 + more, near_ps=10**9, instant_ps=10**9, bare_ps=10**9, whole_ps=10**9)
        for more in (reference_ps, other_ps)
    )
    found = causes_of("term", other_ps - reference_ps, None, [(message, 1, reference, other)], 1)
    assert in_words(found) == said
