"""The communications of a step through every instance of its comparison, each alone on the step's system, by size.

A communication is asked for as it stands in the step: between the ranks of its first group, on the scenario's network,
with the graph's algorithm. So a curve at a size of the step says what that communication takes without anything beside
it.
"""

from __future__ import annotations

import collections
import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence

import attrs
import numpy as np

from versim.asking.isolation import Times, times_alone
from versim.asking.preparation import Prepared
from versim.asking.simulation import request_for
from versim.asking.time_limit import ChildDiedError, within
from versim.curves import Curve, SweptCommunication, telling_crossings
from versim.errors import TimeIsOverError
from versim.fabric import Message
from versim.graph import ExecutionGraph
from versim.pinning import distinct_messages
from versim.registry import Registry
from versim.scenario import Instance, Scenario
from versim.work import Kind

MOST_COMMUNICATIONS = 12
"""Kinds of communication that are swept: those that move most bytes."""

SMALLEST_BYTES = 1 << 10
MOST_BYTES = 1 << 60
STEP = 4
"""Between two sizes."""

MOST_STEP_SIZES = 6
"""Sizes of the step itself that are asked: the smallest, the largest, and the most frequent between them."""


@attrs.frozen(kw_only=True)
class _Asked:
    """A kind of communication, and the sizes to ask for."""

    example: Message
    in_step: tuple[tuple[int, int], ...]
    sizes_bytes: tuple[int, ...]

    @property
    def messages(self) -> tuple[Message, ...]:
        """One per size."""
        return tuple(attrs.evolve(self.example, size_bytes=size) for size in self.sizes_bytes)


def sweep_step(
    prepared: Prepared,
    instances: Sequence[Instance],
    scenario: Scenario,
    registry: Registry,
    *,
    clock: Callable[[], float] = time.perf_counter,
    time_limit_s: float | None = None,
) -> tuple[SweptCommunication, ...]:
    """Sweep the communications of a prepared workload.

    Args:
        prepared: The step.
        instances: Who is asked, the one that others are held against first.
        scenario: Where they stand.
        registry: The plugins there are.
        clock: Seconds, for the budget.
        time_limit_s: What each instance may take in all, in a child process; None sets no limit.
    """
    wanted = _wanted(prepared.inputs.graph)
    messages = tuple(message for asked in wanted for message in asked.messages)
    answers = {i.label: _answers(i, messages, prepared, scenario, registry, clock, time_limit_s) for i in instances}
    found = []
    for asked in wanted:
        curves = tuple(_curve(label, asked, times) for label, times in answers.items())
        found.append(
            SweptCommunication(
                name=_name(asked.example),
                kind=Kind(asked.example.kind),
                ranks=asked.example.ranks,
                algorithm=asked.example.algorithm,
                in_step=asked.in_step,
                curves=curves,
                crossings=telling_crossings(curves),
            )
        )
    return tuple(found)


def sizes_around(step_sizes: Iterable[int]) -> tuple[int, ...]:
    """Sizes to ask for: those given, and powers of four from at most 1 KiB or the smallest to above the largest."""
    chosen = set(step_sizes)
    exponent = math.log2(STEP)
    first = min(int(math.log2(SMALLEST_BYTES) // exponent), int(math.log2(min(chosen)) // exponent))
    powers = itertools.takewhile(lambda size: size < MOST_BYTES, (STEP**n for n in itertools.count(first)))
    largest = max(chosen)
    for size in powers:
        chosen.add(size)
        if size > largest:
            break
    return tuple(sorted(chosen))


def _wanted(graph: ExecutionGraph) -> list[_Asked]:
    """The kinds of communication of a graph that move most bytes, in order of appearance."""
    sizes: dict[tuple[object, ...], collections.Counter[int]] = {}
    examples: dict[tuple[object, ...], Message] = {}
    messages, numbers = distinct_messages(graph)
    for message, count in zip(messages, np.bincount(numbers, minlength=len(messages)).tolist(), strict=True):
        key = (message.kind, message.axis, message.participants, message.algorithm)
        examples.setdefault(key, message)
        sizes.setdefault(key, collections.Counter())[message.size_bytes] += count
    heaviest = sorted(sizes, key=lambda key: -sum(size * count for size, count in sizes[key].items()))
    kept = set(heaviest[:MOST_COMMUNICATIONS])
    return [
        _Asked(
            example=examples[key],
            in_step=tuple(sorted(found.items())),
            sizes_bytes=sizes_around(_telling(found)),
        )
        for key, found in sizes.items()
        if key in kept
    ]


def _telling(found: collections.Counter[int]) -> set[int]:
    often = [size for size, _ in found.most_common(MOST_STEP_SIZES)]
    return {min(found), max(found), *often[: MOST_STEP_SIZES - 2]}


def _name(message: Message) -> str:
    return f"{message.kind} over {message.axis}" if message.axis else f"{message.kind} in a group"


def _curve(label: str, asked: _Asked, times: Times) -> Curve:
    answers = [times[message] for message in asked.messages]
    return Curve(
        model=label,
        kind=Kind(asked.example.kind),
        ranks=asked.example.participants,
        algorithm=asked.example.algorithm,
        sizes_bytes=asked.sizes_bytes,
        times_s=tuple(seconds for seconds, _ in answers),
        refusal=next((why for seconds, why in answers if seconds is None), ""),
    )


def _answers(
    instance: Instance,
    messages: Sequence[Message],
    prepared: Prepared,
    scenario: Scenario,
    registry: Registry,
    clock: Callable[[], float],
    time_limit_s: float | None,
) -> Times:
    """What an instance answers about each message; with a time limit, in a child process and about none after it."""
    if time_limit_s is None:
        return _answers_here(instance, messages, prepared, scenario, registry, clock)
    try:
        return within(time_limit_s, lambda: _answers_here(instance, messages, prepared, scenario, registry, clock))
    except (TimeIsOverError, ChildDiedError) as error:
        return dict.fromkeys(messages, (None, str(error)))


def _answers_here(
    instance: Instance,
    messages: Sequence[Message],
    prepared: Prepared,
    scenario: Scenario,
    registry: Registry,
    clock: Callable[[], float],
) -> Times:
    place = f"$.backends[{[other.label for other in scenario.backends].index(instance.label)}]"
    request, _ = request_for(prepared.inputs, instance, registry, place)
    return times_alone(registry.backend(instance.backend), messages, request, clock)
