"""``versim report``: a saved comparison, shown again."""

from __future__ import annotations

from pathlib import Path

import click

from versim.cli.session import progress, session_of


@click.command()
@click.argument("result", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-f",
    "--format",
    "reporters",
    default=("table",),
    show_default="table",
    multiple=True,
    metavar="REPORTER[:KEY=VALUE,…]",
    help="How to show it; `versim plugins` lists the reporters. May be repeated.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FILE",
    help="Write to this file instead of standard output; it is replaced whole or not at all. With several -f, the "
    "first -o belongs to the first; - is standard output.",
)
@click.pass_context
def report(ctx: click.Context, result: Path, reporters: tuple[str, ...], outputs: tuple[str, ...]) -> None:
    """Show RESULT again, a comparison that was saved with `versim compare -f json -o RESULT`.

    Nothing is simulated: inputs and predictions are read from the file, and every figure that follows from them is
    computed again. The .npz that a large result has beside it has to be there.
    """
    from versim.cli.compare import rendered  # noqa: PLC0415 - see group
    from versim.cli.rendering import check_output, destination, paired, write_rendering  # noqa: PLC0415
    from versim.registry import structure_options  # noqa: PLC0415
    from versim.scenario.overrides import parse_component  # noqa: PLC0415

    registry = session_of(ctx).registry()
    wanted = []
    # Everything that can be refused is, before anything long begins.
    for written, output in paired(reporters, outputs):
        name, settings = parse_component(written)
        reporter = registry.reporter(name)
        wanted.append((reporter, structure_options(reporter, settings, "$"), output))
        check_output(output)

    from versim.storage import load_report  # noqa: PLC0415 - brings numpy

    with progress() as say:
        if say:
            say(f"reading {result}")
        loaded = load_report(result)
        renderings = [rendered(loaded, reporter, made, destination(output)) for reporter, made, output in wanted]
    for (reporter, _, output), rendering in zip(wanted, renderings, strict=True):
        write_rendering(rendering, output, reporter.name)
