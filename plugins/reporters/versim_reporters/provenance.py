"""What a report was made by, for people: versions, what was typed, and who was left out."""

from __future__ import annotations

from versim import Report


def provenance_rows(report: Report) -> list[tuple[str, str]]:
    """Name and value, by name; then the simulators that were not installed, each with why."""
    return sorted(report.provenance.items()) + [(f"left out {label}", why) for label, why in report.left_out.items()]
