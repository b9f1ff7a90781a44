"""The reporter ``lattice-lines``: ``workload / pin / label: 1.234567 ms``, one line per prediction."""

from __future__ import annotations

import attrs
from versim import PS_PER_S, Destination, Rendering, Report, option


@attrs.frozen(kw_only=True)
class LinesOptions:
    """Options of the reporter ``lattice-lines``."""

    digits: int = option(6, validator=attrs.validators.ge(0), help="digits behind the point")


@attrs.frozen
class LatticeLines:
    """Makespans and nothing else."""

    name: str = "lattice-lines"
    options: type[LinesOptions] = LinesOptions

    def render(self, report: Report, options: LinesOptions, _: Destination) -> Rendering:
        """A line per prediction."""
        lines = []
        for workload, comparison, result in report.results():
            makespan_ps = result.prediction.makespan_ps
            shown = (
                "did not complete" if makespan_ps is None else f"{1e3 * makespan_ps / PS_PER_S:.{options.digits}f} ms"
            )
            lines.append(f"{workload.label} / {comparison.inputs.label} / {result.label}: {shown}\n")
        return Rendering(content="".join(lines))
