"""Every rule finds its fault and leaves a sound near-miss alone, in traces that are written to files and read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chakra.schema.protobuf import et_def_pb2 as schema
from chakra_files import Node, coll, comp, delimited, fielded_node, listed, recv, send, written
from click.testing import CliRunner
from lint_pairs import FILES_ONLY, IDLE, PAIRS, node, step
from versim import Finding
from versim_astrasim.lint.check import check
from versim_astrasim.lint.command import lint as lint_command
from versim_astrasim.lint.findings import MOST_PER_RULE
from versim_astrasim.lint.loading import Given, lint
from versim_astrasim.lint.rules import RULES
from versim_astrasim.lint.step import Step
from versim_proof.astrasim.lint_figures import figures


@pytest.mark.parametrize("rule", PAIRS)
def test_a_rule_finds_its_fault_and_leaves_the_near_miss_alone(rule: str, tmp_path: Path) -> None:
    """The finding carries the rule's severity and remedy; the near-miss has no error of any other rule either."""
    faulty, sound = PAIRS[rule]
    found = {finding.rule: finding for finding in faulty.findings(tmp_path / "faulty")}
    assert rule in found, found
    assert (found[rule].severity, found[rule].remedy) == (RULES[rule].severity, RULES[rule].remedy)
    missed = {finding.rule for finding in sound.findings(tmp_path / "sound")}
    assert rule not in missed
    allowed = {"invalid-strands": {"invalid-node"}}.get(rule, set())
    errors = {name for name in missed - allowed if RULES[name].severity == "error"}
    assert not errors


def test_every_rule_has_a_pair_or_a_test_of_its_own() -> None:
    """At least 25 rules and 60 traces."""
    assert set(PAIRS) | FILES_ONLY == set(RULES)
    assert len(PAIRS) >= 25
    assert 2 * len(PAIRS) >= 60


def test_every_rule_is_documented() -> None:
    """``docs/lint-rules.md`` has a heading for each, with its severity."""
    text = (Path(__file__).parents[3] / "docs" / "lint-rules.md").read_text(encoding="utf-8")
    for rule in RULES.values():
        heading = f"### {rule.id} ({rule.severity.value})\n"
        assert heading in text
        paragraph = text.partition(heading)[2].partition("\n### ")[0]
        assert len(paragraph.split()) >= 10, rule.id
    assert text.count("\n### ") == len(RULES)


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    """With the byte, and without a hundred findings about its absence."""
    prefix = written(tmp_path, [[coll(0)], [coll(0)]])
    path = tmp_path / "trace.1.et"
    path.write_bytes(path.read_bytes()[:-3])
    (found,) = lint(Given(where=prefix))
    assert (found.rule, found.rank) == ("unreadable-trace", 1)
    assert "at byte" in found.message


def test_a_file_of_the_old_schema_is_a_finding(tmp_path: Path) -> None:
    """Today's program reads its numbers as other nodes."""
    (tmp_path / "old.0.et").write_bytes(delimited(fielded_node("w", id=1, node_type=3, simulated_run_time=5)))
    assert "old-schema" in {finding.rule for finding in lint(Given(where=tmp_path))}


def test_a_file_without_metadata_is_a_finding(tmp_path: Path) -> None:
    """The real program takes the first node for it (measured: it aborts on the first node that waits for that one)."""
    prefix = written(tmp_path, [[comp(0), coll(1, 0)]] * 2)
    assert "no-metadata" not in {finding.rule for finding in lint(Given(where=prefix))}
    path = tmp_path / "trace.1.et"
    content = path.read_bytes()
    path.write_bytes(content[1 + content[0] :])
    assert [(found.rule, found.rank) for found in lint(Given(where=prefix))] == [("no-metadata", 1)]


def listed_with(folder: Path, *attributes: schema.AttributeProto, kind: int = schema.COMM_COLL_NODE) -> Path:
    """Two equal traces of one node."""
    content = schema.Node(id=7, type=kind, duration_micros=3, attr=attributes).SerializeToString()
    for rank in range(2):
        path = folder / f"t.{rank}.et"
        path.write_bytes(delimited(schema.GlobalMetadata(version="0.0.4").SerializeToString(), content))
    return folder / "t"


def integer(name: str, value: int) -> schema.AttributeProto:
    """An attribute."""
    return schema.AttributeProto(name=name, int64_val=value)


def test_an_attribute_with_two_values_is_a_finding(tmp_path: Path) -> None:
    """The program takes the first; the same value twice says nothing."""
    both = [integer("comm_type", 0), integer("comm_size", 4096)]
    (found,) = lint(Given(where=listed_with(tmp_path, *both, integer("comm_size", 8192))))
    assert (found.rule, found.rank, found.node) == ("repeated-attribute", 0, 7)
    assert "4096 and 8192" in found.message
    assert "alike on rank 1" in found.message
    assert not lint(Given(where=listed_with(tmp_path, *both, integer("comm_size", 4096))))
    doubled = [schema.AttributeProto(name="pg_name", string_val=name) for name in ("1", "2")]
    groups = tmp_path / "groups.json"
    groups.write_text(json.dumps({"1": [0, 1], "2": [0, 1]}), encoding="utf-8")
    found_rules = {each.rule for each in lint(Given(where=listed_with(tmp_path, *both, *doubled), comm_groups=groups))}
    assert found_rules == {"repeated-attribute"}


def test_a_group_in_an_attribute_that_is_not_read_is_a_finding(tmp_path: Path) -> None:
    """Older generators name groups there; a collective that has pg_name too is sound."""
    both = [integer("comm_type", 0), integer("comm_size", 4096), integer("comm_group", 3)]
    (found,) = lint(Given(where=listed_with(tmp_path, *both)))
    assert (found.rule, found.severity, found.node) == ("group-attribute", "warning", 7)
    assert "comm_group" in found.message
    named = schema.AttributeProto(name="pg_name", string_val="0")
    assert not lint(Given(where=listed_with(tmp_path, *both, named)))


def test_tracking_memory_needs_tensors_on_every_node(tmp_path: Path) -> None:
    """Without them the program ends with status 0, and no rank has finished."""
    system = tmp_path / "system.json"
    system.write_text(json.dumps({"track-local-mem": 1}), encoding="utf-8")
    (found,) = lint(Given(where=listed_with(tmp_path, kind=schema.COMP_NODE), system=system))
    assert (found.rule, found.severity, found.node) == ("untracked-tensors", "error", 7)
    tensors = [schema.AttributeProto(name=name, string_list=schema.StringList()) for name in ("inputs", "outputs")]
    assert not lint(Given(where=listed_with(tmp_path, *tensors, kind=schema.COMP_NODE), system=system))


def test_memory_nodes_need_a_remote_memory_file(tmp_path: Path) -> None:
    """Not given or without memory it is an error, for the program ends there; with memory there is nothing to say."""
    prefix = written(tmp_path, [[comp(0), node(1, "MEM_LOAD_NODE", 0, tensor_size=4096)], IDLE])
    file = tmp_path / "memory.json"
    assert [found.rule for found in lint(Given(where=prefix)) if found.severity == "error"] == ["memory-node"]
    file.write_text(json.dumps({"memory-type": "NO_MEMORY_EXPANSION"}), encoding="utf-8")
    found = lint(Given(where=prefix, remote_memory=file))
    assert [each.rule for each in found if each.severity == "error"] == ["memory-refused"]
    memory = {"memory-type": "PER_NPU_MEMORY_EXPANSION", "remote-mem-latency": 100, "remote-mem-bw": 10}
    file.write_text(json.dumps(memory), encoding="utf-8")
    assert not lint(Given(where=prefix, remote_memory=file))


@pytest.mark.parametrize("version", ["v0.0.4", "0.0.4-dev", "1.1.1-chakra.0.0.4", "stage 3"])
def test_any_version_is_read_by_what_the_file_holds(version: str, tmp_path: Path) -> None:
    """Writers put their own version there; nodes tell what they are."""
    for rank in range(2):
        (tmp_path / f"t.{rank}.et").write_bytes(listed([comp(0), coll(1, 0)], version=version))
    assert not lint(Given(where=tmp_path))


def test_what_cannot_be_run_is_said(tmp_path: Path) -> None:
    """A file that the run needs and nobody gave is an error, as the program would say; nothing is claimed beyond."""
    found = lint(Given(where=written(tmp_path / "groups", [[coll(0, pg_name="1")]] * 2)))
    assert {(finding.rule, finding.severity) for finding in found} == {("no-group-file", "error")}
    system = tmp_path / "system.json"
    system.write_text(
        json.dumps({"preferred-dataset-splits": 1, "all-reduce-implementation-custom": ["x"]}), encoding="utf-8"
    )
    found = lint(Given(where=written(tmp_path / "custom", [[coll(0)]] * 2), system=system))
    assert "not-simulated" in {finding.rule for finding in found}


def test_a_collective_of_a_single_rank_never_completes(tmp_path: Path) -> None:
    """Measured: the program ends with status 0 and no rank has finished."""
    assert not lint(Given(where=written(tmp_path / "alone", [[comp(0)]])))
    (found,) = lint(Given(where=written(tmp_path / "in vain", [[comp(0), coll(7, 0)]])))
    assert (found.rule, found.rank, found.node) == ("group-of-one", 0, 7)


def test_a_deadlock_names_ranks_and_nodes_without_any_file(tmp_path: Path) -> None:
    """Only the order of issue reveals it: rank 0 holds its collective, for which rank 1 waits behind the message."""
    ranks = [[coll(0), send(1, to=1)], [recv(0, of=0), coll(1, 0)]]
    found = [finding for finding in lint(Given(where=written(tmp_path, ranks))) if finding.rule == "issue-deadlock"]
    assert {(finding.rank, finding.node) for finding in found} == {(0, 0), (1, 0)}
    assert "ranks 0, 1 never finish" in found[0].message


def test_findings_of_a_rule_are_bounded(tmp_path: Path) -> None:
    """A generator's fault is made on every node."""
    found = lint(Given(where=written(tmp_path, [[coll(0), *[comp(n, 0, micros=0) for n in range(1, 300)]]] * 2)))
    (counted,) = [finding for finding in found if finding.rule == "zero-duration"]
    assert (counted.rank, counted.node) == (0, 1)
    assert "(298 more nodes, alike on rank 1)" in counted.message
    ranks = [[comp(number, micros=0)] for number in range(MOST_PER_RULE + 9)]
    found = [each for each in lint(Given(where=written(tmp_path / "b", ranks))) if each.rule == "zero-duration"]
    assert len(found) == MOST_PER_RULE + 1
    assert "9 more findings" in " ".join(finding.message for finding in found)


@pytest.mark.parametrize(
    "table",
    ["comm_groups", "compute", "multi_collective", "multidim_unaware", "options", "point_to_point", "realistic"],
)
def test_no_sound_case_of_the_recorded_tables_is_an_error(table: str, golden: Path) -> None:
    """And every case on which the real program failed has one; the run in the engine is left out here."""
    found = figures(json.loads((golden / "astrasim" / f"{table}.json").read_text(encoding="utf-8"))["cases"], run=False)
    assert found.false_alarms == ()
    assert found.missed == ()


@pytest.mark.parametrize(
    ("ranks", "errors"),
    [
        ([[comp(0), comp(1, 1)]], set()),
        ([[comp(0), coll(1, 2), comp(2, 1)]], set()),
        ([[comp(0), coll(1, 2), comp(2, 1)], [coll(0)]], {"collective-partner"}),
        ([[comp(0), send(1, 1, to=1)], [recv(0, of=0)], IDLE], {"unmatched-recv"}),
        ([[send(0, to=1)], [comp(0), recv(1, 1, of=0)], IDLE], set()),
        ([[comp(0, 0)]], {"no-root"}),
    ],
)
def test_nodes_that_never_run_are_an_error_and_so_are_ranks_that_wait_for_them(
    ranks: list[list[Node]], errors: set[str], tmp_path: Path
) -> None:
    """The rank finishes without them, a smaller step; the ranks that wait for them do not."""
    found = step(*ranks).findings(tmp_path)
    assert {finding.rule for finding in found if finding.severity == "error"} == errors | {"dependency-cycle"}


def test_the_command_prints_json_and_exits_by_severity(tmp_path: Path) -> None:
    """``findings`` with exactly these keys; --strict makes warnings count."""
    prefix = written(tmp_path, [[coll(0, kind="BROADCAST")], [coll(0, kind="BROADCAST")]])
    runner = CliRunner()
    result = runner.invoke(lint_command, [str(prefix), "-f", "json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.output)
    assert set(document) == {"findings"}
    assert set(document["findings"][0]) == {"rule", "severity", "rank", "node", "message", "remedy"}
    assert runner.invoke(lint_command, [str(prefix), "--strict"]).exit_code == 1
    broken = written(tmp_path / "b", [[coll(0)], [comp(0)]])
    result = runner.invoke(lint_command, [str(broken)])
    assert result.exit_code == 1
    assert "error   collective-partner rank 0 node 0:" in result.output


def test_memory_that_the_program_refuses_is_an_error() -> None:
    """Where the remote-memory file is known, as in the recorded tables."""
    from versim_astrasim.engine import RankTrace, RemoteMemoryConfig  # noqa: PLC0415 - this test only

    trace = RankTrace.from_nodes([node(0, "MEM_LOAD_NODE", tensor_size=9)])
    found = check(Step.of([trace, trace], memory=RemoteMemoryConfig()), run=False)
    assert "memory-refused" in {finding.rule for finding in found}


def test_a_run_that_fails_otherwise_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the other rules do not know, the engine does; here they are told to look away."""
    from versim_astrasim.engine import RankTrace  # noqa: PLC0415 - this test only
    from versim_astrasim.lint import check as module  # noqa: PLC0415

    monkeypatch.setattr(module, "_CHECKS", ())
    trace = RankTrace.from_nodes([coll(0, kind="BARRIER")])
    assert [finding.rule for finding in check(Step.of([trace, trace]))] == ["run-fails"]


def test_preflight_speaks_of_the_graph() -> None:
    """A sound graph has no error; one that deadlocks by order of issue is found before the real program runs."""
    from versim import Device, Dimension, GraphBuilder, Link, Mesh, SimulationRequest, System, pin  # noqa: PLC0415
    from versim_astrasim.backend import AstraSimBackend  # noqa: PLC0415
    from versim_astrasim.options import BackendOptions  # noqa: PLC0415

    def errors(*, crossed: bool) -> list[Finding]:
        builder = GraphBuilder(Mesh.of(dp=2))
        parts = {"axes": ["dp"], "match": "gradients"}
        if crossed:
            builder.collective("gradients", "all_reduce", 1 << 20, on={"dp": 0}, **parts)
            builder.send("x", 64, match=1, on={"dp": 0})
        else:
            builder.send("x", 64, match=1, on={"dp": 0})
            builder.collective("gradients", "all_reduce", 1 << 20, on={"dp": 0}, **parts)
        got = builder.recv("y", 64, match=1, on={"dp": 1})
        builder.collective("gradients", "all_reduce", 1 << 20, on={"dp": 1}, after=[got], **parts)
        link = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)
        system = System(dimensions=(Dimension(topology="switch", size=2, link=link),), device=Device(name="test"))
        request = SimulationRequest(
            inputs=pin(builder.build(), system), options=BackendOptions(engine="binary", binary="none")
        )
        return [finding for finding in AstraSimBackend().preflight(request) if finding.severity == "error"]

    assert not errors(crossed=False)
    found = errors(crossed=True)
    assert {(finding.rule, finding.rank) for finding in found} == {("issue-deadlock", 0), ("issue-deadlock", 1)}
    assert "'gradients', row 0 of the graph" in found[0].message
