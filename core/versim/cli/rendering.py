"""Writing what reporters made: to files, folders or standard output, each whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from versim.atomic import check_writable
from versim.cli.session import write_output

if TYPE_CHECKING:
    from versim.components import Destination, Rendering, Reporter
    from versim.registry import Registry

Function = TypeVar("Function", bound=Callable[..., Any])

STANDARD_OUTPUT = "-"

TABLE = "table"
"""What is shown where nothing says how."""


def rendering_parameters(function: Function) -> Function:
    """The options of a command that shows a report: ``-f``, ``-o``, and how much of it."""
    formats = click.option(
        "-f",
        "--format",
        "reporters",
        show_default="table, or by the ending of -o",
        multiple=True,
        metavar="REPORTER[:KEY=VALUE,…]",
        help="How to show the comparison; `versim plugins` lists the reporters. May be repeated.",
    )
    outputs = click.option(
        "-o",
        "--output",
        "outputs",
        multiple=True,
        metavar="FILE",
        help="Write to this file instead of standard output; it is replaced whole or not at all. Without -f its ending "
        "says the format: .html, .json, .md. With several -f, the first -o belongs to the first; - is standard output.",
    )
    explain = click.option(
        "--explain", is_flag=True, help="Show the whole chain of the explanation, in reporters that have it."
    )
    full = click.option("--full", is_flag=True, help="Show everything, in reporters that begin with a summary.")
    brief = click.option("--brief", is_flag=True, help="Show one line per workload, in reporters that can.")
    return formats(outputs(full(brief(explain(function)))))


def chosen(
    registry: Registry, reporters: tuple[str, ...], outputs: tuple[str, ...], **asked: bool
) -> list[tuple[Reporter, object, Path | None]]:
    """The reporters that were asked for, their options, and where each goes.

    Everything that can be refused is, before anything long begins. What is ``asked`` for (``explain``, ``full``,
    ``brief``) sets the option of that name of those that have one, unless it is given.
    """
    from versim.documents import endings_of  # noqa: PLC0415 - brings numpy
    from versim.registry import describe_options, structure_options  # noqa: PLC0415 - not for the list of commands
    from versim.scenario.overrides import parse_component  # noqa: PLC0415

    wanted = []
    endings = endings_of(registry) if outputs and not reporters else {}
    for written, output in paired(reporters, outputs, endings):
        name, settings = parse_component(written)
        reporter = registry.reporter(name)
        known = {info.name for info in describe_options(reporter.options)}
        settings = {name: True for name, wished in asked.items() if wished and name in known} | settings
        wanted.append((reporter, structure_options(reporter, settings, "$"), output))
        check_output(output)
    return wanted


def paired(
    reporters: tuple[str, ...], outputs: tuple[str, ...], endings: Mapping[str, str]
) -> tuple[tuple[str, Path | None], ...]:
    """Each reporter with where it goes: the first output belongs to the first reporter, and so on.

    What has no output goes to standard output. Without any reporter, the ending of each output chooses one, the table
    where it says nothing.

    Raises:
        click.UsageError: More outputs than reporters, or one output twice.
    """
    places = [None if name == STANDARD_OUTPUT else Path(name) for name in outputs]
    named = [place for place in places if place is not None]
    for place in named:
        if named.count(place) > 1:
            raise click.UsageError(f"-o {place} is given twice; each document needs a file of its own")
    if not reporters:
        reporters = tuple(endings.get(place.suffix.lower(), TABLE) if place else TABLE for place in places) or (TABLE,)
    if len(outputs) > len(reporters):
        raise click.UsageError(
            f"{len(outputs)} times -o for {len(reporters)} times -f; give one -o per -f at most, or no -f: then the "
            "ending of each file says its format"
        )
    places += [None] * (len(reporters) - len(places))
    return tuple(zip(reporters, places, strict=True))


def check_output(output: Path | None) -> None:
    """Refuse an output that cannot be written, before anything long begins; a folder is held to be one of files."""
    if output is None:
        return
    check_writable(output, or_empty_folder=True)


def destination(output: Path | None) -> Destination:
    """What a reporter may know about where its document goes."""
    from versim.components import Destination  # noqa: PLC0415 - not for the list of commands
    from versim.terminal import columns_of_stdout  # noqa: PLC0415

    if output is not None:
        return Destination(to_file=True)
    terminal = sys.stdout.isatty()
    return Destination(
        encoding=getattr(sys.stdout, "encoding", None) or "utf-8",
        columns=columns_of_stdout(),
        colour=terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
    )


def write_rendering(rendering: Rendering, output: Path | None, reporter: str) -> None:
    """Write a rendering where it belongs.

    Raises:
        UnwritableError: It cannot be written there.
        click.UsageError: A folder of files for standard output.
    """
    if output is not None:
        from versim.documents import write_rendering as write_to_file  # noqa: PLC0415 - brings numpy

        write_to_file(rendering, output)
        return
    content = rendering.content
    if isinstance(content, bytes):
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    elif isinstance(content, str):
        write_output(content if content.endswith("\n") or not content else f"{content}\n", None, as_it_is=True)
    else:
        raise click.UsageError(f"reporter {reporter!r} makes a folder of files; name it with -o FOLDER")
