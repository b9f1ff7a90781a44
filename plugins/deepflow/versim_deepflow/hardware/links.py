"""The link each parallelism sees: within the node or between nodes, derated.

Traffic that leaves a node passes the links within it, too, so the slower of the two counts. Measured:
golden/deepflow/hardware.
"""

from __future__ import annotations

from versim import FaultsError, Link

from versim_deepflow.hardware.deepflow_file import ClusterSpec
from versim_deepflow.hardware.derive import Derived, Subnetwork

AXES = ("dp", "pp", "tp1", "tp2")
"""The parallelism whose link may differ; ``tp``, a column-row split, is ``tp1``."""


def derated_bytes_per_s(derived: Derived, cluster: ClusterSpec) -> tuple[float, float]:
    """Bandwidth within a node and between nodes, in bytes per second; 0 where there is no such link."""
    intra, inter = derived.intra_node.bandwidth_bytes_per_s, derived.inter_node.bandwidth_bytes_per_s
    several = cluster.world_size > 1
    within = intra / cluster.intra_derate if several and cluster.intra_derate else 0.0
    if cluster.nodes < 2 or not several:
        return within, 0.0
    between = inter / cluster.inter_derate
    return within, min(intra / cluster.intra_derate, between) if cluster.intra_derate else between


def axis_bandwidths(derived: Derived, cluster: ClusterSpec) -> dict[str, tuple[float, float]]:
    """Bandwidth in bytes per second and latency in seconds for each of :data:`AXES`; 0 where there is no link."""
    within, between = derated_bytes_per_s(derived, cluster)

    def chosen(crosses: bool) -> tuple[float, float]:  # read beside its name below
        subnetwork: Subnetwork = derived.inter_node if crosses else derived.intra_node
        return (between if crosses else within), subnetwork.latency_s

    return {axis: chosen(bool(getattr(cluster, f"{axis}_crosses_nodes"))) for axis in AXES}


def axis_links(derived: Derived, cluster: ClusterSpec, degrees: dict[str, int]) -> dict[str, Link]:
    """The link of every axis that has more than one rank.

    Args:
        derived: The device.
        cluster: How devices are joined.
        degrees: Ranks along each of :data:`AXES`.

    Raises:
        FaultsError: An axis has several ranks and no link: there is one node only, or the device has no such links.
    """
    within = derived.intra_node.usable
    between = derived.inter_node.usable and (within or not cluster.intra_derate)
    links: dict[str, Link] = {}
    faults: list[str] = []
    for axis, (bandwidth, latency) in axis_bandwidths(derived, cluster).items():
        if degrees.get(axis, 1) < 2:
            continue
        crosses = bool(getattr(cluster, f"{axis}_crosses_nodes"))
        if bandwidth > 0 and (between if crosses else within):
            links[axis] = Link(bandwidth_bytes_per_s=bandwidth, latency_s=latency)
        elif crosses and derived.inter_node.powerless and cluster.nodes > 1:
            faults.append(f"$.{axis}_crosses_nodes: the links between nodes have no power")
        elif crosses and derived.intra_node.powerless and cluster.nodes > 1:
            faults.append(
                f"$.{axis}_crosses_nodes: traffic between nodes passes the links within them, which have no power"
            )
        elif crosses:
            faults.append(f"$.{axis}_crosses_nodes: there is no link between nodes (nodes={cluster.nodes})")
        elif derived.intra_node.powerless:
            faults.append(f"$.{axis}: {degrees[axis]} ranks, and the links within the node have no power")
        else:
            faults.append(
                f"$.{axis}: {degrees[axis]} ranks and no link within the node "
                f"(bandwidth {derived.intra_node.bandwidth_bytes_per_s:g} bytes/s, derate {cluster.intra_derate:g})"
            )
    if faults:
        raise FaultsError(f"hardware {derived.device.name}", faults)
    return links
