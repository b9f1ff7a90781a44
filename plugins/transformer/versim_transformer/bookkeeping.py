"""What frameworks keep in device memory beside the tensors that the mathematics needs: a few named constants each."""

from __future__ import annotations

import attrs

MIB = 2**20


@attrs.frozen(kw_only=True)
class Bookkeeping:
    """A framework's constants.

    Attributes:
        weight_bytes: Per parameter, in the precision of the products.
        gradient_bytes: Per parameter, as accumulated.
        replica_gradient_bytes: Per parameter more where there are replicas: what gradients are communicated from.
        optimizer_bytes: Per parameter: copy in full precision and both moments of Adam.
        zero1_bytes: Per parameter more, whole and as a share, under zero1.
        keeps_gathered_inputs: True if inputs that sequence parallelism gathers are kept as gathered.
        logit_bytes: Per logit of a microbatch, with what the loss keeps beside it, if it is fused.
        loss_bytes: Per logit more if the loss is not fused.
        message_bytes: Per element of a microbatch's hidden states under tensor parallelism: buffers that stay.
        constant_bytes: What stays whatever the model: workspaces of libraries.
        usable_share: Of the device's memory, what tensors can take before the allocator finds no room: fragments and
            the memory of libraries are the rest.
        dummy_gradients: True if each shape of weight has a buffer for gradients that are accumulated elsewhere.
    """

    weight_bytes: float
    gradient_bytes: float
    replica_gradient_bytes: float
    optimizer_bytes: float
    zero1_bytes: tuple[float, float] = (0.0, 0.0)
    keeps_gathered_inputs: bool = False
    logit_bytes: float = 4
    loss_bytes: float = 4
    message_bytes: float = 0.0
    constant_bytes: float = 0.0
    usable_share: float = 0.95
    dummy_gradients: bool = False


BOOKKEEPING: dict[str, Bookkeeping] = {
    "megatron-lm": Bookkeeping(
        weight_bytes=2,
        gradient_bytes=4,
        replica_gradient_bytes=0,
        optimizer_bytes=12,
        dummy_gradients=True,
    ),
    "nanotron": Bookkeeping(
        weight_bytes=2,
        gradient_bytes=4,
        replica_gradient_bytes=2,
        optimizer_bytes=12,
        zero1_bytes=(2, 2),
        message_bytes=4,
        constant_bytes=70 * MIB,
        usable_share=0.825,
    ),
    "fsdp": Bookkeeping(
        weight_bytes=4,
        gradient_bytes=4,
        replica_gradient_bytes=0,
        optimizer_bytes=8,
        # PyTorch saves what a product takes, which DTensor has gathered by then.
        keeps_gathered_inputs=True,
        # Logits, in fp32, their logarithmic softmax, its gradient: 2 + 4 + 4 + 4 bytes.
        loss_bytes=10,
    ),
}
"""By the name that ``memory:`` takes."""
