"""A sweep of collectives as text and as JSON."""

from __future__ import annotations

import json
import math

import attrs

from versim.curves import CollectiveSweep
from versim.curves.curve import Crossing, Curve
from versim.curves.document import curve_document
from versim.terminal import WIDTH, printable, spelt_size, table, wrapped
from versim.units import GB

FORMAT_VERSION = 1

_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_EXACT = 1e-9
"""Below this a relative residual is rounding."""


def as_text(sweep: CollectiveSweep, width: int = WIDTH) -> str:
    """Times by size, then each model's α and β, then where curves cross; in lines of at most ``width`` columns."""
    link, topology = sweep.range.link, sweep.range.topology.value
    rate = f"{link.bandwidth_bytes_per_s / GB:g} GB/s and {_time(link.latency_s)} per link"

    def prose(text: str) -> list[str]:
        return wrapped(printable(text), width, rest="  ")

    lines = [
        *prose(f"Each collective alone on a {topology} of its ranks: {rate}; device {sweep.range.device.name}"),
        *(
            line
            for label, description in sweep.models.items()
            for line in wrapped(printable(f"{label}: {description}"), width, first="  ", rest="    ")
        ),
        *prose(
            f"Ratios refer to {sweep.reference}. algbw = S/t; busbw = algbw × 2(n−1)/n, (n−1)/n or 1 (NCCL's tests)."
        ),
    ]
    for group in _groups(sweep):
        lines += ["", *prose(_title(group[0])), *_times_table(sweep, group, width), "", *_fit_table(group, width)]
        for curve in group:
            lines += prose(f"{curve.model} refuses: {_short(curve.refusal)}") if curve.refusal else []
    lines += ["", "Crossings"]
    for crossing in sweep.crossings:
        lines += prose(_crossing(crossing))
    if not sweep.crossings:
        lines.append("none between these sizes")
    return "\n".join(lines) + "\n"


def as_json(sweep: CollectiveSweep) -> str:
    """Everything in SI units: seconds, bytes, bytes per second."""
    document = {
        "format_version": FORMAT_VERSION,
        "range": {
            "kinds": [kind.value for kind in sweep.range.kinds],
            "sizes_bytes": list(sweep.range.sizes_bytes),
            "ranks": list(sweep.range.ranks),
            "algorithms": list(sweep.range.algorithms),
            "topology": sweep.range.topology.value,
            "link": attrs.asdict(sweep.range.link),
            "device": sweep.range.device.name,
        },
        "models": sweep.models,
        "reference": sweep.reference,
        "curves": [
            {"kind": curve.kind.value, "ranks": curve.ranks, "algorithm": curve.algorithm}
            | curve_document(curve, sweep.ratio)
            for curve in sweep.curves
        ],
        "crossings": [attrs.asdict(crossing) | {"kind": crossing.kind.value} for crossing in sweep.crossings],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _groups(sweep: CollectiveSweep) -> list[list[Curve]]:
    groups: dict[tuple[str, int, str], list[Curve]] = {}
    for curve in sweep.curves:
        groups.setdefault((curve.kind.value, curve.ranks, curve.algorithm), []).append(curve)
    return list(groups.values())


def _title(curve: Curve) -> str:
    algorithm = f"algorithm {curve.algorithm}" if curve.algorithm else "each model's own choice of algorithm"
    return f"{curve.kind.value} over {curve.ranks} ranks, {algorithm}"


def _times_table(sweep: CollectiveSweep, group: list[Curve], width: int) -> list[str]:
    rows = []
    for size in sweep.range.sizes_bytes:
        for number, curve in enumerate(group):
            time_s, ratio = curve.time_s(size), sweep.ratio(curve, size)
            rows.append(
                [
                    "" if number else spelt_size(size),
                    printable(curve.model),
                    "–" if time_s is None else _time(time_s),
                    _rate(curve.algorithm_bandwidth(size)),
                    _rate(curve.bus_bandwidth(size)),
                    "–" if ratio is None else f"{ratio:.4g}",
                ]
            )
    headers = ["size", "model", "time", "algbw\n[GB/s]", "busbw\n[GB/s]", "ratio"]
    return table(headers, rows, "rlrrrr", width, keys=2)


def _fit_table(group: list[Curve], width: int) -> list[str]:
    rows = []
    for curve in group:
        line = curve.fit()
        if line is None:
            rows.append([printable(curve.model), "–", "–", "–", "–"])
            continue
        rows.append(
            [
                printable(curve.model),
                _time(line.alpha_s),
                _rate(line.bytes_per_s),
                _residual(line.residual),
                _residual(line.worst),
            ]
        )
    headers = ["t ≈ α + β·S", "α", "1/β\n[GB/s]", "residual\n[%]", "worst\n[%]"]
    return table(headers, rows, "lrrrr", width)


def _crossing(crossing: Crossing) -> str:
    def spelt(curve: tuple[str, str]) -> str:
        return f"{curve[0]} ({curve[1]})" if curve[1] else curve[0]

    return (
        f"{crossing.kind.value} over {crossing.ranks} ranks: {spelt(crossing.below)} is faster up to "
        f"{spelt_size(crossing.size_bytes)}, {spelt(crossing.above)} above"
    )


def _time(time_s: float) -> str:
    if time_s == 0:
        return "0 s"
    unit, name = next((entry for entry in _TIMES if abs(time_s) >= entry[0]), _TIMES[-1])
    # Four digits, without the exponent that 1234 s would get.
    value = time_s / unit
    digits = max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f} {name}".replace("-", "−")


def _rate(bytes_per_s: float | None) -> str:
    return "–" if bytes_per_s is None else f"{bytes_per_s / GB:.4g}"


def _residual(relative: float) -> str:
    return "0" if relative < _EXACT else f"{100 * relative:.2g}"


def _short(text: str) -> str:
    line = text.splitlines()[0] if text else ""
    return line if len(line) <= 160 else f"{line[:159]}…"
