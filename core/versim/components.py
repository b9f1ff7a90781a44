"""What a plugin can offer: four kinds of components and what they may do besides.

A component is any object with the attributes and methods below; it need not inherit. ``options`` is an attrs class:
it gives validation, the help text, the scenario schema and the documentation (an attribute's ``metadata["help"]``
says what it means and in which unit). Constructing a component must be cheap; load what is heavy when it is used.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import attrs

from versim.errors import legible
from versim.timing import ComputeTiming, NetworkTiming

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from versim.comparison import Report
    from versim.curves import CollectiveSweep
    from versim.fabric import ClusterChoice, Message, System
    from versim.graph import ExecutionGraph
    from versim.inputs import Inputs
    from versim.prediction import Prediction
    from versim.sizes import StepSizes


def option(
    default: Any = attrs.NOTHING,
    *,
    help: str,  # noqa: A002 - reads as what it is
    path: bool = False,
    shipped: bool = False,
    flag: str = "",
    **keywords: Any,
) -> Any:
    """An attrs field of an options class.

    Args:
        default: As in ``attrs.field``.
        help: What the option means, and in which unit.
        path: True if it names files; they are then relative to the scenario's folder.
        shipped: True if it may also be a bare name of something that is shipped, such as a preset; that is meant where
            no file of this name lies in the scenario's folder.
        flag: A flag of ``versim compare`` that sets it, e.g. ``--hardware``.
        keywords: As in ``attrs.field``.
    """
    metadata: dict[str, Any] = {"help": help}
    if path:
        metadata["path"] = True
    if shipped:
        metadata["shipped"] = True
    if flag:
        metadata["cli"] = flag
    return attrs.field(default=default, metadata=metadata, **keywords)


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


@attrs.frozen(kw_only=True)
class PresetInfo:
    """Something shipped that an option can name.

    Attributes:
        name: As the option has it.
        figures: What it amounts to, on one line with units.
        source: Where the figures are from.
        used: The option that takes it, ``model`` or ``hardware``.
        family: What it is one of, in the plural: ``models``, ``devices``.
    """

    name: str
    figures: str
    source: str
    used: str
    family: str


@runtime_checkable
class OffersPresets(Protocol):
    """A component with things that its options take by name; ``versim presets`` lists them."""

    def presets(self) -> Iterable[PresetInfo]:
        """All of them, in the order in which they are shown."""
        ...


@runtime_checkable
class MakesScenarios(Protocol):
    """A producer whose files come with a simulator's own: together they amount to a whole scenario."""

    @property
    def scenario_options(self) -> type:
        """An attrs class of files that may lie elsewhere, each with a flag."""
        ...

    def scenario(self, place: Path, options: Any) -> Mapping[str, Any] | None:
        """The scenario that the files at a place amount to, as plain data; None if they are none of its own.

        Args:
            place: A folder, or what the names of the files begin with; absolute.
            options: An instance of ``scenario_options``.

        Raises:
            VersimError: They are its own, and something is wrong or missing.
        """
        ...


@runtime_checkable
class Sizes(Protocol):
    """A producer that knows what its step amounts to: tokens, model FLOP, memory."""

    def sizes(self, options: Any) -> StepSizes:
        """Of the step that ``options``, an instance of ``self.options``, describe."""
        ...


@runtime_checkable
class CountsRanks(Protocol):
    """A producer that knows how many ranks a step takes without making it.

    So that a step that does not fit its system is told together with whatever else is wrong with it.
    """

    def world_size(self, options: Any) -> int:
        """Of the step that ``options`` describe, whether or not it can be made."""
        ...


@runtime_checkable
class Resembles(Protocol):
    """A producer that knows which of its steps have most of their graphs in common.

    A sweep asks about such steps one after another, where what was made for one serves the next.
    """

    def resemblance(self, options: Any) -> str:
        """Equal for steps that have most in common; a step that cannot be made may have any."""
        ...


@runtime_checkable
class Drafts(Protocol):
    """A producer that writes a scenario to start from, given a model and a cluster: ``versim init --model``."""

    def draft(self, cluster: ClusterChoice, options: Mapping[str, Any]) -> str:
        """The text of a scenario.

        Args:
            cluster: What the step runs on; it says how many nodes.
            options: The producer's options as far as the user gave them, ``model`` among them.
        """
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


@runtime_checkable
class MeasuresNetwork(Protocol):
    """A timing model whose network timing only holds what was measured; others have errors against it."""

    def network_noise(self) -> Mapping[str, float]:
        """How far two measurements of one collective are apart, relatively, by band of sizes.

        Bands are those of :data:`versim.curves.errors_by_size.BANDS`; empty where nobody knows.
        """
        ...


@attrs.frozen(kw_only=True)
class SimulationRequest:
    """Everything a backend is given.

    Attributes:
        inputs: The graph with its compute times, and what it runs on.
        options: An instance of the backend's options class.
        network: The network timing the scenario names, for backends that are driven by one.
    """

    inputs: Inputs
    options: Any
    network: NetworkTiming | None = None


@runtime_checkable
class SimulatorBackend(Component, Protocol):
    """Predicts when each node of a pinned graph runs.

    A backend in which communications that run at once do not slow one another down has an attribute
    ``without_contention`` that says so in words: it may be faster than a network's middle allows.

    A backend that is driven by a network timing has an attribute ``network_timing``: the name of the timing model to
    use where the scenario names none. Backends without it model the network themselves.
    """

    def simulate(self, request: SimulationRequest) -> Prediction:
        """Simulate one step.

        Raises:
            UnsupportedGraphError: The graph has something this simulator cannot express.
        """
        ...


@attrs.frozen(kw_only=True)
class Destination:
    """Where a rendering goes, for reporters that care.

    Attributes:
        to_file: True if it is written to a file or folder, so that further files can stand beside it.
        encoding: What the destination can hold.
        columns: Width of the terminal, None if it is none. Colour is for terminals only.
        colour: True if the reader wants colour.
    """

    to_file: bool = False
    encoding: str = "utf-8"
    columns: int | None = None
    colour: bool = False


def _written(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Held where it is made, in the reporter: a document that cannot be written is its fault and nobody else's."""
    beside = attribute.name == "attachments"
    if beside and not isinstance(value, Mapping):
        raise ValueError(f"attachments have to be bytes by file name, got {type(value).__name__}")
    parts = value if isinstance(value, Mapping) else {"document": value}
    for name, part in parts.items():
        if not isinstance(name, str) or not PurePath(name).name or not name.isprintable():
            raise ValueError(f"{attribute.name} has to name files, got {name!r:.60}")
        if not isinstance(part, bytes if beside else str | bytes):
            raise ValueError(f"{attribute.name} cannot be {type(part).__name__}")  # noqa: TRY004 - one kind of error
        if isinstance(part, str) and not part.isascii():
            part.encode()  # half a character cannot be written


@attrs.frozen(kw_only=True)
class Rendering:
    """What a reporter made of a report.

    Attributes:
        content: The document as text or bytes; or a folder, as contents by file name.
        attachments: Files that belong beside the document, by name; only if the destination is a file.
    """

    content: str | bytes | Mapping[str, str | bytes] = attrs.field(validator=_written)
    attachments: Mapping[str, bytes] = attrs.field(factory=dict, validator=_written)


@runtime_checkable
class Reporter(Component, Protocol):
    """Formats a finished report; computes, opens and prints nothing.

    A reporter that shows the communications of a step alone, by size (``Comparison.sweep``), has an attribute
    ``shows_sweep`` that is true: then ``versim compare`` asks for them. One whose documents have a usual ending names
    it in ``endings`` (``(".html",)``): a file of such a name is then written by it.
    """

    def render(self, report: Report, options: Any, destination: Destination) -> Rendering:
        """The report as a document."""
        ...


@runtime_checkable
class ShowsCollectives(Protocol):
    """A reporter that also formats what ``versim collectives`` found."""

    def render_collectives(
        self, sweep: CollectiveSweep, provenance: Mapping[str, str], options: Any, destination: Destination
    ) -> Rendering:
        """The sweep as a document; ``provenance`` holds versions and the command."""
        ...


@runtime_checkable
class Exports(Protocol):
    """A backend that can write its input files for use outside versim."""

    def export(self, request: SimulationRequest, folder: Path) -> Iterable[Path]:
        """Write the files into an existing empty folder; returns them."""
        ...


class Severity(enum.StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """The run cannot be trusted."""
    WARNING = "warning"
    """It runs, but surprises."""
    INFO = "info"


@attrs.frozen(kw_only=True)
class Finding:
    """Something found in an input before it is simulated.

    Attributes:
        rule: A stable identifier of what was checked.
        severity: How much it matters.
        message: What was found.
        remedy: What to do.
        rank: Where, or None.
        node: The row or trace id, or None.
    """

    rule: str
    severity: Severity
    message: str = attrs.field(converter=legible)
    remedy: str = attrs.field(default="", converter=legible)
    rank: int | None = None
    node: int | None = None


@runtime_checkable
class Preflights(Protocol):
    """A backend that can look at its input before it simulates; errors refuse the run."""

    def preflight(self, request: SimulationRequest) -> Iterable[Finding]:
        """What would make this simulator hang, abort or mislead."""
        ...


@runtime_checkable
class Isolates(Protocol):
    """A backend that can run one communication alone, which tells contention from slow links."""

    def isolated_s(self, request: SimulationRequest) -> NDArray[np.float64]:
        """Seconds that each communication of the graph takes alone; shape (communications,), NaN where unknown."""
        ...


@runtime_checkable
class HoldsSessions(Protocol):
    """A backend that asks a program of its own, and can keep that running while it is asked about a step."""

    def session(self, requests: Sequence[SimulationRequest]) -> AbstractContextManager[object]:
        """What encloses all questions about a step, where no time limit is set.

        Entered before any simulator is asked and left after the last question; sessions of one backend may lie in one
        another. Nothing that is answered may depend on it.

        Args:
            requests: What ``simulate`` will be asked, unless the preflight refuses it: equal requests, in this
                process. It may begin with them at once, in a process of its own, while others answer. Why one cannot
                be simulated is said by ``simulate``, not here.
        """
        ...


@runtime_checkable
class LimitsNetwork(Protocol):
    """A backend that says what of a network it does not model."""

    def network_limits(self, messages: Sequence[Message], request: SimulationRequest) -> Sequence[str]:
        """What it does not model of each message's network; "" where it models it all.

        Asked where a communication alone took a time that could not be that of the network. What is declared is named
        at the top of the report, and is no failure; what is not declared is a failed check.
        """
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


@runtime_checkable
class Verifier(Component, Protocol):
    """Holds a re-creation of a program, of the same name, against tables of that program's answers."""

    def verify(self, table: Mapping[str, Any], options: Mapping[str, str]) -> TableResult:
        """Hold every case of a table against what the re-creation computes from the case's input."""
        ...
