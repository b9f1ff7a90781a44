"""A report written to a file by the reporter that its ending names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from versim.atomic import check_writable, new_folder, put, writing, written_beside
from versim.components import Destination, Rendering
from versim.containment import held_responsible
from versim.errors import ComponentError, UnknownNameError
from versim.registry import Registry, load_registry, structure_options

if TYPE_CHECKING:
    from versim.comparison import Report


def endings_of(registry: Registry) -> dict[str, str]:
    """The reporter that an ending of a file's name stands for, ``.html`` for example."""
    return {ending: reporter.name for reporter in registry.reporters() for ending in getattr(reporter, "endings", ())}


def write_report(
    report: Report, path: str | os.PathLike[str], reporter: str = "", registry: Registry | None = None
) -> None:
    """Write a report to a file, whole or not at all.

    Args:
        report: The report.
        path: The file; of a reporter that makes a folder of files, the folder.
        reporter: Its name; by the file's ending unless given.
        registry: The plugins to use; the installed ones unless given.

    Raises:
        UnknownNameError: No reporter of that name or ending.
        UnwritableError: The file cannot be written.
    """
    registry = load_registry() if registry is None else registry
    path = Path(path)
    endings = endings_of(registry)
    if not reporter and path.suffix.lower() not in endings:
        raise UnknownNameError("reporter for the ending", path.suffix, endings)
    chosen = registry.reporter(reporter or endings[path.suffix.lower()])
    check_writable(path, or_empty_folder=True)
    options = structure_options(chosen, {}, "$")
    with held_responsible("reporter", chosen.name):
        rendering: object = chosen.render(report, options, Destination(to_file=True))
    if not isinstance(rendering, Rendering):
        raise ComponentError("reporter", chosen.name, f"it returned {type(rendering).__name__}, not a Rendering")
    write_rendering(rendering, path)


def write_rendering(rendering: Rendering, path: Path) -> None:
    """Write what a reporter made: a document with what stands beside it, or a folder of files.

    Raises:
        UnwritableError: It cannot be written there.
    """
    content = rendering.content
    if not isinstance(content, str | bytes):
        with new_folder(path) as folder:
            for name, part in content.items():
                # A reporter names files, not paths.
                (folder / Path(name).name).write_bytes(part.encode() if isinstance(part, str) else part)
        return
    if isinstance(content, str) and content and not content.endswith("\n"):
        content += "\n"
    with written_beside(path, rendering.attachments), writing(path) as stream:
        put(stream, content)
