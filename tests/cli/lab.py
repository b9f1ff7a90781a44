"""A small plugin with one of everything, for tests: ``-p lab.py``. Its figures are easy to work out by hand."""

# ruff: noqa: RUF009 - option() is attrs.field() with a help text
from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import click
from versim import (
    PS_PER_NS,
    PS_PER_S,
    Device,
    Dimension,
    Fixed,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    NoOptions,
    Rendering,
    Status,
    System,
    TableResult,
    Topology,
    UnsupportedGraphError,
    communication_s,
    hookimpl,
    instances_of,
    option,
    prediction_of,
    replay,
)

VERSIM_API_VERSION = 1
VERSIM_SCENARIOS = Path(__file__).parent / "scenarios"


class Mood(enum.StrEnum):
    """An enumeration, for its messages."""

    CALM = "calm"
    HASTY = "hasty"


@attrs.frozen
class LineOptions:
    """Options of the producer ``line``."""

    ranks: int = option(2, validator=attrs.validators.ge(1), help="ranks on one axis")
    work_s: float = option(1.0, validator=attrs.validators.gt(0), help="seconds that every rank computes")
    size_bytes: int = option(1000, help="bytes of the all-reduce after it")
    mood: Mood = option(Mood.CALM, help="calm or hasty")
    table: Path | None = attrs.field(
        default=None, metadata={"help": "a file that changes nothing", "path": True, "cli": "--table"}
    )


class Line:
    """Compute, then an all-reduce."""

    name = "line"
    options = LineOptions

    def produce(self, options: LineOptions) -> Any:
        """Two nodes on one axis."""
        builder = GraphBuilder(Mesh(("rank",), (options.ranks,)))
        first = builder.compute("work", [(Fixed(options.work_s), 1)])
        if options.ranks > 1:
            builder.collective("sum", Kind.ALL_REDUCE, options.size_bytes, axes=["rank"], after=[first])
        return builder.build()

    def system(self, options: LineOptions) -> System:
        """A ring of the right size."""
        link = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)
        ring = Dimension(topology=Topology.RING, size=options.ranks, link=link)
        return System(dimensions=(ring,), device=Device(name="lab device", parameters={"colour": "red"}))


@attrs.frozen
class ConstantOptions:
    """Options of the timing ``constant``."""

    each_s: float = option(0.5, validator=attrs.validators.ge(0), help="seconds of everything")


@attrs.frozen
class ConstantTiming:
    """Everything takes the same."""

    each_s: float

    def times_s(self, rows: Any, _: Any) -> Any:
        """The same for each row."""
        return [self.each_s] * len(rows)

    def network_limits(self, messages: Any, _: Any) -> list[str]:
        """It knows of no network."""
        return ["takes the same on any network"] * len(messages)


class Constant:
    """Everything takes the same."""

    name = "constant"
    options = ConstantOptions

    def compute(self, options: ConstantOptions) -> ConstantTiming:
        """Of compute."""
        return ConstantTiming(options.each_s)

    def network(self, options: ConstantOptions) -> ConstantTiming:
        """Of communication."""
        return ConstantTiming(options.each_s)


@attrs.frozen
class IdealOptions:
    """Options of the backend ``ideal``."""

    factor: float = option(1.0, help="multiplies communication")


class Ideal:
    """Runs on a network timing, without contention."""

    name = "ideal"
    options = IdealOptions
    network_timing = "constant"

    def simulate(self, request: Any) -> Any:
        """The makespan is work_s + factor * each_s."""
        graph = request.inputs.graph
        seconds = communication_s(graph, request.inputs.system, request.network) * request.options.factor
        instances = instances_of(graph)
        picoseconds = (seconds * PS_PER_S).astype("int64")
        schedule = replay(instances, request.inputs.compute_ns * PS_PER_NS, picoseconds[instances.meeting_match])
        return prediction_of(request.inputs, instances, schedule, simulator=self.name, engine="lab")

    def export(self, _: Any, folder: Path) -> Iterable[Path]:
        """One file."""
        path = folder / "input.txt"
        path.write_text("ideal\n")
        return [path]

    def verify(self, table: Mapping[str, Any], options: Mapping[str, str]) -> TableResult:
        """A case is a pair of numbers that have to be equal."""
        cases = table.get("cases", [])
        bad = tuple(f"{one} is not {other} {options or ''}".strip() for one, other in cases if one != other)
        return TableResult(matched=len(cases) - len(bad), total=len(cases), mismatches=bad, worst_relative_error=0.25)


class Refuser:
    """Cannot express anything; models the network itself."""

    name = "refuser"
    options = NoOptions

    def simulate(self, _: Any) -> Any:
        """Refuses."""
        raise UnsupportedGraphError("node 0 is not to my taste; give me another")


class Interrupted:
    """As if somebody pressed Ctrl-C while it runs."""

    name = "interrupted"
    options = NoOptions

    def simulate(self, _: Any) -> Any:
        """Is interrupted."""
        raise KeyboardInterrupt


class Buggy:
    """Breaks an invariant of its own."""

    name = "buggy"
    options = NoOptions

    def simulate(self, _: Any) -> Any:
        """Fails."""
        raise ZeroDivisionError("a slip")


@attrs.frozen
class NamesOptions:
    """Options of the reporter ``names``."""

    upper: bool = option(default=False, help="in capitals")
    fail: bool = option(default=False, help="fail half way")


class Names:
    """One line per prediction."""

    name = "names"
    options = NamesOptions

    def render(self, report: Any, options: NamesOptions, _: Any) -> Rendering:
        """Workload, pin, label, makespan."""
        lines = []
        for workload, comparison, result in report.results():
            makespan_ps = result.prediction.makespan_ps
            end = "-" if result.prediction.status is not Status.COMPLETED else f"{makespan_ps / PS_PER_S:g} s"
            line = f"{workload.label} / {comparison.inputs.label} / {result.label}: {end} × 1"
            lines.append((line.upper() if options.upper else line) + "\n")
            if options.fail:
                raise RuntimeError("half way")
        return Rendering(content="".join(lines))


@click.command()
def hello() -> None:
    """Say hello."""
    click.echo("hello from the lab")


@hookimpl
def versim_graph_producers() -> list[Any]:
    """The producer."""
    return [Line()]


@hookimpl
def versim_timing_models() -> list[Any]:
    """The timing."""
    return [Constant()]


@hookimpl
def versim_backends() -> list[Any]:
    """The backends."""
    return [Ideal(), Refuser(), Interrupted(), Buggy()]


@hookimpl
def versim_reporters() -> list[Any]:
    """The reporter."""
    return [Names()]


@hookimpl
def versim_commands() -> dict[str, str]:
    """The command."""
    return {"hello": f"{__name__}:hello  Say hello from the lab."}
