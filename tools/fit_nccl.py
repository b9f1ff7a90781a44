"""Fits the two constants per generation of GPUs of the timing ``nccl`` on the bundled tables of NCCL.

    python tools/fit_nccl.py

Prints, per GPU, the launch and achieved bandwidth with the least mean absolute error over all-reduce, all-gather and
reduce-scatter, that error, and the error of the constants in ``versim_silicon/nccl/calibration.py``.
"""

# ruff: noqa: INP001, T201 - a script, not a package

from __future__ import annotations

import itertools

import numpy as np
from versim import Kind
from versim_silicon import store
from versim_silicon.collectives import newest
from versim_silicon.nccl.timing import NcclNetwork, NcclOptions
from versim_silicon.nccl.validation import within_node

FITTED_ON = ("a100_sxm", "h100_sxm", "b200_sxm")
KINDS = ("all_reduce", "all_gather", "reduce_scatter")
LAUNCHES_S = np.arange(4.0, 12.0, 0.1) * 1e-6
ACHIEVED = np.arange(0.7, 1.1, 0.01)


def mean_error(gpu: str, launch_s: float | None = None, achieved: float | None = None) -> float:
    """Mean absolute error over every measured size and number of ranks."""
    model, tables, errors = NcclNetwork(NcclOptions(launch_s=launch_s, achieved=achieved)), store.tables_of(gpu), []
    for kind in KINDS:
        table = tables[f"collective/{newest(tables)}/{kind}"]
        for row, ranks in enumerate(table.axes["ranks"].tolist()):
            predicted = model.ask(Kind(kind), within_node(gpu, int(ranks)), table.axes["size_bytes"])
            errors.append(np.abs(predicted.times_s / table.times_s[row] - 1))
    return float(np.mean(errors))


def main() -> None:
    """One line per GPU."""
    for gpu in FITTED_ON:
        grid = itertools.product(LAUNCHES_S.tolist(), ACHIEVED.tolist())
        error, launch_s, achieved = min((mean_error(gpu, *point), *point) for point in grid)
        print(
            f"{gpu}: launch {1e6 * launch_s:.1f} µs, achieved {achieved:.2f}: {100 * error:.1f} %; "
            f"as in calibration.py {100 * mean_error(gpu):.1f} %"
        )


if __name__ == "__main__":
    main()
