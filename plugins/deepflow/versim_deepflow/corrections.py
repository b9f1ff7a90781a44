"""Where DeepFlow is known to be wrong, and what versim does instead when asked to.

``compat: deepflow`` reproduces the program as measured; ``compat: corrected`` applies every correction below; a list
of names applies just those. A correction is a statement about the model, so each carries its reason.
"""

from __future__ import annotations

from typing import Any

import attrs
from versim import UnknownNameError, option

DEEPFLOW = "deepflow"
CORRECTED = "corrected"


@attrs.frozen(kw_only=True)
class Corrections:
    """Which known defects of DeepFlow are mended; none by default.

    Attributes:
        pointwise_memory: Element-wise work and the memory side of collectives move bytes to and from DRAM. DeepFlow
            charges them at the bandwidth of the register files (63 times faster on an A100), because a roofline given
            one byte count takes the innermost level.
        all_gather_memory: A step of a ring all-gather reads and writes one shard, so 2 x shard bytes. DeepFlow divides
            the shard by the number of ranks once more.
        softmax_backward_bytes: The backward pass of the vocabulary layer's softmax moves 11 values per element of an
            m x n matrix. DeepFlow charges 11 per row.
        embedding_transfer_bytes: The embedding output crosses the host link once. DeepFlow charges the read and the
            write of device memory there, too, hence twice.
        microbatch_size: A mini-batch is cut into microbatches whatever the number of stages. DeepFlow hands each
            microbatch the whole mini-batch when there is one stage.
        reachable_graph: Every microbatch depends on the one before it on its stage. With one stage, or one layer on
            two stages, DeepFlow loses these dependencies and never runs part of the step.
        reduce_once: Gradients are reduced once per step, after the last microbatch. DeepFlow reduces them after every
            microbatch.
        reduce_own_shard: A tensor-parallel rank reduces the gradients of its own shard. DeepFlow reduces those of the
            whole layer on each.
        reduce_all_layers: Reducing "at the end" covers every layer of the stage. DeepFlow reduces the bytes of one.
        lone_product: A single product is only that. In its GEMM mode, DeepFlow adds the element-wise work of an LSTM
            cell to a forward product that is not split.
    """

    pointwise_memory: bool = False
    all_gather_memory: bool = False
    softmax_backward_bytes: bool = False
    embedding_transfer_bytes: bool = False
    microbatch_size: bool = False
    reachable_graph: bool = False
    reduce_once: bool = False
    reduce_own_shard: bool = False
    reduce_all_layers: bool = False
    lone_product: bool = False

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Every correction there is."""
        return tuple(field.name for field in attrs.fields(cls))

    @classmethod
    def parse(cls, compat: str) -> Corrections:
        """The corrections that ``deepflow``, ``corrected`` or a comma-separated list of names stands for.

        Raises:
            UnknownNameError: A name that is none of these.
        """
        words = [word.strip() for word in compat.split(",") if word.strip()]
        if words == [CORRECTED]:
            return cls(**dict.fromkeys(cls.names(), True))
        if words in ([], [DEEPFLOW]):
            return cls()
        for word in words:
            if word not in cls.names():
                raise UnknownNameError("correction", word, (*cls.names(), DEEPFLOW, CORRECTED))
        return cls(**dict.fromkeys(words, True))


def compat_option() -> Any:
    """The attrs field ``compat`` of an options class."""
    return option(
        DEEPFLOW,
        validator=_known,
        help=f"{DEEPFLOW} (as measured), {CORRECTED}, or a comma-separated list of corrections: "
        + ", ".join(Corrections.names()),
    )


def _known(_: object, __: object, value: str) -> None:
    try:
        Corrections.parse(value)
    except UnknownNameError as error:
        raise ValueError(str(error)) from None
