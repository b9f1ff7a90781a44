"""A column of the league: by whom compute and communication are timed, and which simulator puts them in order.

Which columns are shown unless others are asked for is data (``defaults.json`` beside this module), looked up in the
registry like everything else: a column whose components are not installed is left out with the reason.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from versim.errors import UnknownNameError, VersimError
from versim.registry import Registry

DEFAULTS = Path(__file__).parent / "defaults.json"


@attrs.frozen(kw_only=True)
class Column:
    """Who predicts.

    Attributes:
        compute: Timings of compute; of several, the first that does not decline answers.
        network: Timings of communication, the same.
        backend: The simulator.
    """

    compute: tuple[str, ...]
    network: tuple[str, ...]
    backend: str

    @property
    def label(self) -> str:
        """``silicon+roofline/nccl``: compute and network; the simulator, where it is not the default one."""
        timed = f"{'+'.join(self.compute)}/{'+'.join(self.network)}"
        return timed if self.backend == _standard_backend() else f"{timed}/{self.backend}"


@attrs.frozen(kw_only=True)
class Defaults:
    """What the league does unless told otherwise.

    Attributes:
        producer: Who makes a graph of a record.
        granularity: How finely.
        columns: Who predicts.
        timing_options: Options of timings by name, where their own defaults are not what is asked for here.
        structure: Options of the producer that hold for every run, whatever its framework's conventions say.
    """

    producer: str
    granularity: str
    columns: tuple[Column, ...]
    timing_options: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    structure: Mapping[str, Any] = attrs.field(factory=dict)


@functools.cache
def _standard_backend() -> str:
    plain: dict[str, Any] = json.loads(DEFAULTS.read_text(encoding="utf-8"))
    return str(plain["columns"][0]["backend"])


@functools.cache
def defaults() -> Defaults:
    """The defaults that ship with versim."""
    plain: dict[str, Any] = json.loads(DEFAULTS.read_text(encoding="utf-8"))
    return Defaults(
        producer=plain["producer"],
        granularity=plain["granularity"],
        columns=tuple(
            Column(compute=tuple(column["compute"]), network=tuple(column["network"]), backend=column["backend"])
            for column in plain["columns"]
        ),
        timing_options=plain["timing_options"],
    )


def columns_of(compute: Sequence[str], network: Sequence[str], backends: Sequence[str]) -> tuple[Column, ...]:
    """Every combination of what was asked for; where nothing was, the defaults' own combinations.

    Args:
        compute: Chains such as ``silicon+roofline``.
        network: Chains such as ``nccl``.
        backends: Names of simulators.
    """
    standard = defaults().columns
    if not compute and not network:
        chosen = [(column.compute, column.network) for column in standard]
    else:
        chosen = list(
            itertools.product(
                [_chain(text) for text in compute] or list(dict.fromkeys(column.compute for column in standard)),
                [_chain(text) for text in network] or list(dict.fromkeys(column.network for column in standard)),
            )
        )
    simulators = list(dict.fromkeys(backends)) or list(dict.fromkeys(column.backend for column in standard))
    made = [Column(compute=c, network=n, backend=b) for (c, n), b in itertools.product(chosen, simulators)]
    return tuple(dict.fromkeys(made))


def available(columns: Sequence[Column], registry: Registry) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """Columns whose every component is installed, and a sentence on each of the others.

    Raises:
        VersimError: None is left.
    """
    usable: list[Column] = []
    remarks: list[str] = []
    for column in columns:
        try:
            for name in (*column.compute, *column.network):
                registry.timing(name)
            registry.backend(column.backend)
        except UnknownNameError as error:
            remarks.append(f"column {column.label} is left out: {str(error).splitlines()[0]}")
        else:
            usable.append(column)
    if not usable:
        raise VersimError("; ".join(remarks) or "no column was asked for")
    return tuple(usable), tuple(remarks)


def _chain(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.replace(",", "+").split("+") if name.strip())
    if not names:
        raise VersimError(f"{text!r} names no timing; write one, or several joined by +")
    return names
