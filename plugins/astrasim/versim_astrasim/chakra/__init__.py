"""Chakra execution traces: the files ASTRA-sim reads, one per rank, written and read with the official schema."""

from versim_astrasim.chakra.framing import TraceFormatError
from versim_astrasim.chakra.reader import read_trace, read_traces
from versim_astrasim.chakra.writer import TRACE_VERSION, trace_path, write_trace, write_traces

__all__ = [
    "TRACE_VERSION",
    "TraceFormatError",
    "read_trace",
    "read_traces",
    "trace_path",
    "write_trace",
    "write_traces",
]
