"""How a training step is spread over devices: data, pipeline and tensor parallelism, and microbatches."""

from __future__ import annotations

import enum

import attrs
from versim import FaultsError

from versim_deepflow.ranges import Count

LARGEST_WORLD = 2**24
"""Devices that still have a row each in a prediction."""


class TensorScheme(enum.StrEnum):
    """How a GEMM is split over the devices of one tensor-parallel group."""

    NONE = "none"
    COLUMN_ROW = "column_row"
    """Split along the inner dimension over ``tp1`` devices; the products are reduced."""
    ROW_COLUMN = "row_column"
    """Split along rows over ``tp1`` and along columns over ``tp2`` devices."""


@attrs.frozen(kw_only=True)
class Parallelism:
    """Degrees of parallelism of a training step.

    Attributes:
        dp: Data-parallel replicas.
        pp: Pipeline stages.
        tensor: How GEMMs are split.
        tp1: Devices along the first dimension of a split GEMM.
        tp2: Devices along the second, for a row-column split.
        microbatches: Microbatches a mini-batch is cut into.
    """

    dp: Count
    pp: Count
    tensor: TensorScheme = attrs.field(converter=TensorScheme)
    tp1: Count
    tp2: Count
    microbatches: Count

    @property
    def tensor_degree(self) -> int:
        """Devices that share one layer."""
        return self.tp1 * self.tp2

    @property
    def world_size(self) -> int:
        """Devices in total."""
        return self.dp * self.pp * self.tensor_degree

    @property
    def splits_gemms(self) -> bool:
        """Whether a GEMM is spread over several devices at all."""
        return self.tensor is not TensorScheme.NONE and self.tensor_degree > 1

    def mini_batch(self, batch_size: int) -> int:
        """Sequences per data-parallel replica."""
        return batch_size // self.dp

    def micro_batch(self, batch_size: int, *, split_without_pipeline: bool = False) -> int:
        """Sequences per microbatch.

        Args:
            batch_size: Sequences in the global batch.
            split_without_pipeline: DeepFlow hands every microbatch the whole mini-batch when there is one stage only;
                true cuts the mini-batch then, too.
        """
        if self.pp == 1 and not split_without_pipeline:
            return self.mini_batch(batch_size)
        return self.mini_batch(batch_size) // self.microbatches

    @property
    def undivided(self) -> list[str]:
        """The fault of tensor-parallel devices that each compute everything, if that is so."""
        if self.tensor is TensorScheme.NONE and self.tensor_degree > 1:
            return [f"$.tensor: none, but tp1={self.tp1} and tp2={self.tp2}; choose column_row or row_column"]
        return []

    def impossible(self, *, layers: int, heads: int) -> list[str]:
        """Faults of a layout that DeepFlow computes although nobody could run it.

        Empty stages, parts of heads, devices over which nothing is split.

        Args:
            layers: Transformer layers.
            heads: Attention heads.
        """
        faults = self.undivided
        if layers < self.pp:
            faults.append(f"$.pp: {self.pp} stages for {layers} layers leave stages without one; use at most {layers}")
        shares = self.tp1 if self.tensor is TensorScheme.COLUMN_ROW else self.tensor_degree
        if heads % shares:
            faults.append(f"$.heads: {heads} heads are not divisible by {shares} tensor-parallel devices")
        return faults

    def check(self, *, batch_size: int, layers: int, world_size: int | None = None) -> None:
        """Refuses what cannot be laid out.

        Args:
            batch_size: Sequences in the global batch.
            layers: Transformer layers.
            world_size: Devices there are, where that is fixed.

        Raises:
            FaultsError: Everything that does not fit.
        """
        faults = []
        if self.world_size > LARGEST_WORLD:
            faults.append(f"$.dp: {self.world_size} devices are more than the {LARGEST_WORLD} that can be simulated")
        if batch_size % self.dp:
            faults.append(f"$.batch_size: {batch_size} is not divisible by dp={self.dp}")
        elif self.mini_batch(batch_size) % self.microbatches:
            faults.append(
                f"$.batch_size: the mini-batch of {self.mini_batch(batch_size)} ({batch_size} / dp={self.dp}) is not "
                f"divisible into {self.microbatches} microbatches"
            )
        if layers < 1:
            faults.append(f"$.layers: needs at least 1, got {layers}")
        if world_size is not None and world_size != self.world_size:
            faults.append(
                f"$.dp: dp x pp x tp1 x tp2 = {self.world_size} (dp={self.dp}, pp={self.pp}, tp1={self.tp1}, "
                f"tp2={self.tp2}) is not the number of devices, {world_size}"
            )
        if faults:
            raise FaultsError("parallelism", faults)
