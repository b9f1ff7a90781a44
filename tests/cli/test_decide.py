"""``versim decide``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Versim = Callable[..., Any]


@pytest.fixture
def two(scenario: Path, tmp_path: Path) -> tuple[str, str]:
    """Two scenarios that the instances rank differently.

    ``alone`` computes 1.8 s; ``pair`` 1 s and an all-reduce of 0.5 s (``once``) or 1 s (``twice``).
    """
    names = []
    for name, ranks, work_s in (("alone", 1, 1.8), ("pair", 2, 1.0)):
        document = yaml.safe_load(scenario.read_text())
        document["name"] = name
        document["workloads"][0]["label"] = f"step of {name}"
        document["workloads"][0]["options"] = {"ranks": ranks, "work_s": work_s}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(document))
        names.append(f"{name}.yaml")
    return names[0], names[1]


def test_a_wrong_choice_has_its_price(versim: Versim, two: tuple[str, str]) -> None:
    """By hand: once takes 1.8 and 1.5 s, twice 1.8 and 2 s; trusting twice costs 1.8/1.5 − 1 = 20 %."""
    result = versim("decide", *two, "-f", "json")
    assert result.exit_code == 0, result.stderr
    (question,) = json.loads(result.stdout)["questions"]
    assert question["configurations"] == ["pair", "alone"]
    assert question["makespans_ps"] == {"once": [15 * 10**11, 18 * 10**11], "twice": [2 * 10**12, 18 * 10**11]}
    (decision,) = question["decisions"]
    assert (decision["simulator"], decision["kendall_tau_b"]) == ("twice", -1.0)
    assert (decision["best"], decision["reference_best"], decision["agrees_on_best"]) == ("alone", "pair", False)
    assert decision["regret"] == pytest.approx(0.2)
    (crossed,) = decision["cross_overs"]
    assert (crossed["better"], crossed["worse"]) == ("pair", "alone")


def test_the_table_says_it_in_words(versim: Versim, two: tuple[str, str]) -> None:
    """Verdict first, then figures."""
    result = versim("decide", *two)
    lines = result.stdout.splitlines()
    assert lines[0] == "one step per scenario: 2 configurations, held against once"
    assert lines[1] == "twice chooses alone instead of pair, 20 % slower"
    assert "twice prefers alone to pair (ratio 0.9), once does not (1.2)" in lines


def test_the_reference_can_be_the_other(versim: Versim, two: tuple[str, str]) -> None:
    """Then it is the first that errs: 2/1.8 − 1."""
    result = versim("decide", *two, "--reference", "twice")
    assert "once chooses pair instead of alone, 11.1 % slower" in result.stdout


def test_options_of_one_scenario_are_varied(versim: Versim) -> None:
    """Every combination, ranked alike here, by what the command line calls it."""
    result = versim("decide", "lab", "--vary", "work_s=1,2", "--vary", "small.ranks=2,4", "-f", "json")
    document = json.loads(result.stdout)
    (question,) = document["questions"]
    assert (question["workload"], question["pin"]) == ("small", "given")
    assert question["configurations"][:2] == ["work_s=1, small.ranks=2", "work_s=1, small.ranks=4"]
    assert question["decisions"][0]["kendall_tau_b"] == 1.0


def test_a_simulator_that_completes_nothing_is_said_to(versim: Versim) -> None:
    """No figure is made up for it."""
    result = versim("decide", "lab", "--vary", "work_s=1,2", "-b", "once", "-b", "refuser")
    assert result.exit_code == 0, result.stderr
    assert "refuser: completed nothing that the reference completed" in result.stdout
    assert "not ranked: 2 × " in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (("lab",), "one configuration is no choice", 2),
        (("lab", "bundled", "--vary", "dp=1,2"), "--vary is for one scenario", 2),
        (("lab", "--vary", "work_s=1", "--vary", "work_s=2"), "varied twice", 1),
        (("lab", "--vary", "work_s=1,0"), "'work_s' must be > 0", 1),
        (("lab", "--vary", "work_s=1"), "there is nothing to choose: 1 configuration completed", 1),
        (("lab", "--vary", "wrok_s=1,2"), "did you mean 'work_s'", 1),
        (("lab", "lab"), "given twice", 2),
        (("lab", "--vary", "work_s=1,2", "--reference", "nobody"), "nobody", 1),
    ],
)
def test_what_is_no_choice_is_refused(versim: Versim, arguments: tuple[str, ...], said: str, status: int) -> None:
    """By what is wrong."""
    result = versim("decide", *arguments)
    assert said in result.stderr
    assert result.exit_code == status


def test_anything_that_a_sweep_varies_can_be_chosen(versim: Versim) -> None:
    """Ranges, and what is no option of a producer, too."""
    result = versim("decide", "lab", "--vary", "work_s=1..4*2", "--vary", "twice.factor=1,3", "-f", "json")
    assert result.exit_code == 0, result.stderr
    (question,) = json.loads(result.stdout)["questions"]
    assert len(question["configurations"]) == 6
    assert "work_s=4, twice.factor=3" in question["configurations"]


def test_a_fault_of_a_plugin_is_not_taken_for_a_refusal(versim: Versim) -> None:
    """It is that simulator's, and said; the others choose all the same."""
    result = versim("decide", "lab", "--vary", "work_s=1,2", "-b", "once", "-b", "buggy")
    assert "ZeroDivisionError: a slip" in result.stdout
    assert "buggy: completed nothing that the reference completed" in result.stdout
