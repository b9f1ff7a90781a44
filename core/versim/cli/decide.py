"""``versim decide``: whether simulators lead to the same choice."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from versim.cli.scenario_command import ScenarioCommand, load
from versim.cli.session import line_width, session_of, write_output

if TYPE_CHECKING:
    from versim.sweeps.choice import Choice

_STORES = (".db", ".sqlite", ".sqlite3", ".versim")


@click.command(cls=ScenarioCommand)
@click.argument("scenarios", nargs=-1)
@click.option(
    "--vary",
    "axes",
    multiple=True,
    metavar="KEY=V1,V2,…",
    help="Vary this, as in versim sweep; several make every combination. For one scenario.",
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
    of choosing by another one, and the pairs that are ranked differently. What does not complete is named and left out.
    """
    if len(scenarios) == 1 and Path(scenarios[0]).suffix != ".yaml" and _is_store(scenarios[0]):
        if axes or options or backends:
            raise click.UsageError("a store holds answers: --vary, -O and -b are for versim sweep")
        _decide_in(Path(scenarios[0]), number, conditions, reference, form, with_failed=with_failed)
        return
    if number is not None or conditions or with_failed:
        raise click.UsageError("--sweep, --where and --with-failed are for a store of versim sweep")
    if axes and len(scenarios) > 1:
        raise click.UsageError("--vary is for one scenario; leave it out to choose among several")
    if not axes and len(scenarios) < 2:
        raise click.UsageError("one configuration is no choice; give several scenarios, or --vary KEY=V1,V2")
    if len(set(scenarios)) < len(scenarios):
        raise click.UsageError(f"{', '.join(scenarios)}: a scenario is given twice")
    registry = session_of(ctx).registry()
    loaded = {
        name: load(ctx, name, options, backends=backends, reference=reference)[0] for name in scenarios or ("bundled",)
    }
    if axes:
        from versim.cli.sweep import standing_shown, tell_space  # noqa: PLC0415 - see group
        from versim.sweeps.choice import choice_in  # noqa: PLC0415
        from versim.sweeps.sweep import sweep  # noqa: PLC0415

        (scenario,) = loaded.values()
        with contextlib.closing(sweep(scenario, axes, registry=registry, modules=session_of(ctx).modules)) as swept:
            if swept.space.fallen:
                tell_space(swept.space)
            with standing_shown() as say:
                swept.run(say)
            choice = choice_in(swept.store, swept.number, reference=reference)
    else:
        from versim.sweeps.choice import choice_among  # noqa: PLC0415 - see group

        names = [scenario.name for scenario in loaded.values()]
        labels = names if len(set(names)) == len(names) else list(loaded)
        choice = choice_among(dict(zip(labels, loaded.values(), strict=True)), registry, reference)
    _show(choice, form)


def _is_store(name: str) -> bool:
    """Whether a store is meant: one that is there, or what is named like a file and is no scenario."""
    from versim.storage.database import is_store  # noqa: PLC0415 - see group

    path = Path(name)
    return is_store(path) or path.suffix in _STORES or (path.is_file() and not path.name.endswith((".yaml", ".yml")))


def _decide_in(
    path: Path, number: int | None, conditions: tuple[str, ...], reference: str | None, form: str, *, with_failed: bool
) -> None:
    from versim.storage.database import Store  # noqa: PLC0415 - see group
    from versim.sweeps.choice import choice_in  # noqa: PLC0415

    with Store(path) as store:
        _show(choice_in(store, number, where=conditions, reference=reference, with_failed=with_failed), form)


def _show(choice: Choice, form: str) -> None:
    from versim.sweeps import decision_report  # noqa: PLC0415 - see group

    text = decision_report.as_text(choice, line_width()) if form == "table" else decision_report.as_json(choice)
    write_output(text, None)
