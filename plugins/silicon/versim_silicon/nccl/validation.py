"""NCCL's model against measured NCCL."""

from __future__ import annotations

import numpy as np
from versim import Kind

from versim_silicon.crossvalidation import Errors
from versim_silicon.gpus import GPUS
from versim_silicon.nccl.calibration import OWN_PART
from versim_silicon.nccl.channels import Group
from versim_silicon.nccl.constants import Generation
from versim_silicon.nccl.timing import NcclNetwork, NcclOptions
from versim_silicon.tables import Table


def within_node(gpu: str, ranks: int) -> Group:
    """Ranks of one node of a measured GPU."""
    sheet = GPUS[gpu]
    return Group(
        generation=Generation.of(sheet.compute_capability),
        ranks=ranks,
        nodes=1,
        link_bytes_per_s=sheet.link_bytes_per_s,
    )


def errors_of(gpu: str, name: str, table: Table, own: float = OWN_PART) -> Errors:
    """Over every measured size and number of ranks of one table of collectives."""
    model, kind = NcclNetwork(NcclOptions()), Kind(name.rpartition("/")[2])
    sizes, ranks = table.axes["size_bytes"], table.axes["ranks"].astype(int).tolist()
    predicted = np.array([model.ask(kind, within_node(gpu, count), sizes, own=own).times_s for count in ranks])
    known = np.isfinite(table.times_s)
    return Errors.of(predicted[known], table.times_s[known])
