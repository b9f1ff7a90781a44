"""A sweep of collectives as text and as JSON."""

from __future__ import annotations

import json

import attrs

from versim.curves import CollectiveSweep
from versim.curves.curve import Crossing, Curve
from versim.curves.document import curve_document
from versim.curves.errors_by_size import errors_by_band, misses
from versim.curves.ring_fit import fitted_system
from versim.terminal import WIDTH, printable, spelt_size, spelt_time, table, wrapped
from versim.units import GB

FORMAT_VERSION = 1

_EXACT = 1e-9
"""Below this a relative residual is rounding."""


def as_text(sweep: CollectiveSweep, width: int = WIDTH) -> str:
    """Times by size, then each model's α and β, then where curves cross; in lines of at most ``width`` columns."""

    def prose(text: str) -> list[str]:
        return wrapped(printable(text), width, rest="  ")

    lines = [
        *prose(sweep.range.in_words()),
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
        lines += _error_lines(sweep, group, width)
        for curve in group:
            lines += prose(f"{curve.model} refuses: {_short(curve.refusal)}") if curve.refusal else []
    lines += ["", "Crossings"]
    for crossing in sweep.crossings:
        lines += prose(_crossing(crossing))
    if not sweep.crossings:
        lines.append("none between these sizes")
    return "\n".join(lines) + "\n"


def as_systems(sweep: CollectiveSweep) -> str:
    """The latency and bandwidth that fit the reference best, per kind and number of ranks, to paste into a scenario."""
    found = [fitted_system(curve) for curve in sweep.curves if curve.model == sweep.reference]
    return "\n".join(text for text in found if text is not None)


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
            "cluster": None if sweep.range.cluster is None else sweep.range.cluster.preset,
        },
        "models": sweep.models,
        "reference": sweep.reference,
        "curves": [
            {"kind": curve.kind.value, "ranks": curve.ranks, "algorithm": curve.algorithm}
            | curve_document(curve, sweep.ratio)
            | _errors_document(sweep, curve)
            for curve in sweep.curves
        ],
        "noise": {label: dict(bands) for label, bands in sweep.noise.items()},
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
                    "–" if time_s is None else spelt_time(time_s),
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
                spelt_time(line.alpha_s),
                _rate(line.bytes_per_s),
                _residual(line.residual),
                _residual(line.worst),
            ]
        )
    headers = ["t ≈ α + β·S", "α", "1/β\n[GB/s]", "residual\n[%]", "worst\n[%]"]
    return table(headers, rows, "lrrrr", width)


def _errors_document(sweep: CollectiveSweep, curve: Curve) -> dict[str, object]:
    measured = sweep.measured(curve)
    if measured is None:
        return {"errors": None, "misses": ""}
    return {
        "errors": [attrs.asdict(error) for error in errors_by_band(curve, measured)],
        "misses": misses(curve, measured),
    }


def _error_lines(sweep: CollectiveSweep, group: list[Curve], width: int) -> list[str]:
    found = sweep.errors(group)
    if found is None:
        return []
    headings = [f"error against {printable(sweep.reference)}", *(f"{band}\n[%]" for band in found.headings)]
    rows = [[printable(cell) for cell in row] for row in found.cells()]
    lines = ["", *table(headings, rows, "lrrr", width)]
    for sentence in found.missed:
        lines += wrapped(printable(sentence), width, rest="  ")
    return lines


def _crossing(crossing: Crossing) -> str:
    def spelt(curve: tuple[str, str]) -> str:
        return f"{curve[0]} ({curve[1]})" if curve[1] else curve[0]

    return (
        f"{crossing.kind.value} over {crossing.ranks} ranks: {spelt(crossing.below)} is faster up to "
        f"{spelt_size(crossing.size_bytes)}, {spelt(crossing.above)} above"
    )


def _rate(bytes_per_s: float | None) -> str:
    return "–" if bytes_per_s is None else f"{bytes_per_s / GB:.4g}"


def _residual(relative: float) -> str:
    return "0" if relative < _EXACT else f"{100 * relative:.2g}"


def _short(text: str) -> str:
    line = text.splitlines()[0] if text else ""
    return line if len(line) <= 160 else f"{line[:159]}…"
