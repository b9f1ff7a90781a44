"""The explanation of a difference as values, in integer picoseconds."""

from __future__ import annotations

import enum

import attrs


class Policy(enum.StrEnum):
    """How the reference's schedule answers to other durations."""

    REPLAY = "replay"
    """First come, first served: it reproduces the reference exactly, so orders may follow the durations."""
    FIXED_ORDER = "fixed order"
    """The orders and lags that were observed are kept."""


class TermKind(enum.StrEnum):
    """What a term of an attribution is about."""

    COMPUTE = "compute"
    COMMUNICATION = "communication"
    ROUNDING = "rounding"
    """Fractions of picoseconds that averaging over orders leaves."""
    ORDER = "schedule order"
    REST = "what is left"


class Averaging(enum.StrEnum):
    """In which orders groups are substituted."""

    SEQUENTIAL = "sequential"
    """One order, stated in the attribution."""
    SHAPLEY = "shapley"
    """The average over all orders."""


@attrs.frozen(kw_only=True)
class Term:
    """One bar of the waterfall.

    Attributes:
        name: What it is about, e.g. ``all_reduce over dp, backward``.
        kind: See :class:`TermKind`.
        key: Kind and axes of the communication, or ``compute``; "" for terms that are no group.
        phase: The group's part of the step, "" where not said.
        effect_ps: Change of the makespan that this term explains.
        executions: How often the group runs, over the ranks that the timelines tell apart.
        change_ps: Change of duration summed over those executions; None for terms that are no group.
        on_path_ps: That part of it that lies on the reference's critical path.
        in_slack_ps: The other part, which slack may hide.
        isolated_ps: Part of ``effect_ps`` that the other's durations in isolation explain; None where not known.
        contention_ps: Part of ``effect_ps`` due to the other being slower than in isolation; None where not known.
    """

    name: str
    kind: TermKind
    effect_ps: int
    key: str = ""
    phase: str = ""
    executions: int = 0
    change_ps: int | None = None
    on_path_ps: int | None = None
    in_slack_ps: int | None = None
    isolated_ps: int | None = None
    contention_ps: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.change_ps is not None and self.change_ps != (self.on_path_ps or 0) + (self.in_slack_ps or 0):
            raise ValueError(f"{self.name}: the parts of its change do not add up")
        if self.contention_ps is not None and self.effect_ps != (self.isolated_ps or 0) + self.contention_ps:
            raise ValueError(f"{self.name}: isolated and contention do not add up to its effect")


@attrs.frozen(kw_only=True)
class Pattern:
    """What waits behind what, where the other prediction makes it wait otherwise than the reference.

    Attributes:
        waiting: Key of what is ready and waits.
        behind: Key of what occupies the resource meanwhile.
        ranks: Representative ranks on which it waits in the other prediction.
        executions: How many executions wait there.
        wait_ps: Time waited there, over all executions.
        on_path_ps: Time on the other's critical path that is spent waiting so; every moment of the path counts once.
        reference_wait_ps: As ``wait_ps``, in the reference.
        reference_on_path_ps: As ``on_path_ps``, in the reference.
    """

    waiting: str
    behind: str
    ranks: tuple[int, ...]
    executions: int
    wait_ps: int
    on_path_ps: int
    reference_wait_ps: int
    reference_on_path_ps: int

    @property
    def sentence(self) -> str:
        """The finding without figures, e.g. ``point_to_point over pp waits behind all_reduce over dp on rank 3``."""
        shown = ", ".join(map(str, self.ranks[:8])) + (" …" if len(self.ranks) > 8 else "")
        where = f"rank{'s' if len(self.ranks) > 1 else ''} {shown}" if self.ranks else "no rank any more"
        return f"{self.waiting} waits behind {self.behind} on {where}"


@attrs.frozen(kw_only=True)
class Attribution:
    """Why one prediction's makespan differs from the reference's.

    Attributes:
        reference: Label of the reference.
        other: Label of the other prediction.
        difference_ps: Makespan of the other minus the reference's; the sum of all effects.
        terms: In the order of substitution; then schedule order, then what is left.
        policy: How the reference's schedule answers to other durations.
        averaging: In which orders groups were substituted.
        orders: How many orders were averaged over; 1 if sequential.
        seed: Seed of the sample of orders; None where no sample was drawn.
        patterns: What waits behind what, what costs the other most on its critical path first.
    """

    reference: str
    other: str
    difference_ps: int
    terms: tuple[Term, ...]
    policy: Policy
    averaging: Averaging
    orders: int
    seed: int | None
    patterns: tuple[Pattern, ...]

    def __attrs_post_init__(self) -> None:
        total_ps = sum(term.effect_ps for term in self.terms)
        if total_ps != self.difference_ps:
            raise ValueError(f"terms sum to {total_ps} ps, not to the difference of {self.difference_ps} ps")

    @property
    def order(self) -> tuple[str, ...]:
        """Names of the groups in the order of substitution."""
        return tuple(term.name for term in self.terms if term.kind in (TermKind.COMPUTE, TermKind.COMMUNICATION))

    def term(self, name: str) -> Term:
        """The term of a name; ``KeyError`` if there is none."""
        for term in self.terms:
            if term.name == name:
                return term
        raise KeyError(name)

    @property
    def schedule_order_ps(self) -> int:
        """Effect of the other's orders."""
        return self.term(TermKind.ORDER.value).effect_ps

    @property
    def rest_ps(self) -> int:
        """What is left."""
        return self.term(TermKind.REST.value).effect_ps
