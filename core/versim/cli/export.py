"""``versim export``: a simulator's own input files, for use outside versim."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from versim.cli.scenario_command import ScenarioCommand, load, scenario_parameters
from versim.cli.session import progress, write_output

if TYPE_CHECKING:
    from versim.scenario import Pin, Workload

Labelled = TypeVar("Labelled", "Workload", "Pin")


@click.command(cls=ScenarioCommand)
@scenario_parameters
@click.option("--backend", "label", required=True, metavar="LABEL", help="The instance whose input files to write.")
@click.option("--workload", metavar="LABEL", help="The workload; may be left out if there is only one.")
@click.option("--pin", metavar="LABEL", help="The pin; may be left out if only one applies.")
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    type=click.Path(path_type=Path),
    help="A folder that does not exist yet, or is empty.",
)
@click.pass_context
def export(
    ctx: click.Context,
    scenario: str,
    options: tuple[str, ...],
    label: str,
    workload: str | None,
    pin: str | None,
    folder: Path,
) -> None:
    """Write what a simulator of SCENARIO would be given as the simulator's own input files.

    The folder appears whole or not at all; the names of the files go to standard output.
    """
    from versim.atomic import check_new_folder, new_folder  # noqa: PLC0415 - not for the list of commands
    from versim.components import Exports  # noqa: PLC0415
    from versim.errors import VersimError  # noqa: PLC0415

    check_new_folder(folder)
    chosen, registry = load(ctx, scenario, options)
    instance = chosen.instance(label)
    backend = registry.backend(instance.backend)
    if not isinstance(backend, Exports):
        able = [i.label for i in chosen.backends if isinstance(registry.backend(i.backend), Exports)]
        others = ", ".join(able) or "none"
        raise VersimError(f"backend {instance.backend!r} has no input files to export; instances that have: {others}")
    chosen_workload = chosen.workload(workload) if workload else _only("--workload", chosen.workloads, ctx)
    chosen_pin = chosen.pin(pin) if pin else _only("--pin", chosen.pins_of(chosen_workload), ctx)

    from versim.asking.simulation import request_for  # noqa: PLC0415
    from versim.containment import held_responsible  # noqa: PLC0415 - brings numpy
    from versim.run import prepare  # noqa: PLC0415

    with progress() as say:
        if say:
            say(f"{chosen_workload.label}: producing and pinning ({chosen_pin.label})")
        prepared = prepare(chosen, registry, chosen_workload.label, chosen_pin.label)
        request, _ = request_for(prepared.inputs, instance, registry, f"$.backends[{chosen.backends.index(instance)}]")
        with new_folder(folder) as beside, held_responsible("backend", instance.backend):
            files = sorted(Path(file).relative_to(beside) for file in backend.export(request, beside))
    for file in files:
        write_output(f"{folder / file}\n", None)


def _only(flag: str, items: Sequence[Labelled], ctx: click.Context) -> Labelled:
    if len(items) != 1:
        labels = ", ".join(repr(item.label) for item in items) or "none"
        raise click.UsageError(f"say which with {flag}: {labels}", ctx)
    return items[0]
