"""GitHub Markdown, for an issue, a pull request or notes: the verdict first, then what it rests on.

A sample, shortened::

    # bundled
    A transformer on 2 × 4 devices.

    ## Verdict
    **pipeline, pin deepflow: the reference, analytical, takes 218.970157547 s**

    - **hybrid**: +0.00613 % (+13.429 ms): exposed communication +13.0 ms, idle +448 µs; …
    - checks: all 18 passed

    ## pipeline, pin deepflow
    | instance | makespan [s] | difference [s] | diff. [%] | compute [s] | …
    |:--|--:|--:|--:|--:|…
    | analytical | 218.970157547 | reference |  | 124.924 | …
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from versim import Destination, Rendering, option

if TYPE_CHECKING:
    from versim import Report


@attrs.frozen(kw_only=True)
class MarkdownOptions:
    """Options of the Markdown document."""

    operations: int = option(20, help="Most rows of a breakdown.", validator=attrs.validators.ge(1))
    explain: bool = option(default=False, help="Every term of every explanation, not only the three largest.")


@attrs.frozen
class MarkdownReporter:
    """GitHub tables: verdict, totals, what explains the difference, breakdowns, critical paths, checks, notes."""

    name: str = "markdown"
    options: type = MarkdownOptions
    endings: tuple[str, ...] = (".md", ".markdown")

    def render(self, report: Report, options: MarkdownOptions, destination: Destination) -> Rendering:
        """The document as text, in characters the destination can hold."""
        from versim.terminal import for_encoding  # noqa: PLC0415

        from versim_reporters.markdown_sections import report_lines  # noqa: PLC0415 - loads numpy

        text = "\n".join(report_lines(report, options.operations, explain=options.explain)) + "\n"
        return Rendering(content=for_encoding(text, destination.encoding))
