"""What ``versim verify`` says where proof is not installed, and that nothing of the product needs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from versim.cli.group import cli
from versim.registry import Registry
from versim.registry.plugins import candidates
from versim_proof import plugin


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table without cases."""
    file = tmp_path / "table.json"
    file.write_text(json.dumps({"cases": []}), encoding="utf-8")
    return file


def test_the_missing_distribution_is_named(monkeypatch: pytest.MonkeyPatch, table: Path) -> None:
    """The component is there and its proof is not: an unknown name would be a wrong answer."""
    own = Registry(found for found in candidates((), {}) if found.distribution == "versim")
    monkeypatch.setattr("versim.cli.session.Session.registry", lambda *_, **__: own)
    result = CliRunner().invoke(cli, ["verify", "astrasim", str(table)])
    assert result.exit_code == 1
    assert "pip install ./proof" in result.output


def test_it_offers_a_verifier_for_each_re_creation() -> None:
    """By the names of the components they prove."""
    assert [verifier.name for verifier in Registry.of({"proof": plugin}).verifiers()] == ["astrasim", "deepflow"]
