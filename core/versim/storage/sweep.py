"""The communications of a step by size, as a document states them.

Times are read; everything that follows from them is computed again.
"""

from __future__ import annotations

from typing import Any

from versim.curves import Curve, SweptCommunication, telling_crossings
from versim.curves.document import curve_document
from versim.storage.form import Integer, Key, Many, Maybe, Number, Open, Record, Text
from versim.work import Kind


def _ascend(sizes: tuple[int, ...]) -> None:
    if list(sizes) != sorted(set(sizes)):
        raise ValueError("sizes have to ascend")


def _several(ranks: tuple[int, ...]) -> None:
    if len(ranks) < 2:
        raise ValueError("a communication has at least 2 ranks")


def _of_several_models(curves: tuple[dict[str, Any], ...]) -> None:
    models = [curve["model"] for curve in curves]
    if len(set(models)) != len(models):
        raise ValueError("two curves are of one model")


_FIT = Record(
    "The straight line alpha + beta S through the times.",
    keys={
        "alpha_s": Key(Number(), "Seconds at size 0."),
        "beta_s_per_byte": Key(Number(), "Seconds per byte."),
        "residual": Key(Number(), "Root mean square of relative residuals."),
        "worst": Key(Number(), "The largest."),
        "count": Key(Integer(2), "Sizes it goes through."),
        "bytes_per_s": Key(Maybe(Number()), "1/beta."),
    },
)

_PER_SIZE = Many(Maybe(Number()))

_CURVE = Record(
    "What one instance says.",
    dict,
    keys={
        "model": Key(Text(), "The instance's label."),
        "times_s": Key(
            Many(Maybe(Number(0))),
            "Seconds, one per size; null where it refused, did not complete, or was not asked.",
        ),
        "algorithm_bandwidth_bytes_per_s": Key(_PER_SIZE, "Size over time.", kept=False),
        "bus_bandwidth_bytes_per_s": Key(_PER_SIZE, "As NCCL's tests define it.", kept=False),
        "ratio": Key(_PER_SIZE, "Time over that of the first curve.", kept=False),
        "fit": Key(Maybe(_FIT), "Null with fewer than two times.", kept=False),
        "refusal": Key(Text(), "Why a time is missing; empty if none is."),
    },
)

_IN_STEP = Record(
    "One size.",
    lambda size_bytes, count: (size_bytes, count),
    keys={
        "size_bytes": Key(Integer(1), "Bytes.", lambda found, _: found[0]),
        "count": Key(Integer(1), "Communications of this size in the graph.", lambda found, _: found[1]),
    },
)

_CROSSING = Record(
    "One crossing.",
    keys={
        "below": Key(Text(), "Faster below the size.", lambda crossing, _: crossing.below[0]),
        "above": Key(Text(), "Faster above it.", lambda crossing, _: crossing.above[0]),
        "size_bytes": Key(Number(), "Where both take equally long."),
        "between_bytes": Key(Many(Integer(1)), "Two sizes that were asked."),
    },
)


def _swept(
    kind: Kind, ranks: tuple[int, ...], algorithm: str, sizes_bytes: tuple[int, ...], curves: Any, **said: Any
) -> SweptCommunication:
    of_all: dict[str, Any] = {"kind": kind, "ranks": len(ranks), "algorithm": algorithm, "sizes_bytes": sizes_bytes}
    for curve in curves:
        if len(curve["times_s"]) != len(sizes_bytes):
            raise ValueError(f"{curve['model']}: expected {len(sizes_bytes)} times, got {len(curve['times_s'])}")
    made = tuple(Curve(**of_all, **curve) for curve in curves)
    return SweptCommunication(
        kind=kind, ranks=ranks, algorithm=algorithm, curves=made, crossings=telling_crossings(made), **said
    )


SWEPT = Record(
    "One kind of communication of the step, alone on its system, by size.",
    _swept,
    name="swept",
    keys={
        "name": Key(Text(), "Kind and axes."),
        "kind": Key(Open(Kind), "What is done."),
        "ranks": Key(Many(Integer(), _several), "Who took part: the first of the step's groups."),
        "algorithm": Key(Text(), "Asked of the simulators; empty leaves them the choice."),
        "sizes_bytes": Key(Many(Integer(1), _ascend), "Ascending, of the full tensor."),
        "in_step": Key(Many(_IN_STEP), "Sizes that the step has."),
        "curves": Key(
            Many(_CURVE, _of_several_models),
            "One per instance that was asked.",
            lambda swept, _: [curve_document(curve, swept.ratio) for curve in swept.curves],
        ),
        "crossings": Key(Many(_CROSSING), "Where two curves cross; interpolated.", kept=False),
    },
)
