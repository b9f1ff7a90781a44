"""PyTorch's execution traces ─▶ Chakra traces, by the converter of ``mlc-chakra``; its failures in words.

Linking (host trace + Kineto trace of one rank ─▶ one JSON file) needs the package ``et_replay``, which is on no package
index; converting needs nothing else.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from versim import VersimError

from versim_astrasim.chakra import read_file, trace_path

_INSTALL = "https://github.com/facebookresearch/param/tree/main/et_replay"
_NEEDED = ("schema", "pid", "time", "start_ts", "finish_ts", "nodes")


class ConversionError(VersimError):
    """A trace cannot be linked or converted; the message says which, why and what to do."""


def convert(traces: Sequence[Path], output: Path) -> list[Path]:
    """Convert one linked trace per rank; returns the files written, which are whole or not there.

    Raises:
        ConversionError: A trace is not what the converter takes, or the converter fails.
    """
    return [_converted(path, trace_path(output, rank)) for rank, path in enumerate(traces)]


def _converted(path: Path, target: Path) -> Path:
    _check(path)
    from chakra.src.converter.pytorch_converter import PyTorchConverter  # noqa: PLC0415 - only here

    beside = target.with_name(f".{target.name}.partial")
    try:
        with _quiet():
            PyTorchConverter().convert(str(path), str(beside), simulate=False)
        read_file(beside)
        beside.replace(target)
    except VersimError:
        raise
    except KeyError as error:
        raise ConversionError(
            f"{path}: some node lacks {error}; the trace is incomplete, or was not linked with its Kineto trace "
            "(versim import pytorch --kineto)"
        ) from error
    except RecursionError as error:
        raise ConversionError(f"{path}: its calls are nested deeper than the converter follows") from error
    except Exception as error:  # the converter raises whatever it meets
        raise ConversionError(f"{path}: mlc-chakra's converter fails: {type(error).__name__}: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
    return target


def _check(path: Path) -> None:
    """Say what is wrong with a file before the converter stumbles over it."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConversionError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ConversionError(f"{path} is no JSON: {error}") from error
    if isinstance(content, dict) and "traceEvents" in content:
        raise ConversionError(
            f"{path} is a Kineto trace; name the host trace, and this one with --kineto, to link them first"
        )
    missing = [key for key in _NEEDED if not isinstance(content, dict) or key not in content]
    if missing:
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


@contextlib.contextmanager
def linked(traces: Sequence[Path], kineto: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """Traces ready to convert: the given ones, or with Kineto traces the linked ones, in a folder for a while.

    Raises:
        ConversionError: ``et_replay`` is not installed, or linking fails.
    """
    if not kineto:
        yield traces
        return
    for package in ("et_replay", "hta"):
        if importlib.util.find_spec(package) is None:
            name = {"et_replay": "et_replay", "hta": "HolisticTraceAnalysis"}[package]
            raise ConversionError(
                f"linking host and Kineto traces needs the package {name}, which is not installed (et_replay: "
                f"{_INSTALL}; HolisticTraceAnalysis is on PyPI); traces that are linked already need no --kineto"
            )
    from chakra.src.trace_link.trace_linker import TraceLinker  # noqa: PLC0415 - imports et_replay

    with tempfile.TemporaryDirectory(prefix="versim-link-") as folder:
        made = []
        for rank, (host, device) in enumerate(zip(traces, kineto, strict=True)):
            target = Path(folder) / f"linked.{rank}.json"
            try:
                with _quiet():
                    TraceLinker().link(rank, str(host), str(device), str(target))
            except Exception as error:  # the linker raises whatever it meets
                raise ConversionError(
                    f"linking {host} with {device} fails: {type(error).__name__}: {error}; both have to be of one rank "
                    "and one run"
                ) from error
            made.append(target)
        yield made


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The converter logs what it then raises; once is enough."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
