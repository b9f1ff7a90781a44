"""The compute timing ``silicon``: terms of work to what was measured, and where each second comes from."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import Attention, Device, DeviceTerm, Gemm, GroupedGemm, Origin, Pass, Source

from versim_silicon.attention import FusedAttention, Shapes
from versim_silicon.experts import GroupedProducts
from versim_silicon.gpus import GPUS, gpu_of
from versim_silicon.importing import CONVERTING
from versim_silicon.interpolation import DECLINED, EXACT, INTERPOLATED, MODELLED, SATURATED, Answers
from versim_silicon.products import Products
from versim_silicon.store import tables_of

Floats = NDArray[np.float64]

NAME = "silicon"

WEIGHT_GRADIENT = 1.06
"""Time of a weight gradient, accumulated in fp32, over that of the forward product of the same shape.

Geometric means of SimuMax's measurements (github.com/MooreThreads/SimuMax, configs/system, Apache-2.0): 1.056 of
55 shapes on A100 PCIe, 1.063 of 129 on B200. A data gradient takes 1.006 and 1.012 times
the forward, and is taken as it."""

GROUPED_WEIGHT_GRADIENT = {8: 1.19, 9: 1.19, 10: 1.37}
"""The same of grouped products, by generation (compute capability / 10): of 4 shapes on A100 PCIe, 36 on B200."""

ALIKE = {"fp16": "bf16", "fp4": "nvfp4", "mxfp8": "fp8"}
"""Formats that run on the same units at the same rate as a measured one."""

_SOURCES = {
    EXACT: Source.MEASURED,
    INTERPOLATED: Source.INTERPOLATED,
    SATURATED: Source.SATURATED,
    MODELLED: Source.MODELLED,
    DECLINED: Source.MODELLED,
}


@attrs.frozen
class MeasuredCompute:
    """Seconds of products and attention on a GPU that was measured.

    Attributes:
        collector: Whose measurements.
        beyond: False if what lies beyond the largest measured shape is declined.
        folder: Where imported measurements are; None for the bundled excerpt (of other collectors, the user's folder).
    """

    collector: str
    beyond: bool = True
    folder: Path | None = None

    def times_s(self, terms: Sequence[DeviceTerm], device: Device) -> Floats:
        """Seconds of each term, NaN where nothing like it was measured; shape (terms,)."""
        return self._answers(terms, device)[0].values

    def origins(self, terms: Sequence[DeviceTerm], device: Device) -> list[Origin]:
        """Where each term's seconds come from; of a declined one, why."""
        answers, details = self._answers(terms, device)
        return [
            Origin(_SOURCES[standing], NAME, detail)
            for standing, detail in zip(answers.standing.tolist(), details, strict=True)
        ]

    def _answers(self, terms: Sequence[DeviceTerm], device: Device) -> tuple[Answers, list[str]]:
        values, standing = np.full(len(terms), np.nan), np.full(len(terms), DECLINED, dtype=np.uint8)
        gpu = gpu_of(device.name)
        if gpu is None:
            return Answers(values, standing), [f"declined: nothing was measured on {device.name}"] * len(terms)
        details = ["declined: only products and fused attention were measured"] * len(terms)
        for kind, time in ((Gemm, _products), (GroupedGemm, _grouped), (Attention, _attention)):
            for dtype, places in _by_dtype(terms, kind).items():
                found = time(
                    gpu, self.collector, self.folder, ALIKE.get(dtype, dtype), [terms[place] for place in places]
                )
                if found is None:
                    for place in places:
                        details[place] = (
                            f"declined: {_WORDS[kind]} in {dtype or 'an unnamed format'} were not measured on {gpu}"
                        )
                    continue
                if not self.beyond:
                    found.standing[found.standing == SATURATED] = DECLINED
                    found.values[found.standing == DECLINED] = np.nan
                values[places], standing[places] = found.values, found.standing
                for place, stands in zip(places, found.standing.tolist(), strict=True):
                    details[place] = self._detail(gpu, terms[place], dtype, stands)
        return Answers(values, standing), details

    def _detail(self, gpu: str, term: DeviceTerm, dtype: str, standing: int) -> str:
        """Alike for like rows, for a report sums over it."""
        what = _WORDS[type(term)]
        if standing == DECLINED:
            return f"declined: {what} of this shape lie outside of what was measured on {gpu}"
        if standing == MODELLED:
            return (
                f"{what}, backward"
                if getattr(term, "of_pass", Pass.FORWARD) is not Pass.FORWARD
                else f"{what} of other kinds than measured"
            )
        words = [f"{what} on {gpu} by {self.collector}"]
        if ALIKE.get(dtype):
            words.append(f"{dtype} as {ALIKE[dtype]}")
        if isinstance(term, Gemm) and ALIKE.get(dtype, dtype) != "bf16" and self.collector == CONVERTING:
            words.append("less the conversion of their left operand")
        of_pass = getattr(term, "of_pass", Pass.FORWARD)
        if of_pass is not Pass.FORWARD:
            words.append(f"{of_pass.value.replace('_', ' ')} from the forward")
        return ", ".join(words)


_WORDS: dict[type, str] = {Gemm: "products", GroupedGemm: "grouped products", Attention: "attention"}


def _by_dtype(terms: Sequence[DeviceTerm], kind: type) -> dict[str, list[int]]:
    """Places of the terms of one kind, by number format; one that only has a width of 16 bit is bf16's."""
    places: dict[str, list[int]] = {}
    for place, term in enumerate(terms):
        if type(term) is kind:
            dtype = term.dtype or ("bf16" if term.element_bytes == 2 else "")  # type: ignore[union-attr]
            places.setdefault(dtype, []).append(place)
    return places


def _array(terms: Sequence[DeviceTerm], attribute: str) -> Floats:
    return np.array([getattr(term, attribute) for term in terms], dtype=np.float64)


def _forward_only(answers: Answers, forward: NDArray[np.bool_], factor: Floats) -> Answers:
    """Times of other passes than the forward are never of this very row."""
    answers.values[:] = answers.values * factor
    answers.standing[:] = np.where(forward, answers.standing, np.maximum(answers.standing, INTERPOLATED))
    return answers


def _passes(terms: Sequence[DeviceTerm], factor: float) -> tuple[NDArray[np.bool_], Floats]:
    forward = np.array([term.of_pass is Pass.FORWARD for term in terms])  # type: ignore[union-attr]
    weight = np.array([term.of_pass is Pass.WEIGHT_GRADIENT for term in terms])  # type: ignore[union-attr]
    return forward, np.where(weight, factor, 1.0)


def _products(gpu: str, collector: str, folder: Path | None, dtype: str, terms: Sequence[DeviceTerm]) -> Answers | None:
    products = _product_model(gpu, collector, folder, dtype)
    if products is None:
        return None
    found = products.times_s(_array(terms, "m"), _array(terms, "n"), _array(terms, "k"))
    batched = _array(terms, "batch") != 1
    found.values[batched], found.standing[batched] = np.nan, DECLINED
    return _forward_only(found, *_passes(terms, WEIGHT_GRADIENT))


def _grouped(gpu: str, collector: str, folder: Path | None, dtype: str, terms: Sequence[DeviceTerm]) -> Answers | None:
    grouped = _grouped_model(gpu, collector, folder, dtype)
    if grouped is None:
        return None
    groups, m, k, n = (_array(terms, name) for name in ("groups", "m", "k", "n"))
    found = grouped.times_s(m / groups, groups, k, n)
    plain = _product_model(gpu, collector, folder, dtype)
    if plain is not None:
        # What a layer does besides products may overlap with them, so a product could be credited with too little:
        # no grouped product is faster than the plain one of as many rows.
        found.values[:] = np.maximum(found.values, np.nan_to_num(plain.times_s(m, n, k).values))
    factor = GROUPED_WEIGHT_GRADIENT[GPUS[gpu].compute_capability // 10]
    return _forward_only(found, *_passes(terms, factor))


def _attention(
    gpu: str, collector: str, folder: Path | None, dtype: str, terms: Sequence[DeviceTerm]
) -> Answers | None:
    attention = _attention_model(gpu, collector, folder, dtype)
    if attention is None:
        return None
    head_size, value_size = _array(terms, "head_size"), _array(terms, "value_size")
    names = ("batch", "heads", "kv_heads", "query_length", "key_length")
    return attention.times_s(
        Shapes(
            **{name: _array(terms, name) for name in names},
            head_size=head_size,
            value_size=np.where(value_size > 0, value_size, head_size),
            causal=np.array([term.causal for term in terms], dtype=np.bool_),  # type: ignore[union-attr]
            backward=~_passes(terms, 1.0)[0],
        )
    )


@functools.lru_cache(maxsize=64)
def _product_model(gpu: str, collector: str, folder: Path | None, dtype: str) -> Products | None:
    table = tables_of(gpu, collector, folder).get(f"product/{dtype}")
    return None if table is None else Products.of(GPUS[gpu], dtype, table)


@functools.lru_cache(maxsize=64)
def _grouped_model(gpu: str, collector: str, folder: Path | None, dtype: str) -> GroupedProducts | None:
    table = tables_of(gpu, collector, folder).get(f"experts/{dtype}")
    return None if table is None or not table.count() else GroupedProducts.of(GPUS[gpu], dtype, table)


@functools.lru_cache(maxsize=64)
def _attention_model(gpu: str, collector: str, folder: Path | None, dtype: str) -> FusedAttention | None:
    prefix = f"attention/{dtype}/"
    tables = {
        float(name.removeprefix(prefix)): table
        for name, table in tables_of(gpu, collector, folder).items()
        if name.startswith(prefix)
    }
    return FusedAttention.of(GPUS[gpu], dtype, tables) if tables else None
