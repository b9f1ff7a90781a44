"""ASTRA-sim's analytical simulators, embedded: the same figures to the nanosecond, without the program.

The engine re-creates the congestion-aware and congestion-unaware simulators of ASTRA-sim 518bd51, including the order
of everything that happens at the same tick, the silent hangs and the crashes; the latter are outcomes with a status and
a diagnosis. Give it one :class:`RankTrace` per rank, a :class:`NetworkConfig` and a :class:`SystemConfig`:

    >>> trace = RankTrace.from_nodes(
    ...     [{"id": 0, "type": "COMM_COLL_NODE", "attr": {"comm_type": "ALL_REDUCE", "comm_size": 1048576}}]
    ... )
    >>> network = NetworkConfig.from_mapping(
    ...     {"topology": ["Ring"], "npus_count": [4], "bandwidth": [50.0], "latency": [500.0]}
    ... )
    >>> system = SystemConfig.from_mapping(
    ...     {"all-reduce-implementation": ["ring"], "preferred-dataset-splits": 4, "local-mem-bw": 1600}
    ... )
    >>> simulate([trace] * 4, network, system).finish_ns
    (43000, 43000, 43000, 43000)

Reading order: ``event_queue`` (ticks, ties), ``links``, ``topologies``, ``networks`` (messages in flight),
``matching``, ``transport`` (sends meet receives), ``structures``, ``algorithms`` (what one rank sends and receives),
``lanes``, ``jobs``, ``plans``, ``collectives`` (from a node to chunks), ``program``, ``workload`` (slots and the scan),
``statistics``, ``simulation``. ``waves`` is a shortcut for large rings; ``columns``,
``collective_columns``, ``kernel`` and ``kernel_answers`` lead to the same engine in C++, in ``native``.
"""

from versim_astrasim.engine.configuration_faults import ConfigurationError
from versim_astrasim.engine.custom_files import CustomFiles
from versim_astrasim.engine.group_config import groups_from_mapping
from versim_astrasim.engine.memory_config import RemoteMemoryConfig
from versim_astrasim.engine.network_config import NetworkConfig
from versim_astrasim.engine.outcome import Finding, LinkUse, Outcome, RankStatistics, RooflineAverages, Spans, Status
from versim_astrasim.engine.simulation import Exactness, simulate
from versim_astrasim.engine.system_config import CollectiveKind, SystemConfig
from versim_astrasim.engine.trace import RankTrace

__all__ = [
    "CollectiveKind",
    "ConfigurationError",
    "CustomFiles",
    "Exactness",
    "Finding",
    "LinkUse",
    "NetworkConfig",
    "Outcome",
    "RankStatistics",
    "RankTrace",
    "RemoteMemoryConfig",
    "RooflineAverages",
    "Spans",
    "Status",
    "SystemConfig",
    "groups_from_mapping",
    "simulate",
]
