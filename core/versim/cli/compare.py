"""``versim compare``: the main command."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from versim.cli.rendering import chosen, destination, rendering_parameters, write_rendering
from versim.cli.scenario_command import ScenarioCommand, load, scenario_parameters
from versim.cli.session import progress, session_of, tell, typed
from versim.deadline import limiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from versim.comparison import Report
    from versim.components import Destination, Rendering, Reporter
    from versim.registry import Registry
    from versim.scenario import Scenario

THRESHOLD_EXCEEDED = 3
NOT_COMPLETED = 4
CHECK_FAILED = 5


def _percent(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise click.BadParameter("a finite number of at least 0, in percent")
    return value


def _seconds(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise click.BadParameter("a finite number above 0, in seconds")
    return value


@click.command(cls=ScenarioCommand)
@scenario_parameters
@click.option(
    "-b",
    "--backend",
    "backends",
    multiple=True,
    metavar="[LABEL=]NAME[:KEY=VALUE,…]",
    help="Ask this backend instead of the scenario's; NAME is a backend or the label of one of the scenario's "
    "instances. network=TIMING names what drives it. May be repeated.",
)
@click.option("--reference", metavar="LABEL", help="Hold the others against this instance.")
@rendering_parameters
@click.option(
    "--averaging",
    type=click.Choice(["sequential", "shapley"]),
    default="sequential",
    show_default=True,
    help="How differences are attributed: groups substituted one after the other, or averaged over all orders.",
)
@click.option(
    "--sweep/--no-sweep",
    default=None,
    help="Also time the step's communications alone, by size, in every instance; done unless refused if a reporter "
    "shows them.",
)
@click.option(
    "--time-limit",
    "time_limit_s",
    type=float,
    metavar="SECONDS",
    callback=_seconds,
    help="Stop an answer after this many seconds; each then runs in a process of its own. So long may each producer, "
    "timing and reporter take, too.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep the answers in this file of `versim sweep`, too.",
)
@click.option("--force", is_flag=True, help="Simulate even where a backend finds errors in its input beforehand.")
@click.option(
    "--fail-over",
    type=float,
    metavar="PERCENT",
    callback=_percent,
    help="Exit with status 3 if a prediction differs from the reference by more than this, or if the difference cannot "
    "be stated.",
)
@click.pass_context
def compare(
    ctx: click.Context,
    scenario: str,
    options: tuple[str, ...],
    backends: tuple[str, ...],
    reference: str | None,
    reporters: tuple[str, ...],
    outputs: tuple[str, ...],
    averaging: str,
    sweep: bool | None,
    time_limit_s: float | None,
    force: bool,
    store: Path | None,
    full: bool,
    brief: bool,
    explain: bool,
    fail_over: float | None,
) -> None:
    """Run SCENARIO through several simulators and show where and why they differ.

    SCENARIO is a YAML file, the name of a shipped scenario, or a folder (or prefix) of a simulator's own files, traces
    among them; `versim init` writes a file to start from.

    Exit status: 0; 1 an error; 2 a wrong command line; 3 --fail-over exceeded; 4 a simulation did not complete; 5 a
    check failed that nobody declared. The comparison is shown before 3, 4 and 5; 4 goes before 5, and 5 before 3.
    """
    ctx.with_resource(limiting(time_limit_s))
    wanted = chosen(session_of(ctx).registry(), reporters, outputs, full=full, brief=brief, explain=explain)
    loaded, registry = load(ctx, scenario, options, backends=backends, reference=reference)

    from versim.run import run  # noqa: PLC0415 - brings numpy

    if sweep is None:
        sweep = any(getattr(reporter, "shows_sweep", False) for reporter, _, _ in wanted)
    with progress() as say:
        report = run(
            loaded,
            registry,
            progress=say,
            averaging=averaging,
            force=force,
            sweep=sweep,
            time_limit_s=time_limit_s,
            command=typed(ctx),
        )
    written = write_documents(report, wanted)
    if store is not None:
        _keep(report, loaded, registry, store)
    if not written:
        ctx.exit(1)
    _exit_with(ctx, report, fail_over)


def _keep(report: Report, scenario: Scenario, registry: Registry, path: Path) -> None:
    from versim.storage.database import Store  # noqa: PLC0415 - see group
    from versim.sweeps.report_answers import keep_report  # noqa: PLC0415

    with Store(path, create=True) as store:
        keep_report(report, scenario, registry, store)


def write_documents(report: Report, wanted: Sequence[tuple[Reporter, object, Path | None]]) -> bool:
    """Render and write each document, one after the other, so that one that fails costs no other; False if one did."""
    from versim.errors import VersimError  # noqa: PLC0415 - see group

    good = True
    for reporter, options, output in wanted:
        try:
            with progress() as say:
                if say is not None:
                    say(f"{reporter.name}: {output or 'standard output'}")
                rendering = rendered(report, reporter, options, destination(output))
                if output is not None:
                    write_rendering(rendering, output, reporter.name)
            if output is None:  # where progress is shown is gone by now
                write_rendering(rendering, None, reporter.name)
        except VersimError as error:
            tell(f"Error: {error}")
            good = False
    return good


def rendered(report: Report, reporter: Reporter, options: object, where: Destination) -> Rendering:
    """What a reporter made of a report, held to its contract."""
    from versim.components import Rendering  # noqa: PLC0415 - see group
    from versim.containment import held_responsible  # noqa: PLC0415 - brings numpy
    from versim.errors import ComponentError  # noqa: PLC0415

    with held_responsible("reporter", reporter.name):
        rendering: object = reporter.render(report, options, where)
    if not isinstance(rendering, Rendering):
        raise ComponentError("reporter", reporter.name, f"it returned {type(rendering).__name__}, not a Rendering")
    return rendering


def _exit_with(ctx: click.Context, report: Report, fail_over: float | None) -> None:
    """What went worst decides: what did not complete cannot be judged, and a failed check makes a figure worthless."""
    incomplete = report.incomplete()
    if incomplete:
        tell(f"Not completed: {', '.join(incomplete)}")
        ctx.exit(NOT_COMPLETED)
    failed = report.failed_checks()
    if failed:
        tell(f"Failed checks: {'; '.join(failed)}")
        ctx.exit(CHECK_FAILED)
    over = [] if fail_over is None else report.over(fail_over)
    if over:
        tell("\n".join(over))
        ctx.exit(THRESHOLD_EXCEEDED)
