"""What links carried: the busiest of each prediction that says so."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
from versim import NO_TIME, Comparison, LinkLoads, Result
from versim.terminal import printable, spelt_size

from versim_reporters.figures import NOTHING, count, share, short_time

HEADINGS = ("link", "carried", "messages", "busy", "busy\n[%]", "waited for")
ALIGN = "lrrrrr"

LEGEND = (
    "Busy is how long a link takes to send what it carried at its full rate, in percent of the makespan; waited for is "
    "the sum of the times that messages waited for it."
)


@attrs.frozen(kw_only=True)
class LinkTable:
    """The links of one prediction.

    Attributes:
        label: The instance, printable.
        title: How many links, and what they carried together.
        rows: The busiest, as cells under :data:`HEADINGS`.
        left_out: How many more there are, in words; "" if none.
    """

    label: str
    title: str
    rows: tuple[tuple[str, ...], ...]
    left_out: str = ""


def link_tables(comparison: Comparison, most: int) -> Iterator[LinkTable]:
    """Of every prediction that knows its links, the ``most`` busiest."""
    for result in comparison.results:
        loads = result.prediction.links
        if loads is None:
            continue
        label = printable(result.label)
        total = sum(loads.carried_bytes.tolist())
        order = sorted(range(loads.count), key=lambda i: (-int(loads.busy_ps[i]), loads.name[i]))
        yield LinkTable(
            label=label,
            title=f"Links of {label}: {count(loads.count, 'link')} carried {spelt_size(total)} in all",
            rows=tuple(_row(result, loads, link) for link in order[:most]),
            left_out=count(loads.count - most, "link") + " less busy" if loads.count > most else "",
        )


def _row(result: Result, loads: LinkLoads, link: int) -> tuple[str, ...]:
    busy_ps, queueing_ps = int(loads.busy_ps[link]), int(loads.queueing_ps[link])
    makespan_ps = result.prediction.makespan_ps
    return (
        printable(loads.name[link]),
        spelt_size(int(loads.carried_bytes[link])),
        f"{int(loads.messages[link]):,}",
        short_time(busy_ps),
        share(busy_ps, makespan_ps).removesuffix(" %") if makespan_ps else NOTHING,
        NOTHING if queueing_ps == NO_TIME else short_time(queueing_ps),
    )
