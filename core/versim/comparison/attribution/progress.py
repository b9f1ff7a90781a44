"""How long each instance makes progress in a timeline, apart from how long it waits.

A communication begins when the last part that it waited for was posted, and each part then progresses for

    duration(part) = end(part) − begin(meeting)                                     [ps]

A part that was posted after the first one had ended was not waited for: an eager message had already arrived. Such a
*late* part ends ``tail`` after it was posted, and not before the data are there:

    end(part) = max(begin(meeting) + duration(part), start(part) + tail(part))      [ps]

Its ``duration`` is that of the parts that were waited for, as far as its own end allows.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.align import Timeline, parts_of


@attrs.frozen(eq=False, kw_only=True)
class Progress:
    """A timeline as durations; columns have shape (instances,) unless said otherwise.

    Attributes:
        late: Parts that their communication did not wait for.
        begin_ps: int64 (meetings,), when the last part that was waited for had been posted.
        duration_ps: Progress of a compute node or a part.
        tail_ps: From posting to end for late parts, 0 for everything else.
    """

    late: NDArray[np.bool_]
    begin_ps: NDArray[np.int64]
    duration_ps: NDArray[np.int64]
    tail_ps: NDArray[np.int64]


def progress(line: Timeline) -> Progress:
    """The durations of a timeline in which every instance ran."""
    instances = line.instances
    meetings = len(instances.meeting_match)
    late = np.zeros(instances.count, dtype=bool)
    tail = np.zeros(instances.count, dtype=np.int64)
    parts, met = parts_of(instances)
    start, end = line.start_ps[parts], line.end_ps[parts]
    posted = instances.last_of_meeting(line.start_ps)
    if (posted[met] <= end).all():
        # Everything was posted before anything ended: nobody is late.
        return Progress(late=late, begin_ps=posted, duration_ps=line.duration_ps, tail_ps=tail)
    begin = np.zeros(meetings, dtype=np.int64)
    duration = line.end_ps - line.start_ps
    first_end = np.full(meetings, np.iinfo(np.int64).max)
    np.minimum.at(first_end, met, end)
    awaited = start <= first_end[met]
    np.maximum.at(begin, met[awaited], start[awaited])
    duration[parts] = end - begin[met]
    if not awaited.all():
        progressed = duration[parts]
        longest = np.zeros(meetings, dtype=np.int64)
        np.maximum.at(longest, met[awaited], progressed[awaited])
        late[parts] = ~awaited
        duration[parts] = np.where(awaited, progressed, np.minimum(longest[met], progressed))
        tail[parts] = np.where(awaited, 0, end - start)
    if np.array_equal(duration, line.duration_ps):
        duration = line.duration_ps  # as where nobody is late, and it is not kept twice
    return Progress(late=late, begin_ps=begin, duration_ps=duration, tail_ps=tail)
