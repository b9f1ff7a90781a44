"""How a step is run: everything about it beside the architecture, checked."""

from __future__ import annotations

import enum

import attrs

from versim_transformer.architecture import Architecture
from versim_transformer.parallelism import Layout, Parallelism, layout_of


class Granularity(enum.StrEnum):
    """What a compute node of the graph stands for; simulated time hardly depends on it, size does."""

    OPERATOR = "operator"
    """An operator."""
    LAYER = "layer"
    """What a layer computes between two communications."""
    STAGE = "stage"
    """A pass of a microbatch over a chunk of layers: communication that nothing hides is folded into it."""


class Sharding(enum.StrEnum):
    """What the data-parallel ranks keep a share of."""

    NONE = "none"
    ZERO1 = "zero1"
    """Optimizer state."""
    ZERO2 = "zero2"
    """And gradients, which are reduced after every microbatch."""
    ZERO3 = "zero3"
    """And parameters (FSDP), which are gathered for each layer and pass."""


class Schedule(enum.StrEnum):
    """In which order a stage works on microbatches."""

    GPIPE = "gpipe"
    ONE_F_ONE_B = "1f1b"
    INTERLEAVED = "interleaved"
    ZERO_BUBBLE = "zb-h1"


class Recompute(enum.StrEnum):
    """What is computed a second time instead of stored."""

    NONE = "none"
    LIGHT = "light"
    """What is cheap: normalisations, activation functions, positions, and queries and keys from compressed ones."""
    SELECTIVE = "selective"
    """The core of attention."""
    FULL = "full"
    """Layers, from their inputs."""


class Kernels(enum.StrEnum):
    """Whether element-wise work is fused."""

    FUSED = "fused"
    EAGER = "eager"
    """One kernel per elementary operation, as PyTorch runs it uncompiled."""


class AttentionLayout(enum.StrEnum):
    """How queries, keys and values lie in memory."""

    AS_NEEDED = "as_needed"
    """As attention needs them: nothing is copied."""
    JOINT = "joint"
    """In one tensor, group by group, tokens before sequences (Megatron-LM). Attention takes them so; positions make
    tensors of their own of queries and keys, for which queries that share a key, and values, are copied, and into one
    tensor the gradients."""
    BATCHES = "batches"
    """The same, and copied for a kernel that wants sequences before tokens (FlashAttention-2 in Transformer Engine)."""
    STACKED = "stacked"
    """Taken out of one tensor, then keys and values stacked, token by token, to be rotated together (nanotron)."""


class Overlap(enum.StrEnum):
    """Which tensor-parallel collectives run beside products."""

    NONE = "none"
    BACKWARD = "backward"
    """In the backward pass: gathers for weight gradients, and reductions of data gradients (Megatron-LM's default)."""
    MATCHED = "matched"
    """Beside the product that alone gives or takes the tensor: gathers, and sums over a product's rows, but not the
    gradient of an input that several products share (asynchronous TP of PyTorch's compiler)."""
    ALL = "all"
    """Each beside the product that gives or takes its tensor (Transformer Engine's user buffers)."""


@attrs.frozen(kw_only=True)
class Precision:
    """Number formats.

    Attributes:
        products: Of the layers' matrix products.
        product_bytes: Bytes per element of their operands.
        activations: Of everything else in the layers, and of the head.
        activation_bytes: Bytes per element of these.
        quantized: True if operands are converted before each product.
        current_scaling: True if an operand is read once more to find its scale.
        transposed_copies: True if conversions write operands transposed, too.
        blocks: True if blocks of an operand have a scale each, so that its transposed copy is of the unconverted one.
        gathered: True if ranks that share a layer gather operands as converted.
        normed: True if a normalisation can write its output in the products' format.
        gradient_products: Of the products of backward passes; "" for those of the forward.
    """

    products: str
    product_bytes: float
    activations: str
    activation_bytes: int
    quantized: bool
    gradient_products: str = ""
    current_scaling: bool = False
    transposed_copies: bool = True
    blocks: bool = False
    gathered: bool = False
    normed: bool = False


def _unquantized(name: str, element_bytes: int) -> Precision:
    return Precision(
        products=name, product_bytes=element_bytes, activations=name, activation_bytes=element_bytes, quantized=False
    )


def _quantized(name: str, element_bytes: float, *, blocks: bool, gathered: bool, normed: bool) -> Precision:
    return Precision(
        products=name,
        product_bytes=element_bytes,
        activations="bf16",
        activation_bytes=2,
        quantized=True,
        blocks=blocks,
        gathered=gathered,
        normed=normed,
    )


PRECISIONS: dict[str, Precision] = {
    "fp32": _unquantized("fp32", 4),
    "tf32": _unquantized("tf32", 4),
    "fp16": _unquantized("fp16", 2),
    "bf16": _unquantized("bf16", 2),
    "fp8": _quantized("fp8", 1, blocks=False, gathered=True, normed=True),
    "fp8_block": _quantized("fp8_block", 1, blocks=True, gathered=False, normed=False),
    "mxfp8": _quantized("mxfp8", 1, blocks=True, gathered=True, normed=True),
    "nvfp4": _quantized("nvfp4", 0.5, blocks=True, gathered=True, normed=False),
}
"""By name; scales of blocks (1/32 to 1/16 byte per element) are left out of the width. What is gathered as converted
and what normalisations write is Transformer Engine's (``LayerNormLinear``, ``gather_along_first_dim``)."""

DTYPE_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2, "fp8": 1}
"""Of what is communicated or accumulated."""


@attrs.frozen(kw_only=True, eq=False)
class Settings:
    """A step without faults.

    Attributes:
        architecture: The model.
        parallelism: Degrees.
        layout: The mesh they make.
        sequence_length: Tokens per sequence.
        microbatch_size: Sequences per microbatch and replica.
        microbatches: Microbatches per step and replica.
        sequence_parallel: True if what tensor parallelism leaves whole is cut along the sequence.
        sharding: What replicas keep a share of.
        schedule: Order of microbatches.
        recompute: What is computed twice.
        recompute_layers: Layers per chunk that ``recompute: full`` holds for, from the first.
        precision: Number formats.
        flash: True if attention is one fused kernel.
        attention_layout: How queries, keys and values lie in memory.
        dropout: Probability; 0 leaves it out.
        padded_vocab: Rows of the embedding and the head.
        stages: Layers per chunk, (vp, pp): ``stages[chunk][stage]``.
        kernels: Whether element-wise work is fused.
        fused_loss: True if the loss over the vocabulary is fused.
        compiled_loss: True if its steps are joined by a compiler, where it is not fused.
        cuda_graphs: True if element-wise kernels cost no launch.
        overlap_tp: Which tensor-parallel collectives are hidden.
        overlap_gradients: True if gradients are reduced beside the last backward passes.
        overlap_parameters: True if parameters are gathered beside the first forward passes.
        overlap_p2p: True if stages do not wait for their messages to be sent, and post receives ahead.
        serial_p2p: True if a stage receives only once what it sent last has arrived.
        scatter_p2p: True if each tensor-parallel rank sends its share of a message, which is gathered on arrival.
        overlap_ep: True if experts' tokens are exchanged beside the computation of shared experts.
        ring_attention: True if keys and values travel beside attention, chunk by chunk, over context-parallel ranks.
        dispatch_node: Ranks of a node that a token is sent to once for all its experts there; None for no such thing.
        gather_tokens: True if experts get their tokens by all-gather instead of all-to-all.
        expert_launches: True if each expert's products and conversions are kernels of their own.
        fused_experts: True if the kernels of experts' products convert their operands and activate their results.
        capacity_factor: Tokens per expert over their mean; 1 is balanced.
        gradient_bytes: Bytes per element of accumulated gradients.
        reduce_bytes: Bytes per element of gradients as communicated.
        reduce_whole: True if gradients are all-reduced although each rank uses only its share.
        gather_bytes: Bytes per element of parameters as gathered.
        tp_bytes: Bytes per element of tensor-parallel collectives.
        operand_bytes: The same of gathers of operands of the layers' products.
        scatter_bytes: The same of sums of the layers' results, which each rank gets a share of.
        ep_bytes: Bytes per element of tokens on their way to experts.
        fused_accumulation: True if weight gradients are accumulated by the product itself.
        convert_gradients: True if gradients are converted by a kernel of its own before they are accumulated.
        beside_share: Share of the device that communication between replicas takes from computation beside it.
        bucket_parameters: Least parameters per bucket of reductions and gathers.
        memory_profile: Whose bookkeeping counts memory.
        granularity: What a node stands for.
        notes: What a reader of any report should know.
    """

    architecture: Architecture
    parallelism: Parallelism
    sequence_length: int
    microbatch_size: int
    microbatches: int
    sequence_parallel: bool
    sharding: Sharding
    schedule: Schedule
    recompute: Recompute
    recompute_layers: int | None
    precision: Precision
    flash: bool
    attention_layout: AttentionLayout
    dropout: float
    padded_vocab: int
    stages: tuple[tuple[int, ...], ...]
    kernels: Kernels
    fused_loss: bool
    compiled_loss: bool
    cuda_graphs: bool
    overlap_tp: Overlap
    overlap_gradients: bool
    overlap_parameters: bool
    overlap_p2p: bool
    serial_p2p: bool
    scatter_p2p: bool
    overlap_ep: bool
    ring_attention: bool
    gather_tokens: bool
    dispatch_node: int | None
    expert_launches: bool
    fused_experts: bool
    capacity_factor: float
    gradient_bytes: int
    reduce_bytes: int
    reduce_whole: bool
    gather_bytes: float
    tp_bytes: int
    operand_bytes: float
    scatter_bytes: int
    ep_bytes: int
    fused_accumulation: bool
    convert_gradients: bool
    beside_share: float
    bucket_parameters: int
    memory_profile: str
    granularity: Granularity
    notes: tuple[str, ...] = ()
    layout: Layout = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "layout", layout_of(self.parallelism))

    @property
    def rank_sequence(self) -> float:
        """Tokens of a sequence that a context-parallel rank holds."""
        return self.sequence_length / self.parallelism.cp

    @property
    def tokens(self) -> int:
        """Tokens per microbatch and context-parallel rank."""
        return self.microbatch_size * self.sequence_length // self.parallelism.cp

    @property
    def norms_convert(self) -> bool:
        """True if a normalisation before a product writes its output in the product's format."""
        precision = self.precision
        return precision.normed and not precision.current_scaling and self.kernels is Kernels.FUSED

    @property
    def shard_tokens(self) -> float:
        """Tokens of these that a rank holds where sequence parallelism cuts them."""
        return self.tokens / self.parallelism.tp if self.sequence_parallel else self.tokens
