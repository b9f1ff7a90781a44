"""Linked traces ─▶ Chakra traces, one file per rank, and the groups beside them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
from versim import VersimError

from versim_astrasim.chakra.reader import read_file
from versim_astrasim.chakra.writer import trace_path
from versim_astrasim.importing.sources import GROUPS_FILE, groups_of
from versim_astrasim.pytorch.completing import complete
from versim_astrasim.pytorch.groups import numbered
from versim_astrasim.pytorch.recorded import ConversionError, Recorded, host_trace, recorded
from versim_astrasim.pytorch.reports import reported


@attrs.frozen
class Converted:
    """One rank's trace.

    Attributes:
        path: The file.
        summary: What is in it, in words.
        notes: What the converter reported, lost or left wrong, and what was done about it.
    """

    path: Path
    summary: str
    notes: tuple[str, ...] = ()


@attrs.frozen
class Conversion:
    """What was written.

    Attributes:
        ranks: The traces by rank.
        groups: The file of the communicator groups, None if no communication names one but the world.
    """

    ranks: tuple[Converted, ...]
    groups: Path | None


def convert(traces: Sequence[Path], output: Path) -> Conversion:
    """Convert one linked trace per rank; either every file is there afterwards, or none is touched.

    Raises:
        ConversionError: A trace is not what the converter takes, or the converter fails.
    """
    targets = [trace_path(output, rank) for rank in range(len(traces))]
    if not output.parent.is_dir():
        raise ConversionError(f"cannot write {targets[0]}: there is no folder {output.parent}")
    beside = [target.with_name(f".{target.name}.partial") for target in targets]
    try:
        return _converted(traces, beside, targets, output.parent / GROUPS_FILE)
    finally:
        for path in beside:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def _converted(traces: Sequence[Path], beside: Sequence[Path], targets: Sequence[Path], file: Path) -> Conversion:
    notes: list[list[str]] = []
    content: list[Recorded] = []
    for path, made in zip(traces, beside, strict=True):
        with _in_words(path), reported("converter") as reports:
            content.append(_run(path, made))
        if not content[-1].timed:
            reports.append(
                f"no node of {path} has a time, so it is a host trace that was not linked with its Kineto trace: the "
                "device's work is missing; name its Kineto trace with --kineto"
            )
        notes.append(reports)
    numbering = numbered([trace.groups for trace in content])
    ranks, used = [], set[int]()
    for rank, (path, made) in enumerate(zip(traces, beside, strict=True)):
        with _in_words(path):
            completed = complete(made, content[rank], rank, numbering.number[rank], numbering.ranks)
            read_file(made)
        used |= completed.groups
        ranks.append(Converted(targets[rank], completed.summary, (*notes[rank], *completed.notes)))
    groups = {group: ranks for group, ranks in numbering.ranks.items() if group in used}
    _check_free(file, groups)
    try:
        for made, target in zip(beside, targets, strict=True):
            made.replace(target)
        if groups:
            file.write_text(json.dumps({str(group): list(ranks) for group, ranks in groups.items()}) + "\n", "utf-8")
    except OSError as error:
        raise ConversionError(f"cannot write {error.filename2 or error.filename}: {error.strerror}") from error
    return Conversion(tuple(ranks), file if groups else None)


def _run(path: Path, made: Path) -> Recorded:
    content = host_trace(path)
    from chakra.src.converter.pytorch_converter import PyTorchConverter  # noqa: PLC0415 - only here

    PyTorchConverter().convert(str(path), str(made), simulate=False)
    return recorded(content)


@contextlib.contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Failures of the converter, which raises whatever it meets, as one error that names the trace."""
    try:
        yield
    except VersimError:
        raise
    except KeyError as error:
        raise ConversionError(
            f"{path}: some node lacks {error}; the trace is incomplete, or was not linked with its Kineto trace "
            "(versim import pytorch --kineto)"
        ) from error
    except RecursionError as error:
        raise ConversionError(f"{path}: its calls are nested deeper than the converter follows") from error
    except Exception as error:
        raise ConversionError(f"{path}: mlc-chakra's converter fails: {type(error).__name__}: {error}") from error


def _check_free(file: Path, groups: Mapping[int, Sequence[int]]) -> None:
    """Refuse to give other traces in the folder other groups.

    Raises:
        ConversionError: Its group file says something else.
    """
    if groups and file.exists() and groups_of(file) != {str(group): tuple(ranks) for group, ranks in groups.items()}:
        raise ConversionError(
            f"{file} describes other groups than these traces; remove it, or choose another folder for --output"
        )
