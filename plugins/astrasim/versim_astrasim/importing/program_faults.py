"""Nodes that the program breaks on under the system file that came with the traces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from versim_astrasim.engine import SystemConfig
from versim_astrasim.engine.trace import COMP, MISSING
from versim_astrasim.importing.ranks import RankNodes
from versim_astrasim.step.program_faults import Breaks


def breaks_of(nodes: RankNodes, system: SystemConfig) -> NDArray[np.int64]:
    """What the program breaks on at every position of a rank; shape (nodes,)."""
    trace, row = nodes.file.trace, nodes.row
    found = np.zeros(len(nodes), dtype=np.int64)
    if system.track_local_mem:
        tracked = np.zeros(len(nodes), dtype=bool)
        tracked[list(nodes.file.tensors)] = True
        found[~tracked[row]] |= Breaks.UNTRACKED
    if system.roofline_enabled and not system.replay_only:
        timed = (trace.node_type[row] == COMP) & (trace.is_cpu_op[row] == 0)
        num_ops, size = trace.num_ops[row], trace.tensor_size[row]
        found[timed & (num_ops == MISSING)] |= Breaks.NO_OPERATION_COUNT
        found[timed & (size == MISSING)] |= Breaks.NO_SIZE
        # Without bytes the node ends at once.
        found[timed & (num_ops == 0) & (size != 0) & (size != MISSING)] |= Breaks.ZERO_OPERATIONS
    return found
