"""What can go wrong through no fault of versim, said so that the reader can mend it.

A :class:`VersimError` is the user's: bad input, a missing file, a graph a simulator cannot express. The command line
prints it and exits with its ``exit_status``. A broken invariant inside versim is a ``ValueError`` or ``RuntimeError``
and keeps its traceback.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

LONGEST_SHOWN = 200
"""Letters of a name that messages repeat."""

SHORTEST_PART = 3
"""Letters from which on a part of a name is taken for one."""


class VersimError(Exception):
    """Something the user can mend; the message says what, where and how."""

    exit_status = 1


class FaultsError(VersimError):
    """Several faults of one input, reported together.

    Attributes:
        subject: What was looked at, e.g. a file name.
        faults: Every fault found, in the order of the input.
    """

    def __init__(self, subject: str, faults: Sequence[str]) -> None:
        super().__init__(subject, tuple(faults))
        self.subject = subject
        self.faults = tuple(faults)

    def __str__(self) -> str:
        if len(self.faults) == 1:
            return f"{self.subject}: {self.faults[0]}"
        lines = "\n".join(f"  - {fault}" for fault in self.faults)
        return f"{self.subject}: {len(self.faults)} faults\n{lines}"


class UnknownNameError(VersimError):
    """A name that nothing installed answers to.

    Attributes:
        kind: What was asked for ("backend", "reporter", "option").
        name: The name as given.
        known: The names that would have worked.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = tuple(sorted(known))
        super().__init__(kind, name, known)
        self.kind, self.name, self.known = kind, name, known

    def __str__(self) -> str:
        name = self.name if len(self.name) <= LONGEST_SHOWN else f"{self.name[:LONGEST_SHOWN]}…"
        return f"no {self.kind} named {name!r}{did_you_mean(name, self.known)}"


class UnsupportedGraphError(VersimError):
    """A backend was given something it cannot express; the message names the node and the remedy."""


class SimulationError(VersimError):
    """A simulation did not complete and its answer was required."""

    exit_status = 4


class TimeIsOverError(VersimError):
    """Something took longer than it may.

    Attributes:
        limit_s: What it may take, in seconds.
        who: What took longer, by role and name; "" where the message stands beside its name.
    """

    def __init__(self, limit_s: float, who: str = "") -> None:
        super().__init__(limit_s, who)
        self.limit_s, self.who = limit_s, who

    def __str__(self) -> str:
        return (
            f"{self.who and f'{self.who} was '}stopped at its time limit of {self.limit_s:g} s; --time-limit gives more"
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` and the list of what is known, ready to be appended to a message."""
    known = sorted(known)
    close = _meant(name, known)
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    return f"{hint} (known: {', '.join(known) or 'none'})"


def _meant(name: str, known: list[str]) -> list[str]:
    """What somebody means who writes ``name``: names of which it is a part, or else the one that is written alike.

    Letters alone mislead: of ``h100`` all but one stand in ``v100``, and ``h100-sxm5`` is what was meant. So the first
    word decides where one begins with it.
    """
    asked = name.casefold()[:LONGEST_SHOWN]
    word = re.split(r"[-_.:/ ]", asked)[0]
    if len(asked) >= SHORTEST_PART:
        parts = [other for other in known if asked in other.casefold()]
        parts = [other for other in parts if other.casefold().startswith(asked)] or parts
        if parts:
            return sorted(parts, key=len)[:3]
    kin = [other for other in known if len(word) >= SHORTEST_PART and other.casefold().startswith(word)]
    for among, cutoff in ((kin, 0.4), (known, 0.6)):
        close = difflib.get_close_matches(name, among, n=1, cutoff=cutoff)
        if close:
            return close
    return []


class ComponentError(VersimError):
    """A component of a plugin raised something that is no :class:`VersimError`, or broke its contract.

    Attributes:
        role: What it was doing, e.g. "backend".
        name: The component's name.
        cause: What it did.
    """

    def __init__(self, role: str, name: str, cause: str) -> None:
        super().__init__(role, name, cause)
        self.role, self.name, self.cause = role, name, cause

    def __str__(self) -> str:
        return (
            f"{self.role} {self.name!r} failed: {self.cause}. This is a fault of the plugin that offers it; "
            "`versim --debug` shows where"
        )
