"""Linked traces ─▶ Chakra traces, one file per rank, and the groups beside them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from versim import VersimError, new_files

from versim_astrasim.chakra.framing import messages, write_message
from versim_astrasim.chakra.reader import read_file
from versim_astrasim.chakra.schema import schema
from versim_astrasim.chakra.writer import trace_path
from versim_astrasim.importing.sources import GROUPS_FILE, groups_of
from versim_astrasim.pytorch import durations, host_calls
from versim_astrasim.pytorch.completion import complete, summary
from versim_astrasim.pytorch.documents import ConversionError, host_trace
from versim_astrasim.pytorch.extrapolation import Extrapolation, extrapolated
from versim_astrasim.pytorch.groups import numbered
from versim_astrasim.pytorch.options import ConversionOptions
from versim_astrasim.pytorch.rank_trace import Recorded, recorded, world_size
from versim_astrasim.pytorch.reports import reported
from versim_astrasim.pytorch.traffic import RankFile, even_out, part_groups


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


def convert(traces: Sequence[Path], output: Path, options: ConversionOptions | None = None) -> Conversion:
    """Convert one linked trace per rank; either every file is there afterwards, or none is touched.

    Raises:
        ConversionError: A trace is not what the converter takes, the converter fails, or ranks are missing.
    """
    choices = options or ConversionOptions()
    if choices.ranks and choices.ranks < len(traces):
        raise ConversionError(f"--ranks {choices.ranks} is less than the {len(traces)} traces that are given")
    targets = [trace_path(output, rank) for rank in range(choices.ranks or len(traces))]
    with new_files(output.parent) as folder:
        return _converted(traces, [folder / target.name for target in targets], targets, folder / GROUPS_FILE, choices)


def _converted(
    traces: Sequence[Path],
    beside: Sequence[Path],
    targets: Sequence[Path],
    groups_beside: Path,
    options: ConversionOptions,
) -> Conversion:
    notes: list[list[str]] = []
    content: list[Recorded] = []
    for rank, (path, made) in enumerate(zip(traces, beside, strict=False)):
        with _in_words(path), reported("converter") as reports:
            content.append(_run(path, made, rank, options, reports))
        if not content[-1].timed:
            reports.append(
                f"no node of {path} has a time, so it is a host trace that was not linked with its Kineto trace: the "
                "device's work is missing; name its Kineto trace with --kineto"
            )
        notes.append(reports)
    if not options.ranks:
        _check_complete(traces, content)
    numbering = numbered([trace.groups for trace in content])
    metadata: list[bytes] = []
    files: list[RankFile] = []
    for rank, (path, made) in enumerate(zip(traces, beside, strict=False)):
        with _in_words(path):
            head, nodes = _nodes_in(made)
            metadata.append(head)
            files.append(complete(nodes, content[rank], rank, numbering.number[rank], numbering.ranks))
    part_groups(files)
    even_out(files, options.uneven)
    for file in files:
        file.notes += durations.write(file.nodes, file.trace, options.durations)
    host_calls.fold(files, options.host)
    many = None
    if options.ranks:
        many = extrapolated(files, Extrapolation(ranks=options.ranks, along=options.along, shards=options.shards))
    ranks = []
    for rank, made in enumerate(beside):
        place = rank % len(files)
        file, path, head = files[place], traces[place], metadata[place]
        with _in_words(path):
            contents = many.contents(rank) if many else (node.SerializeToString() for node in file.nodes)
            _write(made, head, contents)
            if rank < len(files):
                read_file(made)
        said = (*notes[rank], *file.notes) if rank < len(files) else ()
        ranks.append(Converted(targets[rank], summary(file.nodes), (*said, *(many.notes if many and not rank else ()))))
    used = {file.group_of(node) for file in files for node in file.nodes if node.type == schema.COMM_COLL_NODE}
    groups = many.groups if many else {group: each for group, each in numbering.ranks.items() if group in used}
    groups_file = targets[0].with_name(GROUPS_FILE)
    _check_free(groups_file, groups)
    if groups:
        described = {str(group): list(members) for group, members in groups.items()}
        groups_beside.write_text(json.dumps(described) + "\n", "utf-8")
    return Conversion(tuple(ranks), groups_file if groups else None)


def _check_complete(traces: Sequence[Path], content: Sequence[Recorded]) -> None:
    """Refuse traces of fewer ranks than were recorded, as their groups tell."""
    recorded_ranks, path = max((world_size(trace), str(path)) for trace, path in zip(content, traces, strict=True))
    if recorded_ranks <= len(traces):
        return
    given = f"{len(traces)} trace{'s are' if len(traces) > 1 else ' is'} given"
    raise ConversionError(
        f"{recorded_ranks} ranks were recorded, as the process groups in {path} tell, and {given}; name the trace of "
        "every rank, in the order of ranks, or let those that are given stand for all: --ranks "
        f"{recorded_ranks} --along dp"
    )


def _nodes_in(path: Path) -> tuple[bytes, list[Any]]:
    with path.open("rb") as stream:
        metadata, *nodes = [content for _, content in messages(stream, str(path))]
    return metadata, [schema.Node.FromString(content) for content in nodes]


def _write(path: Path, metadata: bytes, nodes: Iterable[bytes]) -> None:
    with path.open("wb") as stream:
        write_message(stream, metadata)
        for node in nodes:
            write_message(stream, node)


def _run(path: Path, made: Path, rank: int, options: ConversionOptions, reports: list[str]) -> Recorded:
    content = host_trace(path)
    trace = recorded(content)
    names = {node["id"]: str(node["name"]) for node in content["nodes"]}
    reports += durations.check(trace, names, path, rank, options.durations)
    from chakra.src.converter.pytorch_converter import PyTorchConverter  # noqa: PLC0415 - only here

    converter = PyTorchConverter()
    # Read once, and from a compressed file as well; the converter changes what it is given.
    converter.load_json_execution_traces = lambda _: content
    converter.convert(str(path), str(made), simulate=False)
    return trace


@contextlib.contextmanager
def _in_words(path: Path) -> Iterator[None]:
    """Failures of the converter, which raises whatever it meets, as one error that names the trace."""
    try:
        yield
    except (VersimError, OSError):
        raise  # of a disk that is full, say; the converter is given what was read before
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
