"""Chakra execution traces: the files ASTRA-sim reads, one per rank.

Reading order: ``framing`` (messages of a stream), ``wire`` (fields of both generations of the format), ``generation``
(which one a file is in), ``attributes``, ``columns``, ``process_groups``, ``labels``, ``reader``, ``writer``.
"""

from versim_astrasim.chakra.framing import TraceFormatError
from versim_astrasim.chakra.generation import Generation
from versim_astrasim.chakra.labels import NO_LABELS, Labels
from versim_astrasim.chakra.reader import TraceFile, read_file, read_trace, read_traces
from versim_astrasim.chakra.writer import TRACE_VERSION, trace_path, write_trace, write_traces

__all__ = [
    "NO_LABELS",
    "TRACE_VERSION",
    "Generation",
    "Labels",
    "TraceFile",
    "TraceFormatError",
    "read_file",
    "read_trace",
    "read_traces",
    "trace_path",
    "write_trace",
    "write_traces",
]
