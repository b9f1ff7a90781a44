"""Communications alone, by size: what each model implies, in tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from versim import GB, PS_PER_S, Curve, SweptCommunication
from versim.terminal import printable, spelt_size

from versim_reporters.figures import NOTHING, count, short_time

MOST_SIZES = 3
"""Sizes of the step that the table shows: the largest."""

EXACT = 1e-9
"""Below this a relative residual is rounding."""

LEGEND = (
    "Each communication alone, as it stands in the step, in every simulator: the line t ≈ α + β·S through its times by "
    "size S, the residual of that line (root mean square, relative), and the times at the sizes of the step."
)


def swept_title(swept: SweptCommunication) -> str:
    """What was swept: ``all_reduce over dp, 2 ranks (0, 4)``."""
    named = ", ".join(map(str, swept.ranks)) if len(swept.ranks) <= 8 else f"{swept.ranks[0]}, …, {swept.ranks[-1]}"
    algorithm = f", algorithm {printable(swept.algorithm)}" if swept.algorithm else ""
    return f"{printable(swept.name)}, {count(len(swept.ranks), 'rank')} ({named}){algorithm}"


def model_name(curve: Curve, swept: SweptCommunication) -> str:
    """The model of a curve, with its algorithm where that is not the same for all."""
    several = len({other.algorithm for other in swept.curves}) > 1
    return f"{printable(curve.model)} ({printable(curve.algorithm) or 'auto'})" if several else printable(curve.model)


def swept_table(swept: SweptCommunication) -> tuple[list[str], list[list[str]], str]:
    """Headings, rows and alignment: α, 1/β, residual, and times at the sizes of the step."""
    sizes = [size for size, _ in swept.in_step][-MOST_SIZES:] or swept.sizes_bytes[-1:]
    headings = ["t ≈ α + β·S", "α", "1/β\n[GB/s]", "residual\n[%]", *(f"at\n{spelt_size(size)}" for size in sizes)]
    rows = []
    for curve in swept.curves:
        line = curve.fit()
        fitted = [NOTHING] * 3
        if line is not None:
            rate = NOTHING if line.bytes_per_s is None else f"{line.bytes_per_s / GB:.4g}"
            residual = "0" if line.residual < EXACT else f"{100 * line.residual:.2g}"
            fitted = [short_time(round(line.alpha_s * PS_PER_S), digits=4), rate, residual]
        times = [curve.time_s(size) if size in curve.sizes_bytes else None for size in sizes]
        cells = [NOTHING if time_s is None else short_time(round(time_s * PS_PER_S), digits=4) for time_s in times]
        rows.append([model_name(curve, swept), *fitted, *cells])
    return headings, rows, "l" + "r" * (len(headings) - 1)


def swept_sentences(swept: SweptCommunication) -> Iterator[str]:
    """Where models cross, and who refused."""
    named = {(curve.model, curve.algorithm): model_name(curve, swept) for curve in swept.curves}
    for crossing in swept.crossings:
        yield (
            f"{named[crossing.below]} is faster up to {spelt_size(crossing.size_bytes)}, {named[crossing.above]} above"
        )
    for curve in swept.curves:
        if curve.refusal:
            known = sum(time_s is not None for time_s in curve.times_s)
            said = printable(curve.refusal.strip().split("\n")[0])
            yield f"{model_name(curve, swept)} answers for {known} of {len(curve.times_s)} sizes: {said}"


def flat(headings: Sequence[str]) -> list[str]:
    """Headings of two lines on one."""
    return [heading.replace("\n", " ") for heading in headings]
