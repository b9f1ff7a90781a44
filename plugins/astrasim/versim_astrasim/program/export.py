"""The simulator's input as files, for the real program here or elsewhere."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from versim_astrasim.chakra.labels import Labels
from versim_astrasim.chakra.writer import write_traces
from versim_astrasim.program.launch import PROGRAM_NAMES
from versim_astrasim.step.configuration import command_line
from versim_astrasim.step.custom_collectives import PER_NODE_FILE, gathered
from versim_astrasim.step.simulator_input import SimulatorInput

TRACE_PREFIX = "trace"
NETWORK_FILE = "network.yml"
SYSTEM_FILE = "system.json"
MEMORY_FILE = "memory.json"
GROUPS_FILE = "comm_groups.json"

_README = """\
# Input of ASTRA-sim (analytical, congestion-{congestion}), written by versim

{ranks} execution traces ({prefix}.0.et …), the network, the system layer, remote memory and communicator groups.
In this folder, run

    {command}

Bandwidths in {network} are 2^30 bytes per second, latencies nanoseconds. Every rank has to print `finished`: the
program ends with status 0 even if some never do.{notes}
"""


def arguments(given: SimulatorInput) -> list[str]:
    """The real program's command line, without the program, for its working directory being the folder of the files.

    Paths are relative, because the program reads no groups from a path that contains the word ``empty``.
    """
    result = [
        f"--workload-configuration={TRACE_PREFIX}",
        f"--system-configuration={SYSTEM_FILE}",
        f"--network-configuration={NETWORK_FILE}",
        f"--remote-memory-configuration={MEMORY_FILE}",
    ]
    if given.groups:
        result.append(f"--comm-group-configuration={GROUPS_FILE}")
    return result + command_line(given.options)


def write_input(
    given: SimulatorInput,
    folder: Path,
    notes: Sequence[str] = (),
    labels: Sequence[Mapping[int, Labels]] | None = None,
) -> list[Path]:
    """Write everything into an existing folder; returns the files.

    Args:
        given: What the simulator is given.
        folder: Where to write.
        notes: What was lost in translation, for the README.
        labels: Per rank, what is written beside what simulators read, see :mod:`versim_astrasim.program.trace_labels`.
    """
    tracked = "track-local-mem" in given.system
    paths = write_traces(given.traces, folder / TRACE_PREFIX, labels, tensors=tracked)
    system, per_node = gathered(given.system, given.per_node, folder)
    contents = {
        NETWORK_FILE: yaml.safe_dump(dict(given.network), sort_keys=False, default_flow_style=None),
        SYSTEM_FILE: _json(system),
        MEMORY_FILE: _json(given.memory),
        GROUPS_FILE: _json({str(group): list(ranks) for group, ranks in given.groups.items()}),
        "README.md": _readme(given, notes),
    }
    if per_node:
        contents[PER_NODE_FILE] = yaml.safe_dump(per_node)
    for name, content in contents.items():
        path = folder / name
        path.write_text(content, encoding="utf-8")
        paths.append(path)
    return paths


def _json(content: object) -> str:
    return json.dumps(content, indent=2) + "\n"


def _readme(given: SimulatorInput, notes: Sequence[str]) -> str:
    program = PROGRAM_NAMES[given.options.congestion]
    listed = "".join(f"\n- {note}" for note in notes)
    return _README.format(
        congestion=given.options.congestion,
        ranks=len(given.traces),
        prefix=TRACE_PREFIX,
        command=shlex.join([program, *arguments(given)]),
        network=NETWORK_FILE,
        notes=f"\n\nWhat these files do not hold exactly:\n{listed}" if notes else "",
    )
