"""Files ─▶ a step; files that cannot be read are findings too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from versim import Finding, VersimError

from versim_astrasim.chakra.framing import TraceFormatError
from versim_astrasim.chakra.generation import Generation
from versim_astrasim.chakra.reader import read_file
from versim_astrasim.engine import NetworkConfig, RankTrace, SystemConfig, groups_from_mapping
from versim_astrasim.importing.sources import groups_file, mapping_in, trace_files
from versim_astrasim.lint.check import check
from versim_astrasim.lint.findings import in_order
from versim_astrasim.lint.rules import finding
from versim_astrasim.lint.step import Step


@attrs.frozen(kw_only=True)
class Given:
    """What is to be looked at.

    Attributes:
        where: The prefix or folder of the traces.
        network: The network file, None if not given.
        system: The system file.
        comm_groups: The group file; without one, ``comm_groups.json`` beside the traces is taken.
        congestion: ``aware`` or ``unaware``; several dimensions are always unaware.
    """

    where: Path
    network: Path | None = None
    system: Path | None = None
    comm_groups: Path | None = None
    congestion: str = "aware"


def lint(given: Given) -> list[Finding]:
    """Every finding about traces and files.

    Raises:
        VersimError: There is no trace at all.
    """
    found: list[Finding] = []
    traces: list[RankTrace] = []
    for rank, path in enumerate(trace_files(given.where)):
        try:
            file = read_file(path)
        except TraceFormatError as error:
            found.append(finding("unreadable-trace", str(error), rank))
            continue
        if file.generation is Generation.FIELDED:
            found.append(
                finding(
                    "old-schema",
                    f"{path} is of schema version 0.0.1, which today's programs take for something else",
                    rank,
                )
            )
        elif not file.has_metadata and len(file.trace):
            found.append(
                finding(
                    "no-metadata",
                    f"{path} begins with a node instead of global metadata; the program takes the first node for it, "
                    "and aborts on what waits for that node",
                    rank,
                )
            )
        traces.append(file.trace)
    groups = groups_file(given.where, str(given.comm_groups) if given.comm_groups else "")
    network: Any = None
    system: Any = None
    members: Any = None
    if given.network is not None:
        network = _read(found, given.network, lambda content: _network(content, given.congestion))
    if given.system is not None:
        system = _read(found, given.system, SystemConfig.from_mapping)
    if groups is not None:
        members = _read(found, groups, groups_from_mapping)
    if any(each.rule == "unreadable-trace" for each in found):
        # What partners of unreadable ranks lack would be said again and again.
        return in_order(found)
    return in_order([*found, *check(Step.of(traces, network, system, members))])


def _network(content: Any, congestion: str) -> NetworkConfig:
    several = isinstance(content.get("topology"), list) and len(content["topology"]) > 1
    return NetworkConfig.from_mapping(content, congestion_aware=congestion == "aware" and not several)


def _read(found: list[Finding], path: Path, make: Any) -> Any:
    try:
        return make(mapping_in(path))
    except VersimError as error:
        found.append(finding("configuration", f"{path}: {error}"))
        return None
