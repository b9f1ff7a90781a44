"""``versim lint``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from versim import Finding

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("prefix", type=click.Path(path_type=Path))
@click.option("--network", type=_FILE, help="ASTRA-sim's network file: checks that depend on it too.")
@click.option("--system", type=_FILE, help="ASTRA-sim's system file: checks that depend on it too.")
@click.option("--comm-groups", type=_FILE, help="Its group file; default: comm_groups.json beside the traces.")
@click.option("--remote-memory", type=_FILE, help="Its remote-memory file, which memory nodes need.")
@click.option(
    "--congestion",
    type=click.Choice(["aware", "unaware"]),
    default="aware",
    show_default=True,
    help="Which program is to run; several dimensions are always unaware.",
)
@click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--strict", is_flag=True, help="Exit with status 1 on warnings too.")
@click.pass_context
def lint(
    ctx: click.Context,
    prefix: Path,
    network: Path | None,
    system: Path | None,
    comm_groups: Path | None,
    remote_memory: Path | None,
    congestion: str,
    form: str,
    strict: bool,
) -> None:
    """Find what makes ASTRA-sim hang or lie in the traces PREFIX.0.et, PREFIX.1.et … (or in a folder of them).

    Exit status: 0; 1 if there is an error (with --strict: or a warning). The rules are explained in docs/lint-rules.md.
    """
    from versim_astrasim.lint import loading  # noqa: PLC0415 - loads numpy and the schema

    found = loading.lint(
        loading.Given(
            where=prefix,
            network=network,
            system=system,
            comm_groups=comm_groups,
            remote_memory=remote_memory,
            congestion=congestion,
        )
    )
    click.echo(shown(found, form), nl=False)
    severities = {finding.severity.value for finding in found}
    if "error" in severities or (strict and "warning" in severities):
        ctx.exit(1)


def shown(found: Sequence[Finding], form: str) -> str:
    """Findings as text for people, or as JSON."""
    from versim_astrasim.lint.findings import document  # noqa: PLC0415 - loads numpy

    if form == "json":
        return json.dumps({"findings": [document(finding) for finding in found]}, indent=2) + "\n"
    counts = {severity: sum(f.severity.value == severity for f in found) for severity in ("error", "warning", "info")}
    summary = ", ".join(
        f"{count} {name}{'s' * (count != 1 and name != 'info')}" for name, count in counts.items() if count
    )
    lines = []
    for finding in found:
        where = "" if finding.rank is None else f" rank {finding.rank}"
        where += "" if finding.node is None else f" node {finding.node}"
        lines.append(f"{finding.severity.value:<7} {finding.rule}{where}: {finding.message}")
        lines.append(f"        → {finding.remedy}")
    return "\n".join([*lines, summary or "nothing found"]) + "\n"
