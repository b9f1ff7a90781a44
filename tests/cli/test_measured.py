"""``versim measured`` from the command line, with versim's own plugins."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from versim.cli.group import cli

FEW = Path(__file__).parent / "records" / "few.csv"


def run(*arguments: str | Path) -> Result:
    """A command line without other plugins, in this process."""
    return CliRunner().invoke(cli, ["measured", *map(str, arguments)])


def test_text_is_short_and_names_the_best_column() -> None:
    """One screen, whatever was asked for."""
    result = run(FEW, "-j", "1")
    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) <= 40
    assert "silicon+roofline/nccl" in result.output
    assert "7 of 7 timed runs" in result.output


def test_every_combination_that_is_asked_for_is_a_column() -> None:
    """In the JSON, by label, for every run."""
    result = run(FEW, "--compute", "roofline", "--network", "nccl", "--network", "alpha-beta", "-f", "json", "-j", "1")
    document = json.loads(result.output)
    labels = ["roofline/nccl", "roofline/alpha-beta"]
    assert [column["label"] for column in document["columns"]] == labels
    timed = [found for found in document["runs"] if found["measured_s"]]
    assert all(list(found["predicted_s"]) == labels for found in timed)
    assert all(seconds and seconds > 0 for found in timed for seconds in found["predicted_s"].values())
    assert document["recommended"] in labels


def test_a_row_typed_by_hand_is_predicted(tmp_path: Path) -> None:
    """With the columns that somebody knows by heart."""
    mine = tmp_path / "mine.csv"
    mine.write_text("gpu,gpus,model,seq_len,gbs,tp,step_s\nh100-sxm,8,llama3-8b,8192,16,2,2.0\n")
    (found,) = json.loads(run(mine, "-f", "json").output)["runs"]
    assert found["skipped"] is None
    assert 0.8 < found["predicted_s"]["silicon+roofline/nccl"] < 4


def test_what_cannot_be_modelled_is_skipped_with_its_reason(tmp_path: Path) -> None:
    """And nothing else stops for it."""
    mine = tmp_path / "mine.csv"
    rows = ["abacus,8,llama3-8b,8192,16,1", "h100-sxm,7,llama3-8b,8192,16,2", "h100-sxm,8,llama9,8192,16,1"]
    mine.write_text("gpu,gpus,model,seq_len,gbs,tp,step_s\n" + "".join(f"{row},6.0\n" for row in rows))
    document = json.loads(run(mine, "-f", "json").output)
    assert [bool(found["skipped"]) for found in document["runs"]] == [True, True, True]
    assert sum(document["skipped"].values()) == 3
    assert document["modelled"] == 0


@pytest.mark.parametrize(("form", "begins"), [("csv", "id,framework,gpu"), ("html", "<!doctype html>")])
def test_other_forms_go_to_a_file(tmp_path: Path, form: str, begins: str) -> None:
    """Whole or not at all."""
    file = tmp_path / "league"
    assert run(FEW, "-f", form, "-o", file, "-j", "1").exit_code == 0
    assert file.read_text(encoding="utf-8").startswith(begins)


def test_an_error_above_the_threshold_is_a_status_of_its_own() -> None:
    """For whoever runs it on every change."""
    assert run(FEW, "-j", "1", "--fail-over", "1").exit_code == 3
    assert run(FEW, "-j", "1", "--fail-over", "1000").exit_code == 0


def test_faults_are_the_users_and_name_line_and_column(tmp_path: Path) -> None:
    """As a process of its own: status 1, no traceback."""
    mine = tmp_path / "mine.csv"
    mine.write_text("gpu,gpus,model,seq_len,gbs\nh100-sxm,eight,llama3-8b,8192,16\n")
    command = [sys.executable, "-c", "from versim.cli import main; main()", "measured", str(mine)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "line 2, column gpus" in result.stderr
    assert "Traceback" not in result.stderr


def test_more_processes_change_nothing(tmp_path: Path) -> None:
    """The same digits with one process and with two."""
    many = tmp_path / "many.csv"
    row = "h100-sxm,8,llama3-8b,8192,{0},2,6.0\n"
    rows = [row.format(8 * count) for count in range(1, 31)]
    many.write_text("gpu,gpus,model,seq_len,gbs,tp,step_s\n" + "".join(rows))
    sample = ("--compute", "roofline", "--network", "nccl", "-f", "json")
    one, two = (json.loads(run(many, *sample, "-j", jobs).output)["runs"] for jobs in ("1", "2"))
    assert one == two


@pytest.mark.parametrize("name", ["kor-0001", "simumax-0001"])
def test_the_scenario_of_a_record_predicts_what_the_league_predicts(tmp_path: Path, name: str) -> None:
    """To the digit, so that a miss can be explored with compare; with the options that the league gives to timings."""
    (found,) = [one for one in json.loads(run(FEW, "-f", "json", "-j", "1").output)["runs"] if one["id"] == name]
    file = tmp_path / "run.yaml"
    made = CliRunner().invoke(cli, ["init", str(file), "--run", f"{FEW}:{name}"])
    assert made.exit_code == 0, made.output
    shown = CliRunner().invoke(cli, ["compare", str(file), "-f", "json"])
    (workload,) = json.loads(shown.output)["workloads"]
    (result,) = workload["comparisons"][0]["results"]
    assert result["makespan_ps"] / 1e12 == pytest.approx(found["predicted_s"]["silicon+roofline/nccl"], rel=1e-9)


def test_the_scenario_of_a_record_has_its_device(tmp_path: Path) -> None:
    """A board of less power and memory than the preset's."""
    mine, file = tmp_path / "mine.csv", tmp_path / "run.yaml"
    mine.write_text("gpu,gpus,model,seq_len,gbs,step_s\nh100-96gb-500w,8,llama3-8b,2048,8,1.0\n")
    (found,) = json.loads(run(mine, "-f", "json").output)["runs"]
    CliRunner().invoke(cli, ["init", str(file), "--run", f"{mine}:line-2"])
    (workload,) = json.loads(CliRunner().invoke(cli, ["compare", str(file), "-f", "json"]).output)["workloads"]
    (result,) = workload["comparisons"][0]["results"]
    assert result["makespan_ps"] / 1e12 == pytest.approx(found["predicted_s"]["silicon+roofline/nccl"], rel=1e-9)


def test_a_record_that_is_not_there_is_named() -> None:
    """With those that are."""
    result = CliRunner().invoke(cli, ["init", "x.yaml", "--run", f"{FEW}:kor-9"])
    assert result.exit_code != 0
    assert "kor-0001" in str(result.exception) + result.output


def test_memory_alone_and_structure_by_hand(tmp_path: Path) -> None:
    """No times are asked for the one; the other changes every run, without profiles, or says what is wrong."""
    mine = tmp_path / "mine.csv"
    mine.write_text(
        "framework,gpu,gpus,model,seq_len,gbs,tp,sequence_parallel,step_s,memory_peak_gib\n"
        "nemo,h100-sxm,8,llama3-8b,8192,16,8,1,2.0,40\n"
    )
    said = run(mine, "--memory").output
    assert "peak" in said
    assert "silicon" not in said
    lengths = []
    for overlap in ("none", "all"):
        (found,) = json.loads(run(mine, "--structure", f"overlap_tp={overlap}", "-f", "json").output)["runs"]
        assert found["profiled_s"] == found["predicted_s"]
        lengths.append(found["predicted_s"]["silicon+roofline/nccl"])
    assert lengths[0] > lengths[1]
    (refused,) = json.loads(run(mine, "--structure", "overlap_tp=x", "-f", "json").output)["runs"]
    assert "overlap_tp" in refused["skipped"]
    assert run(mine, "--structure", "overlap_tp").exit_code == 1
