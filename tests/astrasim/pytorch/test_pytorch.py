"""``versim import pytorch``: what PyTorch recorded comes through, what is lost is said, failures are understandable."""

from __future__ import annotations

import importlib.util
import json
import logging
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from chakra.schema.protobuf import et_def_pb2 as schema
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from pytorch_traces import Linked
from pytorch_traces import written as linked_files
from versim import ExecutionGraph, Kind, VersimError
from versim_astrasim.chakra.framing import messages
from versim_astrasim.commands.importing import import_
from versim_astrasim.importing.options import ImportOptions
from versim_astrasim.importing.producer import ChakraProducer
from versim_astrasim.pytorch.groups import numbered

GENUINE = Path(__file__).parents[1] / "recorded"


def run(command: Any, *arguments: object) -> Result:
    """A command's result; errors of versim pass through."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if isinstance(result.exception, VersimError):
        raise result.exception
    return result


def linked_trace(**more: Any) -> dict[str, Any]:
    """A linked trace in the shape of PyTorch's: a thread, a call, its kernel, and a collective's kernel."""
    empty: dict[str, list[Any]] = {"values": [], "shapes": [], "types": []}
    attributes = [
        {"name": name, "type": "uint64", "value": 0}
        for name in ("rf_id", "fw_parent", "seq_id", "scope", "tid", "fw_tid")
    ] + [{"name": "op_schema", "type": "string", "value": ""}]

    def node(id_: int, name: str, parent: int, **fields: Any) -> dict[str, Any]:
        given = {"id": id_, "name": name, "ctrl_deps": parent, "inputs": empty, "outputs": empty, "attrs": attributes}
        return {**given, **fields}

    return {
        "schema": "1.0.2-chakra.0.0.4",
        "pid": 1,
        "time": "2024-03-21 18:54:23",
        "start_ts": 1,
        "finish_ts": 9,
        "nodes": [
            node(2, "[pytorch|profiler|execution_trace|thread]", 1),
            node(3, "aten::mm", 2, exclusive_dur=5, inclusive_dur=9, ts=10),
            node(4, "gemm_kernel", 3, exclusive_dur=7, inclusive_dur=7, ts=12, cat="kernel", stream=7),
        ],
        **more,
    }


def test_a_linked_trace_is_converted_and_looked_at(tmp_path: Path) -> None:
    """The files are there and lint says what it thinks of them."""
    for rank in range(2):
        (tmp_path / f"linked.{rank}.json").write_text(json.dumps(linked_trace()), encoding="utf-8")
    result = run(import_, "pytorch", tmp_path / "linked.0.json", tmp_path / "linked.1.json", "-o", tmp_path / "out")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert f"wrote {tmp_path / 'out'}.1.et" in result.output
    assert (tmp_path / "out.0.et").stat().st_size > 100
    assert "cpu-statistics" in result.output
    assert not list(tmp_path.glob(".*.partial"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no JSON"),
        ("\x1f\x00", "is no JSON"),
        ("[]", "is no execution trace of PyTorch"),
        ('{"traceEvents": []}', "is a Kineto trace"),
        (json.dumps({key: value for key, value in linked_trace().items() if key != "start_ts"}), "linking adds times"),
        (json.dumps(linked_trace(schema="9.9")), "has schema '9.9'; mlc-chakra converts"),
        (json.dumps(linked_trace(nodes=[])), "has no nodes"),
        (json.dumps(linked_trace(nodes=[{"id": 1}])), "some node lacks 'name'"),
    ],
)
def test_failures_of_the_converter_are_made_understandable(tmp_path: Path, content: str, message: str) -> None:
    """Which file, what is wrong, what to do; nothing half-written is left."""
    path = tmp_path / "linked.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(VersimError, match=message):
        run(import_, "pytorch", path, "-o", tmp_path / "out")
    assert {file.name for file in tmp_path.iterdir()} == {"linked.json"}


def test_a_host_trace_that_was_not_linked_is_converted_with_a_warning(tmp_path: Path) -> None:
    """The converter takes it in silence, though every call lasts nothing and the device's work is missing."""
    path = tmp_path / "host.json"
    nodes = [{**node} for node in linked_trace()["nodes"][:2]]
    for node in nodes:
        node.pop("exclusive_dur", None)
        node.pop("inclusive_dur", None)
    path.write_text(json.dumps(linked_trace(nodes=nodes)), encoding="utf-8")
    result = run(import_, "pytorch", path, "-o", tmp_path / "out")
    assert "host.json has a time, so it is a host trace that was not linked" in result.stderr


def test_what_the_converter_leaves_dangling_is_dropped(tmp_path: Path) -> None:
    """It removes nodes that wait for nothing, such as the process, but not what refers to them, which no one runs."""
    path = tmp_path / "linked.json"
    process = {**linked_trace()["nodes"][0], "id": 1, "name": "[pytorch|profiler|execution_trace|process]"}
    path.write_text(json.dumps(linked_trace(nodes=[process, *linked_trace()["nodes"]])), encoding="utf-8")
    result = run(import_, "pytorch", path, "-o", tmp_path / "out")
    assert "1 dependencies on nodes that mlc-chakra's converter leaves out" in result.stderr
    assert "dangling-dependency" not in result.output
    assert not [line for line in result.output.splitlines() if line.startswith("error")]


class FakeLinker:
    """Stands in for mlc-chakra's, whose package ``et_replay`` is on no index."""

    def __init__(self, made: dict[str, Any]) -> None:
        self._made = made

    def __call__(self) -> FakeLinker:
        """As the class that it stands in for is called."""
        return self

    def load_sync_dependencies(self, _rank: int, _device: str) -> dict[int, list[int]]:
        """What the real one does: it logs what it could not do, and goes on."""
        logging.getLogger("chakra").error("Critical path analysis encountered an invalid graph structure")
        return {}

    def link(self, rank: int, host: str, device: str, output: str) -> None:
        """Loads, and writes what it is to make."""
        assert Path(host).is_absolute(), "HTA looks for relative paths in the wrong folder"
        assert Path(device).is_absolute()
        assert (rank, Path(host).name, Path(device).name) == (0, "host.json", "kineto.json")
        self.load_sync_dependencies(rank, device)
        Path(output).write_text(json.dumps(self._made), encoding="utf-8")


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a host trace and its Kineto trace, where linking is possible."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
    (tmp_path / "host.json").write_text(json.dumps(linked_trace()), encoding="utf-8")
    kernel = {"cat": "kernel", "name": "gemm_kernel"}
    kineto = {"traceEvents": [{"name": "ProfilerStep#1", "ph": "X"}, kernel, {**kernel, "name": "lost"}]}
    (tmp_path / "kineto.json").write_text(json.dumps(kineto), encoding="utf-8")
    return tmp_path


def linking(folder: Path, monkeypatch: pytest.MonkeyPatch, made: dict[str, Any]) -> Result:
    """``versim import pytorch --kineto`` with a linker that makes something."""
    module = ModuleType("chakra.src.trace_link.trace_linker")
    module.TraceLinker = FakeLinker(made)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chakra.src.trace_link.trace_linker", module)
    host, kineto = folder / "host.json", folder / "kineto.json"
    return run(import_, "pytorch", host, "--kineto", kineto, "-o", folder / "out")


def test_linking_goes_before_converting_and_its_errors_are_shown(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The linker logs that it lost the device's synchronisation, and goes on without it."""
    result = linking(pair, monkeypatch, linked_trace())
    assert f"wrote {pair / 'out'}.0.et" in result.output
    assert "note:" in result.stderr
    assert "mlc-chakra's linker reports: Critical path analysis encountered an invalid graph" in result.stderr
    assert "HolisticTraceAnalysis needs pandas below 3" in result.stderr
    assert "rank 0: 1 of 2 events of the device are lost (kernel 1)" in result.stderr


def test_what_a_killed_linking_left_is_removed_by_the_next_one(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linked traces of many ranks are gigabytes in the folder for temporary files."""
    temporary = pair / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from types import ModuleType\n"
        "import importlib.util, tempfile\n"
        "tempfile.tempdir = sys.argv[1]\n"
        "importlib.util.find_spec = lambda _: True\n"
        "class Killed:\n"
        "    def link(self, *_): os.kill(os.getpid(), signal.SIGKILL)\n"
        "    def load_sync_dependencies(self, *_): return {}\n"
        "module = ModuleType('linker'); module.TraceLinker = Killed\n"
        "sys.modules['chakra.src.trace_link.trace_linker'] = module\n"
        "from versim_astrasim.pytorch.linking import linked\n"
        "with linked([Path(sys.argv[2])], [Path(sys.argv[3])], []): pass\n"
    )
    killed = [sys.executable, "-c", script, temporary, pair / "host.json", pair / "kineto.json"]
    assert subprocess.run(killed, check=False).returncode == -signal.SIGKILL
    assert len(list(temporary.iterdir())) == 1
    linking(pair, monkeypatch, linked_trace())
    assert not list(temporary.iterdir())


def test_traces_that_do_not_fit_are_said_before_or_after_linking(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The linker takes minutes, then fails on what it did not expect, or links nothing in silence."""
    bare = [{key: value for key, value in node.items() if "dur" not in key} for node in linked_trace()["nodes"]]
    with pytest.raises(VersimError, match="finds nothing that is in both"):
        linking(pair, monkeypatch, linked_trace(nodes=bare))
    (pair / "host.json").write_text(json.dumps(linked_trace(schema="1.0.1")), encoding="utf-8")
    with pytest.raises(VersimError, match=r"host\.json has schema '1\.0\.1'"):
        linking(pair, monkeypatch, linked_trace())
    (pair / "host.json").write_text(json.dumps(linked_trace()), encoding="utf-8")
    (pair / "kineto.json").write_text('{"traceEvents": [{"name": "aten::mm"}]}', encoding="utf-8")
    linking(pair, monkeypatch, linked_trace())  # a ProfilerStep is not needed
    for made in pair.glob("out.*"):
        made.unlink()
    (pair / "kineto.json").write_text("[]", encoding="utf-8")
    with pytest.raises(VersimError, match="is no Kineto trace"):
        linking(pair, monkeypatch, linked_trace())
    assert {file.name for file in pair.iterdir()} == {"host.json", "kineto.json"}


def test_linking_without_its_package_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``et_replay`` is on no package index."""
    path = tmp_path / "host.json"
    path.write_text("{}", encoding="utf-8")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(VersimError, match="needs the package et_replay, which is not installed"):
        run(import_, "pytorch", path, "--kineto", path, "-o", tmp_path / "out")


class DurationLinker(FakeLinker):
    """Does what the real one does without work on a device: calls get their durations from the Kineto trace."""

    def load_sync_dependencies(self, _rank: int, _device: str) -> dict[int, list[int]]:
        """What HTA does with such a trace."""
        raise TypeError("'NoneType' object is not subscriptable")

    def link(self, rank: int, host: str, device: str, output: str) -> None:
        """By the ids of record functions."""
        assert self.load_sync_dependencies(rank, device) == {}
        events = json.loads(Path(device).read_text(encoding="utf-8"))["traceEvents"]
        recorded = {
            event["args"]["Record function id"]: event
            for event in events
            if event["ph"] == "X" and "args" in event
            if "Record function id" in event["args"]
        }
        content = json.loads(Path(host).read_text(encoding="utf-8"))
        for node in content["nodes"]:
            found = recorded.get(next(each["value"] for each in node["attrs"] if each["name"] == "rf_id"))
            if found:
                node.update(inclusive_dur=found["dur"], exclusive_dur=found["dur"], ts=found["ts"])
        Path(output).write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize("linker", ["real", "stand-in"])
def test_a_genuine_pair_of_the_cpu_is_converted_and_its_losses_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linker: str
) -> None:
    """Recorded by PyTorch 2.13 with gloo: no kernels; communications are those of the calls around them."""
    if linker == "real":
        pytest.importorskip("et_replay")
        pytest.importorskip("hta")
    else:
        module = ModuleType("chakra.src.trace_link.trace_linker")
        module.TraceLinker = DurationLinker({})  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "chakra.src.trace_link.trace_linker", module)
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
    monkeypatch.chdir(GENUINE)
    pairs = [each for rank in range(2) for each in (f"host.{rank}.json", "--kineto", f"kineto.{rank}.json")]
    result = run(import_, "pytorch", *pairs, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert (
        f"wrote {tmp_path / 'out.1.et'}: 0 calls on the host, 9 kernels, 1 collectives, 0 sends, 1 rec" in result.output
    )
    assert "every rank: 2 communications on the CPU are simulated" in result.stderr
    assert "linker reports" not in result.stderr
    assert imported(tmp_path).mesh.world_size == 2


def test_traces_of_other_processes_or_ranks_are_not_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are numbered anew in every process: the linker would join any two traces, without a word."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
    host, other = GENUINE / "host.0.json", GENUINE / "host.1.json"
    kineto = ("--kineto", GENUINE / "kineto.1.json")
    with pytest.raises(VersimError, match=r"host\.0\.json is of process \d+, which .*kineto\.1\.json does not hold"):
        run(import_, "pytorch", host, *kineto, "-o", tmp_path / "out")
    with pytest.raises(VersimError, match=r"kineto\.1\.json is of rank 1, but given for rank 0; name the traces in"):
        run(import_, "pytorch", other, *kineto, "-o", tmp_path / "out")


def imported(where: Path) -> ExecutionGraph:
    """The graph of what was converted."""
    return ChakraProducer().produce(ImportOptions(path=str(where)))


HASH = "9f86d081884c7d65"
"""PyTorch names groups so that not all ranks took part in making."""


def step(rank: int) -> Linked:
    """A step of four ranks: collectives of the world and of pairs, a message within a pair, a barrier."""
    mine = [0, 2] if rank % 2 == 0 else [1, 3]
    trace = Linked({"0": [], "3": [0, 1] if rank < 2 else [2, 3], HASH: mine})
    trace.communication("_allgather_base", "AllGather_RING_LL", elements=100)
    trace.call("aten::mm", "gemm")
    trace.communication("allreduce", "AllReduce_Sum_f32_RING_LL", elements=300, group="3")
    trace.communication("_reduce_scatter_base", "ReduceScatter_Sum_f32_RING_LL", elements=400, group=HASH)
    if rank < 2:
        trace.communication("send", "SendRecv", elements=50, group=HASH, peer=1)
    else:
        trace.communication("recv", "SendRecv", elements=50, group=HASH, peer=0)
    trace.communication("barrier", "AllReduce_Sum_f32_RING_LL")
    return trace


def test_communications_come_with_kind_size_group_and_peer(tmp_path: Path) -> None:
    """Peers are recorded as ranks within a group; names of groups may be hashes, or the same for different groups."""
    result = run(import_, "pytorch", *linked_files(tmp_path, [step(rank) for rank in range(4)]), "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "2 kernels" not in result.output
    assert "every rank: 1 barriers, recorded without a size, are all-reduces of 4 bytes" in result.stderr
    assert "every rank: 1 dependencies on nodes" in result.stderr
    groups = json.loads((tmp_path / "comm_groups.json").read_text(encoding="utf-8"))
    assert sorted(groups.values()) == [[0, 1], [0, 2], [1, 3], [2, 3]]
    graph = imported(tmp_path)
    start, rows = graph.parts()
    found = set()
    for match in range(len(graph.kind)):
        ranks = [graph.placements[graph.placement[row]].indices for row in rows[start[match] : start[match + 1]]]
        where = tuple(sorted(0 if each is None or each[0] is None else each[0][0] for each in ranks))
        found.add((graph.kind_of(match), int(graph.size_bytes[match]), where))
    everyone = (0, 1, 2, 3)
    assert found == {
        (Kind.ALL_GATHER, 4 * 400, everyone),
        (Kind.ALL_REDUCE, 1200, (0, 1)),
        (Kind.ALL_REDUCE, 1200, (2, 3)),
        (Kind.REDUCE_SCATTER, 1600, (0, 2)),
        (Kind.REDUCE_SCATTER, 1600, (1, 3)),
        (Kind.POINT_TO_POINT, 200, (0, 2)),
        (Kind.POINT_TO_POINT, 200, (1, 3)),
        (Kind.ALL_REDUCE, 4, everyone),
    }


names = st.sampled_from(["0", "1", "2", "03", "7", "99999", "²", HASH])
some_ranks = st.lists(st.integers(0, 3), unique=True, min_size=1, max_size=4).map(tuple)


@given(st.lists(st.dictionaries(names, st.just(()) | some_ranks, max_size=5), min_size=4, max_size=4))
def test_groups_get_one_number_each(named: list[dict[str, tuple[int, ...]]]) -> None:
    """Two groups of different names or ranks never share one, equal ones always do, and what is a number stays."""
    numbering = numbered(named)
    seen: dict[int, tuple[str, tuple[int, ...]]] = {}
    for groups, numbers in zip(named, numbering.number, strict=True):
        assert groups.keys() == numbers.keys()
        for name, number in numbers.items():
            ranks = groups[name] or (0, 1, 2, 3)
            assert (number == 0) == (name == "0")
            assert number == 0 or numbering.ranks[number] == ranks
            assert number == 0 or seen.setdefault(number, (name, ranks)) == (name, ranks)
    for name in ("1", "2", "7"):
        ranks_of = {groups[name] or (0, 1, 2, 3) for groups in named if name in groups}
        if len(ranks_of) == 1:
            assert seen[int(name)] == (name, ranks_of.pop())


def dependencies(path: Path) -> dict[int, set[int]]:
    """What each node of a file waits for."""
    with path.open("rb") as stream:
        _, *contents = [content for _, content in messages(stream, str(path))]
    nodes = [schema.Node.FromString(content) for content in contents]
    return {node.id: {*node.ctrl_deps, *node.data_deps} for node in nodes}


def test_streams_keep_their_order_and_calls_wait_for_what_they_waited_for(tmp_path: Path) -> None:
    """The converter says neither: kernels of a stream would run at once, and the host would never wait."""
    trace = Linked()
    first, other = trace.call("aten::mm", "a"), trace.call("aten::mm", "b", stream=8)
    second, waiting = trace.call("aten::mm", "c"), trace.call("cudaDeviceSynchronize")
    content = trace.content()
    waiting["sync_dep"] = [first["id"], 10**6]
    early = next(node for node in content["nodes"] if node["name"] == "aten::mm")
    early["sync_dep"] = [second["id"]]
    path = tmp_path / "linked.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    result = run(import_, "pytorch", path, "-o", tmp_path / "out")
    found = dependencies(tmp_path / "out.0.et")
    assert first["id"] in found[second["id"]]
    assert not {first["id"], second["id"]} & found[other["id"]]
    assert first["id"] in found[waiting["id"]]
    assert second["id"] not in found[early["id"]]
    assert "rank 0: 1 dependencies of kernels on the one before them" in result.stderr
    assert "rank 0: 1 dependencies of calls on kernels they waited for" in result.stderr


def test_recorded_times_that_contradict_dependencies_are_left_aside(tmp_path: Path) -> None:
    """A kernel that began before the kernel its launch waited for: following both would let nodes wait for ever."""
    trace = Linked()
    first, waiting, second = trace.call("aten::mm", "a"), trace.call("aten::mm"), trace.call("aten::mm", "b")
    content = trace.content()
    waiting["sync_dep"], second["ts"] = [first["id"]], 0
    path = tmp_path / "linked.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    result = run(import_, "pytorch", path, "-o", tmp_path / "out")
    assert "were added" not in result.stderr
    assert second["id"] not in dependencies(tmp_path / "out.0.et")[first["id"]]


def test_communications_that_are_lost_or_mistaken_are_counted(tmp_path: Path) -> None:
    """Without the device's activities there are no kernels, and grouped messages share one that says nothing."""
    trace = Linked({"0": []})
    trace.communication("allreduce", "", elements=8)
    trace.communication("wait", "")
    trace.communication("coalesced", "SendRecv", elements=8)
    orphan = trace.communication("send", "SendRecv", elements=8, peer=0)
    content = trace.content()
    next(node for node in content["nodes"] if node["id"] == orphan["ctrl_deps"])["name"] = "nccl:send"
    path = tmp_path / "linked.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    result = run(import_, "pytorch", path, "-o", tmp_path / "out")
    assert "1 communications (allreduce 1) have no kernel and are missing" in result.stderr
    assert "1 grouped messages have no direction that could be told, and became all-to-alls" in result.stderr
    assert "1 messages have no peer" in result.stderr
    assert result.exit_code == 1


def test_nothing_is_written_unless_everything_is(tmp_path: Path) -> None:
    """A later rank that fails, or groups of other traces in the folder, leave what is there as it was."""
    good = linked_files(tmp_path, [step(rank) for rank in range(4)])
    bad = tmp_path / "bad.json"
    bad.write_text("{", encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(VersimError, match=r"bad\.json is no JSON"):
        run(import_, "pytorch", *good, bad, "-o", out / "t")
    assert not list(out.iterdir())
    (out / "comm_groups.json").write_text('{"1": [1, 0]}', encoding="utf-8")
    with pytest.raises(VersimError, match="describes other groups than these traces; remove it"):
        run(import_, "pytorch", *good, "-o", out / "t")
    assert [path.name for path in out.iterdir()] == ["comm_groups.json"]
    (out / "comm_groups.json").unlink()
    for _ in range(2):
        assert run(import_, "pytorch", *good, "-o", out / "t").exit_code == 0
