"""PyTorch's execution traces ─▶ Chakra traces, by the converter of ``mlc-chakra``; its failures in words.

Linking (host trace + Kineto trace of one rank ─▶ one JSON file) needs the package ``et_replay``, which is on no package
index; converting needs nothing else.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from versim import VersimError

from versim_astrasim.chakra import read_file, trace_path
from versim_astrasim.chakra.framing import messages, write_message

_INSTALL = "https://github.com/facebookresearch/param/tree/main/et_replay"
_STEP = "ProfilerStep"
"""The annotation that linking looks for in a Kineto trace."""

_TIMES = frozenset({"exclusive_dur", "inclusive_dur"})
"""What linking adds to a host trace's nodes."""

_NEEDED = ("schema", "pid", "time", "start_ts", "finish_ts", "nodes")


class ConversionError(VersimError):
    """A trace cannot be linked or converted; the message says which, why and what to do."""


@attrs.frozen
class Converted:
    """One rank's trace.

    Attributes:
        path: The file.
        notes: What the converter reported or left wrong, and what was done about it.
    """

    path: Path
    notes: tuple[str, ...] = ()


def convert(traces: Sequence[Path], output: Path) -> Iterator[Converted]:
    """Convert one linked trace per rank; each file is whole or not there.

    Raises:
        ConversionError: A trace is not what the converter takes, or the converter fails.
    """
    for rank, path in enumerate(traces):
        yield _converted(path, trace_path(output, rank))


def _converted(path: Path, target: Path) -> Converted:
    timed = _has_times(_read(path))
    from chakra.src.converter.pytorch_converter import PyTorchConverter  # noqa: PLC0415 - only here

    if not target.parent.is_dir():
        raise ConversionError(f"cannot write {target}: there is no folder {target.parent}")
    beside = target.with_name(f".{target.name}.partial")
    try:
        with _reported("converter") as notes:
            PyTorchConverter().convert(str(path), str(beside), simulate=False)
        if not timed:
            notes.append(
                f"no node of {path} has a time, so it is a host trace that was not linked with its Kineto trace: the "
                "device's work is missing; name its Kineto trace with --kineto"
            )
        dropped = _without_dangling(beside)
        if dropped:
            notes.append(
                f"{dropped} dependencies on nodes that mlc-chakra's converter leaves out (nothing comes before them) "
                "were dropped"
            )
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
    return Converted(target, tuple(notes))


def _without_dangling(path: Path) -> int:
    """Drop dependencies on nodes the file does not have; returns how many.

    The converter removes nodes without data dependencies, such as the process, but not what refers to them.
    """
    from chakra.schema.protobuf import et_def_pb2 as schema  # noqa: PLC0415 - only here

    with path.open("rb") as stream:
        metadata, *nodes = [content for _, content in messages(stream, str(path))]
    parsed = [schema.Node.FromString(content) for content in nodes]
    known = {node.id for node in parsed}
    dropped = 0
    for node in parsed:
        for deps in (node.ctrl_deps, node.data_deps):
            there = [dep for dep in deps if dep in known]
            dropped += len(deps) - len(there)
            deps[:] = there
    if dropped:
        with path.open("wb") as stream:
            write_message(stream, metadata)
            for node in parsed:
                write_message(stream, node.SerializeToString())
    return dropped


def _read(path: Path) -> Mapping[str, Any]:
    """A host trace's content.

    Raises:
        ConversionError: The file is something else, or of a schema that is not converted.
    """
    content = _json(path)
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
    return dict(content)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConversionError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ConversionError(f"{path} is no JSON: {error}") from error


def _has_times(content: Mapping[str, Any]) -> bool:
    """Whether a trace is linked: a host trace holds calls without times and none of the device's work."""
    return any(isinstance(node, dict) and not _TIMES.isdisjoint(node) for node in content["nodes"])


def _check_pair(host: Path, device: Path) -> None:
    """Say what linking would stumble over."""
    _read(host)
    content = _json(device)
    events = content.get("traceEvents") if isinstance(content, dict) else None
    if not isinstance(events, list):
        raise ConversionError(f"{device} is no Kineto trace: it has no traceEvents")
    names = (event.get("name") for event in events if isinstance(event, dict))
    if not any(isinstance(name, str) and name.startswith(_STEP) for name in names):
        raise ConversionError(
            f"{device} has no {_STEP}, which linking looks for; record it with a schedule for torch.profiler.profile, "
            "and call its step() after each iteration"
        )


@contextlib.contextmanager
def linked(traces: Sequence[Path], kineto: Sequence[Path], notes: list[str]) -> Iterator[Sequence[Path]]:
    """Traces ready to convert: the given ones, or with Kineto traces the linked ones, in a folder for a while.

    Args:
        traces: Host traces, or traces linked already.
        kineto: The Kineto trace of each, or nothing.
        notes: What the linker reports is added here.

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
    for host, device in zip(traces, kineto, strict=True):
        _check_pair(host, device)
    from chakra.src.trace_link.trace_linker import TraceLinker  # noqa: PLC0415 - imports et_replay

    with tempfile.TemporaryDirectory(prefix="versim-link-") as folder:
        made = []
        for rank, (host, device) in enumerate(zip(traces, kineto, strict=True)):
            target = Path(folder) / f"linked.{rank}.json"
            try:
                with _reported("linker") as reported:
                    TraceLinker().link(rank, str(host), str(device), str(target))
            except Exception as error:  # the linker raises whatever it meets
                raise ConversionError(
                    f"linking {host} with {device} fails: {type(error).__name__}: {error}; both have to be of one rank "
                    "and one run"
                ) from error
            if not _has_times(_read(target)):
                raise ConversionError(
                    f"linking {host} with {device} finds nothing that is in both; both have to be of one rank and one "
                    "run, recorded by a PyTorch whose Kineto traces have record function ids"
                )
            notes += [f"{host}: {note}" for note in reported]
            made.append(target)
        yield made


class _Collector(logging.Handler):
    """Keeps the errors that are logged."""

    def __init__(self, who: str, kept: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._who, self._kept = who, kept

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one, shortened."""
        self._kept.append(f"mlc-chakra's {self._who} reports: {record.getMessage()[:500]}")


@contextlib.contextmanager
def _reported(who: str) -> Iterator[list[str]]:
    """Errors that the converter or linker logs while it goes on; the rest of what it logs is dropped.

    The packages log to the root logger and to their own, which they let through to it; HTA's prints as well.
    """
    kept: list[str] = []
    collector = _Collector(who, kept)
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, [collector]
    hushed = [
        (logger, logger.handlers)
        for logger in logging.Logger.manager.loggerDict.values()
        if isinstance(logger, logging.Logger) and logger.handlers
    ]
    for logger, _ in hushed:
        logger.handlers = []
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield kept
    finally:
        root.handlers = handlers
        for logger, before in hushed:
            logger.handlers = before
