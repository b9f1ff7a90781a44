"""A folder of ASTRA-sim's own files is a scenario, whose figures are those of the program on these files."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from chakra_files import Node, coll, comp, recv, send, written
from click.testing import CliRunner, Result
from versim import PS_PER_NS, SimulationRequest, VersimError, load_registry, load_scenario, structure_options
from versim.asking.preparation import prepare_pin
from versim.cli.group import cli
from versim_astrasim.backend import AstraSimBackend
from versim_astrasim.chakra.reader import read_traces
from versim_astrasim.chakra.writer import write_traces
from versim_astrasim.engine import NetworkConfig, RemoteMemoryConfig, SystemConfig, groups_from_mapping, simulate

NETWORK = {"topology": ["Ring"], "npus_count": [4], "bandwidth": [50.0], "latency": [500.0]}
PLANE = {"topology": ["Switch", "Ring"], "npus_count": [2, 2], "bandwidth": [400, 37.3], "latency": [936.25, 123.7]}
SYSTEM: dict[str, Any] = {
    "scheduling-policy": "LIFO",
    "endpoint-delay": 10,
    "active-chunks-per-dimension": 1,
    "preferred-dataset-splits": 4,
    "collective-optimization": "localBWAware",
    "local-mem-bw": 1600,
    "boost-mode": 0,
    **{f"{kind}-implementation": ["ring"] for kind in ("all-reduce", "all-gather", "reduce-scatter", "all-to-all")},
}


def files(
    folder: Path, ranks: Sequence[Sequence[Node]], network: Mapping[str, Any] = NETWORK, **others: Mapping[str, Any]
) -> Path:
    """Traces with their network file, and other files by their names without ending."""
    written(folder, ranks)
    (folder / "network.yml").write_text(yaml.safe_dump(dict(network)), encoding="utf-8")
    for name, content in others.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def finishes_ns(place: Path, **flags: str) -> list[int]:
    """Finish of every rank of the scenario that a folder amounts to."""
    registry = load_registry()
    scenario = load_scenario(place, registry, {f"--{name.replace('_', '-')}": path for name, path in flags.items()})
    prepared = prepare_pin(scenario, registry, scenario.workloads[0], scenario.pins[0])
    backend = AstraSimBackend()
    options = structure_options(backend, scenario.backends[0].options)
    prediction = backend.simulate(SimulationRequest(inputs=prepared.inputs, options=options))
    assert prediction.completed, prediction.diagnosis
    return [int(finish_ps) // PS_PER_NS for finish_ps in prediction.finish_ps]


def run(*arguments: object) -> Result:
    """``versim``."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def refused(text: str, *arguments: object) -> bool:
    """Whether ``versim`` ends with status 1 and some text."""
    result = run(*arguments)
    return result.exit_code == 1 and text in result.output


@pytest.mark.parametrize(
    ("kind", "ranks", "network", "system", "recorded_ns"),
    [
        ("ALL_GATHER", 16, NETWORK | {"npus_count": [16]}, {}, 323560),
        ("REDUCE_SCATTER", 4, NETWORK, {}, 22240),
        (
            "ALL_REDUCE",
            8,
            {"topology": ["Switch"], "npus_count": [8], "bandwidth": [400.0], "latency": [936.25]},
            {"active-chunks-per-dimension": 2, "local-mem-bw": 3350},
            57426,
        ),
    ],
)
def test_the_programs_own_examples_have_the_programs_makespan(
    kind: str, ranks: int, network: dict[str, Any], system: dict[str, Any], recorded_ns: int, tmp_path: Path
) -> None:
    """Collectives of 1 MiB as ASTRA-sim ships them, measured with ASTRA-sim 518bd51; only the folder is typed."""
    folder = files(tmp_path, [[coll(0, kind=kind)]] * ranks, network, system={**SYSTEM, **system})
    assert set(finishes_ns(folder)) == {recorded_ns}
    report = json.loads(run("compare", folder, "-f", "json").output)
    assert f"{recorded_ns}000" in json.dumps(report)


def test_files_elsewhere_are_named(tmp_path: Path) -> None:
    """Traces in one folder, the simulator's files in another; a prefix will do for the traces."""
    elsewhere = files(tmp_path / "machine", [], system=SYSTEM)
    prefix = written(tmp_path / "traces", [[coll(0)]] * 4, "step")
    assert refused("no network file beside them", "compare", prefix)
    network, system = elsewhere / "network.yml", elsewhere / "system.json"
    assert finishes_ns(prefix, network=str(network), system=str(system)) == [43000] * 4
    result = run("compare", tmp_path / "traces", "--network", network, "--system", system)
    assert "43.00 µs" in result.output
    assert refused("no folder or prefix of files", "compare", "bundled", "--network", network)


def test_a_folder_without_traces_is_none_of_ours(tmp_path: Path) -> None:
    """Said as a folder that nobody knows."""
    assert refused("no plugin makes a scenario", "compare", tmp_path)


def test_init_writes_the_scenario_that_compare_reads(tmp_path: Path) -> None:
    """With the same figures, ready to be changed."""
    folder = files(tmp_path / "traces", [[coll(0)]] * 4, system=SYSTEM)
    scenario = tmp_path / "mine.yaml"
    assert run("init", scenario, "--from", folder).exit_code == 0
    text = scenario.read_text(encoding="utf-8")
    assert "bandwidth: '50 GiB/s'" in text
    assert "preferred_dataset_splits: 4" in text
    assert finishes_ns(scenario) == finishes_ns(folder) == [43000] * 4


def of_the_engine(
    folder: Path, network: Mapping[str, Any], system: Mapping[str, Any], **given: Any
) -> list[int | None]:
    """The engine on the files as they are."""
    several = len(network["topology"]) > 1
    ranks = NetworkConfig.from_mapping(network, congestion_aware=False).rank_count
    outcome = simulate(
        read_traces(folder / "trace", ranks),
        NetworkConfig.from_mapping(network, congestion_aware=not several),
        SystemConfig.from_mapping(system),
        **given,
    )
    return list(outcome.finish_ns)


def generated(rank: int, ranks: int, source: random.Random) -> list[Node]:
    """Compute by operations and bytes only, collectives and messages, as generators of traces write them."""
    layers = 4
    nodes: list[Node] = []
    for layer in range(layers):
        work = {"num_ops": source.randint(1, 10**12), "tensor_size": source.randint(1, 10**9)}
        after = [nodes[-1]["id"]] if nodes else []
        nodes.append(comp(3 * layer, *after, micros=0, attr=work))
        nodes.append(coll(3 * layer + 1, 3 * layer, size=source.choice([1 << 20, 12345, 10**6])))
        end = {"to": (rank + 1) % ranks} if rank % 2 == 0 else {"of": (rank - 1) % ranks}
        nodes.append((send if "to" in end else recv)(3 * layer + 2, 3 * layer + 1, tag=layer, size=4096, **end))
    return nodes


@pytest.mark.parametrize("network", [NETWORK, PLANE])
@pytest.mark.parametrize("seed", range(4))
def test_work_without_durations_is_timed_by_the_files_roofline(
    seed: int, network: dict[str, Any], tmp_path: Path
) -> None:
    """To the nanosecond as the program does it with roofline-enabled."""
    ranks = [generated(rank, 4, random.Random(seed)) for rank in range(4)]
    lists = {key: names * len(network["topology"]) for key, names in SYSTEM.items() if key.endswith("-implementation")}
    system = {**SYSTEM, **lists, "roofline-enabled": 1, "peak-perf": 312.5, "local-mem-bw": 1555.7}
    folder = files(tmp_path, ranks, network, system=system)
    assert finishes_ns(folder) == of_the_engine(folder, network, system)


def test_work_that_the_files_do_not_time_lasts_as_in_the_program(tmp_path: Path) -> None:
    """With roofline-enabled 0 it is 1 ns; a scenario that names no timing refuses it instead."""
    ranks = [[comp(0, micros=0, attr={"num_ops": 10**12, "tensor_size": 8}), coll(1, 0)]] * 4
    folder = files(tmp_path, ranks, system=SYSTEM)
    assert finishes_ns(folder) == of_the_engine(folder, NETWORK, SYSTEM) == [43001] * 4
    said = run("compare", folder)
    assert "the work of 4 compute nodes is NOT timed" in said.output.splitlines()[0]
    scenario = tmp_path / "plain.yaml"
    document = {
        "workloads": [{"label": "t", "producer": "chakra", "options": {"path": str(folder)}}],
        "system": {"dimensions": [{"topology": "ring", "size": 4, "bandwidth": "50 GiB/s", "latency": "500 ns"}]},
        "backends": [{"label": "astrasim", "backend": "astrasim"}],
    }
    scenario.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert refused("has to be timed", "compare", scenario)


WORK = {"num_ops": 10**9, "tensor_size": 1000}


@pytest.mark.parametrize(
    ("attr", "rule"),
    [
        ({}, "missing-attribute"),
        ({"num_ops": 10**9}, "missing-attribute"),
        ({"tensor_size": 1000}, "missing-attribute"),
        ({"num_ops": 0, "tensor_size": 1000}, "no-operations"),
        ({"num_ops": 10**9, "tensor_size": 0}, ""),
        ({"is_cpu_op": True}, ""),
        (WORK, ""),
    ],
)
def test_what_the_programs_roofline_breaks_on_is_said_as_lint_says_it(
    attr: dict[str, Any], rule: str, tmp_path: Path
) -> None:
    """A graph's compute always has a time; on the same files the program breaks off, and nobody would know."""
    ranks = [[comp(0, attr=WORK), comp(1, 0, micros=5, attr=attr if rank == 2 else WORK)] for rank in range(4)]
    folder = files(tmp_path, ranks, system={**SYSTEM, "roofline-enabled": 1, "peak-perf": 10})
    linted = run("lint", folder, "--network", folder / "network.yml", "--system", folder / "system.json")
    assert linted.exit_code == (1 if rule else 0)
    assert rule in linted.output
    said = run("compare", folder)
    assert said.exit_code == (4 if rule else 0)
    if rule:
        assert f"{rule}: with roofline-enabled the program" in " ".join(said.output.split()), said.output
        assert run("compare", folder, "--force").exit_code == 0
    plain = {**SYSTEM, "roofline-enabled": 0}
    (folder / "system.json").write_text(json.dumps(plain), encoding="utf-8")
    assert run("compare", folder).exit_code == 0


@pytest.mark.parametrize(("value", "tracks"), [(1, True), (0, False), (False, True)])
def test_tracked_memory_without_tensors_is_said_as_lint_says_it(value: object, tracks: bool, tmp_path: Path) -> None:
    """The program ends with status 0 and no rank finished; versim's own export would give the tensors."""
    folder = files(tmp_path, [[comp(0), coll(1, 0)]] * 4, system={**SYSTEM, "track-local-mem": value})
    linted = run("lint", folder, "--network", folder / "network.yml", "--system", folder / "system.json")
    said = run("compare", folder)
    assert (linted.exit_code, said.exit_code) == ((1, 4) if tracks else (0, 0))
    if tracks:
        assert "untracked-tensors" in linted.output
        assert "the program never finishes ranks 0-3: 8 nodes without" in " ".join(said.output.split())
        assert run("compare", folder, "--force").exit_code == 0
    write_traces(read_traces(folder / "trace", 4), folder / "trace", tensors=True)
    assert run("compare", folder).exit_code == 0


@pytest.mark.parametrize("roofline", [0, 1])
def test_cpu_operations_run_beside_the_accelerator(roofline: int, tmp_path: Path) -> None:
    """As recorded, whatever operations they have; nothing of what is checked minds that a rank does two things."""
    work = {"num_ops": 10**9, "tensor_size": 1000}
    cpu = {**work, "is_cpu_op": True}
    ranks = [
        [
            comp(0, micros=30 + rank, attr=cpu),
            comp(1, micros=20, attr=work),
            comp(2, 0, micros=7, attr=cpu),
            coll(3, 1),
            comp(4, 2, 3, micros=0, attr=cpu),
        ]
        for rank in range(4)
    ]
    system = {**SYSTEM, "roofline-enabled": roofline, "peak-perf": 0.05}
    folder = files(tmp_path, ranks, system=system)
    assert finishes_ns(folder) == of_the_engine(folder, NETWORK, system)
    said = run("compare", folder, "--full")
    assert "all passed for every prediction" in said.output
    assert "12 CPU operations are compute of the host" in " ".join(said.output.split())


def test_durations_and_work_may_be_mixed(tmp_path: Path) -> None:
    """What is recorded stays, the rest goes through the timing that the pin names."""
    ranks = [[comp(0, micros=7), comp(1, 0, micros=0, attr={"num_ops": 9 * 10**9, "tensor_size": 10**6})]] * 2
    written(tmp_path / "traces", ranks)
    timing = {"timing": "astrasim", "options": {"peak_flop_per_s": 9e14, "local_memory_bytes_per_s": 1.6e12}}
    document = {
        "workloads": [{"label": "t", "producer": "chakra", "options": {"path": str(tmp_path / "traces")}}],
        "pins": [{"label": "roofline", "compute": timing}],
        "system": {"dimensions": [{"topology": "switch", "size": 2, "bandwidth": "50 GiB/s", "latency": "500 ns"}]},
        "backends": [{"label": "astrasim", "backend": "astrasim"}],
    }
    scenario = tmp_path / "mixed.yaml"
    scenario.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert finishes_ns(scenario) == [17000, 17000]


@pytest.mark.parametrize(
    ("sizes", "names", "kind", "size", "grouped"),
    [
        ([3, 4], ["ring", "halvingDoubling"], "ALL_REDUCE", 1 << 20, False),
        ([4, 3], ["halvingDoubling", "direct"], "ALL_GATHER", 12345, False),
        ([4, 2], ["halvingDoubling", "halvingDoubling"], "ALL_TO_ALL", 1 << 20, True),
        ([4, 2], ["doubleBinaryTree", "ring"], "ALL_REDUCE", 1 << 20, True),
        ([8, 4], ["halvingDoubling", "ring"], "ALL_REDUCE", 64, False),
    ],
)
def test_algorithms_matter_where_they_are_run(
    sizes: list[int], names: list[str], kind: str, size: int, grouped: bool, tmp_path: Path
) -> None:
    """Each on its dimension; groups take a ring where there are several, as the program does (measured on 518bd51)."""
    network = {**PLANE, "npus_count": sizes}
    stem = kind.lower().replace("_", "-")
    system = {**SYSTEM, **{key: ["ring", "ring"] for key in SYSTEM if key.endswith("-implementation")}}
    system[f"{stem}-implementation"] = names
    count = sizes[0] * sizes[1]
    groups = {"1": list(range(sizes[0])), "2": list(range(sizes[0], count))}
    ranks = [
        [coll(0, kind=kind, size=size, **({"pg_name": "1" if rank < sizes[0] else "2"} if grouped else {}))]
        for rank in range(count)
    ]
    folder = files(tmp_path, ranks, network, system=system, **({"comm_groups": groups} if grouped else {}))
    given = {"groups": groups_from_mapping(groups)} if grouped else {}
    assert finishes_ns(folder) == of_the_engine(folder, network, system, **given)


def test_a_list_shorter_than_the_network_sees_its_first_dimensions(tmp_path: Path) -> None:
    """As the program reads it: such a kind of collective does not cross the others."""
    folder = files(tmp_path, [[coll(0)]] * 4, PLANE, system=SYSTEM)
    assert finishes_ns(folder) == of_the_engine(folder, PLANE, SYSTEM)


def test_a_network_of_fewer_ranks_reads_their_traces(tmp_path: Path) -> None:
    """As the program does."""
    folder = files(tmp_path, [[coll(0)]] * 8, system=SYSTEM)
    assert finishes_ns(folder) == [43000] * 4


@pytest.mark.parametrize("kind", ["PER_NPU_MEMORY_EXPANSION", "MEMORY_POOL"])
def test_memory_nodes_run_where_there_is_remote_memory(kind: str, tmp_path: Path) -> None:
    """Beside compute, and one after the other where ranks share a server."""
    memory = {"memory-type": kind, "remote-mem-latency": 100, "remote-mem-bw": 10}
    load = {"id": 1, "name": "load", "type": "MEM_LOAD_NODE", "attr": {"tensor_size": 10**6}}
    ranks = [[comp(0), load, comp(2, 0, 1)]] * 4
    folder = files(tmp_path, ranks, system=SYSTEM, remote_memory=memory)
    expected = of_the_engine(folder, NETWORK, SYSTEM, memory=RemoteMemoryConfig.from_mapping(memory))
    assert finishes_ns(folder) == expected
    assert len(set(expected)) == (1 if kind.startswith("PER_NPU") else 4)


def test_groups_and_traces_of_collectives_are_found_beside(tmp_path: Path) -> None:
    """Whatever their names; a described collective from the system file's folder."""
    groups = {"1": [0, 1], "2": [2, 3]}
    ranks = [[comp(0), coll(1, 0, pg_name=str(1 + rank // 2))] for rank in range(4)]
    folder = files(tmp_path / "groups", ranks, system=SYSTEM, whatever=groups)
    given = groups_from_mapping(groups)
    assert finishes_ns(folder) == of_the_engine(folder, NETWORK, SYSTEM, groups=given)
    exchange = [[send(0, to=1 - rank, size=4096), recv(1, of=1 - rank, size=4096)] for rank in range(2)]
    system = {"preferred-dataset-splits": 1, "all-reduce-implementation-custom": ["described/pair"], "local-mem-bw": 50}
    pair = NETWORK | {"topology": ["Switch"], "npus_count": [2]}
    folder = files(tmp_path / "custom", [[comp(0), coll(1, 0)]] * 2, pair, system=system)
    written(folder / "described", exchange, "pair")
    assert max(finishes_ns(folder)) > 5000


def test_several_files_of_one_kind_have_to_be_told_apart(tmp_path: Path) -> None:
    """None is taken by chance."""
    folder = files(tmp_path, [[coll(0)]] * 4, first=SYSTEM, second=SYSTEM)
    with pytest.raises(VersimError, match=r"several files of one kind \(first\.json, second\.json\)"):
        finishes_ns(folder)


def test_groups_of_older_generators_are_taken_on_request(tmp_path: Path) -> None:
    """ASTRA-sim does not read them, so that they are noted and of no effect unless asked for."""
    ranks = [[{**coll(0), "attr": {**coll(0)["attr"], "comm_group": 1}}]] * 4
    from chakra.schema.protobuf import et_def_pb2 as schema  # noqa: PLC0415 - this test only
    from chakra_files import delimited  # noqa: PLC0415
    from versim_astrasim.importing.options import ImportOptions  # noqa: PLC0415
    from versim_astrasim.importing.producer import ChakraProducer  # noqa: PLC0415

    for rank, group in enumerate((1, 1, 2, 2)):
        attributes = {"comm_type": 0, "comm_size": 4096, "comm_group": group}
        node = schema.Node(id=0, type=schema.COMM_COLL_NODE)
        for name, value in attributes.items():
            node.attr.add(name=name, int64_val=value)
        head = schema.GlobalMetadata(version="0.0.4").SerializeToString()
        (tmp_path / f"t.{rank}.et").write_bytes(delimited(head, node.SerializeToString()))
    assert ranks
    (tmp_path / "comm_groups.json").write_text(json.dumps({"1": [0, 1], "2": [2, 3]}), encoding="utf-8")
    world = ChakraProducer().produce(ImportOptions(path=str(tmp_path)))
    assert world.communication_count == 1
    assert any("comm_group" in note for note in world.notes)
    grouped = ChakraProducer().produce(ImportOptions(path=str(tmp_path), comm_group=True))
    assert grouped.communication_count == 2


def test_dangling_dependencies_are_dropped_on_request(tmp_path: Path) -> None:
    """As the import of PyTorch's traces does; else they are refused."""
    from versim_astrasim.importing.options import ImportOptions  # noqa: PLC0415 - this test only
    from versim_astrasim.importing.producer import ChakraProducer  # noqa: PLC0415

    prefix = written(tmp_path, [[comp(0), comp(1, 0, 77)]] * 2)
    with pytest.raises(VersimError, match="77"):
        ChakraProducer().produce(ImportOptions(path=str(prefix)))
    graph = ChakraProducer().produce(ImportOptions(path=str(prefix), dangling="drop"))
    assert any("2 dependencies on nodes that do not exist were dropped" in note for note in graph.notes)
