"""The backend: which program runs, what its answer becomes, and what is said when it has none."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from versim import (
    NO_TIME,
    Diagnoses,
    ExecutionGraph,
    Exports,
    Fixed,
    GraphBuilder,
    Inputs,
    Mesh,
    SimulationError,
    SimulationRequest,
    SimulatorBackend,
    Status,
    System,
    VersimError,
)
from versim.graph import limits
from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.engine.kernel import kernel_reason
from versim_astrasim.options import BackendOptions
from versim_astrasim.program.launch import PROGRAM_NAMES, ProgramNotFoundError

Request = Callable[..., SimulationRequest]
WORK = [(Fixed(1e-6), 1)]
PRELUDE = "import os, sys, time\nfrom pathlib import Path\n"


def step() -> ExecutionGraph:
    """Two ranks: compute on the first, a message, compute on the second, of which one takes no time."""
    builder = GraphBuilder(Mesh.of(pp=2))
    first = builder.compute("first", WORK, on={"pp": 0})
    _, arrived = builder.transfer("x", 1 << 20, source={"pp": 0}, target={"pp": 1}, after=[first])
    nothing = builder.compute("nothing", [(Fixed(0.0), 1)], on={"pp": 1}, after=[arrived])
    builder.compute("second", WORK, on={"pp": 1}, after=[nothing])
    return builder.build()


def crossing() -> ExecutionGraph:
    """Two all-reduces of different sizes that two ranks enter in different order."""
    builder = GraphBuilder(Mesh.of(tp=2))
    for rank, order in ((0, "ab"), (1, "ba")):
        row = builder.compute("start", WORK, on={"tp": rank})
        for match in order:
            row = builder.collective(
                match,
                "all_reduce",
                64 if match == "a" else 4096,
                axes=["tp"],
                match=match,
                on={"tp": rank},
                after=[row],
            )
    return builder.build()


@pytest.fixture
def request_for(pinned: Callable[[ExecutionGraph], Inputs], system_of: Callable[..., System]) -> Request:
    """A request for a graph on one fully connected dimension."""

    def make(graph: ExecutionGraph, **options: object) -> SimulationRequest:
        system = system_of(("fully_connected", graph.mesh.world_size))
        return SimulationRequest(inputs=pinned(graph).on(system), options=BackendOptions(**options))  # type: ignore[arg-type]

    return make


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    """Writes a program that is called like ASTRA-sim and does what a test says."""

    def make(body: str) -> str:
        path = tmp_path / PROGRAM_NAMES["aware"]
        path.write_text(f"#!{sys.executable}\n{PRELUDE}{body}\n", encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    return make


def finished(rank: int, nanoseconds: int) -> str:
    """A statement that prints what the real program prints when a rank finishes."""
    line = f"[time] [workload] [info] sys[{rank}] finished, {nanoseconds} cycles, exposed communication 1 cycles."
    return f"print({line!r})"


def test_the_backend_does_everything_it_may() -> None:
    """It exports, and says what it found on the machine."""
    backend = AstraSimBackend()
    assert isinstance(backend, SimulatorBackend)
    assert isinstance(backend, Exports)
    assert isinstance(backend, Diagnoses)


def test_nodes_have_times_per_rank(request_for: Request) -> None:
    """A send lasts until its message has arrived; a receive stands from its posting; nothing takes no time."""
    prediction = AstraSimBackend().simulate(request_for(step()))
    transfer = 5000 + int((1 << 20) / (178890306122.44803 / 1e9))
    assert prediction.status is Status.COMPLETED
    assert prediction.spans.node.tolist() == [0, 1, 2, 3, 4]
    assert prediction.spans.rank.tolist() == [0, 0, 1, 1, 1]
    assert (prediction.spans.start_ps // 1000).tolist() == [0, 1000, 0, 1000 + transfer, 1000 + transfer]
    assert (prediction.spans.end_ps // 1000).tolist() == [
        1000,
        1000 + transfer,
        1000 + transfer,
        1000 + transfer,
        2000 + transfer,
    ]
    assert prediction.finish_ps.tolist() == [(1000 + transfer) * 1000, (2000 + transfer) * 1000]
    assert prediction.representative.tolist() == [0, 1]
    assert prediction.provenance["node_order"] == "program"


def test_links_say_what_they_carried(
    pinned: Callable[[ExecutionGraph], Inputs], system_of: Callable[..., System]
) -> None:
    """A message of two hops is sent over both links, and waits at the second while that sends another."""
    builder = GraphBuilder(Mesh.of(rank=5))
    builder.transfer("short", 1 << 20, source={"rank": 0}, target={"rank": 2})
    builder.transfer("long", 4 << 20, source={"rank": 1}, target={"rank": 2})
    request = SimulationRequest(inputs=pinned(builder.build()).on(system_of(("ring", 5))), options=BackendOptions())
    links = AstraSimBackend().simulate(request).links
    assert links is not None
    short_ps, long_ps = (int((size << 20) / (178890306122.44803 / 1e9)) * 1000 for size in (1, 4))
    assert links.name == ("d0 0→1", "d0 1→2")
    assert links.carried_bytes.tolist() == [1 << 20, 5 << 20]
    assert links.messages.tolist() == [1, 2]
    assert links.busy_ps.tolist() == [short_ps, short_ps + long_ps]
    # It is there when it was sent over the first link, 5 µs of latency later.
    assert links.queueing_ps.tolist() == [0, long_ps - (short_ps + 5_000_000)]


def test_a_network_without_links_has_no_loads(
    pinned: Callable[[ExecutionGraph], Inputs], system_of: Callable[..., System]
) -> None:
    """The congestion-unaware network: None is not modelled."""
    options = BackendOptions(congestion="unaware")
    request = SimulationRequest(inputs=pinned(step()).on(system_of(("ring", 2))), options=options)
    assert AstraSimBackend().simulate(request).links is None


def test_one_rank_alone_is_simulated(request_for: Request) -> None:
    """With an idle neighbour, of which nothing is left in the answer."""
    builder = GraphBuilder(Mesh.of(tp=1))
    first = builder.compute("first", WORK)
    builder.compute("second", WORK, after=[first])
    prediction = AstraSimBackend().simulate(request_for(builder.build()))
    assert prediction.makespan_ps == 2_000_000
    assert prediction.finish_ps.tolist() == [2_000_000]


def test_several_dimensions_run_without_congestion(
    pinned: Callable[[ExecutionGraph], Inputs], system_of: Callable[..., System]
) -> None:
    """One algorithm per dimension; an all-reduce of the world and one of a group side by side."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=4))
    row = builder.compute("work", WORK)
    row = builder.collective("tp", "all_reduce", 1 << 20, axes=["tp"], after=[row])
    builder.collective("all", "all_reduce", 1 << 20, axes=["dp", "tp"], after=[row])
    options = BackendOptions(congestion="unaware", all_reduce="ring+halving_doubling")
    request = SimulationRequest(
        inputs=pinned(builder.build()).on(system_of(("ring", 4), ("switch", 2))), options=options
    )
    prediction = AstraSimBackend().simulate(request)
    assert prediction.status is Status.COMPLETED, prediction.diagnosis
    assert len(set(prediction.finish_ps.tolist())) == 1
    assert "use ring, whatever" in prediction.consumed.notes[0]


def test_a_deadlock_names_who_waits_for_whom(request_for: Request) -> None:
    """Both ranks, both nodes, and no makespan."""
    prediction = AstraSimBackend().simulate(request_for(crossing()))
    assert prediction.status is Status.DEADLOCK
    assert prediction.makespan_ps is None
    assert prediction.finish_ps.tolist() == [NO_TIME, NO_TIME]
    assert prediction.waiting == ((0, 1), (1, 4))
    assert prediction.diagnosis[0] == (
        "rank 0 is in 'a' (row 1) and waits for rank 1 to begin 'a' (row 5), which is in 'b' (row 4)"
    )
    assert "ranks 0 and 1 started collectives in different order" in prediction.diagnosis[-1]


def test_an_abort_of_the_original_is_an_aborted_prediction(request_for: Request) -> None:
    """A message that leaves its link in no time at the very start trips an assertion of the real program."""
    builder = GraphBuilder(Mesh.of(pp=2))
    _, arrived = builder.transfer("x", 1, source={"pp": 0}, target={"pp": 1})
    builder.compute("after", WORK, on={"pp": 1}, after=[arrived])
    prediction = AstraSimBackend().simulate(request_for(builder.build()))
    assert prediction.status is Status.ABORTED
    assert prediction.diagnosis[-1] == (
        "rank 0 sends 1 bytes at the very start, in less than 1 ns: 'x send' (row 0); let it wait for compute of at "
        "least 1 ns"
    )


def test_the_real_program_is_given_its_files(request_for: Request, program: Callable[[str], str]) -> None:
    """In its own folder, with relative paths, and believed rank by rank; node times come from its re-creation."""
    expected = AstraSimBackend().simulate(request_for(step()))
    checks = [
        "arguments = dict(a.removeprefix('--').split('=') for a in sys.argv[1:])",
        "assert all(Path(p).exists() for k, p in arguments.items() if k != 'workload-configuration'), arguments",
        "assert Path(arguments['workload-configuration'] + '.1.et').exists()",
        "assert 'comm-group-configuration' not in arguments",
    ]
    prints = [finished(rank, finish // 1000) for rank, finish in enumerate(expected.finish_ps.tolist())]
    path = program("\n".join([*checks, *reversed(prints)]))
    prediction = AstraSimBackend().simulate(request_for(step(), engine="binary", binary=path))
    assert prediction.engine == f"binary {path}"
    assert prediction.status is Status.COMPLETED, prediction.diagnosis
    assert prediction.makespan_ps == expected.makespan_ps
    assert prediction.spans.end_ps.tolist() == expected.spans.end_ps.tolist()
    assert "the embedded engine's" in prediction.diagnosis[-1]
    assert not any("kept in" in line for line in prediction.diagnosis)


def test_a_real_program_that_answers_otherwise_is_believed(request_for: Request, program: Callable[[str], str]) -> None:
    """Its figures stand, without times per node."""
    path = program("\n".join([finished(0, 5), finished(1, 7)]))
    prediction = AstraSimBackend().simulate(request_for(step(), binary=path))
    assert prediction.makespan_ps == 7000
    assert prediction.spans.count == 0
    assert "the embedded engine differs (rank 0 ends at 5 ns" in prediction.diagnosis[-1]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (
            finished(0, 5) + "\nprint('[t] [HardwareResource] [critical] !!!Hardware Resource sys.id=1 has unreleased "
            "nodes!!!\\n[t] [HardwareResource] [critical] GPU comm node id: 2')",
            Status.DEADLOCK,
            "rank 1 was still in 'second' (row 4 of the graph)",
        ),
        ("print('Assertion `id > 0 failed.', file=sys.stderr); os.abort()", Status.ABORTED, "Assertion `id > 0"),
        ("time.sleep(60)", Status.TIMED_OUT, "stopped after"),
        ("print('Hello!')", Status.ABORTED, "it last printed: Hello!"),
        ("sys.exit(255)", Status.ABORTED, "exit status 255"),
    ],
)
def test_failures_of_the_real_program_are_told_apart(
    request_for: Request, program: Callable[[str], str], body: str, status: Status, text: str
) -> None:
    """Its exit status is 0 even if ranks never finish; files of a failed run are kept for a look."""
    request = request_for(step(), engine="binary", binary=program(body), time_limit_s=1.0)
    prediction = AstraSimBackend().simulate(request)
    assert prediction.status is status
    assert prediction.makespan_ps is None
    assert any(text in line for line in prediction.diagnosis), prediction.diagnosis
    folder = Path(prediction.diagnosis[-1].removeprefix("its files are kept in "))
    assert (folder / "trace.0.et").exists()
    assert (folder / "output.txt").exists()


def test_a_figure_too_large_to_hold_is_refused(request_for: Request, program: Callable[[str], str]) -> None:
    """Garbage must not wrap round into a plausible answer."""
    body = "\n".join([finished(0, 5), finished(1, 2**64 - 1)])
    with pytest.raises(SimulationError, match="rank 1 finishes after 18446744073709551615 ns"):
        AstraSimBackend().simulate(request_for(step(), binary=program(body)))


def test_a_crash_after_every_rank_finished_does_no_harm(request_for: Request, program: Callable[[str], str]) -> None:
    """The program may die while tidying up; what it printed is right."""
    body = "\n".join([finished(0, 5), finished(1, 7), "sys.stdout.flush()", "os.abort()"])
    prediction = AstraSimBackend().simulate(request_for(step(), binary=program(body)))
    assert prediction.makespan_ps == 7000
    assert "killed by signal 6" in prediction.diagnosis[0]


def test_auto_takes_the_real_program_if_the_environment_names_it(
    request_for: Request, program: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says when what it names is not there, instead of quietly taking another."""
    monkeypatch.setenv("ASTRA_SIM_BIN", program("\n".join([finished(0, 5), finished(1, 7)])))
    assert AstraSimBackend().simulate(request_for(step())).engine.startswith("binary ")
    assert AstraSimBackend().simulate(request_for(step(), engine="embedded")).engine.startswith("embedded ")
    monkeypatch.setenv("ASTRA_SIM_BIN", "/nowhere/astra")
    with pytest.raises(ProgramNotFoundError, match="ASTRA_SIM_BIN is '/nowhere/astra'"):
        AstraSimBackend().simulate(request_for(step()))


def test_export_writes_everything_and_how_to_run_it(request_for: Request, tmp_path: Path) -> None:
    """Plain files under the names the README's command line gives."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=2))
    row = builder.compute("work", WORK)
    builder.collective("reduce", "all_reduce", 1 << 20, axes=["dp"], after=[row])
    written = list(AstraSimBackend().export(request_for(builder.build(), num_queues_per_dim=2), tmp_path))
    assert {path.name for path in written} == {
        *(f"trace.{rank}.et" for rank in range(4)),
        "network.yml",
        "system.json",
        "memory.json",
        "comm_groups.json",
        "README.md",
    }
    assert yaml.safe_load((tmp_path / "network.yml").read_text(encoding="utf-8"))["npus_count"] == [4]
    assert json.loads((tmp_path / "comm_groups.json").read_text(encoding="utf-8")) == {"1": [0, 2], "2": [1, 3]}
    assert json.loads((tmp_path / "memory.json").read_text(encoding="utf-8")) == {"memory-type": "NO_MEMORY_EXPANSION"}
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "--comm-group-configuration=comm_groups.json --num-queues-per-dim=2" in readme


def test_diagnose_says_where_it_looked() -> None:
    """The embedded engine is always there; the real programs are looked for."""
    embedded, kernel, aware, unaware = AstraSimBackend().diagnose()
    assert embedded.found
    assert kernel.found == (not kernel_reason())
    assert not aware.found
    assert "ASTRA_SIM_BIN" in unaware.detail


def test_the_engine_in_python_is_held_to_memory(request_for: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes three times what the compiled one takes, so that what fits one may not fit the other."""
    request = request_for(step())
    monkeypatch.setattr(limits, "available_bytes", lambda: 6 * limits.BYTES_PER_EXECUTION)
    if not kernel_reason():
        assert AstraSimBackend().simulate(request).status is Status.COMPLETED
    monkeypatch.setenv("VERSIM_KERNEL", "off")
    with pytest.raises(VersimError, match=r"5 executions on 2 ranks .* GB are free"):
        AstraSimBackend().simulate(request)
