"""``versim show`` and ``versim import pytorch``."""

from __future__ import annotations

import importlib.util
import json
import logging
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from chakra_files import coll, comp, written
from click.testing import CliRunner, Result
from versim import VersimError
from versim_astrasim.commands.importing import import_
from versim_astrasim.commands.show import show
from versim_astrasim.plugin import versim_commands


def run(command: Any, *arguments: object) -> Result:
    """A command's result; errors of versim pass through."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if isinstance(result.exception, VersimError):
        raise result.exception
    return result


def test_commands_are_offered_without_being_imported() -> None:
    """Each target says module, attribute and one line of help."""
    assert set(versim_commands()) == {"cache", "import", "lint", "show"}


def test_a_trace_is_listed_and_counted(tmp_path: Path) -> None:
    """Attributes by name, dependencies, and what was left out; control characters stay out of the terminal."""
    nodes = [{**comp(0), "name": "a\x1b[2J\nb"}, coll(7, 0, pg_name="3"), *[comp(n, 7) for n in range(8, 30)]]
    file = Path(f"{written(tmp_path, [nodes])}.0.et")
    listed = run(show, file, "--limit", 2).output
    assert "a\ufffd[2J\ufffdb" in listed
    assert "[comm_type=ALL_REDUCE comm_size=1048576 pg_name=3] after 0" in listed
    assert "… and 22 more nodes" in listed
    counted = run(show, file, "-f", "count").output
    assert "COMM_COLL_NODE ALL_REDUCE      1" in counted
    assert json.loads(run(show, file, "-f", "json").output)["nodes"][1]["comm_type"] == "ALL_REDUCE"
    with pytest.raises(VersimError, match="is a folder"):
        run(show, tmp_path)


def test_a_trace_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Graphviz text always; quotes of names are escaped; without ``dot`` a drawing says what it needs."""
    nodes = [{**comp(0), "name": 'a"];b'}, {**comp(1), "data_deps": [0]}]
    file = Path(f"{written(tmp_path, [nodes])}.0.et")
    text = run(show, file, "-f", "dot", "-o", tmp_path / "t.dot")
    assert not text.output
    drawn = (tmp_path / "t.dot").read_text(encoding="utf-8")
    assert '"0" -> "1" [style=dashed];' in drawn
    assert 'label="0 a\\"];b\\nCOMP' in drawn
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(VersimError, match="Graphviz's program dot"):
        run(show, file, "-f", "svg")
    fake = tmp_path / "dot"
    fake.write_text("#!/bin/sh\necho '<svg/>'\n")
    fake.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(fake))
    assert run(show, file, "-f", "svg").output == "<svg/>\n"


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

    def link(self, rank: int, host: str, device: str, output: str) -> None:
        """What the real one does: it logs what it could not do, and goes on."""
        assert (rank, Path(host).name, Path(device).name) == (0, "host.json", "kineto.json")
        logging.getLogger("chakra").error("Critical path analysis encountered an invalid graph structure")
        Path(output).write_text(json.dumps(self._made), encoding="utf-8")


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a host trace and its Kineto trace, where linking is possible."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
    (tmp_path / "host.json").write_text(json.dumps(linked_trace()), encoding="utf-8")
    kineto = {"traceEvents": [{"name": "ProfilerStep#1", "ph": "X"}]}
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


def test_traces_that_do_not_fit_are_said_before_or_after_linking(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The linker takes minutes, then fails on a missing step with a message about None, or links nothing in silence."""
    bare = [{key: value for key, value in node.items() if "dur" not in key} for node in linked_trace()["nodes"]]
    with pytest.raises(VersimError, match="finds nothing that is in both"):
        linking(pair, monkeypatch, linked_trace(nodes=bare))
    (pair / "host.json").write_text(json.dumps(linked_trace(schema="1.0.1")), encoding="utf-8")
    with pytest.raises(VersimError, match=r"host\.json has schema '1\.0\.1'"):
        linking(pair, monkeypatch, linked_trace())
    (pair / "host.json").write_text(json.dumps(linked_trace()), encoding="utf-8")
    (pair / "kineto.json").write_text('{"traceEvents": [{"name": "aten::mm"}]}', encoding="utf-8")
    with pytest.raises(VersimError, match=r"kineto\.json has no ProfilerStep"):
        linking(pair, monkeypatch, linked_trace())
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
