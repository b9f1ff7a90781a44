"""``versim cache``."""

from __future__ import annotations

import contextlib
import json
import os

import click


@click.command()
@click.option("--clear", is_flag=True, help="Remove every entry, and working folders that killed runs left.")
@click.option("-f", "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def cache(clear: bool, form: str) -> None:
    """Show what the real ASTRA-sim answered about communications alone, or clear it.

    An answer is found by the exact bytes of the program and of everything it was given. VERSIM_CACHE_DIR moves the
    folder.
    """
    from versim_astrasim.program.cache import Cache, cache_folder  # noqa: PLC0415 - not for the list of commands
    from versim_astrasim.program.working_folder import remove_left_folders  # noqa: PLC0415

    store = Cache(cache_folder(os.environ))
    removed = store.clear() if clear else 0
    if clear:
        remove_left_folders()
    entries = store.entries()
    damaged = len(store.damaged())
    size = 0
    for path in entries:
        # Another process may remove it meanwhile.
        with contextlib.suppress(OSError):
            size += path.stat().st_size
    document = {
        "folder": str(store.folder),
        "entries": len(entries),
        "bytes": size,
        "damaged": damaged,
        "removed": removed,
    }
    if form == "json":
        click.echo(json.dumps(document, indent=2))
    elif clear:
        click.echo(f"{removed} entries removed from {store.folder}")
    else:
        click.echo(f"{len(entries)} entries, {size} bytes in {store.folder}")
        if damaged:
            click.echo(f"{damaged} files of it are damaged or unfinished and are not used; --clear removes them too")
