"""What practitioners know a step by: utilisation, tokens per second and GPU, memory."""

from __future__ import annotations

from versim import GIB, Comparison
from versim.terminal import printable

from versim_reporters.figures import NOTHING

HEADINGS = ("instance", "MFU", "HFU", "tokens/s/GPU", "kept", "peak", "fits")
ALIGN = "lrrrrrr"
LEGEND = (
    "MFU: forward products × 3, attention in full and the head, over the dense peak of their formats; HFU adds what is "
    "recomputed. Memory is that of the fullest rank, the same for every simulator."
)


def rows_of(comparison: Comparison) -> list[list[str]]:
    """A row per prediction; none where the producer does not say what the step amounts to."""
    rows = []
    for result in comparison.results:
        found = result.sanity
        if found is None:
            continue
        shares = [NOTHING if value is None else f"{100 * value:.1f} %" for value in (found.mfu, found.hfu)]
        rate = NOTHING if found.tokens_per_s_per_rank is None else f"{found.tokens_per_s_per_rank:,.0f}"
        memory = [
            NOTHING if value is None else f"{value / GIB:.1f} GiB"
            for value in (found.persistent_bytes, found.peak_bytes)
        ]
        fits = NOTHING if found.fits is None else "yes" if found.fits else "no"
        rows.append([printable(result.label), *shares, rate, *memory, fits])
    return rows
