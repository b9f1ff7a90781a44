"""The compute timing ``silicon``: terms of work to what was measured, and where each second comes from."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import Attention, Device, DeviceTerm, Gemm, GroupedGemm, Origin, Pass, Source

from versim_silicon.attention import FusedAttention, Shapes
from versim_silicon.experts import GroupedProducts
from versim_silicon.gpus import GPUS, SUSTAINED, gpu_of
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
        converting: True if products in 8 and 4 bits include the conversion of an operand, where they were collected so.
        sustained: True if a GPU is as warm as in runs of minutes, not as in the bursts in which it was measured.
    """

    collector: str
    beyond: bool = True
    folder: Path | None = None
    converting: bool = False
    sustained: bool = False

    def times_s(self, terms: Sequence[DeviceTerm], device: Device) -> Floats:
        """Seconds of each term, NaN where nothing like it was measured; shape (terms,)."""
        gpu = gpu_of(device.name)
        values = np.full(len(terms), np.nan)
        if gpu is not None:
            for alike in _alike(terms):
                found = self._answers(gpu, alike, device)
                if found is not None:
                    values[alike.places] = found.values
        return values

    def origins(self, terms: Sequence[DeviceTerm], device: Device) -> list[Origin]:
        """Where each term's seconds come from; of a declined one, why."""
        gpu = gpu_of(device.name)
        if gpu is None:
            return [_declined(f"nothing was measured on {device.name}")] * len(terms)
        origins = [_declined("only products and fused attention were measured")] * len(terms)
        for alike in _alike(terms):
            found = self._answers(gpu, alike, device)
            if found is None:
                what = f"{_WORDS[alike.kind]} in {alike.dtype or 'an unnamed format'}"
                standings, why = [DECLINED] * len(alike.places), f"{what} were not measured on {gpu}"
            else:
                standings = found.standing.tolist()
                why = f"{_WORDS[alike.kind]} of this shape lie outside of what was measured on {gpu}"
            for place, standing in zip(alike.places.tolist(), standings, strict=True):
                if standing == DECLINED:
                    origins[place] = _declined(why)
                else:
                    detail = self._detail(gpu, alike, terms[place], standing, device)
                    origins[place] = Origin(_SOURCES[standing], NAME, detail)
        return origins

    def _answers(self, gpu: str, alike: _Alike, device: Device) -> Answers | None:
        """What is known of terms; None if nothing was measured of their kind in their format."""
        measured = _Measured(gpu, self.collector, self.folder, ALIKE.get(alike.dtype, alike.dtype), self.converting)
        found = _LOOK_UPS[alike.kind](measured, alike)
        if found is not None and not self.beyond:
            found.standing[found.standing == SATURATED] = DECLINED
            found.values[found.standing == DECLINED] = np.nan
        slower = _rated(gpu, alike.dtype, device) * (_sustained(gpu) if self.sustained else 1.0)
        if found is not None and slower != 1:
            found.values[:] *= slower
            found.standing[:] = np.maximum(found.standing, INTERPOLATED)
        return found

    def _detail(self, gpu: str, alike: _Alike, term: DeviceTerm, standing: int, device: Device) -> str:
        """Alike for like rows, for a report sums over it."""
        what = _WORDS[alike.kind]
        of_pass: Pass = term.of_pass  # type: ignore[union-attr]
        if standing == MODELLED:
            return f"{what}, backward" if of_pass is not Pass.FORWARD else f"{what} of other kinds than measured"
        words = [f"{what} on {gpu} by {self.collector}"]
        measured_as = ALIKE.get(alike.dtype, alike.dtype)
        if measured_as != alike.dtype:
            words.append(f"{alike.dtype} as {measured_as}")
        products = _product_model(gpu, self.collector, self.folder, measured_as, self.converting)
        if alike.kind is Gemm and products is not None and products.conversion is not None:
            words.append(f"{'with' if self.converting else 'less'} the conversion of their left operand")
        if of_pass is not Pass.FORWARD:
            words.append(f"{of_pass.value.replace('_', ' ')} from the forward")
        if (rated := _rated(gpu, alike.dtype, device)) != 1:
            words.append(f"for {1 / rated:.2f} of its peak")
        if self.sustained and _sustained(gpu) != 1:
            words.append("warm")
        return ", ".join(words)


def _sustained(gpu: str) -> float:
    return SUSTAINED[GPUS[gpu].compute_capability // 10]


def _rated(gpu: str, dtype: str, device: Device) -> float:
    """Time on a device over that on the board that was measured: efficiency is held, where the peak is another."""
    peak, measured = device.peak(dtype), GPUS[gpu].flop_per_s.get(ALIKE.get(dtype, dtype))
    return 1.0 if peak is None or measured is None else measured / peak


_WORDS: dict[type, str] = {Gemm: "products", GroupedGemm: "grouped products", Attention: "attention"}


def _declined(why: str) -> Origin:
    return Origin(Source.MODELLED, NAME, f"declined: {why}")


@attrs.frozen(eq=False)
class _Alike:
    """Terms of one kind in one number format, in columns.

    Attributes:
        kind: Their class.
        dtype: A width of 16 bit without a name is bf16's.
        places: Where they stand among all terms.
        terms: The terms.
    """

    kind: type
    dtype: str
    places: NDArray[np.intp]
    terms: Sequence[DeviceTerm]

    def column(self, attribute: str) -> Floats:
        """An attribute of each; shape (terms,)."""
        return np.fromiter(map(operator.attrgetter(attribute), self.terms), np.float64, len(self.terms))

    def of_pass(self, which: Pass) -> NDArray[np.intp]:
        """Which terms are of this pass; shape (as many as there are,)."""
        return _where(list(map(operator.attrgetter("of_pass"), self.terms)), which)


def _alike(terms: Sequence[DeviceTerm]) -> list[_Alike]:
    found, kinds = [], list(map(type, terms))
    for kind in _LOOK_UPS:
        of_kind = _where(kinds, kind)
        some = _picked(terms, of_kind)
        dtypes = list(map(operator.attrgetter("dtype"), some))
        if "" in dtypes:
            widths = map(operator.attrgetter("element_bytes"), some)
            dtypes = [dtype or ("bf16" if width == 2 else "") for dtype, width in zip(dtypes, widths, strict=True)]
        for dtype in sorted(set(dtypes)):
            of_dtype = _where(dtypes, dtype)
            found.append(_Alike(kind, dtype, of_kind[of_dtype], _picked(some, of_dtype)))
    return found


def _where(values: Sequence[object], wanted: object) -> NDArray[np.intp]:
    """Places of a value; shape (as many as there are,)."""
    count = values.count(wanted)
    if count in (0, len(values)):  # the usual case, with nothing to do for each of a million
        return np.arange(count)
    return np.array([place for place, value in enumerate(values) if value == wanted], dtype=np.intp)


def _picked(terms: Sequence[DeviceTerm], places: NDArray[np.intp]) -> Sequence[DeviceTerm]:
    return terms if len(places) == len(terms) else [terms[place] for place in places.tolist()]


@attrs.frozen
class _Measured:
    """Whose measurements of what to look up, see :class:`MeasuredCompute`."""

    gpu: str
    collector: str
    folder: Path | None
    dtype: str
    converting: bool


def _forward_only(answers: Answers, alike: _Alike, weight_gradient: float) -> Answers:
    """Times of other passes than the forward are never of this very row."""
    answers.values[alike.of_pass(Pass.WEIGHT_GRADIENT)] *= weight_gradient
    others = np.ones(len(alike.terms), dtype=np.bool_)
    others[alike.of_pass(Pass.FORWARD)] = False
    answers.standing[others] = np.maximum(answers.standing[others], INTERPOLATED)
    return answers


def _products(measured: _Measured, alike: _Alike) -> Answers | None:
    products = _product_model(*attrs.astuple(measured))
    if products is None:
        return None
    found = products.times_s(alike.column("m"), alike.column("n"), alike.column("k"))
    batched = alike.column("batch") != 1
    found.values[batched], found.standing[batched] = np.nan, DECLINED
    return _forward_only(found, alike, WEIGHT_GRADIENT)


def _grouped(measured: _Measured, alike: _Alike) -> Answers | None:
    grouped = _grouped_model(measured.gpu, measured.collector, measured.folder, measured.dtype)
    if grouped is None:
        return None
    groups, m, k, n = (alike.column(name) for name in ("groups", "m", "k", "n"))
    found = grouped.times_s(m / groups, groups, k, n)
    plain = _product_model(*attrs.astuple(attrs.evolve(measured, converting=False)))
    if plain is not None:
        # What a layer does besides products may overlap with them, so a product could be credited with too little:
        # no grouped product is faster than the plain one of as many rows.
        found.values[:] = np.maximum(found.values, np.nan_to_num(plain.times_s(m, n, k).values))
    return _forward_only(found, alike, GROUPED_WEIGHT_GRADIENT[GPUS[measured.gpu].compute_capability // 10])


def _attention(measured: _Measured, alike: _Alike) -> Answers | None:
    attention = _attention_model(measured.gpu, measured.collector, measured.folder, measured.dtype)
    if attention is None:
        return None
    head_size, value_size = alike.column("head_size"), alike.column("value_size")
    backward = np.ones(len(alike.terms), dtype=np.bool_)
    backward[alike.of_pass(Pass.FORWARD)] = False
    names = ("batch", "heads", "kv_heads", "query_length", "key_length")
    return attention.times_s(
        Shapes(
            **{name: alike.column(name) for name in names},
            head_size=head_size,
            value_size=np.where(value_size > 0, value_size, head_size),
            causal=alike.column("causal").astype(np.bool_),
            backward=backward,
        )
    )


_LOOK_UPS: Mapping[type, Callable[[_Measured, _Alike], Answers | None]] = {
    Gemm: _products,
    GroupedGemm: _grouped,
    Attention: _attention,
}


@functools.lru_cache(maxsize=64)
def _product_model(gpu: str, collector: str, folder: Path | None, dtype: str, converting: bool) -> Products | None:
    return Products.of(GPUS[gpu], dtype, tables_of(gpu, collector, folder), included=converting)


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
