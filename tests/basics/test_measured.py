"""The simulators on measured iterations: the table, and the document that shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from versim import load_registry
from versim_basics.measured.cases import NOT_MODELLED, Case, cases, record
from versim_basics.measured.command import measured
from versim_basics.measured.predict import answers

DOCUMENT = Path(__file__).parents[2] / "docs" / "measured.md"


def test_the_document_shows_what_is_printed() -> None:
    """Every figure of every case: a change of any simulator has to be seen here."""
    printed = CliRunner().invoke(measured, catch_exceptions=False).output
    shown = DOCUMENT.read_text(encoding="utf-8").split("$ versim measured\n", 1)[1].split("```", 1)[0]
    assert printed == shown


def test_the_record_is_the_papers() -> None:
    """Four models, measured twice each, with their source."""
    assert "arXiv 2205.05198" in record().source
    assert [case.measured_s for case in cases()] == [1.42, 1.10, 18.13, 13.75, 49.05, 37.83, 94.42, 71.49]
    assert all(case.tp * case.pp * case.dp == case.gpus for case in cases())


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_what_is_not_modelled_is_said_case_by_case(case: Case) -> None:
    """Recomputation of either kind, and the schedule where it was interleaved."""
    assert set(case.not_modelled) <= set(NOT_MODELLED)
    assert ("R" in case.not_modelled) == (case.recompute == "full")
    assert ("S" in case.not_modelled) == (case.recompute == "selective")
    assert ("I" in case.not_modelled) == (case.interleave > 1)


def test_json_has_the_same_figures() -> None:
    """Unrounded, errors as fractions, and for one case its own."""
    result = CliRunner().invoke(
        measured, ["-f", "json", "--case", "megatron-22B, full", "-b", "deepflow"], catch_exceptions=False
    )
    document = json.loads(result.output)
    (case,) = document["cases"]
    assert case["error"]["deepflow"] == pytest.approx(case["predicted_s"]["deepflow"] / 1.42 - 1)
    assert document["accuracy"]["deepflow"]["all"]["mape"] == abs(case["error"]["deepflow"])
    assert case["not_modelled"] == list("RTOLV")


def test_a_case_that_does_not_exist_is_a_wrong_command_line() -> None:
    """With those that do."""
    result = CliRunner().invoke(measured, ["--case", "gpt5*"])
    assert result.exit_code == 2
    assert "gpt3-175B, full" in result.output


def test_cases_of_one_graph_are_simulated_once() -> None:
    """Recomputation is not in the graph, so both rows of a model are one prediction."""
    small = [case for case in cases() if case.model == "megatron-22B"]
    said: list[str] = []
    one, two = answers(small, load_registry(), ["deepflow"], progress=said.append)
    assert one.predicted_s == two.predicted_s
    assert len(said) == 1
    assert 0 < one.folded_share < 1
