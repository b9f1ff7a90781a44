"""JSON files that PyTorch writes, plain or compressed, and what else people have by that name."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from versim import VersimError
from versim.plain import UnreadableError, read_bytes

LARGEST_BYTES = 4 * 2**30
"""Of a file, and of what it unfolds to."""

_GZIP = b"\x1f\x8b"
_PIECE_BYTES = 1 << 24
_NEEDED = ("schema", "pid", "time", "start_ts", "finish_ts", "nodes")
_LOOKED_AT = 4096


class ConversionError(VersimError):
    """A trace cannot be linked or converted; the message says which, why and what to do."""


def content_of(path: Path) -> Any:
    """What is in a JSON file, which may be compressed with gzip.

    Raises:
        ConversionError: It cannot be read, or is no JSON.
    """
    try:
        content = read_bytes(path, LARGEST_BYTES)
    except UnreadableError as error:
        raise ConversionError(str(error)) from error
    if content.startswith(_GZIP):
        content = _unfolded(path, content)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        other = _other_text(content[:_LOOKED_AT])
        raise ConversionError(f"{path} is {other}" if other else f"{path} is no JSON: {error}") from error


def _unfolded(path: Path, content: bytes) -> bytes:
    pieces, total = [], 0
    try:
        # Unfolded piece by piece: a small file may claim to be anything.
        reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        rest = content
        while rest:
            piece = reader.decompress(rest, _PIECE_BYTES)
            total += len(piece)
            if total > LARGEST_BYTES:
                raise ConversionError(f"{path} unfolds to more than {LARGEST_BYTES} bytes")
            pieces.append(piece)
            rest = reader.unconsumed_tail
            if reader.eof:
                rest = reader.unused_data
                if not rest.startswith(_GZIP):
                    break
                reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        if not reader.eof and not rest:
            raise ConversionError(f"{path} is compressed and cut short")
    except (zlib.error, gzip.BadGzipFile) as error:
        raise ConversionError(f"{path} is compressed with gzip, and damaged: {error}") from error
    return b"".join(pieces)


def host_trace(path: Path) -> Mapping[str, Any]:
    """A host trace's content, linked or not.

    Raises:
        ConversionError: The file is something else, or of a schema that is not converted.
    """
    content = content_of(path)
    if isinstance(content, dict) and "traceEvents" in content:
        raise ConversionError(
            f"{path} is a Kineto trace; name the host trace, and this one with --kineto, to link them first"
        )
    missing = [key for key in _NEEDED if not isinstance(content, dict) or key not in content]
    if missing:
        other = _other_document(content)
        if other:
            raise ConversionError(f"{path} is {other}")
        hint = " (linking adds times)" if "start_ts" in missing or "finish_ts" in missing else ""
        raise ConversionError(
            f"{path} is no execution trace of PyTorch: {', '.join(missing)} missing{hint}; record it with "
            "torch.profiler.ExecutionTraceObserver"
        )
    from chakra.src.converter.pytorch_node import PyTorchNode  # noqa: PLC0415 - only here

    known = PyTorchNode.SUPPORTED_VERSIONS
    if content["schema"] not in known:
        raise ConversionError(
            f"{path} has schema {content['schema']!r}; mlc-chakra converts {', '.join(known)}. The schema is that of "
            "the PyTorch version that recorded the trace"
        )
    if not isinstance(content["nodes"], list) or not content["nodes"]:
        raise ConversionError(f"{path} has no nodes")
    return dict(content)


def _other_document(content: Any) -> str:
    """What a JSON document is instead, with what to do; "" if it is nothing known."""
    if not isinstance(content, dict):
        return ""
    if {"attn_heads", "seq_size"} & content.keys() or {"tensor_par", "pipeline_par"} <= content.keys():
        return (
            "a model or execution file of Calculon, which describes a step and records none; describe the same model "
            "with a graph producer (versim plugins lists them)"
        )
    if {"version", "attr"} & content.keys() and not content.keys() - {"version", "attr"}:
        return _JSONIZED
    if {"ctrlDeps", "dataDeps", "durationMicros"} & content.keys():
        return _JSONIZED
    return ""


_JSONIZED = (
    "what chakra_jsonizer prints of a Chakra trace, for people to read; give the .et file that it was made from to a "
    "scenario (producer chakra), versim lint or versim show instead"
)


def _other_text(beginning: bytes) -> str:
    """What a text is that is no JSON, with what to do; "" if it is nothing known."""
    text = beginning.decode("utf-8", "replace")
    first = text.lstrip().partition("\n")[0]
    if first.startswith(("HYBRID_TRANSFORMER", "HYBRID_DLRM", "HYBRID", "DATA", "MODEL")) or (
        "model_parallel_NPU_group" in first
    ):
        return (
            "a workload text of SimAI or of ASTRA-sim 1, with a layer per line and no dependencies; convert it with "
            "mlc-chakra (chakra_converter Text) to a Chakra trace, which versim reads as it is"
        )
    if text.lstrip().startswith("{") and any(key in text for key in ('"ctrlDeps"', '"durationMicros"', '"COMP_NODE"')):
        return _JSONIZED
    if text.lstrip().startswith("{") and '"version"' in first + text[:200] and '"nodes"' not in text:
        return _JSONIZED
    if b"\x00" in beginning or beginning[1:2] == b"\x0a":
        return "no JSON but binary; if it is a Chakra trace (.et), versim reads it as it is, without an import"
    return ""
