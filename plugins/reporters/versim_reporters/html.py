"""HTML: one self-contained page for somebody who was not there, which needs no network.

Its first screen is who says what, as bars of all pins, and why the furthest differs, as a waterfall with causes. Then
the verdict in words, and per workload and pin: totals, what explains the difference, timelines of rank classes with
zoom and hover, every operation in one prediction against the other, critical paths, breakdowns, checks and notes; at
the end what it rests on and what every figure means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from versim import Destination, Rendering, option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from versim import CollectiveSweep, Report


@attrs.frozen(kw_only=True)
class HtmlOptions:
    """Options of the HTML page."""

    operations: int = option(40, help="Most rows of a breakdown.", validator=attrs.validators.ge(1))
    blocks: int = option(
        40_000,
        help="About how many spans all timelines draw one by one; where there are more, short neighbours are merged.",
        validator=attrs.validators.ge(1_000),
    )


@attrs.frozen
class HtmlReporter:
    """One self-contained page with figures to zoom into, light and dark, that also prints."""

    name: str = "html"
    options: type = HtmlOptions
    endings: tuple[str, ...] = (".html", ".htm")
    shows_sweep: bool = True

    def render(self, report: Report, options: HtmlOptions, _destination: Destination) -> Rendering:
        """The page as UTF-8 bytes; a page says itself how it is encoded."""
        from versim_reporters.html_page import page  # noqa: PLC0415 - loads numpy

        return Rendering(content=page(report, options.operations, options.blocks).encode())

    def render_collectives(
        self, sweep: CollectiveSweep, provenance: Mapping[str, str], _options: HtmlOptions, _destination: Destination
    ) -> Rendering:
        """What ``versim collectives`` found, as a page of the same kind."""
        from versim_reporters.html_collectives import collectives_page  # noqa: PLC0415 - as above

        return Rendering(content=collectives_page(sweep, provenance).encode())
