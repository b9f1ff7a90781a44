"""What the real program prints ─▶ figures per rank, and what it says about a failure.

The exit status is not trusted: the program ends with 0 although ranks never finished, and may die while tidying up
after a sound simulation. What counts is which ranks printed that they finished.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping

import attrs

# Numbers are bounded, because Python refuses to convert thousands of digits: 8 for ranks, 20 for 64 bits.
_RANK, _FIGURE = r"(\d{1,8})", r"(\d{1,20})"
_FINISHED = re.compile(rf"sys\[{_RANK}\] finished, {_FIGURE} cycles, exposed communication {_FIGURE} cycles")
_STATISTIC = re.compile(rf"sys\[{_RANK}\], (Wall|CPU|GPU|Comm|Remote mem|Invalid) time: {_FIGURE}\b")
_OVERLAP = re.compile(rf"sys\[{_RANK}\], Total compute-communication overlap: {_FIGURE}\b")
_AVERAGE = re.compile(
    rf"sys\[{_RANK}\], (?:Average )?"
    r"(compute bound percentage|compute utilization|memory utilization|operation intensity): (\d{1,20}\.\d{1,9})",
    re.IGNORECASE,
)
_UNRELEASED_RANK = re.compile(rf"Hardware Resource sys\.id={_RANK} has unreleased nodes")
_UNRELEASED_NODE = re.compile(rf"\b(?:CPU|GPU)\b.*\bnode id: {_FIGURE}\b")
_TROUBLE = re.compile(
    r"\[critical\]|\[error\]|Assertion|terminate called|what\(\):|double free|corrupt|malloc\(\)|free\(\)|LOG ERROR",
    re.IGNORECASE,
)
_CHATTER = re.compile(r"\[info\] ring of node")
"""Printed for every rank and dimension, whatever happens."""

_DECIDED = re.compile(r"Assertion|terminate called")

_MOST_COMPLAINTS = 20
_TAIL_LINES = 5
_TAIL_CHARACTERS = 300


@attrs.frozen(kw_only=True)
class RankFigures:
    """What the program printed about one rank; integer nanoseconds, None where it printed nothing.

    Attributes:
        finish_ns: When the rank finished.
        exposed_communication_ns: Its finish minus its compute.
        class_ns: Time per class of nodes (``GPU``, ``Comm`` …), overlapping nodes counted once.
        overlap_ns: Compute and communication at the same time.
        averages: With the roofline, what it prints of compute nodes: ``compute bound percentage``, ``compute
            utilization`` and ``memory utilization`` in percent, ``operation intensity`` in operations per byte.
    """

    finish_ns: int
    exposed_communication_ns: int
    class_ns: Mapping[str, int] = attrs.field(factory=dict)
    overlap_ns: int | None = None
    averages: Mapping[str, float] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class ProgramOutput:
    """What a run printed.

    Attributes:
        ranks: Figures of every rank that finished.
        unreleased: (rank, node id) pairs of nodes that were running when nothing more could happen.
        complaints: Lines about errors, as printed, each once, at most twenty.
        tail: The last lines that say something, at most five.
    """

    ranks: Mapping[int, RankFigures]
    unreleased: tuple[tuple[int, int], ...]
    complaints: tuple[str, ...]
    tail: tuple[str, ...]

    @property
    def last_line(self) -> str:
        """The last line that says something, "" if there is none."""
        return self.tail[-1] if self.tail else ""

    @property
    def gave_up(self) -> bool:
        """Whether the program itself found a reason to end, and would again."""
        return any(_DECIDED.search(line) for line in self.complaints)

    def unfinished(self, rank_count: int) -> tuple[int, ...]:
        """Ranks below ``rank_count`` that did not print that they finished."""
        return tuple(rank for rank in range(rank_count) if rank not in self.ranks)


def parse(text: str) -> ProgramOutput:
    """Read the program's combined output; anything that is not understood is skipped."""
    finished: dict[int, tuple[int, int]] = {}
    classes: dict[int, dict[str, int]] = {}
    overlap: dict[int, int] = {}
    unreleased: list[tuple[int, int]] = []
    complaints: dict[str, None] = {}
    stuck_rank: int | None = None
    averages: dict[int, dict[str, float]] = {}
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    for line in text.splitlines():
        stripped = line.strip()
        if stripped and not _CHATTER.search(line):
            tail.append(stripped[:_TAIL_CHARACTERS])
        if found := _FINISHED.search(line):
            rank, finish, exposed = (int(group) for group in found.groups())
            finished.setdefault(rank, (finish, exposed))
        elif found := _STATISTIC.search(line):
            classes.setdefault(int(found[1]), {})[found[2]] = int(found[3])
        elif found := _OVERLAP.search(line):
            overlap[int(found[1])] = int(found[2])
        elif found := _AVERAGE.search(line):
            averages.setdefault(int(found[1]), {})[found[2].lower()] = float(found[3])
        elif found := _UNRELEASED_RANK.search(line):
            stuck_rank = int(found[1])
        elif stuck_rank is not None and (found := _UNRELEASED_NODE.search(line)):
            unreleased.append((stuck_rank, int(found[1])))
        elif _TROUBLE.search(line) and len(complaints) < _MOST_COMPLAINTS:
            complaints[stripped[:_TAIL_CHARACTERS]] = None
    return ProgramOutput(
        ranks={
            rank: RankFigures(
                finish_ns=finish,
                exposed_communication_ns=exposed,
                class_ns=classes.get(rank, {}),
                overlap_ns=overlap.get(rank),
                averages=averages.get(rank, {}),
            )
            for rank, (finish, exposed) in sorted(finished.items())
        },
        unreleased=tuple(unreleased),
        complaints=tuple(complaints),
        tail=tuple(tail),
    )
