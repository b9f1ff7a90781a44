"""The derivation in docs/bundled.md, recomputed from the document that ``versim compare bundled -f json`` writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import versim

PAGE = (Path(__file__).parents[2] / "docs" / "bundled.md").read_text(encoding="utf-8")
Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def comparison() -> dict[str, Any]:
    """The pipeline graph under the pin ``folded by deepflow``, as JSON values."""
    document, _ = versim.report_document(versim.compare("bundled"))
    found: dict[str, Any] = document["workloads"][0]["comparisons"][0]
    assert found["pin"] == "folded by deepflow"
    return found


@pytest.fixture
def results(comparison: dict[str, Any]) -> Results:
    """By label."""
    return {result["label"]: result for result in comparison["results"]}


def spelt(number: float) -> str:
    """As the page writes large numbers."""
    return f"{number:,}".replace(",", " ").replace("-", "−")


def on_page(*numbers: float) -> None:
    """Each of them stands there."""
    text = re.sub(r"\s+", " ", PAGE)
    missing = [spelt(number) for number in numbers if spelt(number) not in text]
    assert missing == []


def takes_ps(result: dict[str, Any], operation: str) -> int:
    """Of one execution."""
    (row,) = [row for row in result["operations"] if row["key"] == operation]
    assert row["total_ps"] % row["count"] == 0
    return int(row["total_ps"] // row["count"])


def effect_ps(result: dict[str, Any], name: str) -> int:
    """Of a term."""
    (term,) = [term for term in result["attribution"]["terms"] if term["name"] == name]
    return int(term["effect_ps"])


def last_steps(result: dict[str, Any]) -> list[tuple[str, int, str]]:
    """The last two steps of a critical path: name, rank and what they waited for."""
    return [(step["name"], step["rank"], step["waited_for"]) for step in result["critical_path"]["steps"][-2:]]


def test_the_sentence_about_the_difference_follows_from_the_document(results: Results) -> None:
    """Four numbers per term at most, and they add up to the picosecond."""
    deepflow, astrasim = results["deepflow"], results["astrasim"]
    difference = astrasim["makespan_ps"] - deepflow["makespan_ps"]
    embedding, transformer = "all-reduce embedding gradients", "all-reduce transformer gradients"
    # 2: the last step of both paths.
    assert last_steps(deepflow)[1] == (embedding, 0, "dependency")
    assert last_steps(astrasim) == [(transformer, 0, "dependency"), (embedding, 0, "resource")]
    ends = [takes_ps(result, embedding) for result in (astrasim, deepflow)]
    longer = ends[0] - ends[1]
    assert longer == effect_ps(astrasim, "all_reduce over dp, backward")
    # 4: the all-reduce in front of it stands where the embedding's work was.
    assert last_steps(deepflow)[0] == ("embedding backward", 0, "dependency")
    before, beside = takes_ps(astrasim, transformer), takes_ps(deepflow, "embedding backward")
    order = before - beside
    assert order == effect_ps(astrasim, "schedule order")
    (pattern,) = [p for p in astrasim["attribution"]["patterns"] if p["on_path_ps"] == order]
    assert pattern["sentence"] == "all_reduce over dp waits behind all_reduce over dp on rank 0"
    # 5: three messages in each direction, in whole nanoseconds.
    messages = [takes_ps(result, "gradient send") for result in (deepflow, astrasim)]
    assert messages == [takes_ps(result, "activation send") for result in (deepflow, astrasim)]
    sends = [step for step in deepflow["critical_path"]["steps"] if step["name"] == "gradient send"]
    rounded = len(sends) * (messages[1] - messages[0])
    assert rounded == effect_ps(astrasim, "point_to_point over pp, backward")
    assert rounded == effect_ps(astrasim, "point_to_point over pp, forward")
    # 6
    assert longer + 2 * rounded + order == difference == astrasim["difference_ps"]
    assert effect_ps(astrasim, "what is left") == 0
    on_page(astrasim["makespan_ps"], deepflow["makespan_ps"], difference, *ends, longer, before, beside, order)
    on_page(*messages, rounded, messages[1] - messages[0])


def test_four_hops_make_it_four_times_as_long(comparison: dict[str, Any], results: Results) -> None:
    """From bytes, bandwidth and latency; ASTRA-sim's local memory is its default of 1600 GB/s."""
    graph, (ring,) = comparison["graph"], comparison["system"]["dimensions"]
    assert (ring["topology"], ring["size"]) == ("ring", 8)
    nodes, communications = graph["nodes"]["inline"], graph["communications"]["inline"]
    row = nodes["name"].index(graph["names"].index("all-reduce embedding gradients"))
    size = communications["size_bytes"][nodes["communication"][row]]
    hop_s = size / 2 / ring["link"]["bandwidth_bytes_per_s"] + ring["link"]["latency_s"]
    memory_s = 3 * (size / 2) / 1600e9
    assert takes_ps(results["astrasim"], "all-reduce embedding gradients") / 1e12 == pytest.approx(
        2 * 4 * hop_s + memory_s, rel=1e-6
    )
    launched_s = 2 * hop_s + comparison["system"]["device"]["kernel_launch_overhead_s"]
    assert takes_ps(results["deepflow"], "all-reduce embedding gradients") / 1e12 == pytest.approx(launched_s, rel=0.01)
    on_page(size)
    for milliseconds in (2 * 4 * hop_s, memory_s, 2 * 4 * hop_s + memory_s, 2 * hop_s):
        assert f"{milliseconds * 1e3:.3f} ms" in PAGE


def test_sends_of_the_original_wait_behind_three_all_reduces(results: Results) -> None:
    """One on each of the ranks 1 to 3, and the wait of rank 0 as before."""
    original = results["original"]
    behind = 3 * takes_ps(original, "all-reduce transformer gradients")
    first, second, *_ = original["attribution"]["patterns"]
    assert first["sentence"] == "point_to_point over pp waits behind all_reduce over dp on ranks 1, 2, 3"
    assert first["on_path_ps"] == behind
    embedding = takes_ps(original, "embedding backward")
    assert second["on_path_ps"] == takes_ps(original, "all-reduce transformer gradients") - embedding
    assert effect_ps(original, "schedule order") == behind + second["on_path_ps"]
    on_page(behind, embedding, second["on_path_ps"], behind + second["on_path_ps"])


def test_the_tables_hold_the_terms_and_makespans_of_the_document(results: Results) -> None:
    """Every effect, and every makespan in seconds."""
    for result in results.values():
        assert f"{result['makespan_ps'] / 1e12:.9f} s" in PAGE
    for label in ("astrasim", "original"):
        terms = results[label]["attribution"]["terms"]
        effects = [term["effect_ps"] for term in terms if term["kind"] != "compute" and term["effect_ps"]]
        compute = sum(term["effect_ps"] for term in terms if term["kind"] == "compute")
        for effect in (*effects, compute or 0, results[label]["difference_ps"]):
            assert (f"{spelt(effect)}" if effect <= 0 else f"+{spelt(effect)}") in PAGE
