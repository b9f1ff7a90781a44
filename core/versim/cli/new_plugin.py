"""``versim new-plugin``: a complete project of somebody's own, ready to be installed and changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from versim.cli.session import session_of, tell

if TYPE_CHECKING:
    from versim.registry import Registry

KINDS = "producer,timing,backend,reporter"


@click.command(name="new-plugin")
@click.argument("name")
@click.option("--with", "kinds", default=KINDS, show_default=True, metavar="KIND,…", help="What it is to offer.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where to write it; versim-NAME in this folder unless given.",
)
@click.pass_context
def new_plugin(ctx: click.Context, name: str, kinds: str, output: Path | None) -> None:
    """Write a plugin NAME: a project that installs and passes its own tests as it stands.

    It has a working component of every kind asked for, a scenario that uses them, and tests, the conformance kit's
    among them. Change one part after the other.
    """
    from versim.atomic import check_new_folder, new_folder  # noqa: PLC0415 - not for the list of commands
    from versim.testing.scaffold import checked_name, project  # noqa: PLC0415

    files = project(name, [kind.strip() for kind in kinds.split(",") if kind.strip()])
    _refuse_taken(checked_name(name), session_of(ctx).registry(warn=False))
    folder = output or Path(f"versim-{checked_name(name)}")
    check_new_folder(folder)
    with new_folder(folder) as draft:
        for place, text in files.items():
            file = draft / place
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    tell(f"Wrote {folder}. Next: cd {folder} && pip install -e '.[dev]' && pytest")


def _refuse_taken(name: str, registry: Registry) -> None:
    """Two components of one kind cannot have one name."""
    from versim.errors import VersimError  # noqa: PLC0415

    for plugin in registry.plugins():
        for kind, components in plugin.components.items():
            if name in {component.name for component in components}:
                raise VersimError(
                    f"plugin {plugin.name!r} offers a {kind} {name!r} already, and yours would have the same name; "
                    "choose another"
                )
