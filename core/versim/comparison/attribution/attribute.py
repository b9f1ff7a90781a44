"""From two predictions of one pinned graph to the explanation of their difference.

The reference's schedule is modelled so that it reproduces the reference exactly; then the other's active durations are
substituted group by group, then its orders. Every term is the change of the makespan at its step:

    reference ─▶ compute ─▶ communication, largest change first ─▶ schedule order ─▶ what is left = other

*Schedule order* takes over in what order the other serves devices and lanes of communication on each rank, and which
parts its communications wait for, with the reference's lags. *What is left* is waiting that neither durations nor
orders explain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.align import Timeline, common_instances, parts_of, timeline
from versim.comparison.attribution.chain import Chain, chain_of
from versim.comparison.attribution.lanes import device_before
from versim.comparison.attribution.model import Attribution, Averaging, Policy, Term, TermKind
from versim.comparison.attribution.patterns import patterns_of
from versim.comparison.attribution.shares import Shares, State, sequential, shapley
from versim.comparison.groups import Groups, changes_ps, exact_sums, groups_of
from versim.graph import NONE, Instances
from versim.inputs import Inputs
from versim.kernel.functions import compiled
from versim.picoseconds import LONGEST_PS
from versim.prediction import NO_TIME, Prediction
from versim.schedule import EventLoop

MOST_EVENTS = 16_000_000
"""Events that averaging over orders may take, some twenty seconds; one substitution takes one per instance."""

LEAST_EVENTS = 500
"""What a substitution takes besides, in events."""

Isolated = Mapping[int, int | None] | Sequence[int | None] | NDArray[np.int64]
"""Picoseconds that each communication takes alone, by its number; None, left out of a mapping or, in a column, NO_TIME
where not known."""


def attribute(
    pinned: Inputs,
    reference: Prediction,
    other: Prediction,
    *,
    chains: tuple[Chain, Chain] | None = None,
    isolated_ps: Isolated | None = None,
    averaging: Averaging | str = Averaging.SEQUENTIAL,
) -> Attribution | None:
    """Explain the difference of two makespans.

    Args:
        pinned: What both were given.
        reference: The prediction that the difference refers to.
        other: The prediction to explain.
        chains: Of both, laid onto common instances, if they have been made.
        isolated_ps: Per communication, what it takes alone in the other's simulator: on the network and between the
            ranks of the scenario. Timed on a network of its own, what placement costs would pass for contention.
        averaging: ``sequential`` or ``shapley``.

    Returns:
        None if either did not complete, does not say when its nodes ran, or if one's durations in the other's order
        may last longer than picoseconds are counted.
    """
    if reference.makespan_ps is None or other.makespan_ps is None:
        return None
    if chains is None:
        instances = common_instances(pinned.graph, (reference, other))
        lines = (timeline(reference, instances), timeline(other, instances))
        if not all(line.ran.all() for line in lines) or not instances.count:
            return None
        chains = (chain_of(lines[0]), chain_of(lines[1]))
    problem = _Problem.of(*chains, isolated_ps)
    if not problem.fits():
        return None
    averaging = Averaging(averaging)
    if averaging is Averaging.SEQUENTIAL:
        shares = sequential(problem.split, problem.makespans_ps)
    else:
        shares = shapley(problem.split, problem.makespans_ps, MOST_EVENTS // max(LEAST_EVENTS, problem.size))
    terms = [*_group_terms(problem, shares)]
    if shares.rounding_ps:
        terms.append(Term(name="rounding of averages", kind=TermKind.ROUNDING, effect_ps=shares.rounding_ps))
    ordered_ps = problem.ordered_makespan_ps()
    order = Term(name=TermKind.ORDER.value, kind=TermKind.ORDER, effect_ps=ordered_ps - shares.last_ps)
    terms.append(order)
    difference_ps = other.makespan_ps - reference.makespan_ps
    left_ps = difference_ps - sum(term.effect_ps for term in terms)
    terms.append(Term(name=TermKind.REST.value, kind=TermKind.REST, effect_ps=left_ps))
    return Attribution(
        reference=reference.label,
        other=other.label,
        difference_ps=difference_ps,
        terms=tuple(terms),
        policy=problem.policy,
        averaging=averaging,
        orders=shares.orders,
        seed=shares.seed,
        patterns=patterns_of(problem.reference, problem.other),
    )


@attrs.frozen(eq=False, kw_only=True)
class _Problem:
    """The schedule that durations are substituted into, and the durations."""

    reference: Chain
    other: Chain
    groups: Groups
    change_ps: list[int]
    executions: list[int]
    players: list[int]
    split: list[bool]
    durations: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    served: EventLoop | None

    @classmethod
    def of(cls, reference: Chain, other: Chain, isolated_ps: Isolated | None) -> _Problem:
        instances = reference.instances
        groups = groups_of(instances)
        before, after = reference.progress.duration_ps, other.progress.duration_ps
        alone, known = _isolated(instances, after, isolated_ps)
        change, executions = changes_ps(instances, groups, before, after)
        is_compute, changed, knows = (np.zeros(groups.count, dtype=bool) for _ in range(3))
        for groups_with, which in (
            (is_compute, instances.meeting == NONE),
            (changed, (before != after) | (alone != after)),
            (knows, known),
        ):
            groups_with[groups.of[which]] = True
        names = groups.names
        players = sorted(np.flatnonzero(changed).tolist(), key=lambda g: (not is_compute[g], -abs(change[g]), names[g]))
        return cls(
            reference=reference,
            other=other,
            groups=groups,
            change_ps=change,
            executions=executions,
            players=players,
            split=[bool(knows[group]) for group in players],
            durations=(before, alone, after),
            served=_replay(reference),
        )

    @property
    def size(self) -> int:
        """Instances of the schedule."""
        return self.reference.instances.count

    def fits(self) -> bool:
        """Whether no sum of durations along a path can pass int64, whoever's durations they are."""
        makespans_ps = sum(int(chain.line.end_ps.max(initial=0)) for chain in (self.reference, self.other))
        if max(int(column.max(initial=0)) for column in self.durations) * self.size + makespans_ps < LONGEST_PS:
            return True
        longest = np.maximum.reduce(self.durations)
        if float(longest.sum(dtype=np.float64)) + makespans_ps < LONGEST_PS:
            return True
        return all(chain.bound_ps(longest) < LONGEST_PS for chain in (self.reference, self.other))

    @property
    def policy(self) -> Policy:
        return Policy.FIXED_ORDER if self.served is None else Policy.REPLAY

    def makespans_ps(self, states: Sequence[State]) -> list[int]:
        """The reference's makespan with durations substituted."""
        if self.served is not None:
            return self._served_ps(self.served, states)
        at_once = 16
        found: list[int] = []
        for first in range(0, len(states), at_once):
            columns = [self._substituted(state) for state in states[first : first + at_once]]
            found.extend(self.reference.makespans_ps(np.stack(columns, axis=1)))
        return found

    def _served_ps(self, served: EventLoop, states: Sequence[State]) -> list[int]:
        """As served first come, first served."""
        found: list[int | None] = [None] * len(states)
        if compiled():
            choices = np.array([self._choice(state) for state in states])
            found = self.reference.first_come_ps(self.groups.of, self.durations, choices)
        return [self._run_ps(served, state) if ps is None else ps for state, ps in zip(states, found, strict=True)]

    def _run_ps(self, served: EventLoop, state: State) -> int:
        if not any(state):
            # It reproduces the reference: that is what it was chosen for.
            return int(self.reference.line.end_ps.max(initial=0))
        return int(served.run(self._substituted(state))[1].max(initial=0))

    def _choice(self, state: State) -> NDArray[np.uint8]:
        """Per group, whose durations it has."""
        choice = np.zeros(self.groups.count, dtype=np.uint8)
        choice[self.players] = state
        return choice

    def _substituted(self, state: State) -> NDArray[np.int64]:
        return np.asarray(np.choose(self._choice(state)[self.groups.of], self.durations))

    def ordered_makespan_ps(self) -> int:
        """The makespan with the other's durations in the other's orders, and the reference's lags."""
        lag_ps = self.other.lag_of(self.reference)
        return self.other.makespans_ps(self.durations[2][:, None], lag_ps)[0]


def _isolated(
    instances: Instances, active_ps: NDArray[np.int64], isolated_ps: Isolated | None
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Durations with the isolated ones where they are known, and where that is; shape (instances,)."""
    each = _each_alone(instances.graph.communication_count, isolated_ps)
    parts, meeting = parts_of(instances)
    of_part = each[instances.meeting_match[meeting]]
    knows = parts[of_part != NO_TIME]
    alone, known = active_ps.copy(), np.zeros(instances.count, dtype=bool)
    alone[knows], known[knows] = of_part[of_part != NO_TIME], True
    return alone, known


def _each_alone(count: int, isolated_ps: Isolated | None) -> NDArray[np.int64]:
    """What each of so many communications takes alone, NO_TIME where not known; shape (communications,)."""
    if isolated_ps is not None and not isinstance(isolated_ps, Mapping) and len(isolated_ps) != count:
        raise ValueError(f"isolated_ps has {len(isolated_ps)} entries for {count} communications")
    if isinstance(isolated_ps, np.ndarray):
        wrong = np.flatnonzero(isolated_ps < NO_TIME)
        if len(wrong):
            raise ValueError(f"isolated_ps: communication {wrong[0]} takes {isolated_ps[wrong[0]]} ps")
        return isolated_ps
    each = np.full(count, NO_TIME, dtype=np.int64)
    pairs = isolated_ps if isinstance(isolated_ps, Mapping) else dict(enumerate(isolated_ps or ()))
    for match, value in pairs.items():
        if value is None:
            continue
        if not 0 <= match < count or value < 0:
            raise ValueError(f"isolated_ps: communication {match} takes {value} ps")
        each[match] = value
    return each


def _replay(reference: Chain) -> EventLoop | None:
    """The event-driven schedule, if it reproduces the reference exactly."""
    line = reference.line
    # Cheap signs that it cannot: lags, eager messages, lanes of communication.
    if reference.lag_ps.any() or reference.progress.late.any() or (reference.waits.lanes != NONE).any():
        return None
    served = EventLoop(reference.instances)
    if _is_forced(line):
        return served
    start_ps, end_ps = served.run(reference.progress.duration_ps)
    return served if bool((start_ps == line.start_ps).all() and (end_ps == line.end_ps).all()) else None


def _is_forced(line: Timeline) -> bool:
    """True if every device served in the order of readiness, and nothing on it was ready at one instant.

    Then first come, first served allows no other order, whatever its rule for ties, and without lags no other times.
    """
    instances = line.instances
    alone = instances.meeting == NONE
    before = device_before(line)
    after = np.flatnonzero(before != NONE)
    if len(after) != np.count_nonzero(alone) - np.count_nonzero(np.bincount(instances.rank_class[alone])):
        return False  # two at once
    return bool((line.ready_ps[before[after]] < line.ready_ps[after]).all())


def _group_terms(problem: _Problem, shares: Shares) -> list[Term]:
    """One term per group: those that changed in the order of substitution, then those that did not."""
    groups, instances = problem.groups, problem.reference.instances
    before, _, after = problem.durations
    path = problem.reference.path
    rows = path.row[path.carries]
    on_path = exact_sums(after[rows] - before[rows], groups.of[rows], groups.count)
    is_compute = np.zeros(groups.count, dtype=bool)
    is_compute[groups.of[instances.meeting == NONE]] = True
    unchanged = [group for group in range(groups.count) if group not in problem.players]
    terms = []
    for position, group in enumerate([*problem.players, *unchanged]):
        changed = position < len(problem.players)
        effect_ps = shares.effect_ps[position] if changed else 0
        isolated_ps = shares.isolated_ps[position] if changed else None
        terms.append(
            Term(
                name=groups.names[group],
                kind=TermKind.COMPUTE if is_compute[group] else TermKind.COMMUNICATION,
                key=groups.keys[group],
                phase=groups.phases[group],
                effect_ps=effect_ps,
                executions=problem.executions[group],
                change_ps=problem.change_ps[group],
                on_path_ps=on_path[group],
                in_slack_ps=problem.change_ps[group] - on_path[group],
                isolated_ps=isolated_ps,
                contention_ps=None if isolated_ps is None else effect_ps - isolated_ps,
            )
        )
    return terms
