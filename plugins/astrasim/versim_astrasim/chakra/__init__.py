"""Chakra execution traces: the files ASTRA-sim reads, one per rank.

Reading order: ``framing`` (messages of a stream), ``wire`` (fields of both generations of the format), ``generation``
(which one a file is in), ``attributes``, ``columns``, ``process_groups``, ``labels``, ``reader``, ``writer``,
``restoring``.
"""

from versim_astrasim.chakra.framing import TraceFormatError
from versim_astrasim.chakra.generation import Generation
from versim_astrasim.chakra.labels import NO_LABELS, Labels
from versim_astrasim.chakra.reader import TraceFile, read_file, read_trace, read_traces
from versim_astrasim.chakra.restoring import restored
from versim_astrasim.chakra.writer import TRACE_VERSION, left_out_message, trace_path, write_trace, write_traces

__all__ = [
    "NO_LABELS",
    "TRACE_VERSION",
    "Generation",
    "Labels",
    "TraceFile",
    "TraceFormatError",
    "left_out_message",
    "read_file",
    "read_trace",
    "read_traces",
    "restored",
    "trace_path",
    "write_trace",
    "write_traces",
]
