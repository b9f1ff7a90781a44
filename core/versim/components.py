"""What a plugin can offer: four kinds of components and what they may do besides.

A component is any object with the attributes and methods below; it need not inherit. ``options`` is an attrs class:
it gives validation, the help text, the scenario schema and the documentation (an attribute's ``metadata["help"]``
says what it means and in which unit). Constructing a component must be cheap; load what is heavy when it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO, runtime_checkable

import attrs

from versim.system import System
from versim.timing import ComputeTiming, NetworkTiming

if TYPE_CHECKING:
    from versim.comparison import Report
    from versim.graph import ExecutionGraph
    from versim.pinning import PinnedGraph
    from versim.prediction import Prediction


def option(default: Any = attrs.NOTHING, *, help: str, **keywords: Any) -> Any:  # noqa: A002 - reads as what it is
    """An attrs field of an options class, with its help text."""
    return attrs.field(default=default, metadata={"help": help}, **keywords)


@attrs.frozen
class NoOptions:
    """The options of a component that has none."""


class Component(Protocol):
    """What every component has."""

    @property
    def name(self) -> str:
        """The name scenarios use."""
        ...

    @property
    def options(self) -> type:
        """An attrs class; :class:`NoOptions` if there are none."""
        ...


@runtime_checkable
class GraphProducer(Component, Protocol):
    """Writes execution graphs."""

    def produce(self, options: Any) -> ExecutionGraph:
        """The graph that ``options``, an instance of ``self.options``, describe."""
        ...


@runtime_checkable
class ProposesSystem(Protocol):
    """A producer whose input also says what the step runs on."""

    def system(self, options: Any) -> System:
        """The system that a scenario without a ``system`` section runs on."""
        ...


@runtime_checkable
class TimingModel(Component, Protocol):
    """Times compute, communication, or both."""

    def compute(self, options: Any) -> ComputeTiming | None:
        """A compute timing, or None if this model has none."""
        ...

    def network(self, options: Any) -> NetworkTiming | None:
        """A network timing, or None if this model has none."""
        ...


@attrs.frozen(kw_only=True)
class SimulationRequest:
    """Everything a backend is given.

    Attributes:
        pinned: The graph with its compute times.
        system: What it runs on.
        options: An instance of the backend's options class.
        network: The network timing the scenario names, for backends that are driven by one.
    """

    pinned: PinnedGraph
    system: System
    options: Any
    network: NetworkTiming | None = None


@runtime_checkable
class SimulatorBackend(Component, Protocol):
    """Predicts when each node of a pinned graph runs.

    A backend that is driven by a network timing has an attribute ``network_timing``: the name of the timing model to
    use where the scenario names none. Backends without it model the network themselves.
    """

    def simulate(self, request: SimulationRequest) -> Prediction:
        """Simulate one step.

        Raises:
            UnsupportedGraphError: The graph has something this simulator cannot express.
        """
        ...


@runtime_checkable
class Reporter(Component, Protocol):
    """Formats a finished report; computes nothing."""

    def write(self, report: Report, out: TextIO, options: Any) -> None:
        """Write ``report`` to an open text stream."""
        ...


@runtime_checkable
class Exports(Protocol):
    """A backend that can write its input files for use outside versim."""

    def export(self, request: SimulationRequest, folder: Path) -> Iterable[Path]:
        """Write the files into an existing empty folder; returns them."""
        ...


@attrs.frozen
class Diagnostic:
    """One line of ``versim doctor``.

    Attributes:
        subject: What was looked for.
        found: Whether it is usable.
        detail: What was found, or what to do.
    """

    subject: str
    found: bool
    detail: str


@runtime_checkable
class Diagnoses(Protocol):
    """A component that depends on something outside Python and can say whether it is there."""

    def diagnose(self) -> Iterable[Diagnostic]:
        """What was found."""
        ...


@attrs.frozen
class TableResult:
    """How a table of reference cases was matched.

    Attributes:
        matched: Cases that match.
        total: Cases looked at.
        mismatches: Each mismatch with both figures.
        worst_relative_error: The largest relative error of any compared figure, where errors are relative.
    """

    matched: int
    total: int
    mismatches: tuple[str, ...] = ()
    worst_relative_error: float | None = None


@runtime_checkable
class Verifies(Protocol):
    """A component that re-creates another program and can prove it on tables of that program's answers."""

    def verify(self, table: Mapping[str, Any], options: Mapping[str, str]) -> TableResult:
        """Hold every case of a table against what this component computes from the case's input."""
        ...
