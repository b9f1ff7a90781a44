"""How far a long simulation is: a backend tells the share that is done, whoever asked it says it to people."""

from __future__ import annotations

import contextlib
import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar

Say = Callable[[str], None]

TOLD_EVERY_S = 0.5
_LEAST_SHARE, _EARLY_S = 0.01, 60
_TWO_DIGITS = 100


class _Telling:
    """Says how far something is, and how long it still takes."""

    def __init__(self, say: Say, what: str) -> None:
        self._say, self._what, self._stage = say, what, what
        self._begin()

    def _begin(self) -> None:
        self._began = self._last = time.perf_counter()
        self._reached = 0.0

    def stage(self, what: str) -> None:
        """It does something else now, whose share is not known yet."""
        self._stage = f"{self._what}: {what}" if what else self._what
        self._begin()
        self._say(self._stage)

    def share(self, share: float) -> None:
        """So much of it is done."""
        if share < self._reached:  # the next simulation, for what one was asked about may take several
            self._began = self._last
        now = time.perf_counter()
        if not self._reached and share < _LEAST_SHARE:  # what went before was preparation
            self._began = now
        self._reached = share
        if now - self._last < TOLD_EVERY_S or not 0 < share < 1:
            return
        self._last = now
        # What little has been done at first says nothing about the rest.
        early = share < _LEAST_SHARE and now - self._began < _EARLY_S
        left = "" if early else f", {_in_words((now - self._began) * (1 - share) / share)} left"
        self._say(f"{self._stage}: {100 * share:.0f} %{left}")


_told: ContextVar[_Telling | None] = ContextVar("told", default=None)


def share_done(share: float) -> None:
    """Tell which share of a simulation is done, from 0 to 1; costs next to nothing where nobody looks.

    For backends whose simulations take seconds: told from whatever they count anyway, such as nodes that ended.
    """
    told = _told.get()
    if told is not None:
        told.share(share)


def doing(what: str) -> None:
    """Tell what begins now that may take seconds before a share of it is known; "" for the thing itself."""
    told = _told.get()
    if told is not None:
        told.stage(what)


@contextlib.contextmanager
def telling(say: Say | None, what: str) -> Iterator[None]:
    """Say how far ``what`` is and how long it still takes, twice a second at most; None says nothing."""
    before = _told.set(None if say is None else _Telling(say, what))
    try:
        yield
    finally:
        _told.reset(before)


@contextlib.contextmanager
def said_in_notebook() -> Iterator[Say | None]:
    """Says it below a notebook's cell while the cell runs; None where there is no notebook."""
    shell = importlib.import_module("IPython").get_ipython() if "ipykernel" in sys.modules else None
    if not hasattr(shell, "kernel"):  # who only talks to a kernel is none
        yield None
        return
    handle = importlib.import_module("IPython.display").display({"text/plain": "starting"}, raw=True, display_id=True)

    def say(message: str) -> None:
        handle.update({"text/plain": message}, raw=True)

    try:
        yield say
    finally:
        say("")


def _in_words(seconds: float) -> str:
    """Seconds as people say them: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < _TWO_DIGITS:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < _TWO_DIGITS else f"{minutes / 60:.1f} h"
