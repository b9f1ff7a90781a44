"""``versim doctor``: what components need from outside Python, and whether it is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from versim.cli.session import fitted, session_of, write_output

if TYPE_CHECKING:
    from versim.components import Diagnostic
    from versim.registry import Registry


@click.command()
@click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def doctor(ctx: click.Context, form: str) -> None:
    """Say what was found outside Python, in which version, what it can do, what is missing and what to do.

    Components may run tiny cases to find out. Exit status: 0, whatever is missing; 1 if a plugin is broken.
    """
    registry = session_of(ctx).registry(warn=False)
    found = list(_diagnostics(registry))
    broken = [str(error) for error in registry.broken()]
    if form == "json":
        lines = [
            {"component": name, "subject": line.subject, "found": line.found, "detail": line.detail}
            for name, line in found
        ]
        write_output(json.dumps({"diagnostics": lines, "broken": broken}, indent=2) + "\n", None)
    else:
        text = []
        for _, line in found:
            text += [f"{'ok' if line.found else 'missing':<8} {line.subject}", f"         {line.detail}"]
        text += [f"broken   {error}" for error in broken]
        write_output(fitted(text or ["nothing installed depends on anything outside Python"]), None)
    if broken:
        ctx.exit(1)


def _diagnostics(registry: Registry) -> Iterator[tuple[str, Diagnostic]]:
    from versim.components import Diagnoses, Diagnostic  # noqa: PLC0415 - not for the list of commands
    from versim.errors import VersimError  # noqa: PLC0415

    pools = (registry.producers(), registry.timings(), registry.backends(), registry.reporters())
    for component in (component for pool in pools for component in pool):
        if not isinstance(component, Diagnoses):
            continue
        lines = iter(component.diagnose())
        while True:
            # One component's trouble is a line of the answer, not the end of it.
            try:
                line = next(lines)
            except StopIteration:
                break
            except VersimError as error:
                yield component.name, Diagnostic(component.name, found=False, detail=str(error))
                break
            except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything
                cause = f"its diagnosis failed: {type(error).__name__}: {error}"
                yield component.name, Diagnostic(component.name, found=False, detail=cause)
                break
            yield component.name, line
