"""A report saved by any version opens, and shows what it showed; the files were written by the versions themselves."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from report_samples import AlphaBeta, predicted, ring
from versim import (
    Fixed,
    GraphBuilder,
    Kind,
    Mesh,
    Phase,
    Report,
    VersimError,
    WorkloadReport,
    compare_predictions,
    load_predictions,
    load_report,
    pin,
    report_document,
    save_report,
)

SAVED = Path(__file__).parents[2] / "golden" / "reports"


def unpacked(name: str, folder: Path) -> Path:
    """A saved report as a file of its own, with what belongs beside it."""
    path = folder / "report.json"
    if name.endswith(".gz"):
        path.write_bytes(gzip.decompress((SAVED / name).read_bytes()))
    else:
        with zipfile.ZipFile(SAVED / name) as archive:
            archive.extractall(folder)
    return path


@pytest.mark.parametrize("name", sorted(path.name for path in SAVED.iterdir()))
def test_every_version_opens_with_the_figures_it_was_saved_with(name: str, tmp_path: Path) -> None:
    """Times, differences, what they are made of, and checks by name; only words may change."""
    path = unpacked(name, tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert name.startswith(f"version-{document['format_version']}")
    report = load_report(path)
    assert len(load_predictions(path)) == len(list(report.results()))
    for (workload, comparison, result), saved in zip(report.results(), _saved(document), strict=True):
        said = saved["result"]
        assert [workload.label, comparison.inputs.label, result.label] == saved["address"]
        assert result.prediction.makespan_ps == said["makespan_ps"]
        assert result.difference_ps == said["difference_ps"]
        assert [check.name for check in result.checks if not check.passed] == [
            check["name"] for check in said["checks"] if not check["passed"]
        ]
        assert [[row.key, row.phase, row.total_ps] for row in result.groups] == [
            [row["key"], row["phase"], row["total_ps"]] for row in said["groups"]
        ]
        terms = (result.attribution and result.attribution.terms) or ()
        assert [term.effect_ps for term in terms] == [
            term["effect_ps"] for term in ((said["attribution"] or {}).get("terms") or ())
        ]


def _saved(document: Any) -> list[dict[str, Any]]:
    return [
        {"address": [workload["label"], comparison["pin"], result["label"]], "result": result}
        for workload in document["workloads"]
        for comparison in workload["comparisons"]
        for result in comparison["results"]
    ]


@pytest.mark.parametrize("name", sorted(path.name for path in SAVED.iterdir()))
def test_an_old_report_is_saved_again_in_the_newest_version(name: str, tmp_path: Path) -> None:
    """With the figures it had, and the labels it uses instead of tables of all there were."""
    report = load_report(unpacked(name, tmp_path))
    save_report(report, tmp_path / "again.json")
    again = load_report(tmp_path / "again.json")
    assert [result.prediction.makespan_ps for _, _, result in again.results()] == [
        result.prediction.makespan_ps for _, _, result in report.results()
    ]
    for _, comparison, _ in again.results():
        graph = comparison.inputs.graph
        assert len(graph.kinds) == len(set(graph.kind.tolist()))
        assert len(graph.phases) == len(set(graph.phase.tolist()))


def gossiping() -> Report:
    """A report of a graph whose phase and kind of communication are somebody's own."""
    builder = GraphBuilder(Mesh.of(dp=2))
    first = builder.compute("first", [(Fixed(1e-6), 1)], phase=Phase("warm-up"))
    builder.collective("talk", Kind("gossip"), 1 << 20, axes=["dp"], after=[first], phase=Phase.BACKWARD)
    pinned = pin(builder.build(), ring(2), label="as given")
    answers = [predicted(pinned, AlphaBeta(latency, 1e9), label) for label, latency in (("a", 0.0), ("b", 1e-6))]
    comparison = compare_predictions(pinned.on(ring(2)), answers, "a")
    workload = WorkloadReport(label="talking", producer="test", comparisons=(comparison,))
    return Report(scenario="labels", description="", workloads=(workload,))


@pytest.mark.parametrize("limit", [0, 100_000])
def test_labels_that_nobody_has_seen_before_are_read_back(limit: int, tmp_path: Path) -> None:
    """A phase or a kind of somebody's own makes no report unreadable, and is told apart from others."""
    report = gossiping()
    save_report(report, tmp_path / "r.json", spans_inline_limit=limit)
    (_, comparison, result), *_ = load_report(tmp_path / "r.json").results()
    graph = comparison.inputs.graph
    assert (graph.phases, graph.kinds) == (("warm-up", "backward"), ("gossip",))
    assert [(row.key, row.phase) for row in result.groups] == [("compute", "warm-up"), ("gossip over dp", "backward")]


def test_a_label_in_use_counts_and_others_do_not() -> None:
    """Who reads ``kind`` may act on it, so it is a part of the digest; what a graph does not use is not."""
    digests = {}
    for kind in ("all_reduce", "gossip", "gossipe"):
        builder = GraphBuilder(Mesh.of(dp=2))
        builder.collective("talk", kind, 1 << 20, axes=["dp"])
        digests[kind] = pin(builder.build(), ring(2)).digest
    assert len(set(digests.values())) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph: graph["kinds"].append(graph["kinds"][0]), r"\.kinds: a label stands in it twice"),
        (lambda graph: graph["phases"].append("\x1b"), r"\.phases: .* is no phase"),
        (lambda graph: graph["kinds"].clear(), r"column 'kind' has values outside"),
    ],
)
def test_tables_of_labels_are_not_believed(change: Callable[[Any], None], message: str, tmp_path: Path) -> None:
    """They come from a file."""
    document, _ = report_document(gossiping())
    change(document["workloads"][0]["comparisons"][0]["graph"])
    (tmp_path / "r.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(VersimError, match=message):
        load_report(tmp_path / "r.json")
