"""The real program's every recorded behaviour, played by a program that computes with the embedded engine."""

from __future__ import annotations

import concurrent.futures
import json
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import pytest
from click.testing import CliRunner
from versim import (
    NS_PER_S,
    Device,
    Dimension,
    Fixed,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    Message,
    SimulationError,
    SimulationRequest,
    Status,
    System,
    UnsupportedGraphError,
    pin,
)
from versim.plain import UnreadableError
from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.commands.cache import cache as cache_command
from versim_astrasim.isolation.network_timing import input_of
from versim_astrasim.isolation.program_runs import finishes_ns
from versim_astrasim.isolation.timing_model import AstraSimTiming
from versim_astrasim.options import BackendOptions, TimingOptions
from versim_astrasim.program import launch
from versim_astrasim.program.cache import Cache
from versim_astrasim.program.capabilities import of_program
from versim_astrasim.program.node_log import read_log
from versim_astrasim.step.simulator_input import SimulatorInput

LINK = Link(bandwidth_bytes_per_s=5e10, latency_s=5e-7)
SYSTEM = System(dimensions=(Dimension(topology="ring", size=4, link=LINK),), device=Device(name="test"))


@pytest.fixture
def fake(tmp_path: Path) -> Callable[..., str]:
    """Makes the program in a folder of its own; returns its path."""

    def make(behaviour: str = "normal", congestion: str = "aware") -> str:
        path = tmp_path / "bin" / launch.PROGRAM_NAMES[congestion]
        path.parent.mkdir(exist_ok=True)
        script = Path(__file__).parents[1] / "fake_program.py"
        path.write_text(
            f'#!/bin/sh\nexport FAKE_ASTRA_SIM={behaviour}\nexec {sys.executable} {script} {path.name} "$@"\n',
            encoding="utf-8",
        )
        path.chmod(0o755)
        return str(path)

    return make


def request(**options: object) -> SimulationRequest:
    """Compute, one of it of 0 ns, a group's collective, a message and the world's collective on a ring of four."""
    builder = GraphBuilder(Mesh.of(dp=2, tp=2))
    first = builder.compute("first", [(Fixed(1.234567e-3), 1)])
    nothing = builder.compute("nothing", [(Fixed(0.0), 1)], after=[first])
    row = builder.collective("tp", "all_reduce", 1 << 20, axes=["tp"], after=[nothing])
    builder.transfer("x", 4096, source={"dp": 0}, target={"dp": 1}, after=[row])
    builder.collective("world", "all_gather", 1 << 16, axes=["dp", "tp"], after=[row])
    return SimulationRequest(inputs=pin(builder.build(), SYSTEM), options=BackendOptions(**options))  # type: ignore[arg-type]


def crossing(**options: object) -> SimulationRequest:
    """Two all-reduces of different sizes that two of four ranks enter in different order, after some compute."""
    builder = GraphBuilder(Mesh.of(tp=4))
    for rank, order in ((0, "ab"), (1, "ba")):
        row = builder.compute("start", [(Fixed(1e-6), 1)], on={"tp": rank})
        for match in order:
            row = builder.collective(
                match,
                "all_reduce",
                64 if match == "a" else 4096,
                ranks=[0, 1],
                match=match,
                on={"tp": rank},
                after=[row],
            )
    builder.compute("alone", [(Fixed(3e-6), 1)], on={"tp": 2})
    return SimulationRequest(inputs=pin(builder.build(), SYSTEM), options=BackendOptions(**options))  # type: ignore[arg-type]


def test_figures_and_times_per_node_are_the_programs_own(fake: Callable[..., str]) -> None:
    """Per-node times come from its log, those of nodes that were left out from what they wait for."""
    ours = AstraSimBackend().simulate(request(engine="embedded"))
    theirs = AstraSimBackend().simulate(request(engine="binary", binary=fake()))
    assert theirs.status is Status.COMPLETED, theirs.diagnosis
    assert theirs.finish_ps.tolist() == ours.finish_ps.tolist()
    for column in ("node", "rank", "ready_ps", "start_ps", "end_ps"):
        assert np.array_equal(getattr(theirs.spans, column), getattr(ours.spans, column)), column
    assert "those the real program logged" in theirs.diagnosis[-1]


@pytest.mark.parametrize(
    ("behaviour", "status", "said"),
    [
        ("unfinished", Status.DEADLOCK, "1 of 4 ranks never finished: 0"),
        ("assertion", Status.ABORTED, "Assertion `id > 0' failed"),
        ("hang", Status.TIMED_OUT, "time limit"),
        ("partial", Status.ABORTED, "killed by signal 6"),
        ("heap", Status.ABORTED, "it died and was run again, 3 times in all"),
        ("memory", Status.ABORTED, "it may take 2.00 GiB of memory and wanted more; raise memory_limit_gib"),
        ("garbage", Status.ABORTED, "4 of 4 ranks unfinished"),
    ],
)
def test_failures_are_failures_whatever_the_exit_status(
    fake: Callable[..., str], behaviour: str, status: Status, said: str
) -> None:
    """Half a line is no figure; the folder is kept."""
    limit = 0.5 if behaviour == "hang" else 60.0
    found = AstraSimBackend().simulate(
        request(engine="binary", binary=fake(behaviour), time_limit_s=limit, memory_limit_gib=2)
    )
    assert found.status is status
    assert any(said in line for line in found.diagnosis), found.diagnosis
    assert Path(found.diagnosis[-1].removeprefix("its files are kept in ")).is_dir()


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ("huge", "it printed more than was kept"),
        ("teardown", "the program then ended with killed by signal 6"),
        ("lost", "it died and was run again, 2 times in all"),
        ("older", "those the real program logged"),
        ("rotated", "log of nodes has rotated its oldest lines away and was not used"),
        ("lacking", "log of nodes lacks lines and was not used"),
        ("full", "log of nodes lacks lines and was not used: [*** LOG ERROR #0001 ***]"),
        ("doubled", "log of nodes contradicts itself and was not used"),
    ],
)
def test_what_does_no_harm_is_told_apart(
    fake: Callable[..., str], behaviour: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Much output, a crash at tear-down, one that ate lines (run again), and a log not to be relied on (said)."""
    monkeypatch.setattr(launch, "MOST_OUTPUT_BYTES", 100_000)
    ours = AstraSimBackend().simulate(request(engine="embedded"))
    theirs = AstraSimBackend().simulate(request(engine="binary", binary=fake(behaviour)))
    assert theirs.status is Status.COMPLETED, theirs.diagnosis
    assert theirs.makespan_ps == ours.makespan_ps
    assert np.array_equal(theirs.spans.end_ps, ours.spans.end_ps)
    assert any(said in line for line in theirs.diagnosis), theirs.diagnosis
    assert not any("kept in" in line for line in theirs.diagnosis)


def test_a_log_that_differs_from_what_was_printed_is_not_used(fake: Callable[..., str]) -> None:
    """A folder that another program writes into, say."""
    path = Path(fake())
    body = path.read_text(encoding="utf-8").replace("exec ", "").rstrip()
    path.write_text(f"{body}\nsed -i 's/tick=/tick=1/' log/nodes.log\n", encoding="utf-8")
    theirs = AstraSimBackend().simulate(request(engine="binary", binary=str(path)))
    assert any("differs from what it printed" in line for line in theirs.diagnosis), theirs.diagnosis


def test_a_deadlock_is_explained_as_by_the_embedded_engine(fake: Callable[..., str]) -> None:
    """Who waits for whom, what ran until then, and that both stop at the same nodes."""
    ours = AstraSimBackend().simulate(crossing(engine="embedded"))
    theirs = AstraSimBackend().simulate(crossing(engine="binary", binary=fake()))
    assert ours.status is theirs.status is Status.DEADLOCK
    assert set(ours.diagnosis) <= set(theirs.diagnosis)
    assert theirs.waiting == ours.waiting
    for column in ("node", "rank", "ready_ps", "start_ps", "end_ps"):
        assert np.array_equal(getattr(theirs.spans, column), getattr(ours.spans, column)), column


def test_rotation_of_the_log_is_noticed(tmp_path: Path) -> None:
    """Eleven files are all there can be: the oldest lines may be gone."""
    for name in ["log.log", *[f"log.{number}.log" for number in range(1, 11)]]:
        (tmp_path / name).write_text("[t] [D] <workload>: issue,sys->id=1, tick=5, node->id=7, node->name=\n")
    assert read_log(tmp_path).rotated_away
    (tmp_path / "nodes.log").write_text("[t] [D] <workload>: issue,sys->id=1, tick=5, node->id=7, node->name=\n")
    assert not read_log(tmp_path).rotated_away


def test_a_log_that_is_no_file_or_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program may have put anything there."""
    (tmp_path / "log.log").symlink_to("/dev/zero")
    assert not read_log(tmp_path).found
    (tmp_path / "nodes.log").write_text("[t] [D] <workload>: issue,sys->id=1, tick=5, node->id=7, node->name=\n")
    monkeypatch.setattr("versim_astrasim.program.node_log.MOST_LOG_BYTES", 20)
    with pytest.raises(UnreadableError, match=r"nodes\.log: is larger than 20 bytes"):
        read_log(tmp_path)


def test_the_log_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that a block cuts is read once; a name is no line, and ids have 64 bits."""
    monkeypatch.setattr("versim_astrasim.program.node_log._BLOCK_BYTES", 200)
    lines = [
        f"[t] [D] <workload>: {what},sys->id={node % 3}, tick={node}, node->id={node + 2**64 - 50}, node->name=issue,"
        f"sys->id=9, tick=9, node->id=9, node->type=4"
        for node in range(50)
        for what in ("issue", "callback")
    ]
    (tmp_path / "nodes.log").write_text("\n".join([*lines, "[t] [D] <workload>: issue,sys->id=1, tick"]))
    found = read_log(tmp_path)
    assert found.tick_ns.tolist() == [node for node in range(50) for _ in range(2)]
    assert found.rank.tolist() == [node % 3 for node in range(50) for _ in range(2)]
    assert found.node_id.tolist() == [node - 50 for node in range(50) for _ in range(2)]
    assert found.is_end.tolist() == [False, True] * 50


def test_runs_side_by_side_share_no_file(fake: Callable[..., str]) -> None:
    """Each has a folder, its log folder included, and removes it; ``keep`` keeps it."""
    path = fake()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda _: AstraSimBackend().simulate(request(engine="binary", binary=path, keep=True)), "ab")
        )
    folders = {answer.diagnosis[-1].removeprefix("its files are kept in ") for answer in answers}
    assert len(folders) == 2
    assert all((Path(folder) / "log" / "nodes.log").is_file() for folder in folders)


def test_memory_is_limited(tmp_path: Path) -> None:
    """A program that asks for more than it may have fails; the machine goes on."""
    program = tmp_path / "p"
    program.write_text(f"#!{sys.executable}\ntry: x = bytearray(1 << 32)\nexcept MemoryError: print('no')\n")
    program.chmod(0o755)
    assert launch.run([program], tmp_path, 10, 1 << 30).output == "no\n"


def test_a_communication_alone_is_asked_for_once(
    fake: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer equals the embedded engine's, is found again, and is not found once the program changed."""
    monkeypatch.setenv("VERSIM_CACHE_DIR", str(tmp_path / "cache"))
    path = fake()
    message = Message(kind=Kind.ALL_REDUCE, size_bytes=1 << 20, participants=4, axis="", ranks=(), algorithm="")
    embedded = AstraSimTiming().network(TimingOptions())
    real = AstraSimTiming().network(TimingOptions(engine="binary", binary=path))
    assert embedded is not None
    assert real is not None
    wanted = embedded.times_s([message], SYSTEM)
    assert real.times_s([message], SYSTEM).tolist() == wanted.tolist()
    entries = Cache(tmp_path / "cache" / "astrasim").entries()
    assert len(entries) == 1
    given, options = alone(TimingOptions(engine="binary", binary=path))
    with monkeypatch.context() as patched:
        patched.setattr(launch, "run", None)  # any further run fails
        assert max(finishes_ns(given, options)) == round(wanted[0] * NS_PER_S)
    runner = CliRunner()
    assert json.loads(runner.invoke(cache_command, ["-f", "json"]).output)["entries"] == 1
    fake("assertion")
    with pytest.raises(SimulationError, match="does not finish rank 0") as failure:
        finishes_ns(given, options)
    assert (Path(str(failure.value).rsplit(" ", 1)[1]) / "output.txt").is_file()
    assert "1 entries removed" in runner.invoke(cache_command, ["--clear"]).output
    assert not Cache(tmp_path / "cache" / "astrasim").entries()


def test_capabilities_are_found_by_running(fake: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by reading help: what runs and equals the known figure can be relied on."""
    lines = list(of_program(Path(fake("normal", "unaware")), "unaware"))
    assert all(line.found for line in lines), lines
    assert sum("equal to the embedded engine" in line.detail for line in lines) == 6
    monkeypatch.setattr("versim_astrasim.program.capabilities.cases", lambda _: {"recorded durations": _case()})
    _, tried, logs = of_program(Path(fake("assertion")), "aware")
    assert not tried.found
    assert "Assertion" in tried.detail
    assert not logs.found


def test_a_program_of_another_name_is_looked_at_first(fake: Callable[..., str], tmp_path: Path) -> None:
    """The other of the two programs would answer too, and nobody would see that it is the other one."""
    own = Path(fake("normal", "unaware")).rename(tmp_path / "my-astra")
    own.write_text(own.read_text(encoding="utf-8").replace(" AstraSim_Analytical", " /AstraSim_Analytical"))
    with pytest.raises(launch.ProgramNotFoundError, match=r"congestion-unaware program; .* or use congestion: unaware"):
        AstraSimBackend().simulate(request(engine="binary", binary=str(own)))
    with pytest.raises(launch.ProgramNotFoundError, match="congestion-unaware program"):
        finishes_ns(*alone(TimingOptions(engine="binary", binary=str(own))))
    found = AstraSimBackend().simulate(request(engine="binary", binary=str(own), congestion="unaware"))
    assert found.status is Status.COMPLETED
    with pytest.raises(launch.ProgramNotFoundError, match="does not behave as ASTRA-sim does on a case of four ranks"):
        AstraSimBackend().simulate(request(engine="binary", binary=sys.executable))


def test_the_forks_program_is_driven_like_astrasims(fake: Callable[..., str]) -> None:
    """It has the same name, so that it is run on a case of known answer before it is taken for the fork's."""
    options = {"program": "rapid-llm", "binary": fake("fork")}
    ours = AstraSimBackend().simulate(request(program="rapid-llm", engine="embedded"))
    theirs = AstraSimBackend().simulate(request(engine="binary", **options))
    assert theirs.status is Status.COMPLETED, theirs.diagnosis
    assert theirs.finish_ps.tolist() == ours.finish_ps.tolist()
    assert theirs.finish_ps.tolist() != AstraSimBackend().simulate(request(engine="embedded")).finish_ps.tolist()
    _, *lines = of_program(Path(options["binary"]), "aware")
    assert any("equal to the fork that RAPID-LLM drives" in line.detail for line in lines)
    with pytest.raises(launch.ProgramNotFoundError, match="does not end as rapid-llm's program does"):
        AstraSimBackend().simulate(request(engine="binary", program="rapid-llm", binary=fake("normal")))


def test_the_real_program_is_spared_networks_it_does_not_have(fake: Callable[..., str], tmp_path: Path) -> None:
    """Of two congestion-aware dimensions it says no more than that it wants one; so does writing files for it."""
    asked = request(engine="binary", binary=fake())
    plane = attrs.evolve(SYSTEM, dimensions=tuple(attrs.evolve(SYSTEM.dimensions[0], size=2) for _ in range(2)))
    asked = attrs.evolve(asked, inputs=asked.inputs.on(plane))
    with pytest.raises(UnsupportedGraphError, match="use engine: embedded"):
        AstraSimBackend().simulate(asked)
    with pytest.raises(UnsupportedGraphError, match="use engine: embedded"):
        AstraSimBackend().export(asked, tmp_path)


def alone(options: TimingOptions) -> tuple[SimulatorInput, TimingOptions]:
    """An all-reduce of the world alone."""
    return input_of(Kind.ALL_REDUCE, 1 << 20, (0, 1, 2, 3), "", SYSTEM.dimensions, options), options


def _case() -> object:
    from versim_astrasim.program import capabilities  # noqa: PLC0415 - the function above replaces a part of it

    return capabilities._given([{"id": 0, "type": "COMP_NODE", "duration_micros": 3}], "aware")
