"""``versim results``: what a store holds."""

from __future__ import annotations

from pathlib import Path

import click

from versim.cli.session import line_width, write_output


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--sweep", "number", type=int, metavar="N", help="Only this sweep; --sweeps lists them.")
@click.option("--sweeps", "list_sweeps", is_flag=True, help="List the sweeps instead of their answers.")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="Only where this holds, over settings and figures: 'tp == 8 and mfu > 0.4'. May be repeated.",
)
@click.option("--sort", default="makespan_s", show_default=True, metavar="NAME", help="Order by this.")
@click.option("--descending", is_flag=True, help="The largest first.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Show so many; a table shows 20 unless given.")
@click.option(
    "-f", "--format", "form", type=click.Choice(["table", "csv", "json", "html"]), default="table", show_default=True
)
@click.option(
    "--spans", is_flag=True, help="Show when each node ran instead, as CSV, of answers of `versim sweep --keep-spans`."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to this file.")
def results(
    store: Path,
    number: int | None,
    list_sweeps: bool,
    conditions: tuple[str, ...],
    sort: str,
    descending: bool,
    limit: int | None,
    form: str,
    spans: bool,
    output: Path | None,
) -> None:
    """List what STORE holds, the file of `versim sweep --store`.

    `-f html -o FILE` makes a page to explore: Pareto fronts, a map of two keys, simulators side by side.

    Figures are makespan_s, compute_s, communication_s, exposed_communication_s, idle_s, mfu, tokens,
    tokens_per_s_per_rank, persistent_bytes, peak_bytes, fits, ranks, nodes and wall_s; texts workload, pin, instance,
    simulator and status (completed, check failed, refused, failed, …).
    """
    import gc  # noqa: PLC0415 - see group

    import attrs  # noqa: PLC0415 - see group

    from versim.storage.database import Store  # noqa: PLC0415 - see group
    from versim.sweeps import results as listing  # noqa: PLC0415

    gc.disable()  # rows are no rings, and a hundred thousand take long to look through
    with Store(store) as opened:
        sweeps = opened.sweeps()
        if list_sweeps:
            lines = [f"{one.id}  {one.started}  {one.name}: {', '.join(one.keys)}  {one.command}" for one in sweeps]
            write_output("\n".join(lines) + "\n" if lines else "no sweeps\n", output)
            return
        if number is not None and number not in {one.id for one in sweeps}:
            raise click.UsageError(f"{store} has no sweep {number}; --sweeps lists them")
        fields = None if spans or form in ("json", "html") else listing.fields_of(conditions, sort)
        if fields is not None and form == "csv":
            fields |= listing.CSV_FIELDS
        rows = listing.select(opened.rows(number, fields), conditions, sort, descending=descending)
        if spans:
            import io  # noqa: PLC0415 - see group

            from versim.sweeps.node_times import write_node_times  # noqa: PLC0415

            out = io.StringIO()
            write_node_times(rows[:limit], opened, out)
            write_output(out.getvalue(), output)
            return
        if form == "html":
            from versim.sweeps.explorer import as_html  # noqa: PLC0415
            from versim.sweeps.step_terms import terms_of  # noqa: PLC0415

            names = ", ".join(dict.fromkeys(one.name for one in sweeps if number in (None, one.id)))
            page = as_html(rows[:limit], [terms_of(row, opened) for row in rows[:limit]], names)
            write_output(page, output, as_it_is=True)
            return
    if form == "table":
        text = listing.as_text(rows, line_width(), limit or listing.ROWS_SHOWN)
    else:
        rows = rows[:limit]
        described = [attrs.asdict(one) for one in sweeps if number in (None, one.id)]
        text = listing.as_csv(rows) if form == "csv" else listing.as_json(rows, described)
    write_output(text, output)
