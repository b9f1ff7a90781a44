"""``versim measured``: the simulators on iterations that somebody measured."""

from __future__ import annotations

import fnmatch
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from versim import Registry


@click.command()
@click.option(
    "-b",
    "--backend",
    "backends",
    multiple=True,
    default=("deepflow", "astrasim"),
    show_default=True,
    metavar="NAME",
    help="Hold this backend, with its default options, against the measurements. May be repeated.",
)
@click.option("--case", "pattern", default="*", metavar="PATTERN", help='Only these cases, e.g. "gpt3*" or "*full".')
@click.option("--hardware", default="a100-80gb", show_default=True, help="A hardware preset or file of deepflow-llm.")
@click.option(
    "--compat", default="deepflow", show_default=True, help="Which of DeepFlow's known defects to mend, or corrected."
)
@click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def measured(
    ctx: click.Context, backends: tuple[str, ...], pattern: str, hardware: str, compat: str, form: str
) -> None:
    """Hold simulators against measured training iterations of four GPTs on up to 512 A100s.

    The measurements ship with versim and are cited. What the graphs leave out is said case by case.
    """
    from versim.terminal import WIDTH, columns_of_stdout, for_encoding  # noqa: PLC0415

    from versim_basics.measured import table  # noqa: PLC0415 - brings numpy
    from versim_basics.measured.cases import cases, record  # noqa: PLC0415
    from versim_basics.measured.predict import PRODUCER, TIMING, answers  # noqa: PLC0415

    chosen = [case for case in cases() if fnmatch.fnmatchcase(case.name, pattern)]
    if not chosen:
        raise click.UsageError(f"no case is named {pattern!r}; there are: {'; '.join(case.name for case in cases())}")
    simulators = tuple(dict.fromkeys(backends))
    say = (lambda text: click.echo(text, err=True)) if sys.stderr.isatty() else None
    found = answers(chosen, _registry(ctx), simulators, hardware=hardware, compat=compat, progress=say)
    setting = (
        f"graphs of {PRODUCER}, a node per layer; compute and tensor-parallel communication timed by {TIMING} "
        f"(compat {compat}) on {hardware}, equal for all simulators; pipeline messages by each simulator"
    )
    if form == "json":
        click.echo(table.as_json(found, simulators, record().source, setting), nl=False)
        return
    width = min(WIDTH, columns_of_stdout() or WIDTH)
    text = table.as_text(found, simulators, record().source, setting, width)
    click.echo(for_encoding(text, sys.stdout.encoding), nl=False)


def _registry(ctx: click.Context) -> Registry:
    """The plugins of this run; the installed ones where the command is run outside ``versim``."""
    session: Any = ctx.find_root().obj
    if session is not None:
        registry: Registry = session.registry()
        return registry
    from versim import load_registry  # noqa: PLC0415 - see above

    return load_registry()
