"""Chains of timings: the first that does not decline a row answers it, and its name is the origin of the seconds.

A chain of one is how a single timing gets its name. What nobody answers stays NaN, or is refused by name where a
duration is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.containment import held_responsible
from versim.errors import UnsupportedGraphError, VersimError
from versim.fabric import Device, Message, System
from versim.timing import ComputeOrigins, ComputeTiming, NetworkLimits, NetworkOrigins, NetworkTiming, Origin, Source
from versim.work import Attention, DeviceTerm, Gemm, GroupedGemm, HostTransfer, Pointwise

DECLINED = "declined: "
"""How the detail of an origin begins that says why a row is declined."""

Row = TypeVar("Row", DeviceTerm, Message)


MOST_KNOWN = 100_000
"""Rows whose seconds are remembered, of a few hundred bytes each."""


class _Known(Generic[Row]):
    """Seconds that were said of rows on one device or system, the one that was asked about last."""

    def __init__(self) -> None:
        self._on: Device | System | None = None
        self._seconds: dict[Row, float] = {}

    def seconds(
        self,
        rows: Sequence[Row],
        on: Device | System,
        ask: Callable[[Sequence[Row]], NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        """Seconds of each row, those asked for that are not known; shape (rows,)."""
        if self._on is not on or len(self._seconds) > MOST_KNOWN:
            self._on, self._seconds = on, {}
        new = [row for row in dict.fromkeys(rows) if row not in self._seconds]
        if new:
            self._seconds.update(zip(new, ask(new).tolist(), strict=True))
        return np.array([self._seconds[row] for row in rows], dtype=np.float64)


@attrs.frozen(eq=False)
class ComputeChain:
    """Compute timings, asked one after the other.

    Attributes:
        names: Of the timings, as scenarios name them.
        timings: The first is asked first.
    """

    names: tuple[str, ...]
    timings: tuple[ComputeTiming, ...]
    _known: _Known[DeviceTerm] = attrs.field(factory=_Known, init=False, repr=False)

    def times_s(self, terms: Sequence[DeviceTerm], device: Device) -> NDArray[np.float64]:
        """Seconds of each term by the first that answers, NaN where nobody does; shape (terms,)."""
        return self.answers(terms, device, origins=False)[0]

    def origins(self, terms: Sequence[DeviceTerm], device: Device) -> list[Origin]:
        """Where the seconds of each term come from."""
        return self.answers(terms, device)[1]

    def answers(
        self, terms: Sequence[DeviceTerm], device: Device, *, origins: bool = True
    ) -> tuple[NDArray[np.float64], list[Origin]]:
        """Seconds and origins of each term, (terms,) each; no origins where they are not asked for."""
        if not origins:
            asking = _asking(self.names, self.timings, device)
            return self._known.seconds(terms, device, lambda new: _first_answers(new, asking)[0]), []
        seconds, by = _first_answers(terms, _asking(self.names, self.timings, device))

        def said(number: int, rows: tuple[DeviceTerm, ...]) -> Sequence[Origin] | None:
            timing = self.timings[number]
            return timing.origins(rows, device) if isinstance(timing, ComputeOrigins) else None

        return seconds, _origins(terms, by, self.names, said)

    def why_declined(self, term: DeviceTerm, device: Device) -> str:
        """What the timings say why they decline a term; "" where they do not."""
        told = (timing.origins((term,), device) for timing in self.timings if isinstance(timing, ComputeOrigins))
        return _reasons(told)


@attrs.frozen(eq=False)
class NetworkChain:
    """Network timings, asked one after the other; one that refuses a row declines it.

    Attributes:
        names: Of the timings, as scenarios name them.
        timings: The first is asked first.
    """

    names: tuple[str, ...]
    timings: tuple[NetworkTiming, ...]
    _known: _Known[Message] = attrs.field(factory=_Known, init=False, repr=False)

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:
        """Seconds of each message by the first that answers, NaN where nobody does; shape (messages,).

        Raises:
            UnsupportedGraphError: The last is asked for a message that it refuses.
        """
        return self.answers(messages, system, origins=False)[0]

    def origins(self, messages: Sequence[Message], system: System) -> list[Origin]:
        """Where the seconds of each message come from."""
        return self.answers(messages, system)[1]

    def answers(
        self, messages: Sequence[Message], system: System, *, origins: bool = True
    ) -> tuple[NDArray[np.float64], list[Origin]]:
        """Seconds and origins of each message, (messages,) each; no origins where they are not asked for."""
        asking = _asking(self.names, self.timings, system)
        asking = [*map(_declining, asking[:-1]), asking[-1]]
        if not origins:
            return self._known.seconds(messages, system, lambda new: _first_answers(new, asking)[0]), []
        seconds, by = _first_answers(messages, asking)

        def said(number: int, rows: tuple[Message, ...]) -> Sequence[Origin] | None:
            timing = self.timings[number]
            return timing.origins(rows, system) if isinstance(timing, NetworkOrigins) else None

        return seconds, _origins(messages, by, self.names, said)

    def network_limits(self, messages: Sequence[Message], system: System) -> list[str]:
        """What the timing that answers each message declares not to model of its network; "" if nothing."""
        asking = _asking(self.names, self.timings, system)
        _, by = _first_answers(messages, [*map(_declining, asking[:-1]), asking[-1]])
        limits = [""] * len(messages)
        for number, timing in enumerate(self.timings):
            mine = np.flatnonzero(by == number).tolist()
            if mine and isinstance(timing, NetworkLimits):
                with held_responsible("timing", self.names[number]):
                    told = timing.network_limits([messages[row] for row in mine], system)
                if len(told) != len(mine):
                    raise VersimError(f"timing {self.names[number]!r} gave {len(told)} limits for {len(mine)} rows")
                for row, text in zip(mine, told, strict=True):
                    limits[row] = text
        return limits

    def why_declined(self, message: Message, system: System) -> str:
        """What the timings say why they decline a message; "" where they do not."""
        told = (timing.origins((message,), system) for timing in self.timings if isinstance(timing, NetworkOrigins))
        return _reasons(told)


def _reasons(told: Iterable[Sequence[Origin]]) -> str:
    details = [origin.detail for (origin,) in told]
    return "; ".join(detail.removeprefix(DECLINED) for detail in details if detail.startswith(DECLINED))


def _asking(
    names: Sequence[str], timings: Sequence[ComputeTiming | NetworkTiming], on: Device | System
) -> list[Callable[[tuple[Any, ...]], Any]]:
    """Each timing's question; what breaks in one is its own, also where a backend asks in the middle of a step."""

    def ask(name: str, timing: Any, rows: tuple[Any, ...]) -> NDArray[np.float64]:
        with held_responsible("timing", name):
            return held_to_rows(timing.times_s(rows, on), rows, name)

    return [partial(ask, name, timing) for name, timing in zip(names, timings, strict=True)]


def _declining(ask: Callable[[tuple[Any, ...]], Any]) -> Callable[[tuple[Any, ...]], Any]:
    """The same question, but a row that is refused is a row that is declined."""

    def answer(rows: tuple[Any, ...]) -> Any:
        try:
            return ask(rows)
        except UnsupportedGraphError:
            if len(rows) == 1:
                return np.full(1, np.nan)
            return np.concatenate([answer((row,)) for row in rows])

    return answer


def _first_answers(
    rows: Sequence[Row], asking: Sequence[Callable[[tuple[Row, ...]], Any]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Seconds of each row, NaN where all decline, and which of ``asking`` answered, -1 for none."""
    seconds = np.full(len(rows), np.nan)
    by = np.full(len(rows), -1, dtype=np.int64)
    for number, ask in enumerate(asking):
        left = np.flatnonzero(by < 0)
        if not len(left):
            break
        answered = ask(tuple(rows[row] for row in left.tolist()))
        known = ~np.isnan(answered)
        seconds[left[known]] = answered[known]
        by[left[known]] = number
    return seconds, by


def held_to_rows(times_s: Any, rows: Sequence[object], name: str) -> NDArray[np.float64]:
    """What a timing returned for rows, as float64 (rows,); NaN for what it declines.

    Raises:
        VersimError: It is not one duration for each.
    """
    values = np.asarray(times_s, dtype=np.float64)
    if values.shape != (len(rows),):
        raise VersimError(
            f"timing {name!r} returned shape {values.shape} for {len(rows)} rows; it has to be one number each"
        )
    wrong = np.flatnonzero((values < 0) | np.isinf(values))
    if len(wrong):
        raise VersimError(
            f"timing {name!r} gives {values[wrong[0]]} s for {rows[wrong[0]]}; a duration has to be a finite number of "
            "at least 0"
        )
    return values


_WORK = {
    Gemm: "products",
    GroupedGemm: "grouped products",
    Attention: "attention",
    Pointwise: "element-wise work",
    HostTransfer: "copies to and from the host",
}


def _what(row: DeviceTerm | Message) -> str:
    """What a row is, alike for like rows."""
    if isinstance(row, Message):
        return str(row.kind)
    dtype = getattr(row, "dtype", "")
    return _WORK[type(row)] + (f" in {dtype}" if dtype else "")


def _origins(
    rows: Sequence[Row],
    by: NDArray[np.int64],
    names: tuple[str, ...],
    said: Callable[[int, tuple[Row, ...]], Sequence[Origin] | None],
) -> list[Origin]:
    """The origin of each row; of a row that nobody answered, the last timing's name."""
    origins = [
        Origin(Source.MODELLED, names[number], _what(row)) for number, row in zip(by.tolist(), rows, strict=True)
    ]
    for number in range(len(names)):
        mine = np.flatnonzero(by == number).tolist()
        if not mine:
            continue
        with held_responsible("timing", names[number]):
            told = said(number, tuple(rows[row] for row in mine))
        if told is None:
            continue
        if len(told) != len(mine):
            raise VersimError(f"timing {names[number]!r} gave {len(told)} origins for {len(mine)} rows")
        for row, origin in zip(mine, told, strict=True):
            origins[row] = origin
    return origins
