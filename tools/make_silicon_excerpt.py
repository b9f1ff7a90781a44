"""Writes the measured tables that versim bundles, from the wheel ``aiconfigurator-core`` (Apache-2.0).

    python tools/make_silicon_excerpt.py aiconfigurator_core-0.12.0-….whl plugins/silicon/versim_silicon/data

What is left out keeps the file small and the interpolation as it is: shapes one above a round number, products and
attention too small for training or decoding, experts spread too thin, every distribution of tokens but the most even.
Times keep four digits, or seven. ``versim silicon import`` reads everything.
"""

# ruff: noqa: INP001, T201 - a script, not a package

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray
from versim_silicon.gpus import GPUS
from versim_silicon.importing import COLLECTORS, Source, read, repeated_collectives
from versim_silicon.spread import noise_of, spread_of
from versim_silicon.tables import Table, Tables, save

COLLECTOR = "trtllm"


def thinned(tables: Tables) -> Tables:
    """What is bundled of a GPU's tables."""
    kept: Tables = {}
    for name, table in sorted(tables.items(), reverse=True):  # products before their conversions
        what, *parts = name.split("/")
        if what == "product":
            kept[name] = _grid(table, {"m": _round(table.axes["m"])})
        elif what == "conversion":
            products = kept[f"product/{parts[0]}"].axes
            kept[name] = table.over({axis: products[axis] for axis in "mk"})
        elif what == "attention" and parts[1] in ("64", "128", "192"):
            few = {"batch": lambda values: np.isin(values, (1, 2, 4, 8, 16)), "length": _from(256)}
            kept[name] = _grid(
                table,
                few
                | {
                    "heads": lambda values: np.isin(values, (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96)),
                    "kv_heads": lambda values: np.isin(values, (1, 2, 4, 8, 16, 32, 64, 96)),
                },
            )
        elif what == "experts":
            kept[name] = _rows(table)
        elif what == "collective":
            kept[name] = table
    return kept


def _from(least: float):  # noqa: ANN202
    return lambda values: values >= least


def _round(values: NDArray[np.float64]):  # noqa: ANN202
    """Without shapes one above another shape, which show what a further tile costs, and odd ones below 16."""
    keep = ~np.isin(values - 1, values) | (values <= 2)
    keep &= ~((values < 16) & ~np.isin(values, (1, 2, 4, 8)))
    return lambda _: keep


def _grid(table: Table, keep: Mapping[str, object]) -> Table:
    masks = [keep[name](values) if name in keep else np.ones(len(values), bool) for name, values in table.axes.items()]  # type: ignore[operator]
    axes = {name: values[mask] for (name, values), mask in zip(table.axes.items(), masks, strict=True)}
    return Table(axes, table.times_s[np.ix_(*masks)])


def _rows(table: Table) -> Table:
    axes = table.axes
    rows = axes["rows"]
    keep = (rows >= 16) & (axes["inner"] >= 256) & (axes["experts"] <= 128) & (rows * axes["experts"] >= 1024)
    return attrs.evolve(table, axes={n: v[keep] for n, v in axes.items()}, times_s=table.times_s[keep])


def main(wheel: str, folder: str) -> None:
    """Write one file per GPU and the index."""
    source, target = Source(Path(wheel)), Path(folder)
    index: dict[str, object] = {}
    repeats = []
    for system in GPUS:
        kept = thinned(read(source, system, COLLECTOR))
        tables = {collector: read(source, system, collector) for collector in COLLECTORS}
        save(kept, target / f"{system}.npz")
        index[system] = {"collector": COLLECTOR, "spread": spread_of(tables, COLLECTOR)}
        repeats.append(repeated_collectives(source, system))
        size = (target / f"{system}.npz").stat().st_size
        print(system, size, {n: t.count() for n, t in kept.items()})
    noise = noise_of(*(np.concatenate(column) for column in zip(*repeats, strict=True)))
    index["collectives"] = {"noise": noise}
    print("noise of collectives", noise)
    (target / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
