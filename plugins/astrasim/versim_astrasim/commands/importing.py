"""``versim import``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click


@click.group("import")
def import_() -> None:
    """Make Chakra traces of other traces."""


@import_.command()
@click.argument("traces", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Prefix of the files to write: OUTPUT.0.et, OUTPUT.1.et …",
)
@click.option(
    "--kineto",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The Kineto trace of each host trace, in the same order: link both first (needs et_replay). May be repeated.",
)
@click.option(
    "--uneven",
    type=click.Choice(["largest", "mean", "pairs"]),
    default="largest",
    show_default=True,
    help="All-to-alls of different sizes: all as the largest or the mean, or messages of each pair of ranks.",
)
@click.option(
    "--host",
    type=click.Choice(["auto", "keep", "fold"]),
    default="auto",
    show_default=True,
    help="Calls on the host: kept, or folded into dependencies (auto: where ranks send and receive).",
)
@click.option(
    "--durations",
    type=click.Choice(["recorded", "stream"]),
    default="recorded",
    show_default=True,
    help="Durations of kernels: as recorded, or cut to what their stream leaves.",
)
@click.option("--ranks", type=click.IntRange(1, 1 << 20), help="Let the traces stand for so many ranks.")
@click.option(
    "--along",
    default="dp",
    show_default=True,
    metavar="AXIS|GROUP,…",
    help="With --ranks: the axis along which ranks repeat; groups along it grow.",
)
@click.option(
    "--shards",
    type=click.Choice(["cut", "keep"]),
    default="cut",
    show_default=True,
    help="With --ranks: shards gathered in groups that grow become smaller, or keep their size.",
)
@click.option("--no-lint", is_flag=True, help="Do not look for faults in what was made.")
@click.pass_context
def pytorch(
    ctx: click.Context,
    /,
    traces: tuple[Path, ...],
    output: Path,
    kineto: tuple[Path, ...],
    no_lint: bool,
    **choices: Any,
) -> None:
    """Convert PyTorch TRACES, one JSON file per rank in order of ranks, to Chakra traces.

    TRACES are host traces already linked with their Kineto traces; with --kineto they are linked first. Files may be
    compressed (.json.gz). Process groups are written to comm_groups.json beside OUTPUT. What was made is checked as by
    `versim lint`; exit status 1 if there is an error.
    """
    from versim_astrasim.lint.command import shown  # noqa: PLC0415 - loads numpy and the schema
    from versim_astrasim.lint.loading import Given, lint  # noqa: PLC0415
    from versim_astrasim.pytorch import ConversionOptions, convert, linked  # noqa: PLC0415

    if kineto and len(kineto) != len(traces):
        raise click.UsageError(f"{len(traces)} host traces, but {len(kineto)} Kineto traces; name one for each", ctx)
    notes: list[tuple[int, str]] = []
    with linked(traces, kineto, notes) as ready:
        made = convert(ready, output, ConversionOptions(**choices))
    for rank, written in enumerate(made.ranks):
        if rank < len(traces):
            click.echo(f"wrote {written.path}: {written.summary}")
        notes += [(rank, note) for note in written.notes]
    if len(made.ranks) > len(traces):
        click.echo(f"wrote {made.ranks[len(traces)].path} … {made.ranks[-1].path}: the same again")
    if made.groups:
        click.echo(f"wrote {made.groups}: communicator groups")
    for note in dict.fromkeys(note for _, note in notes):
        ranks = [rank for rank, other in notes if other == note]
        click.echo(f"note: {_named(ranks, len(traces))}: {note}", err=True)
    if no_lint:
        return
    found = lint(Given(where=output))
    click.echo(shown(found, "table"), nl=False)
    if any(finding.severity.value == "error" for finding in found):
        ctx.exit(1)


def _named(ranks: Sequence[int], count: int) -> str:
    """Ranks for people."""
    if len(ranks) == count > 1:
        return "every rank"
    return f"rank{'s' if len(ranks) > 1 else ''} {', '.join(map(str, ranks))}"
