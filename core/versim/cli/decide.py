"""``versim decide``: whether simulators lead to the same choice."""

from __future__ import annotations

from pathlib import Path

import click

from versim.cli.scenario_command import ScenarioCommand, load
from versim.cli.session import line_width, progress, session_of, write_output

_STORES = (".db", ".sqlite", ".sqlite3", ".versim")


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
@click.option("--sweep", "number", type=int, metavar="N", help="Of a store: this sweep; the last unless given.")
@click.option(
    "--where", "conditions", multiple=True, metavar="CONDITION", help="Of a store: rank only where this holds."
)
@click.option("--with-failed", is_flag=True, help="Of a store: rank answers with failed checks, too.")
@click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def decide(
    ctx: click.Context,
    scenarios: tuple[str, ...],
    axes: tuple[str, ...],
    options: tuple[str, ...],
    backends: tuple[str, ...],
    reference: str | None,
    number: int | None,
    conditions: tuple[str, ...],
    with_failed: bool,
    form: str,
) -> None:
    """Ask whether simulators rank configurations alike: several SCENARIOS, one with --vary, or a store of versim sweep.

    From a store nothing is simulated; shown are its fastest configurations, and which term of the step makes a
    simulator change the order of the pair that matters most.

    Shown are makespans and ranks, Kendall's τ_b against the trusted instance, whether the best is the same, the regret
    of choosing by another one, and the pairs that are ranked differently. A combination that a producer refuses is
    named and left out.
    """
    if len(scenarios) == 1 and Path(scenarios[0]).suffix != ".yaml" and _is_store(scenarios[0]):
        if axes or options or backends:
            raise click.UsageError("a store holds answers: --vary, -O and -b are for versim sweep")
        _decide_in(Path(scenarios[0]), number, conditions, reference, form, with_failed=with_failed)
        return
    if number is not None or conditions or with_failed:
        raise click.UsageError("--sweep, --where and --with-failed are for a store of versim sweep")
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


def _is_store(name: str) -> bool:
    """Whether a store is meant: one that is there, or what is named like a file and is no scenario."""
    from versim.storage.database import is_store  # noqa: PLC0415 - see group

    path = Path(name)
    return is_store(path) or path.suffix in _STORES or (path.is_file() and not path.name.endswith((".yaml", ".yml")))


def _decide_in(
    path: Path, number: int | None, conditions: tuple[str, ...], reference: str | None, form: str, *, with_failed: bool
) -> None:
    from versim.storage.database import Store  # noqa: PLC0415 - see group
    from versim.sweeps import decision_report  # noqa: PLC0415
    from versim.sweeps.stored_choice import choice_in  # noqa: PLC0415

    with Store(path) as store:
        choice, flips, note = choice_in(store, number, where=conditions, reference=reference, with_failed=with_failed)
    if form == "json":
        write_output(decision_report.as_json(choice, flips, note), None)
    else:
        write_output(decision_report.as_text(choice, line_width(), decision_report.SHOWN_RANKED, flips, note), None)
