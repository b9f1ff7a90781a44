"""What to read of a trace, and how."""

from __future__ import annotations

from typing import Literal

import attrs
from versim import option


@attrs.frozen(kw_only=True)
class ImportOptions:
    """What to read, and how.

    Attributes:
        path: A folder with the files of one trace, or their path without ``.0.et``.
        comm_groups: ASTRA-sim's group file; "" takes ``comm_groups.json`` beside the traces, then metadata nodes.
        network: ASTRA-sim's network file, for collectives along some dimensions only.
        compute: ``recorded`` takes durations as they stand; ``work`` takes operations and bytes, to be timed by the
            pin's compute timing; ``auto`` takes durations, and exact nanoseconds where versim wrote them.
        memory_nodes: ``recorded`` makes compute of memory nodes, with their recorded durations; ``refuse`` names them.
        duration_unit: Of recorded times in files of schema version 0.0.1, which do not say it: ``ns``, the ticks that
            ASTRA-sim took them for, or ``us``. Later versions record microseconds.
    """

    path: str = option(path=True, help="folder of a trace, or the path of its files without .0.et")
    comm_groups: str = option("", path=True, help="ASTRA-sim's group file (default: comm_groups.json beside)")
    network: str = option("", path=True, help="ASTRA-sim's network file, for collectives along some dimensions")
    compute: Literal["auto", "recorded", "work"] = option(
        "auto",
        help="recorded durations, or operations and bytes to be timed",
        validator=attrs.validators.in_(("auto", "recorded", "work")),
    )
    memory_nodes: Literal["refuse", "recorded"] = option(
        "refuse",
        help="refuse memory nodes, or take their recorded durations",
        validator=attrs.validators.in_(("refuse", "recorded")),
    )
    duration_unit: Literal["ns", "us"] = option(
        "ns",
        help="unit of recorded times in files of schema version 0.0.1; later versions have microseconds",
        validator=attrs.validators.in_(("ns", "us")),
    )
