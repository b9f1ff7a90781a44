"""Command lines that people get wrong: each is met with a message and the right status, never with a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from versim.cli.group import cli

SCENARIO = """
name: mine
workloads: [{label: it, producer: collective, options: {kind: all_reduce, participants: 4, size_bytes: [4096]}}]
system:
  device: {name: x, peak_flop_per_s: {bf16: 1.0e+15}, memory_bandwidth_bytes_per_s: 1.0e+12, memory_bytes: 1.0e+11}
  dimensions: [{topology: ring, size: 4, bandwidth: 450 GB/s, latency: 2 us}]
backends: [{label: a, backend: deepflow, network: alpha-beta}]
"""

# Arguments, status, words of the message.
LINES: list[tuple[str, int, str]] = [
    ("comprae", 2, "did you mean 'compare'"),
    ("compare --formt json", 2, "No such option"),
    ("compare -f", 2, "requires an argument"),
    ("compare nosuch", 1, "no scenario named 'nosuch'"),
    ("compare nosuch.yaml", 1, "nosuch.yaml"),
    ("compare bundle", 1, "did you mean 'bundled'"),
    ("compare .", 1, "Error: "),
    ("compare empty", 1, "Error: "),
    ("compare good.yaml more", 2, "unexpected extra argument"),
    ("compare good.yaml -f tabel", 1, "did you mean 'table'"),
    ("compare good.yaml -f html:sise=3", 1, "no such key"),
    ("compare good.yaml -f html:operations=many", 1, "operations"),
    ("compare good.yaml -f html:operations=-1", 1, "operations"),
    ("compare good.yaml -f table -o a -o b", 2, "2 times -o for 1 times -f"),
    ("compare good.yaml -o a.html -o a.html", 2, "given twice"),
    ("compare good.yaml -o nowhere/deep/a.html", 1, "nowhere"),
    ("compare good.yaml -o good.yaml/a.json", 1, "good.yaml"),
    ("compare good.yaml -f csv", 2, "name it with -o FOLDER"),
    ("compare good.yaml -b astra", 1, "did you mean 'astrasim'"),
    ("compare good.yaml -b deepflow:x=1", 1, "x"),
    ("compare good.yaml -b deepflow:network=ethernet", 1, "no timing named 'ethernet'"),
    ("compare good.yaml -b =", 1, "Error: "),
    ("compare good.yaml -b x=", 1, "Error: "),
    ("compare good.yaml -O it", 1, "Error: "),
    ("compare good.yaml -O it.participants", 1, "Error: "),
    ("compare good.yaml -O it.participants=0", 1, "participants"),
    ("compare good.yaml -O it.participants=abc", 1, "participants"),
    ("compare good.yaml -O it.participants=7", 1, "7"),
    ("compare good.yaml -O it.kind=allreduce", 1, "did you mean 'all_reduce'"),
    ("compare good.yaml -O that.kind=all_reduce", 1, "labelled 'that'"),
    ("compare good.yaml --reference b", 1, "'b'"),
    ("compare good.yaml --inject nonsense", 1, "nonsense"),
    ("compare good.yaml --inject dimension:9", 1, "Error: "),
    ("compare good.yaml --fail-over nan", 2, "finite number"),
    ("compare good.yaml --fail-over -1", 2, "at least 0"),
    ("compare good.yaml --time-limit 0", 2, "above 0"),
    ("compare good.yaml --averaging none", 2, "is not one of"),
    ("compare bare.yaml", 1, "say the unit: is it 450 GB/s, 450 GiB/s or 450 Gbit/s?"),
    ("compare wrongunit.yaml", 1, "unknown unit 'GBps'"),
    ("compare tabs.yaml", 1, "tabs.yaml"),
    ("compare list.yaml", 1, "list.yaml"),
    ("compare nothing.yaml", 1, "nothing.yaml"),
    ("compare binary.yaml", 1, "binary.yaml"),
    ("compare twice.yaml", 1, "twice.yaml"),
    ("compare preset.yaml", 1, "did you mean"),
    ("compare small.yaml", 1, "Error: "),
    ("report", 2, "Missing argument"),
    ("report nosuch.json", 2, "does not exist"),
    ("report good.yaml", 1, "good.yaml"),
    ("report empty.json", 1, "empty.json"),
    ("report list.json", 1, "list.json"),
    ("graph good.yaml --workload other", 1, "other"),
    ("graph good.yaml -f svg", 2, "--fabric"),
    ("graph nosuch.yaml", 1, "nosuch.yaml"),
    ("presets h1000", 1, "did you mean 'h100'"),
    ("presets dgx-h100 --nodes 0", 2, "not in the range"),
    ("presets dgx-h100 --nodes many", 2, "not a valid integer"),
    ("presets h100 --picture", 1, "no cluster named 'h100'"),
    ("presets --picture", 1, "no cluster named"),
    ("export good.yaml", 2, "Missing option '--backend'"),
    ("export good.yaml --backend z -o out", 1, "'z'"),
    ("export good.yaml --backend a -o out", 1, "deepflow"),
    ("collectives --sizes wrong", 2, "a number with a unit, such as B, got 'wrong'"),
    ("collectives nosuch", 2, "unexpected extra argument"),
    ("decide good.yaml", 2, "Error: "),
    ("decide good.yaml --vary participants", 1, "participants"),
    ("decide good.yaml --vary nosuch=1,2", 1, "nosuch"),
    ("measured nosuch.json", 1, "no such file"),
    ("measured good.yaml", 1, "good.yaml"),
    ("verify deepflow nosuch.json", 1, "no such file"),
    ("verify nobody good.yaml", 1, "nobody"),
    ("verify deepflow good.yaml", 1, "good.yaml"),
    ("init good.yaml", 1, "good.yaml"),
    ("new-plugin", 2, "Missing argument"),
    ("new-plugin ../escape", 1, "escape"),
    ("plugins -f yaml", 2, "is not one of"),
    ("-p nosuch_module plugins nonsense", 2, "unexpected extra argument"),
    ("-p nosuch.py compare good.yaml -b nosuch", 1, "nosuch"),
    ("--nonsense", 2, "No such option"),
    ("lint nosuch", 1, "nosuch"),
    ("show nosuch.et", 2, "does not exist"),
]

FILES: dict[str, str | bytes] = {
    "good.yaml": SCENARIO,
    "bare.yaml": SCENARIO.replace("450 GB/s", "450"),
    "wrongunit.yaml": SCENARIO.replace("450 GB/s", "450 GBps"),
    "tabs.yaml": SCENARIO.replace("  device", "\tdevice"),
    "list.yaml": "- 1\n- 2\n",
    "nothing.yaml": "",
    "binary.yaml": bytes(range(256)),
    "twice.yaml": SCENARIO + SCENARIO.split("system:", maxsplit=1)[0],
    "preset.yaml": SCENARIO.split("system:", maxsplit=1)[0]
    + "system: {preset: h100}\nbackends: [{label: a, backend: deepflow, network: alpha-beta}]\n",
    "small.yaml": SCENARIO.replace("size: 4,", "size: 0,"),
    "empty.json": "",
    "list.json": "[]",
}


def _ran(line: str) -> Result:
    return CliRunner().invoke(cli, line.split())


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes")
    for name, content in FILES.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (folder / "empty").mkdir()
    return folder


def test_there_are_sixty() -> None:
    """The list is the promise; it does not shrink unseen."""
    assert len({line for line, _, _ in LINES}) == len(LINES) >= 60


def test_the_scenario_that_is_broken_below_is_right(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise every message could be about something else."""
    monkeypatch.chdir(folder)
    assert _ran("compare good.yaml --brief").exit_code == 0


@pytest.mark.parametrize(("line", "status", "words"), LINES, ids=[line for line, _, _ in LINES])
def test_a_mistake_is_met_with_a_message(
    folder: Path, monkeypatch: pytest.MonkeyPatch, line: str, status: int, words: str
) -> None:
    """Which says what is wrong; a traceback would say that versim is."""
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    result = _ran(line)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == status, result.output
    assert words in result.output
    assert "Traceback" not in result.output
    assert sorted(folder.rglob("*")) == before  # nothing is left behind
