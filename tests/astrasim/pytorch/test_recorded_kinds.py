"""What people's recordings hold beside the plain case: fractions, groups of messages, uneven all-to-alls, few ranks."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pytorch_traces import Linked, written
from versim import PS_PER_NS, Device, Dimension, Link, SimulationRequest, System, VersimError, pin
from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.chakra.reader import read_traces
from versim_astrasim.commands.importing import import_
from versim_astrasim.engine.trace import COLL, COMP, RECV, SEND
from versim_astrasim.importing.options import ImportOptions
from versim_astrasim.importing.producer import ChakraProducer
from versim_astrasim.options import BackendOptions

RECORDED = Path(__file__).parents[1] / "recorded"


def imported(folder: Path, ranks: list[Linked], *options: str) -> Result:
    """``versim import pytorch``, with its errors passed through; writes ``out.N.et``."""
    paths = written(folder, ranks)
    result = CliRunner().invoke(import_, ["pytorch", *map(str, paths), "-o", str(folder / "out"), *options])
    if isinstance(result.exception, VersimError):
        raise result.exception
    return result


def makespan_ns(folder: Path, ranks: int) -> float:
    """What the embedded engine makes of the traces."""
    graph = ChakraProducer().produce(ImportOptions(path=str(folder / "out")))
    link = Link(bandwidth_bytes_per_s=1e11, latency_s=1e-6)
    system = System(dimensions=(Dimension(topology="switch", size=ranks, link=link),), device=Device(name="test"))
    request = SimulationRequest(inputs=pin(graph, system), options=BackendOptions())
    prediction = AstraSimBackend().simulate(request)
    assert prediction.makespan_ps is not None, prediction.diagnosis
    return prediction.makespan_ps / PS_PER_NS


def messages_of(folder: Path, ranks: int) -> list[tuple[int, int, int]]:
    """Source, target and size of every send, after checking that each has its receive."""
    sends: list[tuple[int, int, int]] = []
    receives: list[tuple[int, int, int]] = []
    for rank, trace in enumerate(read_traces(folder / "out", ranks)):
        for kind, found, ends in ((SEND, sends, "comm_dst"), (RECV, receives, "comm_src")):
            here = trace.node_type == kind
            for peer, size in zip(getattr(trace, ends)[here].tolist(), trace.comm_size[here].tolist(), strict=True):
                found.append((rank, peer, size) if kind == SEND else (peer, rank, size))
    assert sorted(sends) == sorted(receives)
    return sorted(sends)


def kernels(count: int, us: float) -> Linked:
    """Calls that launch a kernel each."""
    trace = Linked({"0": []})
    for number in range(count):
        trace.call("aten::mm", f"gemm{number}", us=us, host_us=abs(2 * us))
    return trace


@pytest.mark.parametrize("us", [1.6, 0.4, 2.0])
def test_fractions_of_a_microsecond_come_through(us: float, tmp_path: Path) -> None:
    """In versim exactly; in what the real program is given in sum."""
    result = imported(tmp_path, [kernels(10, us), kernels(10, us)])
    assert result.exit_code == 0, result.output
    assert ("fractions of a microsecond" in result.stderr) is (us != 2.0)
    graph = ChakraProducer().produce(ImportOptions(path=str(tmp_path / "out")))
    link = Link(bandwidth_bytes_per_s=1e11, latency_s=1e-6)
    system = System(dimensions=(Dimension(topology="switch", size=2, link=link),), device=Device(name="test"))
    gemms = [row for row in range(graph.node_count) if graph.node_name(row).startswith("gemm")]
    assert pin(graph, system).compute_ns[gemms].sum() == round(2 * 10 * us * 1000)
    calls = [row for row in range(graph.node_count) if graph.node_name(row) == "aten::mm"]
    assert len(calls) == 20
    assert pin(graph, system).compute_ns[calls].tolist() == [round(us * 2000)] * 20
    for trace in read_traces(tmp_path / "out", 2):
        compute, on_host = trace.node_type == COMP, trace.is_cpu_op != 0
        assert trace.duration_micros[compute & ~on_host].sum() == round(10 * us)
        assert abs(trace.duration_micros[compute & on_host].sum() - 20 * us) < 1


def pipeline_stage(rank: int, stages: int, microbatches: int, *, both: bool) -> Linked:
    """A stage that receives, computes and sends every microbatch, in groups of one; with ``both`` back again."""
    trace = Linked({"0": list(range(stages))})
    for peers, name in (((rank - 1, rank + 1), "forward"), *((((rank + 1, rank - 1), "backward"),) if both else ())):
        for _ in range(microbatches):
            for number, peer in enumerate(peers):
                if number:
                    trace.call("aten::mm", name)
                if 0 <= peer < stages:
                    trace.communication("coalesced", "SendRecv", elements=500, peer=peer)
    return trace


@pytest.mark.parametrize(("stages", "microbatches", "both"), [(3, 2, False), (4, 3, True), (2, 1, True)])
def test_grouped_messages_go_between_the_recorded_peers(
    stages: int, microbatches: int, both: bool, tmp_path: Path
) -> None:
    """What is computed before a message goes out, what comes in is computed on: that tells the direction."""
    result = imported(tmp_path, [pipeline_stage(rank, stages, microbatches, both=both) for rank in range(stages)])
    assert result.exit_code == 0, result.output
    forth = [(rank, rank + 1, 2000) for rank in range(stages - 1) for _ in range(microbatches)]
    back = [(rank + 1, rank, 2000) for rank in range(stages - 1) for _ in range(microbatches)] if both else []
    assert messages_of(tmp_path, stages) == sorted(forth + back)
    assert makespan_ns(tmp_path, stages) > 0
    assert "nothing found" in result.output


def test_sends_and_receives_called_in_a_group_are_messages_of_their_own(tmp_path: Path) -> None:
    """Megatron's send_forward_recv_backward is one kernel for both, and the calls within say what goes where."""
    ranks = []
    for rank in range(2):
        trace = Linked({"0": [0, 1]})
        trace.call("aten::mm", "gemm")
        trace.communication("send", "", elements=100 + rank, peer=1 - rank)
        trace.communication("recv", "", elements=101 - rank, peer=1 - rank)
        trace.communication("coalesced", "SendRecv", elements=7, peer=1 - rank)
        trace.call("aten::mm", "gemm")
        ranks.append(trace)
    result = imported(tmp_path, ranks)
    assert result.exit_code == 0, result.output
    assert messages_of(tmp_path, 2) == [(0, 1, 400), (1, 0, 404)]
    assert "have no kernel" not in result.stderr


UNEVEN = ((100, 0), (300, 1), (50, 2), (0, 3))


def uneven(elements: int) -> Linked:
    """A rank that brings so many elements to an all-to-all."""
    trace = Linked({"0": []})
    trace.call("aten::mm", "gemm")
    trace.communication("all_to_allv", "SendRecv", elements=elements)
    if not elements:
        trace._nodes[-1]["inputs"]["values"].insert(0, [[7, 7, 0, 0, 4, "cuda:0"]])
        trace._nodes[-1]["inputs"]["types"].insert(0, "GenericList[Tensor(float)]")
        trace._kernels[-1]["inputs"] = trace._nodes[-1]["inputs"]
    trace.call("aten::mm", "gemm")
    return trace


@pytest.mark.parametrize(("how", "size"), [("largest", 1200), ("mean", 450), ("pairs", None)])
def test_an_uneven_all_to_all_is_simulated_as_asked(how: str, size: int | None, tmp_path: Path) -> None:
    """ASTRA-sim knows one size per collective; messages of pairs keep what each rank sends."""
    result = imported(tmp_path, [uneven(elements) for elements, _ in UNEVEN], "--uneven", how)
    assert result.exit_code == 0, result.output
    traces = read_traces(tmp_path / "out", 4)
    if size is None:
        sent = [sum(moved for source, _, moved in messages_of(tmp_path, 4) if source == rank) for rank in range(4)]
        assert sent == [300, 900, 150, 0]
    else:
        assert [trace.comm_size[trace.node_type == COLL].tolist() for trace in traces] == [[size]] * 4
        assert "400, 1200, 200, 0 bytes" in result.stderr
    assert makespan_ns(tmp_path, 4) > 0


def test_recorded_parts_of_an_all_to_all_are_kept_per_pair(tmp_path: Path) -> None:
    """Experts are loaded unevenly although every rank sends as much."""
    ranks = []
    for parts in ([1, 9], [4, 6]):
        trace = Linked({"0": [0, 1]})
        trace.communication("all_to_allv", "SendRecv", elements=10, parts=parts)
        trace.call("aten::mm", "gemm")
        ranks.append(trace)
    imported(tmp_path, ranks, "--uneven", "pairs")
    assert messages_of(tmp_path, 2) == [(0, 1, 36), (1, 0, 16)]


@pytest.mark.parametrize("groups", [{"0": [0, 1, 2, 3]}, {"0": [], "7": [1, 3]}])
def test_traces_of_fewer_ranks_than_were_recorded_are_refused(groups: dict[str, list[int]], tmp_path: Path) -> None:
    """The groups that a rank names tell how many there were."""
    trace = Linked(groups)
    trace.communication("allreduce", "AllReduce", elements=8)
    with pytest.raises(VersimError, match=r"4 ranks were recorded.*1 trace is given"):
        imported(tmp_path, [trace])


def test_a_negative_duration_is_named_with_rank_kernel_and_remedy(tmp_path: Path) -> None:
    """The converter fails on it with a word about ranges."""
    with pytest.raises(
        VersimError, match=r"linked\.1\.json: rank 1: node \d+ \('gemm0'\) lasts -7 µs.*record the trace"
    ):
        imported(tmp_path, [kernels(1, 5), kernels(1, -7)])


def test_a_duration_that_cannot_be_is_refused_or_cut(tmp_path: Path) -> None:
    """A kernel cannot last 3 s when the next of its stream begins 10 µs later."""
    trace = Linked({"0": []})
    for us in (8.0, 3_400_000.0, 8.0):
        trace.call("aten::mm", f"gemm of {us}", us=us)
    with pytest.raises(VersimError, match=r"rank 1: node .* \('gemm of 3400000\.0'\) lasts 3,400,000 µs, 3,399,990 µs"):
        imported(tmp_path, [kernels(3, 8), trace])
    result = imported(tmp_path, [kernels(3, 8), trace], "--durations", "stream")
    assert result.exit_code == 0
    assert "1 durations were cut" in result.stderr
    (second,) = read_traces(tmp_path / "out", 2)[1:]
    assert second.duration_micros[(second.node_type == COMP) & (second.is_cpu_op == 0)].tolist() == [8, 10, 8]


def test_a_duration_a_little_too_long_is_noted(tmp_path: Path) -> None:
    """Kernels of one stream overlap at most at their ends."""
    result = imported(tmp_path, [kernels(5, 30), kernels(5, 5)])
    assert result.exit_code == 0
    assert "rank 0: 4 kernels last longer than what their stream leaves" in result.stderr


def sending(peer: int, name: str) -> Linked:
    """A rank whose last node is a message."""
    trace = Linked({"0": []})
    trace.call("aten::mm", "gemm")
    trace.communication(name, "SendRecv", elements=500, peer=peer)
    node = next(node for node in trace._nodes if node["name"] == f"c10d::{name}_")
    node["name"] = f"c10d::{name}_"
    return trace


def test_host_calls_are_folded_where_the_real_program_would_abort(tmp_path: Path) -> None:
    """A rank with CPU nodes whose last completion is a message aborts; what the host ordered stays ordered."""
    ranks = [sending(1, "send"), sending(0, "recv")]
    result = imported(tmp_path, ranks)
    assert result.exit_code == 0, result.output
    assert "nothing found" in result.output
    assert "were folded into dependencies" in result.stderr
    assert not any(trace.is_cpu_op.any() for trace in read_traces(tmp_path / "out", 2))
    kept = imported(tmp_path, ranks, "--host", "keep")
    assert "run-fails" in kept.output
    assert kept.exit_code == 1


def test_compressed_traces_are_read(tmp_path: Path) -> None:
    """As PyTorch writes them beside each other."""
    (path,) = written(tmp_path, [kernels(2, 5)])
    packed = tmp_path / "linked.0.json.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    result = CliRunner().invoke(import_, ["pytorch", str(packed), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    packed.write_bytes(packed.read_bytes()[:-20])
    result = CliRunner().invoke(import_, ["pytorch", str(packed), "-o", str(tmp_path / "out")])
    assert isinstance(result.exception, VersimError)
    assert "cut short" in str(result.exception)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{\n  "version": "0.0.4"\n}{\n  "id": "1", "ctrlDeps": ["0"], "durationMicros": "3"\n}', "chakra_jsonizer"),
        (json.dumps({"version": "0.0.4"}), "chakra_jsonizer"),
        ("HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 8 ep: 1\n4\n", "workload text of SimAI"),
        (json.dumps({"name": "gpt", "hidden": 1, "attn_heads": 8, "seq_size": 128}), "of Calculon"),
    ],
)
def test_what_is_not_a_recording_is_called_by_its_name(content: str, message: str, tmp_path: Path) -> None:
    """With what to do instead."""
    path = tmp_path / "file.json"
    path.write_text(content, encoding="utf-8")
    result = CliRunner().invoke(import_, ["pytorch", str(path), "-o", str(tmp_path / "out")])
    assert isinstance(result.exception, VersimError)
    assert message in str(result.exception)


def test_a_recorded_pipeline_of_grouped_messages_imports_lints_and_compares(tmp_path: Path) -> None:
    """Recorded by PyTorch 2.13 on CPUs with gloo and batch_isend_irecv: three stages, two microbatches."""
    paths = [RECORDED / f"pipeline.{rank}.json.gz" for rank in range(3)]
    result = CliRunner().invoke(import_, ["pytorch", *map(str, paths), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert messages_of(tmp_path, 3) == [(0, 1, 8192)] * 2 + [(1, 2, 8192)] * 2
    assert "error" not in result.output
    assert "warning" not in result.output
    traces = read_traces(tmp_path / "out", 3)
    compute_ns = [int(trace.duration_micros[trace.node_type == COMP].sum()) * 1000 for trace in traces]
    assert makespan_ns(tmp_path, 3) > max(compute_ns)


def test_a_full_disk_is_not_the_converters_fault(tmp_path: Path) -> None:
    """Nothing is left of what was begun."""
    paths = [RECORDED / f"pipeline.{rank}.json.gz" for rank in range(3)]
    command = [sys.executable, "-c", "from versim.cli import main; main()", "import", "pytorch", *map(str, paths)]
    script = 'ulimit -f 1; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *command, "-o", str(tmp_path / "out")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"cannot write {tmp_path}: File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def sharded(rank: int, tensor: int, data: int) -> Linked:
    """A rank of a sharded optimizer: tensor-parallel all-reduces, data-parallel gathers and scatters of 8 KiB."""
    world = tensor * data
    mine = [rank // tensor * tensor + other for other in range(tensor)]
    across = [rank % tensor + tensor * other for other in range(data)]
    trace = Linked({"0": list(range(world)), "5": mine, "6": across})
    described = [("0", "default_pg"), ("5", "TENSOR_MODEL_PARALLEL_GROUP"), ("6", "DATA_PARALLEL_GROUP")]
    groups = json.loads(trace._nodes[2]["inputs"]["values"][0])
    texts = [{**group, "pg_desc": dict(described)[group["pg_name"]]} for group in groups]
    trace._nodes[2]["inputs"]["values"] = [json.dumps(texts)]
    trace.communication("_allgather_base", "AllGather_RING", elements=2048 // data, group="6")
    trace.call("aten::mm", "gemm")
    trace.communication("allreduce", "AllReduce_Sum", elements=512, group="5")
    trace.communication("_reduce_scatter_base", "ReduceScatter_Sum", elements=2048, group="6")
    trace.communication("allreduce", "AllReduce_Sum", elements=1)
    return trace


@pytest.mark.parametrize(("given", "recorded"), [(2, 4), (4, 4)])
@pytest.mark.parametrize(("shards", "gathered"), [("cut", 1024), ("keep", 4096)])
def test_few_recorded_ranks_stand_for_many(
    given: int, recorded: int, shards: str, gathered: int, tmp_path: Path
) -> None:
    """Along dp ranks repeat: its groups grow, tensor-parallel ones do not, and shards are cut or kept."""
    ranks = [sharded(rank, 2, recorded // 2) for rank in range(given)]
    result = imported(tmp_path, ranks, "--ranks", "16", "--along", "dp", "--shards", shards)
    assert result.exit_code == 0, result.output
    assert f"{given} recorded ranks stand for 16" in result.stderr
    described = json.loads((tmp_path / "comm_groups.json").read_text(encoding="utf-8"))
    sizes: list[list[tuple[int, int, int]]] = []
    for rank, trace in enumerate(read_traces(tmp_path / "out", 16)):
        sizes.append([])
        for index in [int(row) for row in (trace.node_type == COLL).nonzero()[0]]:
            members = described.get(trace.pg_name[index], list(range(16)))
            assert rank in members
            sizes[-1].append((int(trace.comm_type[index]), len(members), int(trace.comm_size[index])))
    assert sizes == [[(2, 8, gathered), (0, 2, 2048), (7, 8, 8192), (0, 16, 4)]] * 16
    assert makespan_ns(tmp_path, 16) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ranks", "7"), "is no multiple of the 2 traces"),
        (("--ranks", "1"), "is less than the 2 traces"),
        (("--ranks", "16", "--along", "tp"), "goes beyond the 2 traces given and is not along tp"),
    ],
)
def test_ranks_that_cannot_be_made_are_refused(options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    """With the groups there are."""
    with pytest.raises(VersimError, match=message):
        imported(tmp_path, [sharded(rank, 2, 2) for rank in range(2)], *options)


def test_a_stage_without_its_neighbours_cannot_stand_for_many(tmp_path: Path) -> None:
    """Where its messages go is not known."""
    trace = Linked({"0": [0, 1]})
    trace.communication("send", "SendRecv", elements=500, peer=1)
    with pytest.raises(VersimError, match="is a message with rank 1, whose trace is not given"):
        imported(tmp_path, [trace], "--ranks", "4")
