"""The files of a trace: a prefix or folder ─▶ one file per rank, and the communicator groups beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from versim import VersimError
from versim.plain import read_json, read_yaml

from versim_astrasim.engine import groups_from_mapping

GROUPS_FILE = "comm_groups.json"
"""Where :mod:`versim_astrasim.program.export` writes groups."""

_FILE = re.compile(r"(?P<prefix>.+)\.(?P<rank>0|[1-9]\d{0,7})\.(?P<ending>et|eg)", re.DOTALL | re.ASCII)
"""Version 0.0.1 called execution traces execution graphs, and its files end so."""

_MOST_CONFIGURATION_BYTES = 64 * 2**20


class TraceFilesError(VersimError):
    """No trace is where one was looked for, or its files are not one per rank."""


def trace_files(where: Path) -> list[Path]:
    """The files of ranks 0, 1, … under a prefix or in a folder.

    Args:
        where: A folder that holds the files of one trace (``NAME.0.et``, ``NAME.1.et`` …), or their path without
            ``.0.et``; the file of a rank is taken for its prefix.

    Raises:
        TraceFilesError: There are none, of several traces, or a rank is missing.
    """
    if where.is_dir():
        found = _in_folder(where, None)
        if len(found) > 1:
            names = ", ".join(map(_printable, sorted(found)[:8]))
            raise TraceFilesError(
                f"{where} holds several traces ({names}); name one, e.g. {_printable(str(where / min(found)))}"
            )
    else:
        match = _FILE.fullmatch(where.name)
        prefix = match["prefix"] if match and where.is_file() else where.name
        found = _in_folder(where.parent, prefix)
    if not found:
        raise TraceFilesError(
            f"there is no trace at {where}; a trace is one file per rank, {where.name or 'NAME'}.0.et, "
            f"{where.name or 'NAME'}.1.et and so on"
        )
    name, files = next(iter(found.items()))
    missing = next(rank for rank in range(len(files) + 1) if rank not in files)
    if missing < len(files):
        raise TraceFilesError(
            f"the trace {where} has a file for rank {max(files)} but none for rank {missing}"
            f" ({_printable(name)}.{missing}.et); every rank needs one"
        )
    return [files[rank] for rank in range(len(files))]


def _in_folder(folder: Path, prefix: str | None) -> dict[str, dict[int, Path]]:
    found: dict[str, dict[int, Path]] = {}
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise TraceFilesError(f"cannot look into {folder}: {error.strerror or error}") from error
    for entry in entries:
        match = _FILE.fullmatch(entry.name)
        if match and prefix in (None, match["prefix"]):
            files, rank = found.setdefault(match["prefix"], {}), int(match["rank"])
            if rank in files:
                raise TraceFilesError(
                    f"rank {rank} of the trace {_printable(str(folder / match['prefix']))} has two files, "
                    f"{_printable(files[rank].name)} and {_printable(entry.name)}; keep one"
                )
            files[rank] = entry
    return found


def _printable(text: str) -> str:
    """A file's name for messages: bytes that are no text, and control characters, are replaced."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def mapping_in(path: Path) -> Mapping[str, Any]:
    """The mapping in a JSON or YAML file, by its ending.

    Raises:
        VersimError: It cannot be read, is no JSON or YAML, or holds something else.
    """
    content = read_json(path, _MOST_CONFIGURATION_BYTES) if path.suffix == ".json" else read_yaml(path)
    if not isinstance(content, Mapping):
        raise VersimError(f"{path}: holds {type(content).__name__}, not a mapping of keys to values")
    return content


def groups_file(where: Path, given: str) -> Path | None:
    """The group file: the one given, else the one beside the traces, else None."""
    if given:
        return Path(given)
    beside = (where if where.is_dir() else where.parent) / GROUPS_FILE
    return beside if beside.is_file() else None


def groups_of(path: Path | None) -> dict[str, tuple[int, ...]]:
    """Groups by name, with their ranks in the file's order; none without a file."""
    if path is None:
        return {}
    return {str(number): ranks for number, ranks in groups_from_mapping(mapping_in(path)).items()}
