"""Findings about the traces a graph was read from, which reading mends: the program breaks on the files as they are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from versim import Finding

from versim_astrasim.lint.findings import spans
from versim_astrasim.lint.rules import finding
from versim_astrasim.step.program_faults import BREAKS, Breaks
from versim_astrasim.step.translate import Translation

_ROOFLINE = "with roofline-enabled the program"
_SAID = {
    Breaks.UNTRACKED: (
        "untracked-tensors",
        "with track-local-mem the program never finishes",
        "without the attributes inputs and outputs",
    ),
    Breaks.NO_OPERATION_COUNT: ("missing-attribute", f"{_ROOFLINE} breaks off or hangs on", "without num_ops"),
    Breaks.NO_SIZE: ("missing-attribute", f"{_ROOFLINE} breaks off or hangs on", "without tensor_size"),
    Breaks.ZERO_OPERATIONS: ("no-operations", f"{_ROOFLINE} never finishes", "of 0 operations, which last 2^63 ns"),
}


def check(translation: Translation) -> Iterator[Finding]:
    """One finding per rule and attribute; ``node`` is the graph's row."""
    instances = translation.instances
    breaks = instances.graph.node_attributes.get(BREAKS)
    if breaks is None:
        return
    for which, (rule, consequence, such) in _SAID.items():
        found = np.flatnonzero(breaks[instances.node] & int(which))
        if not len(found):
            continue
        ranks = np.unique(instances.ranks[found]).tolist()
        row = int(instances.node[found[0]])
        yield finding(
            rule,
            f"{consequence} rank{'s' * (len(ranks) > 1)} {spans(ranks)}: {len(found):,} "
            f"node{'s' * (len(found) > 1)} {such}, {'the first ' * (len(found) > 1)}"
            f"{instances.graph.node_name(row)!r} (row {row} of the graph)",
            int(instances.ranks[found[0]]),
            row,
        )
