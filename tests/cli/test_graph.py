"""``versim graph``."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Versim = Callable[..., Any]
Process = Callable[..., subprocess.CompletedProcess[str]]


def test_it_shows_size_and_digest(versim: Versim) -> None:
    """Of every workload under every pin."""
    result = versim("graph", "lab")
    assert result.exit_code == 0
    assert "small / given" in result.stdout
    assert "nodes           2, of which 1 compute" in result.stdout
    assert "rank 2 = 2 ranks" in result.stdout


def test_nodes_are_listed_as_table_and_as_json(process: Process, versim: Versim) -> None:
    """The same figures in both."""
    table = process("graph", "lab", "--nodes")
    assert table.returncode == 0, table.stderr
    assert "1,000,000,000" in table.stdout
    assert "sum all_reduce #0 [rank=all] after 0" in table.stdout
    (document,) = json.loads(versim("graph", "lab", "--nodes", "-f", "json").stdout)
    assert document["digest"] in table.stdout
    assert document["mesh"] == {"rank": 2}
    work, together = document["node_list"]
    assert work["compute_ns"] == 10**9
    assert together["size_bytes"] == 1000
    assert together["dependencies"] == [0]


def test_one_workload_and_one_pin_can_be_chosen(versim: Versim, scenario: Path) -> None:
    """By label, with a suggestion where there is none."""
    text = scenario.read_text().replace("- {label: given}", "- {label: given}\n  - {label: other}")
    scenario.write_text(text.replace("size: 1 kB}}", "size: 1 kB}}\n  - {label: big, producer: line, pins: [other]}"))
    assert versim("graph", scenario).stdout.count("digest") == 3
    assert versim("graph", scenario, "--workload", "small", "--pin", "other").stdout.count("digest") == 1
    assert "did you mean 'small'" in versim("graph", scenario, "--workload", "smal").stderr
    assert versim("graph", scenario, "--workload", "big", "--pin", "given").exit_code == 2


def test_it_writes_files_whole(versim: Versim, tmp_path: Path) -> None:
    """Like compare."""
    assert versim("graph", "lab", "-o", tmp_path / "g.txt", "-O", "small.ranks=4").exit_code == 0
    assert "4 ranks" in (tmp_path / "g.txt").read_text()
