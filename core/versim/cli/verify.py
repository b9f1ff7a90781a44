"""``versim verify``: hold a re-creation of a program against tables of that program's own answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from versim.cli.session import session_of, write_output

if TYPE_CHECKING:
    from versim.components import TableResult, Verifies
    from versim.registry import Registry

LARGEST_TABLE_BYTES = 2**30
MISMATCH = 1


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", metavar="[KIND:]NAME")
@click.argument("arguments", nargs=-1, required=True, metavar="TABLE.json… [--KEY VALUE]…", type=click.UNPROCESSED)
@click.option(
    "--option", "options", multiple=True, metavar="KEY=VALUE", help="Passed to the component; may be repeated."
)
@click.pass_context
def verify(ctx: click.Context, name: str, arguments: tuple[str, ...], options: tuple[str, ...]) -> None:
    """Check the component NAME against recorded answers of the program it re-creates.

    An option that versim does not know belongs to the component: --exactness plain is --option exactness=plain.

    Of several components of that name the verifier is meant, else the backend, timing, producer or reporter; KIND:NAME
    says it.
    Prints how many cases match in each table and every mismatch. Exit status 1 if anything does not match.
    """
    registry = session_of(ctx).registry()
    component = _component(registry, name)
    tables, own_options = _parted(arguments, ctx)
    settings = dict(_setting(item, ctx) for item in (*own_options, *options))
    contents = [_read(path) for path in tables]  # all of them before the first is worked on

    from versim.containment import held_responsible  # noqa: PLC0415 - brings numpy

    matched = total = 0
    for path, content in zip(tables, contents, strict=True):
        with held_responsible("component", name):
            result = component.verify(content, settings)
        matched, total = matched + result.matched, total + result.total
        write_output("".join(f"{line}\n" for line in _lines(path, result)), None)
    write_output(f"total: {matched}/{total} matched\n", None)
    if matched != total:
        ctx.exit(MISMATCH)


def _parted(arguments: tuple[str, ...], ctx: click.Context) -> tuple[list[Path], list[str]]:
    """Tables, and options of the component as KEY=VALUE."""
    tables: list[Path] = []
    options: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if not word.startswith("--"):
            tables.append(Path(word))
            continue
        key, equals, value = word.removeprefix("--").partition("=")
        if not equals:
            value = next(rest, "")
            if not value or value.startswith("--"):
                raise click.UsageError(f"{word} needs a value", ctx)
        options.append(f"{key.replace('-', '_')}={value}")
    if not tables:
        raise click.UsageError("name at least one TABLE.json", ctx)
    return tables, options


def _lines(path: Path, result: TableResult) -> list[str]:
    worst = result.worst_relative_error
    suffix = "" if worst is None else f", worst relative error {worst:.3g}"
    return [
        f"{path}: {result.matched}/{result.total} matched{suffix}",
        *(f"  {mismatch}" for mismatch in result.mismatches),
    ]


def _component(registry: Registry, name: str) -> Verifies:
    from versim.components import Verifies  # noqa: PLC0415 - not for the list of commands
    from versim.errors import UnknownNameError, VersimError  # noqa: PLC0415

    kind, colon, bare = name.rpartition(":")
    able = {
        f"{kind_}:{component.name}": component
        for kind_, components in (
            ("verifier", registry.verifiers()),
            ("backend", registry.backends()),
            ("timing", registry.timings()),
            ("producer", registry.producers()),
            ("reporter", registry.reporters()),
        )
        for component in components
        if isinstance(component, Verifies)
    }
    matching = [full for full in able if full == name or (not colon and full.split(":")[1] == bare)]
    if not matching:
        known_names = {component.name for component in (*registry.backends(), *registry.timings())}
        if bare in known_names and not registry.verifiers():
            raise VersimError(
                f"{bare!r} is installed, but nothing that reads tables of its program's answers is; the readers of "
                "versim's own reference tables are a distribution of their own: pip install ./proof in its repository"
            )
        known = able if colon else {full.split(":")[1] for full in able}
        raise UnknownNameError(f"{kind or 'component'} that can be verified is", name, known)
    return able[matching[0]]


def _setting(item: str, ctx: click.Context) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals or not key:
        raise click.UsageError(f"--option {item}: is not KEY=VALUE", ctx)
    return key, value


def _read(path: Path) -> dict[str, Any]:
    from versim.errors import VersimError  # noqa: PLC0415 - not for the list of commands
    from versim.plain import read_json  # noqa: PLC0415

    content = read_json(path, LARGEST_TABLE_BYTES)
    if not isinstance(content, dict):
        raise VersimError(f"{path}: has to hold a mapping, it holds a {type(content).__name__}")
    return content
