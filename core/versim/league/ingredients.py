"""What the seconds of a compute node are made of: products, attention, pointwise kernels, communication by axis.

A profile's constants act on these ingredients, and a report says which of them dominate a step. Priced once per
distinct work of a graph: a vector of seconds by ingredient, and how many kernels the host launches for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.graph import ExecutionGraph
from versim.work import Attention, DeviceTerm, Fixed, Folded, Gemm, GroupedGemm, HostTransfer, Kind, Pointwise

PRODUCTS, FP8, FP4 = "products", "fp8 products", "fp4 products"
EXPERTS, ATTENTION, POINTWISE, OTHER = "expert products", "attention", "pointwise", "other"
TP, CP, EP, DP, PP, ELSEWHERE = (
    "tp communication",
    "cp communication",
    "ep communication",
    "dp communication",
    "pp communication",
    "other communication",
)

INGREDIENTS = (PRODUCTS, FP8, FP4, EXPERTS, ATTENTION, POINTWISE, OTHER, TP, CP, EP, DP, PP, ELSEWHERE)
"""In the order of the columns."""

COMPUTE = slice(0, 7)
COMMUNICATION = slice(5, len(INGREDIENTS))
HOST = "host"
"""Beside the ingredients: time that the host's launches take and nothing hides."""

WAITING = "latency and waiting"
"""Beside them: time in which nothing on the path runs."""

_NUMBER = {name: number for number, name in enumerate(INGREDIENTS)}


def ingredient_of(term: DeviceTerm | Fixed | Folded) -> int:
    """The column a term belongs to."""
    if isinstance(term, Gemm):
        return _NUMBER[FP4 if "fp4" in term.dtype else FP8 if "fp8" in term.dtype else PRODUCTS]
    if isinstance(term, GroupedGemm):
        return _NUMBER[EXPERTS]
    if isinstance(term, Attention):
        return _NUMBER[ATTENTION]
    if isinstance(term, Pointwise):
        return _NUMBER[POINTWISE]
    if isinstance(term, Folded):
        return along(term.axis, term.kind)
    return _NUMBER[OTHER]


def along(axis: str, kind: Kind) -> int:
    """The column of a communication of a kind along an axis.

    Several axes are joined by +, and one that two ways of spreading ranks cut bears both their names (``tp_ep``). An
    all-to-all is between experts, whichever ranks these share; of the rest, what spans replicas is of replicas.
    """
    if kind == Kind.ALL_TO_ALL:
        return _NUMBER[EP]
    parts = {part for name in axis.split("+") for part in name.split("_")}
    for part, name in (("edp", DP), ("dp", DP), ("ep", EP), ("tp", TP), ("etp", TP), ("cp", CP), ("pp", PP)):
        if part in parts:
            return _NUMBER[name]
    return _NUMBER[ELSEWHERE]


def launches_of(term: DeviceTerm | Fixed | Folded) -> float:
    """Kernels that the host launches for a term; a communication is one."""
    if isinstance(term, Pointwise):
        return term.launches
    return 0.0 if isinstance(term, Fixed | HostTransfer) else 1.0


@attrs.frozen(eq=False, kw_only=True)
class PricedWorks:
    """The works of a graph in seconds.

    Attributes:
        seconds: float64 (works, ingredients); NaN where nobody times a term.
        launches: float64 (works,), kernels that the host launches.
        latency_s: float64 (works,), what a job's own measurements add to its collectives.
        by_source: Source of compute seconds ─▶ float64 (works,).
        missing: What nobody times, as text; empty if all is timed.
    """

    seconds: NDArray[np.float64]
    launches: NDArray[np.float64]
    latency_s: NDArray[np.float64]
    by_source: Mapping[str, NDArray[np.float64]]
    missing: tuple[str, ...] = ()


def priced(
    graph: ExecutionGraph,
    compute_s: Callable[[Sequence[DeviceTerm]], Sequence[tuple[float, str]]],
    folded_s: Callable[[Sequence[Folded]], Sequence[float]],
    late_s: Callable[[Folded], float] | None = None,
) -> PricedWorks:
    """The works of a graph in seconds, each distinct term timed once.

    Args:
        graph: The step.
        compute_s: Seconds of device terms, NaN where declined, with their sources.
        folded_s: Seconds of folded communication; NaN where declined.
        late_s: What a job's own measurements add to a folded communication; None adds nothing.
    """
    device: dict[DeviceTerm, tuple[float, str]] = {}
    folded: dict[Folded, float] = {}
    for work in graph.works:
        for term, _ in work:
            if isinstance(term, Folded):
                folded[term] = 0.0
            elif not isinstance(term, Fixed):
                device[term] = (0.0, "")
    if device:
        device = dict(zip(device, compute_s(tuple(device)), strict=True))
    if folded:
        folded = dict(zip(folded, folded_s(tuple(folded)), strict=True))
    seconds = np.zeros((len(graph.works), len(INGREDIENTS)))
    launches, latency_s = np.zeros(len(graph.works)), np.zeros(len(graph.works))
    by_source: dict[str, NDArray[np.float64]] = {}
    missing: dict[str, None] = {}
    for row, work in enumerate(graph.works):
        for term, count in work:
            if isinstance(term, Fixed):
                taken = term.duration_s
            elif isinstance(term, Folded):
                taken = folded[term]
                latency_s[row] += count * late_s(term) if late_s is not None else 0.0
            else:
                taken, source = device[term]
                of_source = by_source.setdefault(source, np.zeros(len(graph.works)))
                of_source[row] += count * taken
            if taken != taken:  # noqa: PLR0124 - NaN: nobody times it
                missing[str(term)] = None
            seconds[row, ingredient_of(term)] += count * taken
            launches[row] += count * launches_of(term)
    return PricedWorks(
        seconds=seconds, launches=launches, latency_s=latency_s, by_source=by_source, missing=tuple(missing)
    )
