"""Critical paths as chains."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from versim import CriticalPath, ExecutionGraph, Fixed, GraphBuilder, Mesh, PathStep
from versim_reporters.paths import MOST_LINES, chain, chain_lines


def graph_of(names: list[str]) -> ExecutionGraph:
    """One compute node per name."""
    builder = GraphBuilder(Mesh.of(rank=1))
    for name in names:
        builder.compute(name, [(Fixed(1.0), 1)])
    return builder.build()


def path_of(times_ps: list[int]) -> CriticalPath:
    """A path through all rows of such a graph."""
    steps, now = [], 0
    for node, time_ps in enumerate(times_ps):
        steps.append(PathStep(node=node, rank=0, start_ps=now, end_ps=now + time_ps, waited_for="dependency"))
        now += time_ps
    return CriticalPath(steps=tuple(steps), compute_ps=now, communication_ps=0, gap_ps=0)


def spelt(names: str) -> str:
    """The chain of a path of one-letter names that take a second each."""
    return " → ".join(map(str, chain(path_of([10**12] * len(names)), graph_of(list(names)))))


def test_runs_are_collapsed() -> None:
    """Equal names one after the other are one link."""
    assert spelt("abbbc") == "a (1.00 s) → 3 × b (3.00 s) → c (1.00 s)"


def test_sequences_are_folded() -> None:
    """Also with runs inside them."""
    assert spelt("xababab") == "x (1.00 s) → 3 × (a → b) (6.00 s)"
    assert spelt("aabaab") == "2 × (2 × a → b) (6.00 s)"


@given(st.text(alphabet="abc", max_size=60), st.data())
def test_no_step_and_no_time_is_lost(names: str, data: st.DataObject) -> None:
    """Folding keeps steps and time; steps of no time are left out."""
    times_ps = data.draw(st.lists(st.integers(0, 10**13), min_size=len(names), max_size=len(names)))
    links = chain(path_of(times_ps), graph_of(list(names) or ["a"]))
    assert sum(link.time_ps for link in links) == sum(times_ps)
    assert sum(link.steps for link in links) == sum(map(bool, times_ps))


@given(st.lists(st.text(alphabet="abcdefgh ", min_size=1, max_size=60), max_size=80), st.integers(60, 120))
def test_chains_take_few_lines(names: list[str], width: int) -> None:
    """What does not fit is counted, with first and last link kept."""
    links = chain(path_of([10**12] * len(names)), graph_of(names or ["a"]))
    lines = chain_lines(links, width, "    ")
    assert len(lines) <= MOST_LINES
    assert all(len(line) <= width for line in lines)
    if len(links) > 1:
        hidden = [line for line in lines if "…" in line]
        assert hidden or len("".join(lines)) >= sum(len(str(link)) for link in links) - 2
