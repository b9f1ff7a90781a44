"""Text for people goes through one door: a name out of a file cannot make a terminal do anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Versim = Callable[..., Any]

NAMES = """
from versim import Device, Dimension, Fixed, GraphBuilder, Link, Mesh, NoOptions, System, hookimpl

class Coloured:
    name, options = "coloured", NoOptions

    def produce(self, _):
        builder = GraphBuilder(Mesh.of(rank=2))
        builder.compute("\\x1b[31mred\\x07\\u202e", [(Fixed(1e-6), 1)])
        builder.collective("\\x1b]0;title\\x07", "all_reduce", 8, axes=["rank"])
        builder.note("\\x1b[2Jgone")
        return builder.build()

    def system(self, _):
        link = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)
        return System(dimensions=(Dimension(topology="ring", size=2, link=link),), device=Device(name="\\x1b[5m"))

@hookimpl
def versim_graph_producers():
    return [Coloured()]
"""


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[Path, Path]:
    """A plugin whose graph has names for terminals, and a scenario of it."""
    plugin, scenario = tmp_path / "coloured.py", tmp_path / "s.yaml"
    plugin.write_text(NAMES)
    scenario.write_text(
        'workloads: [{label: w, producer: coloured}]\ndescription: "\\e[1mbold"\nname: "\\e[1mname"\n'
        "backends: [{label: a, backend: ideal}, {label: b, backend: refuser}]\n"
    )
    return plugin, scenario


@pytest.mark.parametrize(
    "arguments",
    [
        ["graph", "s.yaml", "--nodes"],
        ["compare", "s.yaml", "--explain"],
        ["compare", "s.yaml", "-f", "markdown"],
        ["compare", "s.yaml", "-O", "\x1b[1m.x=1"],
        ["compare", "\x1b[1m"],
        ["decide", "s.yaml", "--vary", "x=1,2"],
        ["export", "s.yaml", "out", "-b", "a"],
    ],
    ids=lambda arguments: " ".join(arguments[:4:3]),
)
def test_no_control_character_of_a_file_reaches_the_terminal(
    versim: Versim, hostile: tuple[Path, Path], arguments: list[str]
) -> None:
    """Neither on standard output nor on standard error."""
    lab = Path(__file__).parent / "lab.py"
    result = versim(*arguments, plugins=(lab, hostile[0]))
    for text in (result.stdout, result.stderr):
        assert not {letter for letter in text if ord(letter) < 32 and letter not in "\n\t"}, text
        assert "\u202e" not in text


def test_json_spells_them(versim: Versim, hostile: tuple[Path, Path]) -> None:
    """What programs read is whole."""
    lab = Path(__file__).parent / "lab.py"
    result = versim("graph", "s.yaml", "--nodes", "-f", "json", plugins=(lab, hostile[0]))
    assert json.loads(result.stdout)[0]["node_list"][0]["name"] == "\x1b[31mred\x07\u202e"
