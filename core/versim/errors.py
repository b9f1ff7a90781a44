"""What can go wrong through no fault of versim, said so that the reader can mend it.

A :class:`VersimError` is the user's: bad input, a missing file, a graph a simulator cannot express. The command line
prints it and exits with its ``exit_status``. A broken invariant inside versim is a ``ValueError`` or ``RuntimeError``
and keeps its traceback.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable, Sequence

LONGEST_SHOWN = 400
"""Letters of a value that messages repeat whole; of a longer one they show both ends and say how long it is."""

LONGEST_LINE = 2000
MOST_LINES = 100
_QUOTED = re.compile(
    r"""(?<!\w)(?P<quote>["'])(?P<value>(?:(?!(?P=quote))[^\\\n]|\\.|(?<=\w)(?P=quote)(?=\w))*)(?P=quote)"""
)
_WORD = re.compile(r"(?P<quote>)(?P<value>\S+)")
_LINE = re.compile(r"(?P<quote>)(?P<value>.+)")

SHORTEST_PART = 3
"""Letters from which on a part of a name is taken for one."""

MOST_LISTED = 24
"""Names that are listed beside a guess."""


def legible(message: str) -> str:
    """A message that repeats no value, quoted or a word, at a length that nobody reads; nor any line, nor its lines."""
    for part, most in ((_QUOTED, LONGEST_SHOWN), (_WORD, LONGEST_SHOWN), (_LINE, LONGEST_LINE)):
        if len(message) > most:
            message = part.sub(functools.partial(_shortened, most), message)
    if message.count("\n") > MOST_LINES:
        lines = message.split("\n")
        message = "\n".join([*lines[: MOST_LINES - 10], f"… ({len(lines):,} lines)", *lines[-8:]])
    return message


def _shortened(most: int, found: re.Match[str]) -> str:
    value, quote = found["value"], found["quote"]
    if len(value) <= most:
        return found[0]
    tail = value[len(value) - most // 8 :]
    return f"{quote}{value[: most // 2]}…{tail}{quote} ({len(value):,} letters)"


class VersimError(Exception):
    """Something the user can mend; the message says what, where and how.

    A class of errors with a message of its own overrides :meth:`said`; what a message repeats of files and command
    lines is shortened here, for all of them.
    """

    exit_status = 1

    def said(self) -> str:
        """The message, with the values in it as long as they are."""
        return super().__str__()

    def __str__(self) -> str:
        return legible(self.said())


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

    def said(self) -> str:
        """What, where and how."""
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

    def said(self) -> str:
        """What, where and how."""
        return f"no {self.kind} named {self.name!r}{did_you_mean(self.name, self.known)}"


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

    def said(self) -> str:
        """What, where and how."""
        return (
            f"{self.who and f'{self.who} was '}stopped at its time limit of {self.limit_s:g} s; --time-limit gives more"
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` and the list of what is known, ready to be appended to a message.

    A long list is left out where there is a guess, which it would bury.
    """
    known = sorted(known)
    close = _meant(name[:LONGEST_SHOWN], known)
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    if close and len(known) > MOST_LISTED:
        return f"{hint} ({len(known) - len(close)} more are known)"
    return f"{hint} (known: {', '.join(known) or 'none'})"


def _meant(name: str, known: list[str]) -> list[str]:
    """What somebody means who writes ``name``: names of which it is a part, or else the one that is written alike.

    Letters alone mislead: of ``h100`` all but one stand in ``v100``, and ``h100-sxm5`` is what was meant. So the first
    word decides where one begins with it.
    """
    asked = name.casefold()
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

    def said(self) -> str:
        """What, where and how."""
        return (
            f"{self.role} {self.name!r} failed: {self.cause}. This is a fault of the plugin that offers it; "
            "`versim --debug` shows where"
        )
