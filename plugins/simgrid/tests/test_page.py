"""The message format as the page describes it, spoken by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import attrs
import pytest
from cases import network_of

from versim_simgrid import document, worker
from versim_simgrid.fabric import Fabric
from versim_simgrid.options import SimGridOptions
from versim_simgrid.tasks import Tasks

PAGE = Path(__file__).parents[3] / "docs" / "simgrid.md"


def page() -> str:
    """Its text; it stands in versim's repository only."""
    if not PAGE.is_file():
        pytest.skip("docs/simgrid.md is part of versim's repository")
    return PAGE.read_text(encoding="utf-8")


def test_its_example_runs(simgrid: None) -> None:  # noqa: ARG001 - skips
    """And holds what it asserts."""
    (example,) = re.findall(r"^```python\n(.*?)^```$", page(), re.MULTILINE | re.DOTALL)
    exec(compile(example, str(PAGE), "exec"), {})


def test_every_key_and_option_is_described() -> None:
    """What is sent, by its name and version, and what may be chosen."""
    text = page()
    (line, _) = document.document_of(Tasks(), Fabric(network_of(("ring", 2))), 2, SimGridOptions()).split(b"\n", 1)
    sent = json.loads(line)
    for key in (*sent, *worker.ASKED, *worker.ANSWERED, "simgrid", "wall_s", "share"):
        assert f"`{key}`" in text, key
    assert f'`"{worker.FORMAT}"`, `{worker.VERSION}`' in text
    for option in attrs.fields(SimGridOptions):
        assert f"`{option.name}`" in text, option.name
