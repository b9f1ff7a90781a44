"""``python -m versim.testing BACKEND``: every check of the conformance kit, with what was expected and found."""

from __future__ import annotations

import importlib
import sys
from collections import Counter

import attrs
import click

from versim.errors import VersimError
from versim.registry import load_registry
from versim.scenario.overrides import parse_component
from versim.testing.check import ConformanceCheck, Outcome, Verdict
from versim.testing.claims import Claims, claims_of
from versim.testing.subject import Subject
from versim.testing.suite import examine

_MARKS = {
    Verdict.PASSED: "pass",
    Verdict.FAILED: "FAIL",
    Verdict.UNCLAIMED: "not claimed",
    Verdict.DECLARED: "differs, as declared",
}


@click.command()
@click.argument("backend", metavar="BACKEND[:key=value,…]")
@click.option("--claims", "claimed", metavar="MODULE:NAME", help="Claims to hold it to instead of its own.")
@click.option("--only", multiple=True, metavar="PART", help="Only checks with this in their name. May be repeated.")
@click.option("-p", "--plugin", "plugins", multiple=True, metavar="MODULE", help="A plugin that is not installed.")
def main(backend: str, claimed: str | None, only: tuple[str, ...], plugins: tuple[str, ...]) -> None:
    """Hold BACKEND, with the given options, to what it claims and to what every backend owes.

    Exit status 0 if nothing failed; what is not claimed is listed and fails nothing.
    """
    try:
        registry = load_registry(plugins)
        name, options = parse_component(backend)
        component = registry.backend(name)
        stated = _imported(claimed) if claimed else claims_of(component)
        count: Counter[Verdict] = Counter()
        for claims in stated:
            under = attrs.evolve(claims, options={**claims.options, **options})
            click.echo(_heading(name, under))
            for check, outcome in examine(Subject(backend=component, claims=under, registry=registry), only):
                click.echo(_lines(check, outcome))
                count[outcome.verdict] += 1
    except VersimError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_status)
    click.echo("\n" + ", ".join(f"{count[verdict]} {verdict.value}" for verdict in Verdict))
    sys.exit(1 if count[Verdict.FAILED] or not count else 0)


def _imported(place: str) -> tuple[Claims, ...]:
    module, _, name = place.partition(":")
    try:
        found = getattr(importlib.import_module(module), name or "CLAIMS")
    except (ImportError, AttributeError) as error:
        raise VersimError(f"--claims {place}: {error}") from error
    return claims_of(attrs.make_class("Stated", {"claims": attrs.field()})(found))


def _heading(backend: str, claims: Claims) -> str:
    said = [f"{name}={value}" for name, value in claims.options.items()]
    if claims.network:
        said.append(f"network {claims.network}")
    label = f", {claims.label}" if claims.label else ""
    return f"\n{backend}{label}{' (' + ', '.join(said) + ')' if said else ''}"


def _lines(check: ConformanceCheck, outcome: Outcome) -> str:
    head = f"{_MARKS[outcome.verdict]:>12}  {check.group}: {check.name}"
    if outcome.verdict is Verdict.UNCLAIMED:
        return f"{head}: {outcome.reason}"
    indent = " " * 14
    lines = [head, f"{indent}shows     {check.shows}", f"{indent}expected  {outcome.expected}"]
    lines.append(f"{indent}found     {outcome.found}")
    if outcome.reason:
        lines.append(f"{indent}declared  {outcome.reason}")
    return "\n".join(lines)


if __name__ == "__main__":
    main(prog_name="python -m versim.testing")
