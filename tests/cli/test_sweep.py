"""``versim sweep`` and ``versim results``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Versim = Callable[..., Any]
VARY = ("--vary", "ranks=2,4", "--vary", "work_s=1..3", "-j", "1")


def test_a_sweep_is_kept_gone_on_with_and_listed(versim: Versim, tmp_path: Path) -> None:
    """What remains and why is said before, the best come after, and a second time nothing is asked."""
    first = versim("sweep", "lab", *VARY, "--where", "ranks * work_s <= 8", "--store", "answers.db", "--limit", "3")
    assert first.exit_code == 0, first.stderr
    assert "6 combinations, 3 configurations remain" in first.stderr
    assert "6 answered" in first.stderr
    again = versim("sweep", "lab", *VARY, "--where", "ranks * work_s <= 8", "--store", "answers.db")
    assert "1 fell out: not ranks * work_s <= 8" in again.stderr
    assert "10 questions, 6 answered already, 4 to ask" in again.stderr
    listed = versim(
        "results", "answers.db", "--where", "ranks == 4 and instance == 'twice'", "-f", "json", "--sweep", "1"
    )
    assert listed.exit_code == 0, listed.stderr
    document = json.loads(listed.stdout)
    assert document["format_version"] == 1
    assert [row["makespan_ps"] for row in document["rows"]] == [2 * 10**12, 3 * 10**12]
    table = versim("results", "answers.db", "--sort", "work_s", "--descending", "--limit", "2").stdout
    assert "8 more of 10" in table
    sweeps = versim("results", "answers.db", "--sweeps").stdout.splitlines()
    assert len(sweeps) == 1
    assert "ranks, work_s" in sweeps[0]
    versim("results", "answers.db", "-f", "csv", "-o", "out.csv")
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 11


def test_a_dry_run_asks_nothing(versim: Versim) -> None:
    """It says what would be asked."""
    result = versim("sweep", "lab", *VARY, "--store", "answers.db", "--dry-run")
    assert result.exit_code == 0
    assert "6 configurations remain" in result.stderr
    assert not Path("answers.db").exists()


def test_what_a_sweep_cannot_do_it_says(versim: Versim) -> None:
    """Nothing varied; a key, a condition, a store that are none."""
    assert versim("sweep", "lab").exit_code == 2
    for arguments, said in (
        (("--vary", "rnks=1"), "did you mean 'ranks'"),
        (("--vary", "ranks=1,2", "--where", "ranks <"), "is no expression"),
        (("--vary", "ranks=1,2", "--store", "no/such/answers.db"), "no/such does not exist"),
    ):
        result = versim("sweep", "lab", *arguments)
        assert result.exit_code == 1
        assert said in result.stderr
    assert versim("results", "missing.db").exit_code == 1
    ranked = versim("decide", "missing.db")
    assert ranked.exit_code == 1
    assert "there is no such file" in ranked.stderr


def test_who_breaks_is_named_and_costs_no_other(versim: Versim) -> None:
    """Its rows say so, and the status stays 0: the sweep did what it could."""
    result = versim("sweep", "lab", "--vary", "ranks=2,4", "-b", "once", "-b", "refuser", "-j", "1")
    assert result.exit_code == 0, result.stderr
    assert "2 of them failed" in result.stderr
    assert "2 × aborted" in result.stdout


def test_a_store_is_ranked_without_asking_anybody(versim: Versim) -> None:
    """By hand: twice always charges half a second, once next to nothing; both rank by compute."""
    versim("sweep", "lab", "--vary", "ranks=2", "--vary", "work_s=1..3", "--store", "answers.db", "-j", "1")
    result = versim("decide", "answers.db", "-f", "json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    (question,) = document["questions"]
    assert question["configurations"] == [f"ranks=2, work_s={n}" for n in (1, 2, 3)]
    assert question["reference"] == "once"
    assert question["decisions"][0]["kendall_tau_b"] == 1.0
    assert document["flips"] == []
    assert "twice chooses as well" in versim("decide", "answers.db", "--where", "work_s > 1").stdout
    assert versim("decide", "answers.db", "--where", "work_s > 2").exit_code == 1
    assert versim("decide", "answers.db", "--sweep", "7").exit_code == 1
    assert versim("decide", "answers.db", "--vary", "ranks=1").exit_code == 2
    assert versim("decide", "lab", "--where", "ranks == 1").exit_code == 2


def test_the_term_that_flips_a_pair_is_named(versim: Versim) -> None:
    """One rank computes 1.8 s and two compute 1 s; once then adds half a second, twice a whole one."""
    vary = ("--vary", "ranks,work_s=[1, 1.8],[2, 1.0]")
    result = versim("sweep", "lab", *vary, "--store", "answers.db", "-j", "1")
    assert result.exit_code == 0, result.stderr
    result = versim("decide", "answers.db")
    assert "twice chooses ranks=1, work_s=1.8 instead of ranks=2, work_s=1, 20 % slower" in result.stdout
    assert "because of all_reduce over rank" in " ".join(result.stdout.split())


def test_two_results_are_set_against_one_another(versim: Versim) -> None:
    """Stores and saved comparisons: what changed, and whether the inputs did."""
    for name, factor in (("before", 1), ("after", 2)):
        versim(
            *("sweep", "lab", "--vary", "ranks=1,2", "-O", f"once.factor={factor}"),
            *("--store", f"{name}.db", "-j", "1"),
        )
        versim("compare", "lab", "-O", f"small.work_s={factor}", "-f", "json", "-o", f"{name}.json")
    result = versim("report", "before.db", "after.db")
    assert result.exit_code == 0, result.stderr
    assert "4 answers on both sides, 1 of them differ" in result.stdout
    document = json.loads(versim("report", "before.db", "after.db", "-f", "json").stdout)
    (moved,) = [change for change in document["changes"] if change["percent"]]
    assert moved["question"] == "ranks=2 / small / given / once"
    assert moved["same_inputs"] is True
    assert moved["terms_s"][0][0].startswith("all_reduce over rank")
    saved = json.loads(versim("report", "before.json", "after.json", "-f", "json").stdout)["changes"]
    assert [change["same_inputs"] for change in saved] == [False, False]
    assert all(change["terms_s"][0][0].startswith("compute") for change in saved)
    assert versim("report", "before.db", "after.db", "-f", "html").exit_code == 2


def test_a_comparison_can_be_kept_for_sweeps(versim: Versim) -> None:
    """What it answered is listed, and asked by no sweep again."""
    assert versim("compare", "lab", "--store", "answers.db").exit_code == 0
    assert len(json.loads(versim("results", "answers.db", "-f", "json").stdout)["rows"]) == 2
    swept = versim("sweep", "lab", "--vary", "ranks=2,4", "--store", "answers.db", "-j", "1")
    assert "4 questions, 2 answered already, 2 to ask" in swept.stderr


def test_when_nodes_ran_is_kept_on_request_and_shown(versim: Versim) -> None:
    """A line per node with its name; where it was not kept, what keeps it."""
    once = ("sweep", "lab", "--vary", "work_s=1,2", "-j", "1", "--store", "answers.db")
    versim(*once)
    missing = versim("results", "answers.db", "--spans")
    assert missing.exit_code == 1
    assert "--keep-spans" in missing.stderr
    versim(*once, "--keep-spans")
    shown = versim("results", "answers.db", "--spans", "--where", "work_s == 2 and instance == 'once'")
    assert shown.exit_code == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[0] == "work_s,workload,pin,instance,node,name,rank,resource,ready_s,start_s,end_s"
    assert any(line.startswith("2,small,") and ",compute,0.0,0.0,2.0" in line for line in lines[1:])
