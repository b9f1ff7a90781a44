"""``versim show``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("trace", type=click.Path(exists=True, path_type=Path))
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["list", "count", "json", "dot", "svg"]),
    default="list",
    show_default=True,
    help="Nodes one per line, counts, JSON, Graphviz text, or a drawing (needs Graphviz's dot).",
)
@click.option("--limit", type=click.IntRange(1), default=200, show_default=True, help="Nodes to list or draw.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file instead of standard output.")
def show(trace: Path, form: str, limit: int, output: Path | None) -> None:
    """List, count or draw the nodes of the Chakra trace file TRACE, of whatever schema version."""
    from versim_astrasim.commands.listing import shown  # noqa: PLC0415 - loads numpy and the schema

    text = shown(trace, form, limit)
    if output is None:
        click.echo(text, nl=False)
        return
    from versim import VersimError  # noqa: PLC0415 - only here

    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise VersimError(f"cannot write {output}: {error.strerror or error}") from error
