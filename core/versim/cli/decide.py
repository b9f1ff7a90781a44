"""``versim decide``: whether simulators lead to the same choice."""

from __future__ import annotations

import click

from versim.cli.scenario_command import ScenarioCommand, load
from versim.cli.session import line_width, progress, session_of, write_output


@click.command(cls=ScenarioCommand)
@click.argument("scenarios", nargs=-1)
@click.option(
    "--vary",
    "axes",
    multiple=True,
    metavar="[WORKLOAD.]KEY=V1,V2,…",
    help="Vary this option of the workloads' producers; several make every combination. For one scenario.",
)
@click.option(
    "-O",
    "--option",
    "options",
    multiple=True,
    metavar="LABEL.KEY=VALUE",
    help="Set an option of a backend instance, or of a workload's producer, in every scenario. May be repeated.",
)
@click.option(
    "-b",
    "--backend",
    "backends",
    multiple=True,
    metavar="[LABEL=]NAME[:KEY=VALUE,…]",
    help="Ask this backend instead of the scenarios', as in compare. May be repeated.",
)
@click.option("--reference", metavar="LABEL", help="Trust this instance; the scenario's reference unless given.")
@click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def decide(
    ctx: click.Context,
    scenarios: tuple[str, ...],
    axes: tuple[str, ...],
    options: tuple[str, ...],
    backends: tuple[str, ...],
    reference: str | None,
    form: str,
) -> None:
    """Ask whether simulators rank configurations alike: several SCENARIOS, or one with --vary.

    Shown are makespans and ranks, Kendall's τ_b against the trusted instance, whether the best is the same, the regret
    of choosing by another one, and the pairs that are ranked differently. A combination that a producer refuses is
    named and left out.
    """
    from versim.sweeps.variations import of_scenarios, parse_axis, varied  # noqa: PLC0415 - see group

    if axes and len(scenarios) > 1:
        raise click.UsageError("--vary is for one scenario; leave it out to choose among several")
    if not axes and len(scenarios) < 2:
        raise click.UsageError("one configuration is no choice; give several scenarios, or --vary KEY=V1,V2")
    registry = session_of(ctx).registry()
    loaded = [
        (name, load(ctx, name, options, backends=backends, reference=reference)[0])
        for name in scenarios or ("bundled",)
    ]
    if axes:
        parsed = [parse_axis(text) for text in axes]
        if len({key for key, _ in parsed}) != len(parsed):
            raise click.UsageError("--vary: an option is varied twice; list its values in one")
        configurations = varied(loaded[0][1], registry, dict(parsed))
    else:
        configurations = of_scenarios(loaded)

    from versim.sweeps import decision_report  # noqa: PLC0415 - brings numpy
    from versim.sweeps.decide import decide as decide_among  # noqa: PLC0415

    with progress() as say:
        choice = decide_among(configurations, registry, reference, say)
    write_output(
        decision_report.as_text(choice, line_width()) if form == "table" else decision_report.as_json(choice), None
    )
