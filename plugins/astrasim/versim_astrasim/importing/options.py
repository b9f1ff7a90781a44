"""What to read of a trace, and how; and which files go with it."""

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
            pin's compute timing; ``auto`` takes durations, exact nanoseconds where versim wrote them, and operations
            and bytes where there is no duration.
        memory_nodes: ``recorded`` makes compute of memory nodes, with their recorded durations; ``simulated`` with what
            ``remote_memory`` makes of their bytes, and a simulator that has remote memory simulates them; ``refuse``
            names them.
        remote_memory: ASTRA-sim's remote-memory file, for ``simulated``.
        system: ASTRA-sim's system file that goes with the traces: nodes that the program would break on under it are
            an error before the simulation. It sets nothing.
        comm_group: Whether the attribute ``comm_group`` names the group of a collective without ``pg_name``, as older
            generators mean it; ASTRA-sim does not read it and runs such collectives in the world.
        dangling: Dependencies on nodes that do not exist: ``refuse``, or ``drop``.
        duration_unit: Of recorded times in files of schema version 0.0.1, which do not say it: ``ns``, the ticks that
            ASTRA-sim took them for, or ``us``. Later versions record microseconds.
    """

    path: str = option(path=True, help="folder of a trace, or the path of its files without .0.et")
    comm_groups: str = option("", path=True, help="ASTRA-sim's group file (default: comm_groups.json beside)")
    network: str = option("", path=True, help="ASTRA-sim's network file, for collectives along some dimensions")
    compute: Literal["auto", "recorded", "work"] = option(
        "auto",
        help="recorded durations, or operations and bytes to be timed; auto: those of nodes without a duration",
        validator=attrs.validators.in_(("auto", "recorded", "work")),
    )
    memory_nodes: Literal["refuse", "recorded", "simulated"] = option(
        "refuse",
        help="refuse memory nodes, take their recorded durations, or what remote memory makes of them",
        validator=attrs.validators.in_(("refuse", "recorded", "simulated")),
    )
    remote_memory: str = option("", path=True, help="ASTRA-sim's remote-memory file, for memory_nodes: simulated")
    system: str = option(
        "", path=True, help="ASTRA-sim's system file: tells nodes that the program breaks on under it; sets nothing"
    )
    comm_group: bool = option(
        False, help="take groups from the attribute comm_group too, which ASTRA-sim does not read"
    )
    dangling: Literal["refuse", "drop"] = option(
        "refuse",
        help="refuse dependencies on nodes that do not exist, or drop them",
        validator=attrs.validators.in_(("refuse", "drop")),
    )
    duration_unit: Literal["ns", "us"] = option(
        "ns",
        help="unit of recorded times in files of schema version 0.0.1; later versions have microseconds",
        validator=attrs.validators.in_(("ns", "us")),
    )


@attrs.frozen(kw_only=True)
class SimulatorFiles:
    """Files that lie elsewhere than beside the traces.

    Attributes:
        network: The network file.
        system: The system file.
        remote_memory: The remote-memory file.
        comm_groups: The group file.
    """

    network: str = option("", path=True, help="ASTRA-sim's network file", flag="--network")
    system: str = option("", path=True, help="ASTRA-sim's system file", flag="--system")
    remote_memory: str = option("", path=True, help="ASTRA-sim's remote-memory file", flag="--remote-memory")
    comm_groups: str = option("", path=True, help="ASTRA-sim's group file", flag="--comm-groups")
