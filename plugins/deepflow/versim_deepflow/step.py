"""What is to be written as a graph: the hardware, how work is spread over it, and the model."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from versim import Dimension, Link, Mesh, System

from versim_deepflow.corrections import Corrections
from versim_deepflow.hardware import ClusterSpec, Derived, axis_links
from versim_deepflow.model import TransformerModel
from versim_deepflow.operators import Operators
from versim_deepflow.parallelism import Parallelism, TensorScheme


@attrs.frozen(kw_only=True)
class Platform:
    """Devices, how they are joined, and how work is spread over them.

    Attributes:
        parallelism: How work is spread.
        element_bytes: Bytes per element.
        corrections: Which known defects of DeepFlow to mend.
        hardware: What the device can do.
        cluster: How devices are joined.
    """

    parallelism: Parallelism
    element_bytes: float
    corrections: Corrections
    hardware: Derived
    cluster: ClusterSpec

    @property
    def operators(self) -> Operators:
        """Operators under the tensor-parallel split."""
        return Operators(self.element_bytes, self.parallelism, self.corrections)

    def system(self, mesh: Mesh) -> System:
        """A ring of the mesh's size, with a link of its own for every parallelism that has one.

        Raises:
            FaultsError: A parallelism with several ranks and no link between them.
        """
        degrees = {
            "dp": self.parallelism.dp,
            "pp": self.parallelism.pp,
            "tp1": self.parallelism.tp1,
            "tp2": self.parallelism.tp2 if self.parallelism.tensor is TensorScheme.ROW_COLUMN else 1,
        }
        links: Mapping[str, Link] = axis_links(self.hardware, self.cluster, degrees)
        if "tp1" in links and self.parallelism.tensor is not TensorScheme.ROW_COLUMN:
            links = {("tp" if axis == "tp1" else axis): link for axis, link in links.items()}
        ring = Dimension(topology=self.cluster.topology, size=mesh.world_size, link=self._node_link())
        return System(dimensions=(ring,), device=self.hardware.device.as_device(), axis_links=links)

    def _node_link(self) -> Link:
        """The link within a node, un-derated; between nodes where there is none; any where one device is alone."""
        for subnetwork in (self.hardware.intra_node, self.hardware.inter_node):
            if subnetwork.usable:
                return Link(bandwidth_bytes_per_s=subnetwork.bandwidth_bytes_per_s, latency_s=subnetwork.latency_s)
        return Link(bandwidth_bytes_per_s=1.0, latency_s=0.0)


@attrs.frozen(kw_only=True)
class Step(Platform):
    """A training step of a transformer on a platform.

    Attributes:
        model: The model and its batch.
    """

    model: TransformerModel

    @property
    def batch(self) -> int:
        """Sequences that pass through a stage together."""
        return self.parallelism.micro_batch(
            self.model.batch_size, split_without_pipeline=self.corrections.microbatch_size
        )
