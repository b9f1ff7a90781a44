"""``versim doctor``: what components need from outside Python, and whether it is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from versim.cli.requirements import unmet
from versim.cli.session import fitted, session_of, write_output

if TYPE_CHECKING:
    from versim.components import Diagnostic
    from versim.registry import Registry


@click.command()
@click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_context
def doctor(ctx: click.Context, form: str) -> None:
    """Say what was found outside Python, in which version, what it can do, what is missing and what to do.

    Components may run tiny cases to find out. Exit status: 0, also where something outside Python is missing; 1 if a
    plugin is broken, fails at its own diagnosis, or a Python package is missing or older than declared.
    """
    registry = session_of(ctx).registry(warn=False)
    found, failed = _diagnostics(registry)
    broken = [str(error) for error in registry.broken()]
    broken += [detail for _, detail in failed]
    broken += unmet(["versim", *(plugin.distribution for plugin in registry.plugins() if plugin.distribution)])
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


def _diagnostics(registry: Registry) -> tuple[list[tuple[str, Diagnostic]], list[tuple[str, str]]]:
    """What components say, and which of them fail at saying it: name and what went wrong."""
    from versim.components import Diagnoses, Diagnostic  # noqa: PLC0415 - not for the list of commands
    from versim.containment import held_responsible  # noqa: PLC0415
    from versim.errors import ComponentError, VersimError  # noqa: PLC0415

    found: list[tuple[str, Diagnostic]] = []
    failed: list[tuple[str, str]] = []
    pools = (registry.producers(), registry.timings(), registry.backends(), registry.reporters())
    for component in (component for pool in pools for component in pool):
        if not isinstance(component, Diagnoses):
            continue
        # One component's trouble is a line of the answer, not the end of it.
        try:
            with held_responsible("component", component.name):
                for line in component.diagnose():
                    found.append((component.name, line))  # noqa: PERF401 - what was said before it fails counts
        except ComponentError as error:
            failed.append((component.name, f"{component.name}: its diagnosis failed: {error.cause}"))
        except VersimError as error:
            found.append((component.name, Diagnostic(component.name, found=False, detail=str(error))))
    return found, failed
