"""``versim sweep``: a thousand configurations."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from versim.cli.compare import _seconds
from versim.cli.scenario_command import ScenarioCommand, load, scenario_parameters
from versim.cli.session import for_people, line_width, session_of, tell, typed, write_output
from versim.deadline import limiting

if TYPE_CHECKING:
    from versim.sweeps.space import Space
    from versim.sweeps.sweep import Standing, Sweep

INTERRUPTED = 130
_MANY = 6


@click.command(cls=ScenarioCommand)
@scenario_parameters
@click.option(
    "--vary",
    "axes",
    multiple=True,
    metavar="KEY=VALUES",
    help="Vary this: an option of a producer (tp), of one workload or instance (LABEL.KEY), or a place in the scenario "
    "(system.dimensions[1].bandwidth). Values: 1,2,4 or 1..64*2 or 1..4 or 1..2+0.25; several keys in step: "
    "pp,vp=[1, 1],[2, 4]. May be repeated; instead of the scenario's search.",
)
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="Ask only where this holds, e.g. 'tp * pp * dp == 64 and tp <= 8 and fits'. May be repeated.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep answers in this file, and ask nothing that it answers. Made if it is not there.",
)
@click.option(
    "-b",
    "--backend",
    "backends",
    multiple=True,
    metavar="[LABEL=]NAME[:KEY=VALUE,…]",
    help="Ask this backend instead of the scenario's, as in compare. May be repeated.",
)
@click.option("-j", "--jobs", type=click.IntRange(1), metavar="N", help="Processes; one per processor unless given.")
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Ask over the Dask cluster of this scheduler (tcp://host:8786), or over one made here (local).",
)
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Ask about N configurations, taken at random.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of chance.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Ask about the first N configurations.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked and why the rest would not; ask nothing.")
@click.option(
    "--time-limit",
    "time_limit_s",
    type=float,
    metavar="SECONDS",
    callback=_seconds,
    help="Stop an answer, and what makes its inputs, after this many seconds; it may be asked for again.",
)
@click.option("--keep-spans", is_flag=True, help="Keep when each node ran, too, for `versim results --spans`.")
@click.pass_context
def sweep(
    ctx: click.Context,
    scenario: str,
    options: tuple[str, ...],
    axes: tuple[str, ...],
    conditions: tuple[str, ...],
    store: Path | None,
    backends: tuple[str, ...],
    jobs: int | None,
    dask: str | None,
    sample: int | None,
    seed: int,
    limit: int | None,
    dry_run: bool,
    time_limit_s: float | None,
    keep_spans: bool,
) -> None:
    """Vary SCENARIO and ask every simulator of it about each configuration.

    Answers are kept as they arrive: the same command goes on where an earlier one ended, of whatever it ended. What is
    stored is listed by `versim results` and ranked by `versim decide`.
    """
    ctx.with_resource(limiting(time_limit_s))
    loaded, registry = load(ctx, scenario, options, backends=backends)
    if not axes and loaded.search is None:
        raise click.UsageError("nothing varies; give --vary KEY=V1,V2,…, or the scenario a search")

    from versim.sweeps.sweep import sweep as made_ready  # noqa: PLC0415 - brings numpy

    if dry_run:
        from versim.sweeps.axes import axes_of  # noqa: PLC0415 - see above
        from versim.sweeps.space import expand  # noqa: PLC0415

        search = loaded.search
        tell_space(
            expand(
                loaded,
                registry,
                axes_of(axes or (search.vary if search else {})),
                [*(search.where if search else ()), *conditions],
                sample=sample or (search.sample if search else None),
                seed=seed,
                limit=limit,
            )
        )
        return
    with contextlib.ExitStack() as stack:
        there = None
        if dask is not None:
            from versim.sweeps.cluster import cluster  # noqa: PLC0415 - an extra
            from versim.sweeps.execution import processes_here  # noqa: PLC0415 - see above

            there = stack.enter_context(cluster(dask, jobs or processes_here()))
        swept = made_ready(
            loaded,
            axes or None,
            conditions,
            store=store,
            jobs=jobs,
            executor=there.make if there else None,
            workers=there.workers if there else None,
            sample=sample,
            seed=seed,
            limit=limit,
            time_limit_s=time_limit_s,
            keep_spans=keep_spans,
            registry=registry,
            modules=session_of(ctx).modules,
            command=typed(ctx),
        )
        stack.callback(swept.close)
        tell_space(swept.space)
        _ask(ctx, swept, store)
        _show(swept, store)


def _ask(ctx: click.Context, swept: Sweep, store: Path | None) -> None:
    standing = swept.standing
    tell(f"{standing.questions} questions, {standing.known} answered already, {standing.left} to ask")
    try:
        with standing_shown() as say:
            swept.run(say)
    except KeyboardInterrupt:
        kept = f"{standing.answered} answers are kept in {store}" if store else "nothing is kept without --store"
        tell(f"Interrupted; {kept}. To go on: {typed(ctx)}" if store else f"Interrupted; {kept}.")
        ctx.exit(INTERRUPTED)
    tell(f"{standing.answered} answered ({standing.rate_per_s:.3g} per second), {standing.failed} of them failed")


@contextlib.contextmanager
def standing_shown() -> Iterator[Callable[[Standing], None] | None]:
    """Rate, failures and time left on one line of stderr, if somebody is looking."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only for people at a terminal

    with Console(stderr=True).status("starting") as status:
        yield lambda standing: status.update(for_people(_standing(standing)))


def _standing(standing: Standing) -> str:
    left_s = standing.left_s
    left = "" if left_s is None else f", {left_s:.0f} s left"
    done = standing.known + standing.answered
    return f"{done} of {standing.questions}, {standing.rate_per_s:.3g} per second, {standing.failed} failed{left}"


def tell_space(space: Space) -> None:
    """Say on stderr what remains of a space, and why the rest fell out."""
    tell(f"{space.combinations} combinations, {len(space.configurations)} configurations remain")
    if space.left_out:
        tell(f"  {space.left_out} more were not looked at (--sample, --limit)")
    for fallen in space.fallen[:_MANY]:
        tell(f"  {fallen.count} fell out: {fallen.reason}" + (f" (first: {fallen.example})" if fallen.example else ""))
    if len(space.fallen) > _MANY:
        rest = space.fallen[_MANY:]
        tell(f"  {sum(fallen.count for fallen in rest)} fell out for {len(rest)} further reasons")


def _show(swept: Sweep, store: Path | None) -> None:
    from versim.sweeps.results import as_text, select  # noqa: PLC0415 - see group

    write_output(as_text(select(swept.rows(), sort="makespan_s"), line_width(), 10), None)
    if store is not None:
        tell(f"All of it: versim results {shlex.quote(str(store))}; ranked: versim decide {shlex.quote(str(store))}")
