"""Where measured tables are found: those bundled with versim, and those the user imported."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from versim import UnknownNameError, VersimError

from versim_silicon.tables import Tables, load

BUNDLED = Path(__file__).parent / "data"
COLLECTORS = ("trtllm", "sglang", "vllm")
BUNDLED_COLLECTOR = "trtllm"


def imported_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where ``versim silicon import`` writes: ``VERSIM_SILICON``, else the user's data folder."""
    given = environment.get("VERSIM_SILICON")
    if given:
        return Path(given).expanduser()
    base = environment.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "versim" / "silicon"


def file_of(gpu: str, collector: str, folder: Path | None) -> Path:
    """The file with the tables of a GPU by a collector.

    Without a folder the bundled excerpt answers for its collector, whatever was imported: what is predicted does not
    depend on whose machine it is. Other collectors are looked for in the user's data folder.

    Raises:
        VersimError: Nothing of that collector was imported.
    """
    if collector == BUNDLED_COLLECTOR and folder is None:
        return BUNDLED / f"{gpu}.npz"
    place = folder or imported_folder()
    found = place / f"{gpu}.{collector}.npz"
    if not found.is_file():
        raise VersimError(
            f"no measurements of {gpu} by {collector} in {place}; "
            f"versim silicon import WHEEL reads them, and {BUNDLED_COLLECTOR} is bundled"
        )
    return found


def tables_of(gpu: str, collector: str = BUNDLED_COLLECTOR, folder: Path | None = None) -> Tables:
    """The tables of a GPU; read once per file."""
    path = file_of(gpu, collector, folder)
    return _loaded(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=32)
def _loaded(path: Path, _changed: int) -> Tables:
    return load(path)


def spread(gpu: str) -> Mapping[str, Mapping[str, float]]:
    """Table of products ─▶ other collector ─▶ how far it is from the bundled one, see :mod:`versim_silicon.spread`."""
    index = _index()
    if gpu not in index or gpu == _COLLECTIVES:
        raise UnknownNameError("measured GPU", gpu, sorted(set(index) - {_COLLECTIVES}))
    found: Mapping[str, Mapping[str, float]] = index[gpu]["spread"]
    return found


def collective_noise() -> Mapping[str, float]:
    """Band of sizes ─▶ how far two measurements of one collective by one version of NCCL are apart."""
    found: Mapping[str, float] = _index()[_COLLECTIVES]["noise"]
    return found


_COLLECTIVES = "collectives"


def _index() -> dict[str, Any]:
    index: dict[str, Any] = json.loads((BUNDLED / "index.json").read_text(encoding="utf-8"))
    return index
