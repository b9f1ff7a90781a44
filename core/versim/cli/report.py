"""``versim report``: a saved comparison, shown again."""

from __future__ import annotations

from pathlib import Path

import click

from versim.cli.rendering import chosen, rendering_parameters
from versim.cli.session import line_width, progress, session_of, write_output


@click.command()
@click.argument("result", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("other", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@rendering_parameters
@click.pass_context
def report(
    ctx: click.Context,
    result: Path,
    other: Path | None,
    reporters: tuple[str, ...],
    outputs: tuple[str, ...],
    full: bool,
    brief: bool,
    explain: bool,
) -> None:
    """Show RESULT again, a comparison that was saved with `versim compare -f json -o RESULT`.

    Nothing is simulated: inputs and predictions are read from the file, and every figure that follows from them is
    computed again. The .npz that a large result has beside it has to be there.

    With OTHER, a second saved comparison, or with two stores of `versim sweep`: what changed from one to the other, by
    how much, and which term of the step changed most; as text, or with `-f json` as data.
    """
    if other is not None:
        _show_changes(result, other, reporters, outputs)
        return
    from versim.cli.compare import write_documents  # noqa: PLC0415 - see group

    wanted = chosen(session_of(ctx).registry(), reporters, outputs, full=full, brief=brief, explain=explain)

    from versim.storage.load_report import load_report  # noqa: PLC0415 - brings numpy

    with progress() as say:
        if say:
            say(f"reading {result}")
        loaded = load_report(result)
    if not write_documents(loaded, wanted):
        ctx.exit(1)


def _show_changes(result: Path, other: Path, reporters: tuple[str, ...], outputs: tuple[str, ...]) -> None:
    from versim.sweeps import changes  # noqa: PLC0415 - brings numpy

    if any(name not in ("json", "table") for name in reporters) or max(len(reporters), len(outputs)) > 1:
        raise click.UsageError("two results are set against one another as one text, or with -f json")
    before, after = changes.answers_in(result), changes.answers_in(other)
    data = reporters == ("json",) or any(output.endswith(".json") for output in outputs)
    text = changes.as_json(changes.changes(before, after)) if data else changes.as_text(before, after, line_width())
    write_output(text, Path(outputs[0]) if outputs else None)
