"""In which order each pipeline stage works on microbatches.

A stage's order is three columns: what is done (forward, backward or weight gradients), for which chunk of layers, and
for which microbatch.
"""

from __future__ import annotations

import enum
import functools

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import Codes

from versim_transformer.settings import Schedule


class Do(enum.IntEnum, metaclass=Codes):
    """What a task does."""

    FORWARD = 0
    BACKWARD = 1
    """Under a zero-bubble schedule: data gradients only."""
    WEIGHTS = 2
    """Weight gradients, where they are a task of their own."""


@attrs.frozen(eq=False)
class Order:
    """The tasks of one stage, first to last; all columns have shape (tasks,).

    Attributes:
        do: int64, see :class:`Do`.
        chunk: int64, the chunk of layers.
        microbatch: int64.
    """

    do: NDArray[np.int64]
    chunk: NDArray[np.int64]
    microbatch: NDArray[np.int64]


def order_of(schedule: Schedule, stage: int, stages: int, microbatches: int, chunks: int = 1) -> Order:
    """The order of one stage under a schedule."""
    if schedule is Schedule.INTERLEAVED:
        return _interleaved(stage, stages, microbatches, chunks)
    if schedule is Schedule.ZERO_BUBBLE:
        return _zero_bubble(stage, stages, microbatches)
    numbers = np.arange(microbatches)
    if schedule is Schedule.GPIPE:
        # Backward passes run in the reverse order (Huang et al. 2019, figure 2).
        do = np.repeat([Do.FORWARD, Do.BACKWARD], microbatches)
        return Order(do, np.zeros_like(do), np.concatenate([numbers, numbers[::-1]]))
    do, number = _alternating(min(stages - 1 - stage, microbatches), microbatches)
    return Order(do, np.zeros_like(do), number)


def _alternating(warmup: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """``warmup`` forwards, then one forward and one backward in turn, then the backwards that are left."""
    do = np.empty(2 * count, dtype=np.int64)
    number = np.empty(2 * count, dtype=np.int64)
    steady = count - warmup
    do[:warmup], number[:warmup] = Do.FORWARD, np.arange(warmup)
    middle = slice(warmup, warmup + 2 * steady)
    do[middle] = np.tile([Do.FORWARD, Do.BACKWARD], steady)
    number[middle] = np.stack([np.arange(warmup, count), np.arange(steady)], axis=1).ravel()
    do[warmup + 2 * steady :], number[warmup + 2 * steady :] = Do.BACKWARD, np.arange(steady, count)
    return do, number


def _interleaved(stage: int, stages: int, microbatches: int, chunks: int) -> Order:
    """Megatron-LM's interleaved schedule (Narayanan et al. 2021, section 2.2): groups of ``stages`` microbatches."""
    total = microbatches * chunks
    warmup = min(2 * (stages - 1 - stage) + (chunks - 1) * stages, total)
    if microbatches == stages:
        warmup = total
    do, number = _alternating(warmup, total)
    group, within = np.divmod(number, stages * chunks)
    turn, place = np.divmod(within, stages)
    chunk = np.where(do == Do.FORWARD, turn, chunks - 1 - turn)
    return Order(do, chunk, group * stages + place)


def _zero_bubble(stage: int, stages: int, microbatches: int) -> Order:
    """ZB-H1 (Qi et al. 2023, arXiv 2401.10241, section 2.2): weight gradients lag ``stage`` microbatches behind.

    That keeps as many microbatches in flight on every stage as 1F1B does on the first, and leaves the last stage
    something to do while data gradients travel to the first.
    """
    do, number = _alternating(min(stages - 1 - stage, microbatches), microbatches)
    backward = np.flatnonzero(do == Do.BACKWARD)
    lag = min(stage, microbatches)
    # W(i) follows B(i + lag); what is left follows the last B.
    place = backward[np.minimum(np.arange(microbatches) + lag, microbatches - 1)] + 1
    return Order(
        np.insert(do, place, Do.WEIGHTS),
        np.zeros(3 * microbatches, dtype=np.int64),
        np.insert(number, place, np.arange(microbatches)),
    )


@functools.lru_cache(maxsize=65536)
def most_in_flight(schedule: Schedule, stage: int, stages: int, microbatches: int, chunks: int = 1) -> tuple[int, ...]:
    """Microbatches whose activations a stage holds at most, of each chunk, when it holds most of all.

    A microbatch counts from its forward to the end of its backward, or of its weight gradients where they are apart.
    """
    order = order_of(schedule, stage, stages, microbatches, chunks)
    releases = Do.WEIGHTS if (order.do == Do.WEIGHTS).any() else Do.BACKWARD
    change = np.where(order.do == Do.FORWARD, 1, np.where(order.do == releases, -1, 0))
    held = np.cumsum(change)
    peak = int(np.argmax(held))
    upto = slice(0, peak + 1)
    return tuple(int(change[upto][order.chunk[upto] == chunk].sum()) for chunk in range(chunks))
