"""Clusters by name: nodes of devices, what joins the devices of a node, and what joins nodes.

A cluster is at most two dimensions: the devices that one NVLink (or Infinity Fabric) network joins, and the network
of the cards behind them, rail by rail. Bandwidths are per device and direction. Latencies are NCCL's for its
low-latency protocol (``src/graph/tuning.cc``, ``hwLat``: 0.6 µs over NVLink, 2.7 µs over the network); a way over a
switch has two links, so each has half.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from versim.errors import UnknownNameError, VersimError
from versim.fabric.data_sheets import data_sheet
from versim.fabric.network import Dimension, Link, Topology, at_least_one
from versim.fabric.system import System

GB = 10**9
NVLINK_S = 0.6e-6
NETWORK_S = 2.7e-6


@attrs.frozen(kw_only=True)
class Cluster:
    """A kind of cluster.

    Attributes:
        device: Name of its devices' data sheet.
        gpus_per_node: Devices of a node (of a rack-scale machine: of a tray).
        domain: Devices that the inner network joins; more than ``gpus_per_node`` where it spans nodes.
        topology: Of the inner network.
        inner: Each of its links.
        nics_per_node: Network cards of a node.
        nic_bytes_per_s: What one of them carries in one direction.
        source: The document.
    """

    device: str
    gpus_per_node: int = 8
    domain: int = 8
    topology: Topology = Topology.SWITCH
    inner: Link
    nics_per_node: int = 8
    nic_bytes_per_s: float
    source: str


def _nvlink(gb_per_s: float) -> Link:
    return Link(bandwidth_bytes_per_s=gb_per_s * GB, latency_s=NVLINK_S / 2)


CLUSTERS: Mapping[str, Cluster] = {
    "dgx-a100": Cluster(
        device="a100-80gb",
        inner=_nvlink(300),
        nic_bytes_per_s=25 * GB,
        source="NVIDIA DGX A100 data sheet, 2021: NVLink 600 GB/s both ways, 8 compute ConnectX-6 of 200 Gb/s",
    ),
    "dgx-h100": Cluster(
        device="h100",
        inner=_nvlink(450),
        nic_bytes_per_s=50 * GB,
        source="NVIDIA DGX H100 data sheet, 2023: NVLink 900 GB/s both ways, 8 ConnectX-7 of 400 Gb/s",
    ),
    "hgx-h100": Cluster(
        device="h100",
        inner=_nvlink(450),
        nic_bytes_per_s=50 * GB,
        source="NVIDIA HGX H100 data sheet, 2023: NVLink 900 GB/s both ways; a 400 Gb/s card per GPU, as reference "
        "designs have it (servers differ: see nic and nics_per_node)",
    ),
    "dgx-h200": Cluster(
        device="h200",
        inner=_nvlink(450),
        nic_bytes_per_s=50 * GB,
        source="NVIDIA DGX H200 data sheet, 2024: NVLink 900 GB/s both ways, 8 ConnectX-7 of 400 Gb/s",
    ),
    "hgx-b200": Cluster(
        device="b200",
        inner=_nvlink(900),
        nic_bytes_per_s=50 * GB,
        source="NVIDIA HGX B200 data sheet, 2024: NVLink 1.8 TB/s both ways; a 400 Gb/s card per GPU, as DGX B200 has",
    ),
    "hgx-b300": Cluster(
        device="b300",
        inner=_nvlink(900),
        nic_bytes_per_s=100 * GB,
        source="NVIDIA HGX B300 data sheet, 2025: NVLink 1.8 TB/s both ways, 8 ConnectX-8 of 800 Gb/s",
    ),
    "gb200-nvl72": Cluster(
        device="gb200",
        gpus_per_node=4,
        domain=72,
        inner=_nvlink(900),
        nics_per_node=4,
        nic_bytes_per_s=50 * GB,
        source="NVIDIA GB200 NVL72 data sheet, 2024: NVLink 1.8 TB/s both ways over 72 GPUs in 18 trays of 4; "
        "4 ConnectX-7 of 400 Gb/s a tray",
    ),
    "gb300-nvl72": Cluster(
        device="gb300",
        gpus_per_node=4,
        domain=72,
        inner=_nvlink(900),
        nics_per_node=4,
        nic_bytes_per_s=100 * GB,
        source="NVIDIA GB300 NVL72 data sheet, 2025: NVLink 1.8 TB/s both ways over 72 GPUs in 18 trays of 4; "
        "4 ConnectX-8 of 800 Gb/s a tray",
    ),
    "mi300x-8": Cluster(
        device="mi300x",
        topology=Topology.FULLY_CONNECTED,
        inner=Link(bandwidth_bytes_per_s=64 * GB, latency_s=NVLINK_S),
        nic_bytes_per_s=50 * GB,
        source="AMD Instinct MI300X platform data sheet, 2023: 7 Infinity Fabric links of 128 GB/s both ways per "
        "device, all to all; a 400 Gb/s card per device",
    ),
}
"""By the name that scenarios use."""


def _counted(_: object, attribute: attrs.Attribute[int | None], value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(f"{attribute.name} must be at least 1, got {value}")


def _optional_positive(_: object, attribute: attrs.Attribute[float | None], value: float | None) -> None:
    if value is not None and not 0 < value < float("inf"):
        raise ValueError(f"{attribute.name} must be a finite number above 0, got {value!r}")


@attrs.frozen(kw_only=True)
class ClusterChoice:
    """A cluster by name, so many nodes of it, and what is different about it.

    Attributes:
        preset: Its name.
        nodes: Nodes (trays of a rack-scale machine); None is as many as a step has ranks for.
        gpus_per_node: Devices used of each node; None is all.
        nvlink_domain: Devices that one NVLink network joins, where it spans nodes; None is the preset's. What does not
            fill domains is spread evenly over domains that are at least half as large; where no such number of them
            divides the nodes, all are full but the last.
        nic_bytes_per_s: What one network card carries in one direction; None is the preset's.
        nics_per_node: Network cards of a node; None is the preset's share for the devices used.
        oversubscription: What nodes may send into their network over what it carries between them.
    """

    preset: str
    nodes: int | None = attrs.field(default=None, validator=_counted)
    gpus_per_node: int | None = attrs.field(default=None, validator=_counted)
    nvlink_domain: int | None = attrs.field(default=None, validator=_counted)
    nic_bytes_per_s: float | None = attrs.field(default=None, validator=_optional_positive)
    nics_per_node: int | None = attrs.field(default=None, validator=_counted)
    oversubscription: float = attrs.field(default=1.0, validator=at_least_one)

    def system(self, world_size: int | None = None) -> System:
        """The cluster as a system.

        Args:
            world_size: Ranks of the step, needed if ``nodes`` is not given.

        Raises:
            UnknownNameError: No cluster of that name.
            VersimError: The ranks do not fill whole nodes, or a domain is no number of them.
        """
        cluster = named_cluster(self.preset)
        per_node = self.gpus_per_node or cluster.gpus_per_node
        if per_node > cluster.gpus_per_node:
            raise VersimError(f"a node of {self.preset} has {cluster.gpus_per_node} devices, not {per_node}")
        nodes, per_node = self._nodes(per_node, world_size)
        domain_nodes = self._domain_nodes(cluster, nodes, per_node)
        inner, outer = domain_nodes * per_node, -(-nodes // domain_nodes)
        dimensions = [Dimension(topology=cluster.topology, size=inner, link=cluster.inner)]
        if outer > 1:
            dimensions.append(self._network(cluster, outer, per_node))
        return System(
            dimensions=tuple(dimension for dimension in dimensions if dimension.size > 1) or tuple(dimensions),
            device=data_sheet(cluster.device).device,
            endpoints=nodes * per_node,
        )

    def _nodes(self, per_node: int, world_size: int | None) -> tuple[int, int]:
        if self.nodes is not None:
            return self.nodes, per_node
        if world_size is None:
            raise VersimError(f"say how many nodes of {self.preset} there are (nodes: …)")
        if world_size <= per_node:
            return 1, world_size
        if world_size % per_node:
            raise VersimError(
                f"{world_size} ranks do not fill whole nodes of {self.preset} with {per_node} devices each; "
                "say how many are used of each (gpus_per_node: …)"
            )
        return world_size // per_node, per_node

    def _domain_nodes(self, cluster: Cluster, nodes: int, per_node: int) -> int:
        """Nodes that share one inner network; of the last one fewer, if they do not divide evenly."""
        chosen = self.nvlink_domain
        if chosen is not None and cluster.domain == cluster.gpus_per_node:
            raise VersimError(f"nvlink_domain: the inner network of {self.preset} does not span nodes; leave it out")
        if chosen is not None and (chosen % per_node or chosen > cluster.domain):
            raise VersimError(
                f"nvlink_domain: {chosen} is not a number of whole nodes of {per_node} devices within the "
                f"{cluster.domain} of {self.preset}"
            )
        most = max(1, min((chosen or cluster.domain) // per_node, cluster.domain // cluster.gpus_per_node))
        fitting = max(count for count in range(1, most + 1) if nodes % count == 0)
        return most if nodes > most and 2 * fitting < most else fitting

    def _network(self, cluster: Cluster, size: int, per_node: int) -> Dimension:
        """The network of cards: what a device reaches alone, and what the devices of a node share."""
        nic = self.nic_bytes_per_s or cluster.nic_bytes_per_s
        cards = self.nics_per_node or max(1, cluster.nics_per_node * per_node // cluster.gpus_per_node)
        link = Link(bandwidth_bytes_per_s=nic * max(1.0, cards / per_node), latency_s=NETWORK_S / 2)
        shared = max(1.0, per_node / cards) * self.oversubscription
        return Dimension(topology=Topology.SWITCH, size=size, link=link, oversubscription=shared)


def named_cluster(name: str) -> Cluster:
    """A kind of cluster by name.

    Raises:
        UnknownNameError: There is none of that name.
    """
    try:
        return CLUSTERS[name]
    except KeyError:
        raise UnknownNameError("system preset", name, CLUSTERS) from None
