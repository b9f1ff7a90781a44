"""``versim measured``: the league of predictions against what training runs took."""

from __future__ import annotations

from pathlib import Path

import click

from versim.cli.rendering import check_output
from versim.cli.session import line_width, progress, session_of, typed, write_output

FORMS = ("table", "json", "csv", "html")
EXCEEDED = 3


@click.command()
@click.argument("records", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--compute",
    multiple=True,
    metavar="CHAIN",
    help="Time compute by these timings, the first that does not decline: silicon+roofline. May be repeated.",
)
@click.option(
    "--network",
    multiple=True,
    metavar="CHAIN",
    help="Time communication by these timings: nccl. May be repeated; every combination is a column.",
)
@click.option("-b", "--backend", "backends", multiple=True, metavar="NAME", help="Simulate by this. May be repeated.")
@click.option("--no-profile", is_flag=True, help="Apply no framework's profile.")
@click.option(
    "--profile",
    "profile_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Apply this profile instead of the shipped one of its framework. May be repeated.",
)
@click.option(
    "--structure",
    multiple=True,
    metavar="KEY=VALUE[,…]",
    help="Options of the producer for all runs, whatever conventions say: overlap_tp=none. No profile is applied then. "
    "May be repeated.",
)
@click.option(
    "--by", default="table", show_default=True, metavar="GROUPING", help="Part the runs of the table by this."
)
@click.option("--memory", "memory_only", is_flag=True, help="Only hold memory against what was measured.")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), help="Processes; as many as there are cores unless given.")
@click.option("-f", "--format", "form", type=click.Choice(FORMS), default="table", show_default=True)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write there, whole or not at all."
)
@click.option(
    "--fail-over",
    type=click.FloatRange(min=0),
    metavar="PERCENT",
    help="Exit with status 3 if the mean absolute error of the best column is larger.",
)
@click.option(
    "--fit",
    "fitted",
    metavar="FRAMEWORK",
    help="Fit this framework's profile on its records instead, write it with -o and show a report.",
)
@click.pass_context
def measured(
    ctx: click.Context,
    records: tuple[Path, ...],
    compute: tuple[str, ...],
    network: tuple[str, ...],
    backends: tuple[str, ...],
    no_profile: bool,
    profile_files: tuple[Path, ...],
    structure: tuple[str, ...],
    by: str,
    memory_only: bool,
    jobs: int | None,
    form: str,
    output: Path | None,
    fail_over: float | None,
    fitted: str | None,
) -> None:
    """Predict measured training runs and show how far off every column is.

    RECORDS are CSV files, one run a row (docs/measured.md has the format; gpu, seq_len, gbs and a model are enough).
    Without any, a sample of public records that ships with versim is taken. A column is a choice of who times compute,
    who times communication, and who simulates.
    """
    from versim.league.column import available, columns_of  # noqa: PLC0415 - see group
    from versim.league.reading import read_records  # noqa: PLC0415
    from versim.league.running import cores, league_of  # noqa: PLC0415
    from versim.league.sample import SAMPLE  # noqa: PLC0415

    check_output(output)
    session = session_of(ctx)
    registry = session.registry()
    found = read_records(records or (SAMPLE,))
    columns, remarks = available(columns_of(compute, network, backends), registry)
    processes = jobs or cores()
    if fitted is not None:
        from versim.league.fitting_report import fit_framework  # noqa: PLC0415

        with progress() as say:
            text, document = fit_framework(
                fitted, found.runs, columns, registry=registry, modules=session.modules, jobs=processes, progress=say
            )
        write_output(text, None)
        if output is not None:
            write_output(document, output)
        return

    from versim.league.profile import load_profile, load_profiles  # noqa: PLC0415
    from versim.league.result import League  # noqa: PLC0415

    if memory_only:
        from versim.league.text import memory_as_text  # noqa: PLC0415

        with progress() as say:
            league = league_of(found.runs, (), registry=registry, modules=session.modules, jobs=processes, progress=say)
        write_output(memory_as_text(league, line_width()), output)
        return

    if by not in League.groupings():
        raise click.UsageError(f"--by {by!r}: runs are parted by {', '.join(League.groupings())}")
    # Constants were fitted to the structure that conventions give.
    profiles = {} if no_profile or structure else load_profiles()
    for file in profile_files:
        given = load_profile(file)
        profiles[given.framework] = given
    with progress() as say:
        league = league_of(
            found.runs,
            columns,
            registry=registry,
            modules=session.modules,
            profiles=profiles,
            jobs=processes,
            remarks=(*found.remarks, *remarks),
            structure=_structure(structure),
            progress=say,
        )
    write_output(_rendered(league, form, by, ctx), output)
    best = league.errors(league.recommended, league.timed, profiled=True)
    if fail_over is not None and best is not None and 100 * best.mean_absolute > fail_over:
        click.echo(
            f"{league.recommended} is {100 * best.mean_absolute:.1f} % off on average, more than {fail_over:g} %",
            err=True,
        )
        ctx.exit(EXCEEDED)


def _structure(written: tuple[str, ...]) -> dict[str, object]:
    from versim.scenario.overrides import parse_component  # noqa: PLC0415 - see group

    return {key: value for text in written for key, value in parse_component(f"structure:{text}")[1].items()}


def _rendered(league: object, form: str, by: str, ctx: click.Context) -> str:
    from versim.league import document, page, text  # noqa: PLC0415 - see group
    from versim.league.result import League  # noqa: PLC0415

    if not isinstance(league, League):
        raise TypeError(f"{league!r} is no league")
    if form == "table":
        return text.as_text(league, line_width(), by)
    if form == "csv":
        return document.as_csv(league)
    from versim.run import provenance_of  # noqa: PLC0415

    provenance = provenance_of(session_of(ctx).registry(), typed(ctx))
    return document.as_json(league, provenance) if form == "json" else page.as_html(league, provenance)
