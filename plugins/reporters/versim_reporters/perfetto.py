"""Perfetto: a trace to open in https://ui.perfetto.dev, with one process per prediction.

Below a process stands one track per rank class and resource; what overlaps on one of them (messages under way at the
same time) is laid out beside itself. Slices carry their exact picoseconds, because the viewer counts nanoseconds, and
flows lead along the critical path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from versim import Destination, NoOptions, Rendering

if TYPE_CHECKING:
    from versim import Report


@attrs.frozen
class PerfettoReporter:
    """A trace for the Perfetto UI: a process per prediction, flows along its critical path."""

    name: str = "perfetto"
    options: type = NoOptions
    endings: tuple[str, ...] = (".pftrace", ".perfetto-trace")

    def render(self, report: Report, _options: NoOptions, _destination: Destination) -> Rendering:
        """The trace as protocol buffer bytes; the usual ending is ``.pftrace``."""
        from versim_reporters.perfetto_trace import trace_bytes  # noqa: PLC0415 - loads numpy and the protocol

        return Rendering(content=trace_bytes(report))
