"""Host trace + Kineto trace of one rank ─▶ linked trace, by the linker of ``mlc-chakra``.

It needs the package ``et_replay``, which is on no package index; converting needs nothing else.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from versim import claim_folder

from versim_astrasim.program.working_folder import PREFIX, remove_left_folders
from versim_astrasim.pytorch.completion import listed
from versim_astrasim.pytorch.documents import ConversionError, content_of, host_trace
from versim_astrasim.pytorch.rank_trace import device_work, has_times
from versim_astrasim.pytorch.reports import SYNCHRONISATION, reported

_LOG = logging.getLogger(__name__)
_INSTALL = "https://github.com/facebookresearch/param/tree/main/et_replay"
_DEVICE = frozenset({"kernel", "gpu_memcpy", "gpu_memset"})
"""Kineto's categories of what takes place on the device."""


def _device_events(rank: int, host: Path, device: Path) -> Counter[str]:
    """What took place on the device, by category.

    Raises:
        ConversionError: Linking would stumble over the pair.
    """
    process = host_trace(host)["pid"]
    content = content_of(device)
    events = content.get("traceEvents") if isinstance(content, dict) else None
    if not isinstance(events, list):
        raise ConversionError(f"{device} is no Kineto trace: it has no traceEvents")
    events = [event for event in events if isinstance(event, dict)]
    processes = {event["pid"] for event in events if type(event.get("pid")) is int}
    if processes and process not in processes:
        # Ids of calls begin anew in every process, so that linking would join calls that have nothing in common.
        raise ConversionError(
            f"{host} is of process {process}, which {device} does not hold; both have to be of one rank and one run"
        )
    information = content.get("distributedInfo")
    recorded_rank = information.get("rank") if isinstance(information, dict) else None
    if type(recorded_rank) is int and recorded_rank != rank:
        raise ConversionError(
            f"{device} is of rank {recorded_rank}, but given for rank {rank}; name the traces in the order of ranks"
        )
    return Counter(event["cat"] for event in events if event.get("cat") in _DEVICE)


def _forgiving(linker: Any, *, has_device: bool) -> Any:
    """A linker that goes on without the device's synchronisation whatever HTA raises, not only on some errors.

    Without work on the device there is none, and HTA fails for want of a kernel.
    """
    load = linker.load_sync_dependencies

    def loaded(*arguments: Any) -> Any:
        if not has_device:
            return {}
        try:
            return load(*arguments)
        except Exception as error:  # noqa: BLE001 - HTA raises whatever it meets
            _LOG.error("%s fails: %s: %s", SYNCHRONISATION, type(error).__name__, error)
            return {}

    linker.load_sync_dependencies = loaded
    return linker


@contextlib.contextmanager
def linked(traces: Sequence[Path], kineto: Sequence[Path], notes: list[tuple[int, str]]) -> Iterator[Sequence[Path]]:
    """Traces ready to convert: the given ones, or with Kineto traces the linked ones, in a folder for a while.

    Args:
        traces: Host traces, or traces linked already.
        kineto: The Kineto trace of each, or nothing.
        notes: What the linker reports or loses is added here, with the rank.

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
    pairs = list(zip(traces, kineto, strict=True))
    before = [_device_events(rank, host, device) for rank, (host, device) in enumerate(pairs)]
    from chakra.src.trace_link.trace_linker import TraceLinker  # noqa: PLC0415 - imports et_replay

    remove_left_folders()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}link-") as folder:
        claim_folder(Path(folder))
        made = []
        for rank, (host, device) in enumerate(pairs):
            target = Path(folder) / f"linked.{rank}.json"
            reports: list[str] = []
            try:
                with reported("linker") as reports:
                    # HTA looks for a relative path of the Kineto trace in that trace's own folder.
                    linker = _forgiving(TraceLinker(), has_device=bool(before[rank]))
                    linker.link(rank, str(host.resolve()), str(device.resolve()), str(target))
            except Exception as error:  # the linker raises whatever it meets
                said = "".join(f"; {report}" for report in reports)
                raise ConversionError(
                    f"linking {host} with {device} fails: {type(error).__name__}: {error}{said}; both have to be of "
                    "one rank and one run"
                ) from error
            content = host_trace(target)
            if not has_times(content):
                raise ConversionError(
                    f"linking {host} with {device} finds nothing that is in both; both have to be of one rank and one "
                    "run, recorded by a PyTorch whose Kineto traces have record function ids"
                )
            lost = before[rank] - device_work(content)
            if lost:
                reports.append(
                    f"{lost.total():,} of {before[rank].total():,} events of the device are lost ({listed(lost)}): "
                    "mlc-chakra's linker takes kernels and copies whose launch is recorded"
                )
            notes += [(rank, note) for note in reports]
            made.append(target)
        yield made
