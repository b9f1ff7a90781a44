"""``versim report``: a saved comparison, shown again."""

from __future__ import annotations

from pathlib import Path

import click

from versim.cli.rendering import chosen, rendering_parameters
from versim.cli.session import progress, session_of


@click.command()
@click.argument("result", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@rendering_parameters
@click.pass_context
def report(
    ctx: click.Context,
    result: Path,
    reporters: tuple[str, ...],
    outputs: tuple[str, ...],
    full: bool,
    brief: bool,
    explain: bool,
) -> None:
    """Show RESULT again, a comparison that was saved with `versim compare -f json -o RESULT`.

    Nothing is simulated: inputs and predictions are read from the file, and every figure that follows from them is
    computed again. The .npz that a large result has beside it has to be there.
    """
    from versim.cli.compare import write_documents  # noqa: PLC0415 - see group

    wanted = chosen(session_of(ctx).registry(), reporters, outputs, full=full, brief=brief, explain=explain)

    from versim.storage import load_report  # noqa: PLC0415 - brings numpy

    with progress() as say:
        if say:
            say(f"reading {result}")
        loaded = load_report(result)
    if not write_documents(loaded, wanted):
        ctx.exit(1)
