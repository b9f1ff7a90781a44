"""Settings that replace what ASTRA-sim does of itself: collectives described by traces, and replaying."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from chakra.schema.protobuf import et_def_pb2 as schema
from chakra_files import recv, send, written
from versim import (
    NO_TIME,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Inputs,
    Mesh,
    SimulationRequest,
    Status,
    System,
    VersimError,
)
from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.chakra.framing import messages
from versim_astrasim.chakra.reader import read_trace, read_traces
from versim_astrasim.engine import CustomFiles, NetworkConfig, Outcome, SystemConfig, simulate
from versim_astrasim.options import BackendOptions

Request = Callable[..., SimulationRequest]
LATENCY_NS = 5000
WORK_NS = 1000


@pytest.fixture
def request_for(pinned: Callable[[ExecutionGraph], Inputs], system_of: Callable[..., System]) -> Request:
    """A request for two ranks that compute, reduce, and reduce again."""

    def make(**options: object) -> SimulationRequest:
        builder = GraphBuilder(Mesh.of(dp=2))
        row = builder.compute("work", [(Fixed(1e-6), 1)])
        for name in ("first", "second"):
            row = builder.collective(name, "all_reduce", 1 << 20, axes=["dp"], after=[row])
        graph = builder.build()
        system = system_of(("fully_connected", 2))
        return SimulationRequest(inputs=pinned(graph).on(system), options=BackendOptions(**options))  # type: ignore[arg-type]

    return make


@pytest.fixture
def rounds(tmp_path: Path) -> Callable[[str, int], str]:
    """Writes traces of so many exchanges one after the other."""

    def make(name: str, count: int) -> str:
        ranks = [
            [
                node
                for step in range(count)
                for node in (
                    send(2 * step, *([2 * step - 1] if step else []), to=1 - rank, size=100, tag=step),
                    recv(2 * step + 1, *([2 * step - 1] if step else []), of=1 - rank, size=100, tag=step),
                )
            ]
            for rank in range(2)
        ]
        return str(written(tmp_path / name, ranks))

    return make


def makespan_ns(request: SimulationRequest) -> int:
    """Of a step that completes."""
    prediction = AstraSimBackend().simulate(request)
    assert prediction.status is Status.COMPLETED, prediction.diagnosis
    assert prediction.makespan_ps is not None
    return prediction.makespan_ps // 1000


def from_files(folder: Path) -> Outcome:
    """What the exported files alone give."""
    system = SystemConfig.from_mapping(json.loads((folder / "system.json").read_text(encoding="utf-8")))
    files = CustomFiles(folder, read_trace)
    network = yaml.safe_load((folder / "network.yml").read_text(encoding="utf-8"))
    return simulate(
        read_traces(folder / "trace", 2),
        NetworkConfig.from_mapping(network, congestion_aware=True),
        system,
        per_node_custom=files.per_node(system),
        read_trace=files.trace,
    )


def test_traces_of_a_kind_replace_its_algorithm(
    request_for: Request, rounds: Callable[[str, int], str], tmp_path: Path
) -> None:
    """Sizes then mean nothing, which is said; the exported files stand alone."""
    request = request_for(all_reduce_custom=rounds("own", 3))
    assert makespan_ns(request) == WORK_NS + 2 * 3 * LATENCY_NS
    consumed = AstraSimBackend().simulate(request).consumed
    assert (consumed.size_bytes == NO_TIME).all()
    assert "all_reduce: carried out as the traces" in " ".join(consumed.notes)
    folder = tmp_path / "exported"
    folder.mkdir()
    AstraSimBackend().export(request, folder)
    for file in (tmp_path / "own").iterdir():
        file.unlink()
    assert from_files(folder).finish_ns == (WORK_NS + 6 * LATENCY_NS,) * 2


def test_a_map_names_traces_of_single_nodes(
    request_for: Request, rounds: Callable[[str, int], str], tmp_path: Path
) -> None:
    """They come before those of the kind; relative paths start at the map."""
    rounds("one", 1)
    kind = rounds("two", 2)
    (tmp_path / "nodes.yml").write_text("2: one/trace\n", encoding="utf-8")
    request = request_for(all_reduce_custom=kind, per_node_custom=str(tmp_path / "nodes.yml"))
    assert makespan_ns(request) == WORK_NS + (2 + 1) * LATENCY_NS
    folder = tmp_path / "exported"
    folder.mkdir()
    AstraSimBackend().export(request, folder)
    assert from_files(folder).finish_ns == (WORK_NS + 3 * LATENCY_NS,) * 2
    alone = request_for(per_node_custom=str(tmp_path / "nodes.yml"))
    consumed = AstraSimBackend().simulate(alone).consumed
    assert (consumed.size_bytes == NO_TIME).tolist() == [False, True]


def test_traces_that_are_not_there_are_said(request_for: Request, tmp_path: Path) -> None:
    """By their path, in the engine as for the files."""
    request = request_for(all_reduce_custom=str(tmp_path / "nothing"))
    prediction = AstraSimBackend().simulate(request)
    assert prediction.status is Status.ABORTED
    assert "nothing.0.et" in " ".join(prediction.diagnosis)
    with pytest.raises(VersimError, match=r"there are no traces .*nothing\.0\.et"):
        AstraSimBackend().export(request, tmp_path)
    with pytest.raises(VersimError, match=r"per_node_custom: .*map\.yml"):
        AstraSimBackend().simulate(request_for(per_node_custom=str(tmp_path / "map.yml")))


def test_chunks_and_described_collectives_do_not_go_together() -> None:
    """ASTRA-sim would wait for chunks that nobody sends."""
    with pytest.raises(ValueError, match="preferred_dataset_splits is 4"):
        BackendOptions(all_gather_custom="x", preferred_dataset_splits=4)


def test_replaying_takes_recorded_durations_only(request_for: Request) -> None:
    """A trace of versim records none for communications, which then last the shortest time there is."""
    request = request_for(replay_only=True, compute_encoding="micros")
    assert makespan_ns(request) == WORK_NS + 2
    consumed = AstraSimBackend().simulate(request).consumed
    assert (consumed.size_bytes == NO_TIME).all()
    assert np.array_equal(consumed.compute_ns, request.inputs.compute_ns)
    assert not [found for found in AstraSimBackend().preflight(request) if found.severity == "error"]
    with pytest.raises(ValueError, match="set compute_encoding to micros"):
        BackendOptions(replay_only=True)


def test_tracking_of_memory_is_written_and_changes_no_time(request_for: Request, tmp_path: Path) -> None:
    """The program looks for two lists on every node."""
    request = request_for(track_local_mem=True)
    assert makespan_ns(request) == makespan_ns(request_for())
    AstraSimBackend().export(request, tmp_path)
    assert json.loads((tmp_path / "system.json").read_text(encoding="utf-8"))["track-local-mem"] == 1
    with (tmp_path / "trace.0.et").open("rb") as stream:
        nodes = [schema.Node.FromString(content) for _, content in messages(stream, "trace")][1:]
    for node in nodes:
        assert {item.name for item in node.attr if item.WhichOneof("value") == "string_list"} == {"inputs", "outputs"}
