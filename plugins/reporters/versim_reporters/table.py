"""The table: the answer in forty lines (see :mod:`versim_reporters.summary`), or all that it rests on.

A sample of everything, shortened::

    pipeline, pin deepflow: the reference, analytical, takes 218.970157547 s
      hybrid    +0.00613 % (+13.429 ms): gradient all-reduce, on the critical path, takes 268.44 ms
                instead of 257.70 ms (+10.738 ms); gradient send, 3 times on the critical path, takes
                11.191 ms instead of 10.742 ms (+1.3452 ms); and activation send, 3 times on the
                critical path, takes 11.191 ms instead of 10.742 ms (+1.3452 ms)
      astrasim  +0.159 % (+348.99 ms): gradient all-reduce, on the critical path, takes 536.88 ms
                instead of 257.70 ms (+279.18 ms); gradient send, 3 times on the critical path, takes
                22.379 ms instead of 10.742 ms (+34.909 ms); and activation send, 3 times on the
                critical path, takes 22.379 ms instead of 10.742 ms (+34.909 ms)
    …
    pipeline, pin deepflow
    ====================================================================================================
    inputs: 96 nodes by fake-llm, 28 communications, 8 ranks (dp=2, pp=4); compute pinned to 499.448 s
            over all nodes; digest 639fc489247b; compute timed by roofline, folded communication timed
            by deepflow
    system: ring of 8 (25 GB/s, 5 µs); device A100
    ran:    analytical: fake event-driven 0.1, analytical network
            hybrid: fake event-driven 0.1, hybrid network
            astrasim: fake event-driven 0.1, astrasim network

    instance         makespan    difference     diff.  compute     comm.   exposed   comm.   wall
                          [s]           [s]       [%]      [s]       [s]       [s]   ratio    [s]
    ----------  -------------  ------------  --------  -------  --------  --------  ------  -----
    analytical  218.970157547     reference            124.924  0.343642  0.311415  0.0027  0.012
    hybrid      218.983586320  +0.013428773  +0.00613  124.924  0.357968  0.324396  0.0029  0.012
    astrasim    219.319151640  +0.348994093  +0.159    124.924  0.715909  0.648773  0.0057  0.012
    Compute, communication and exposed are those of rank 0, which finishes last. Exposed is
    communication with no compute beside it; makespan − compute − exposed is idle.

    …
    Why astrasim differs by +348.99 ms
    term                                  effect   share
    --------------------------------  ----------  ------
    all_reduce over dp                +279.18 ms  80.0 %
    point_to_point over pp, backward  +34.909 ms  10.0 %
    point_to_point over pp, forward   +34.909 ms  10.0 %

    group                             runs  analytical           hybrid         astrasim
                                                [mean]  [mean, diff. %]  [mean, diff. %]
    --------------------------------  ----  ----------  ---------------  ---------------
    compute, forward                    40     8.326 s    8.326 s     0     8.326 s    0
    point_to_point over pp, forward     48    10.74 ms   11.19 ms +4.17    22.38 ms +108
    …

    Critical paths
    analytical: compute 218.65 s (99.9 %), communication 322.16 ms (0.1 %)
        4 × (embedding → transformer) (41.7 s) → 3 × (activation send → transformer) (31.2 s)
        → 4 × (loss → transformer) (83.3 s) → 3 × (gradient send → transformer) (62.4 s)
        → gradient all-reduce (258 ms)
    hybrid: compute 218.65 s (99.8 %), communication 335.59 ms (0.2 %),
        shares 218.97 s (100 %) of the reference's path, through the same steps
    …

    Checks
    all passed for every prediction: complete, inputs, dependencies, exclusive, durations, conservation,
    lower bound, bisection
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from versim import Destination, Rendering, option

if TYPE_CHECKING:
    from versim import Report

NARROWEST = 20
"""Columns that the table needs at least, whatever the terminal has."""


@attrs.frozen(kw_only=True)
class TableOptions:
    """Options of the table."""

    width: int = option(
        100,
        help="Most columns of a line, at least 20; a narrower terminal has its own width.",
        validator=attrs.validators.ge(NARROWEST),
    )
    operations: int = option(20, help="Most rows of a breakdown.", validator=attrs.validators.ge(1))
    full: bool = option(default=False, help="Everything: breakdowns, critical paths, checks and notes.")
    brief: bool = option(default=False, help="One line per workload and pin.")
    explain: bool = option(default=False, help="Everything, and every term of every explanation.")


@attrs.frozen
class TableReporter:
    """Plain text for a terminal: the answer in forty lines, a line per workload, or everything."""

    name: str = "table"
    options: type = TableOptions

    def render(self, report: Report, options: TableOptions, destination: Destination) -> Rendering:
        """The tables as text, in characters the destination can hold, in colour if it wants that."""
        from versim.terminal import for_encoding  # noqa: PLC0415

        from versim_reporters.colour import coloured  # noqa: PLC0415

        width = max(NARROWEST, min(options.width, destination.columns or options.width))
        if options.full or options.explain:
            from versim_reporters.sections import report_lines  # noqa: PLC0415 - loads numpy and tabulate

            lines = list(report_lines(report, width, options.operations, explain=options.explain))
        else:
            from versim_reporters.summary import brief_lines, summary_lines  # noqa: PLC0415

            lines = list((brief_lines if options.brief else summary_lines)(report, width))
        text = for_encoding("\n".join(lines) + "\n", destination.encoding)
        if destination.colour:
            text = "\n".join(coloured(text.split("\n")))
        return Rendering(content=text)
