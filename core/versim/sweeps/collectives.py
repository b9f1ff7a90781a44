"""The sweep of collectives: kind × ranks × algorithm × size through every contestant, each alone on its network."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

from versim.asking.contestants import Contestant, hold_apart
from versim.curves import CollectiveSweep, SweepRange
from versim.curves.curve import Ask, Curve, crossings
from versim.errors import UnknownNameError
from versim.work import Kind


def sweep_collectives(
    swept: SweepRange,
    contestants: Sequence[Contestant],
    reference: str | None = None,
    progress: Callable[[str], None] | None = None,
) -> CollectiveSweep:
    """Ask every contestant for every collective, one at a time.

    Args:
        swept: What is asked.
        contestants: Who is asked; their labels differ.
        reference: The label that ratios refer to; the first unless given.
        progress: Called with a sentence before each curve.

    Raises:
        UnknownNameError: The reference is no contestant.
        VersimError: Two contestants have one label, or one of them fails.
    """
    hold_apart(contestants)
    labels = [contestant.label for contestant in contestants]
    anchor = labels[0] if reference is None else reference
    if anchor not in labels:
        raise UnknownNameError("contestant", anchor, labels)
    curves = []
    for kind, ranks in itertools.product(swept.kinds, swept.ranks):
        # A message between two ranks has no algorithm.
        algorithms = ("",) if kind is Kind.POINT_TO_POINT else swept.algorithms
        for algorithm, contestant in itertools.product(algorithms, contestants):
            if progress is not None:
                progress(f"{contestant.label}: {kind.value} over {ranks} ranks {algorithm}".rstrip())
            curves.append(_curve(contestant, swept, kind, ranks, algorithm))
    return CollectiveSweep(
        range=swept,
        models={contestant.label: contestant.description for contestant in contestants},
        reference=anchor,
        curves=tuple(curves),
        crossings=crossings(curves, _further(swept, contestants)),
        measured_models=frozenset(contestant.label for contestant in contestants if contestant.measured),
        noise={contestant.label: contestant.noise for contestant in contestants if contestant.noise},
    )


def _further(swept: SweepRange, contestants: Sequence[Contestant]) -> Ask:
    """Asks contestants for sizes between those of the sweep, each once."""
    by_label = {contestant.label: contestant for contestant in contestants}

    @functools.cache
    def once(model: str, kind: Kind, ranks: int, algorithm: str, size_bytes: int) -> float | None:
        return by_label[model].ask(kind, size_bytes, algorithm, swept.system(ranks))[0]

    return lambda curve, size: once(curve.model, curve.kind, curve.ranks, curve.algorithm, size)


def _curve(contestant: Contestant, swept: SweepRange, kind: Kind, ranks: int, algorithm: str) -> Curve:
    system = swept.system(ranks)
    answers = [contestant.ask(kind, size, algorithm, system) for size in swept.sizes_bytes]
    return Curve(
        model=contestant.label,
        kind=kind,
        ranks=ranks,
        algorithm=algorithm,
        sizes_bytes=swept.sizes_bytes,
        times_s=tuple(time_s for time_s, _ in answers),
        refusal=next((why for time_s, why in answers if time_s is None), ""),
    )
