"""A whole report loads with the graph it was made from, and a file that contradicts itself is refused."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_samples import sample_report
from versim import VersimError
from versim.storage.document import report_document
from versim.storage.files import save_report
from versim.storage.load_report import load_report
from versim.storage.text import document_text

REPORT = sample_report()
INLINE = report_document(REPORT)[0]

COMPARISON = r"\$\.workloads\[0\]\.comparisons\[0\]"


def written(tmp_path: Path, change: Callable[[Any], None]) -> Path:
    """A changed document; ``change`` is given the first comparison."""
    document = copy.deepcopy(INLINE)
    change(document["workloads"][0]["comparisons"][0])
    path = tmp_path / "report.json"
    path.write_text(json.dumps(document))
    return path


def put(value: object, *keys: str | int) -> Callable[[Any], None]:
    """A change of one place."""

    def change(comparison: Any) -> None:
        target = comparison
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = value

    return change


def test_the_graph_is_the_one_that_was_pinned(tmp_path: Path) -> None:
    """Column by column, with the same digest; work is fixed durations that pin to the same nanoseconds."""
    save_report(REPORT, tmp_path / "r.json")
    loaded = load_report(tmp_path / "r.json")
    for (_, before, _), (_, after, _) in zip(REPORT.results(), loaded.results(), strict=True):
        one, two = before.inputs, after.inputs
        assert one.digest == two.digest
        assert np.array_equal(one.compute_s, two.compute_s)
        for name in ("op", "placement", "name", "phase", "layer", "microbatch", "match", "dependency", "scope", "tag"):
            column, other = getattr(one.graph, name), getattr(two.graph, name)
            assert column.dtype == other.dtype
            assert np.array_equal(column, other), name
        assert one.graph.placements == two.graph.placements
        assert one.graph.scopes == two.graph.scopes
        assert before.inputs.system == after.inputs.system


@pytest.mark.parametrize("limit", [10, 100_000])
def test_attributes_are_kept_and_held_to_the_digest(tmp_path: Path, limit: int) -> None:
    """Beside the file or in it; a changed number is another graph."""
    workload = REPORT.workloads[0]
    first = workload.comparisons[0]
    graph = first.inputs.graph
    ids = np.arange(graph.node_count, dtype=np.int64)[::-1] - 1
    groups = np.arange(graph.communication_count, dtype=np.int64)
    graph = attrs.evolve(graph, node_attributes={"test.id": ids}, communication_attributes={"test.group": groups})
    pinned = attrs.evolve(first.inputs, graph=graph)
    report = attrs.evolve(
        REPORT, workloads=(attrs.evolve(workload, comparisons=(attrs.evolve(first, inputs=pinned),)),)
    )
    save_report(report, tmp_path / "r.json", spans_inline_limit=limit)
    loaded = next(iter(load_report(tmp_path / "r.json").results()))[1].inputs.graph
    assert loaded.node_attributes["test.id"].tolist() == ids.tolist()
    assert loaded.communication_attributes["test.group"].tolist() == groups.tolist()
    if limit > 10:
        document = json.loads((tmp_path / "r.json").read_text())
        document["workloads"][0]["comparisons"][0]["graph"]["node_attributes"]["test.id"]["inline"]["value"][3] += 1
        (tmp_path / "r.json").write_text(json.dumps(document))
        with pytest.raises(VersimError, match="the inputs have the digest"):
            load_report(tmp_path / "r.json")


def test_a_report_from_before_attributes_loads(tmp_path: Path) -> None:
    """Reports are kept; one lacks what did not exist when it was written."""

    def change(comparison: Any) -> None:
        del comparison["graph"]["node_attributes"], comparison["graph"]["communication_attributes"]

    assert load_report(written(tmp_path, change)).workloads


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["graph"].pop("placements"), r"\.graph: this report was written before reports could be loaded"),
        (put([3, 3], "sweep", 0, "sizes_bytes"), r"\.sweep\[0\]\.sizes_bytes: sizes have to ascend"),
        (put([0], "sweep", 0, "ranks"), r"\.sweep\[0\]\.ranks: a communication has at least 2 ranks"),
        (put([1.0], "sweep", 0, "curves", 0, "times_s"), r"sweep\[0\]: analytical: expected 7 times, got 1"),
        (put([-1.0] * 7, "sweep", 0, "curves", 0, "times_s"), r"times_s\[0\]: expected a finite number"),
        (
            put(["Infinity"] * 7, "sweep", 0, "curves", 0, "times_s"),
            r"times_s\[0\]: expected a finite number of at least 0",
        ),
        (put("hybrid", "sweep", 0, "curves", 0, "model"), r"\.sweep\[0\]\.curves: two curves are of one model"),
        (put("\x1b", "sweep", 0, "kind"), r"\.sweep\[0\]\.kind: is no kind"),
        (
            put(7.0, "results", 1, "path_change", "agreement"),
            r"path_change\.agreement: expected a finite number .* most 1",
        ),
        (put(-1, "results", 1, "path_change", "agreement"), r"agreement: expected a finite number of at least 0"),
        (put("NaN", "results", 1, "path_change", "agreement"), r"agreement: expected a finite number of at least 0"),
        (put(-2.0, "results", 0, "wall_s"), r"\.results\[0\]\.wall_s: expected a finite number of at least 0"),
        (put("Infinity", "results", 0, "wall_s"), r"\.wall_s: expected a finite number of at least 0"),
        (
            put([{"role": "r", "source": "measured", "by": "", "detail": "", "seconds": -1.0}], "origins"),
            r"\.origins\[0\]\.seconds: expected a finite number of at least 0",
        ),
        (put("nobody", "reference"), r"\.reference: expected one of analytical"),
        (put([], "results"), r"\.reference: expected one of"),
        (put("0" * 64, "digest"), r"\.digest: the inputs have the digest"),
        (put(3, "graph", "mesh", 0, "size"), r"\.graph\.mesh: it has 12 ranks, not 8"),
        (put(10**15, "graph", "mesh", 0, "size"), r"\.graph\.mesh: it has"),
        (put([[0, 1], None], "graph", "placements", 0), r"\.placements\[0\]\[0\]: expected null for the whole axis"),
        (put([None], "graph", "placements", 0), r"\.placements\[0\]: expected 2 entries, one per axis"),
        (put([None, [9]], "graph", "placements", 0), r"\.placements\[0\]\[1\]\[0\]: expected a number from 0 to 3"),
        (put(["compute"], "graph", "ops"), r"\.graph\.ops: expected 'compute', 'send'"),
        (put(7, "graph", "nodes", "inline", "op", 0), r"\.graph\.nodes: column 'op' has values outside 0\.\.3"),
        (put(None, "graph", "nodes", "inline", "name", 0), r"\.nodes: column 'name' has values outside"),
        (put(3, "graph", "nodes", "inline", "op", 0), r"\.nodes: communication is given if and only if"),
        (put(-1.0, "graph", "nodes", "inline", "compute_s", 0), r"compute_s: row 0: expected a finite number"),
        (put("NaN", "graph", "nodes", "inline", "compute_s", 0), r"compute_s: row 0: expected a finite number"),
        (put(1e300, "graph", "nodes", "inline", "compute_s", 0), r"column 'compute_s' has values outside 0\.\."),
        (put(1, "graph", "nodes", "inline", "compute_ns", 0), r"compute_ns is not compute_s in nanoseconds"),
        (put(95, "graph", "dependencies", "inline", "on", 0), r"\.graph: not a graph: .*"),
        (put(96, "graph", "dependencies", "inline", "on", 0), r"column 'on' has values outside 0\.\.95"),
        (put(90, "graph", "dependencies", "inline", "node", 0), r"column 'node' is not ascending"),
        (put(0, "graph", "communications", "inline", "size_bytes", 0), r"column 'size_bytes' has values outside 1"),
        (put(-5.0, "system", "dimensions", 0, "link", "latency_s"), r"\.link: latency_s must be a finite number"),
        (put("star", "system", "dimensions", 0, "topology"), r"\.topology: expected one of ring"),
        (
            put(1, "results", 0, "makespan_ps"),
            COMPARISON + ": the prediction of backend 'fake' .* has a makespan of 1 ps but ends at",
        ),
    ],
)
def test_a_contradiction_is_named_with_its_place(tmp_path: Path, change: Callable[[Any], None], message: str) -> None:
    """File, path in the document, what was expected."""
    path = written(tmp_path, change)
    with pytest.raises(VersimError, match=message) as caught:
        load_report(path)
    assert str(path) in str(caught.value)


def test_a_small_file_cannot_ask_for_much_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Placements that nothing uses would be spread over every class of ranks all the same."""
    monkeypatch.setattr("versim.storage.load_inputs.MOST_EXECUTIONS", 2_000)

    def change(comparison: Any) -> None:
        comparison["graph"]["placements"] += [[None, None]] * 1_000

    with pytest.raises(VersimError, match=r"\.graph: it has .* executions, far more than its predictions have spans"):
        load_report(written(tmp_path, change))


def test_columns_belong_to_one_place(tmp_path: Path) -> None:
    """Else a short document could read a long archive again and again."""
    path = tmp_path / "r.json"
    save_report(REPORT, path, spans_inline_limit=10)
    document = json.loads(path.read_text())
    results = document["workloads"][0]["comparisons"][0]["results"]
    results[1]["spans"]["attached"] = results[0]["spans"]["attached"]
    path.write_text(json.dumps(document))
    with pytest.raises(VersimError, match="belong to another place already"):
        load_report(path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    position=st.integers(0, 10**9), replacement=st.sampled_from(["null", "-1", "1", '"x"', "[]", "{}", "1e400", "true"])
)
def test_damage_anywhere_is_a_message_or_harmless(tmp_path: Path, position: int, replacement: str) -> None:
    """One value of the text replaced: it loads or is refused, and never ends in another exception."""
    text = document_text(INLINE)
    starts = [i for i, c in enumerate(text) if c in ":[,"]
    start = starts[position % len(starts)] + 1
    end = min(i for i in (text.find(c, start) for c in ",]}\n") if i > 0)
    path = tmp_path / "damaged.json"
    path.write_text(text[:start] + replacement + text[end:])
    with contextlib.suppress(VersimError):
        load_report(path)


def test_a_report_of_before_links_slack_sweep_and_accuracy_is_read(tmp_path: Path) -> None:
    """What a document lacks that is newer than it is not there; nothing else changes."""
    document = json.loads(document_text(INLINE))
    del document["accuracy"]
    for workload in document["workloads"]:
        for comparison in workload["comparisons"]:
            del comparison["instances"], comparison["sweep"]
            for result in comparison["results"]:
                del result["slack"], result["links"], result["measured"]
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))
    loaded = load_report(path)
    assert [r.prediction.makespan_ps for _, _, r in loaded.results()] == [
        r.prediction.makespan_ps for _, _, r in REPORT.results()
    ]
    assert all(c.sweep is None for w in loaded.workloads for c in w.comparisons)
    assert all(r.prediction.links is None and not r.prediction.measured for _, _, r in loaded.results())


SIZES: dict[str, Any] = {
    "tokens": 4096,
    "model_flop": {"bf16": 6e12},
    "causal_flop": 5e12,
    "hardware_flop": 7e12,
    "usable_share": 0.9,
    "memory": [
        {"label": "stage 0", "weights_bytes": 1.0, "gradients_bytes": 1.0, "optimizer_bytes": 1.0}
        | {"activations_bytes": 1.0, "logits_bytes": 0.0, "buffers_bytes": 0.0}
        | {"persistent_bytes": 3.0, "peak_bytes": 4.0}
    ],
}


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("model_flop", "bf16"), -1.0),
        (("causal_flop",), "NaN"),
        (("hardware_flop",), "Infinity"),
        (("usable_share",), 1.5),
        (("memory", 0, "weights_bytes"), -5.0),
        (("tokens",), -1),
    ],
)
def test_what_a_step_amounts_to_is_no_nonsense(tmp_path: Path, keys: tuple[str | int, ...], value: object) -> None:
    """From these come MFU, tokens per second and whether it fits."""
    assert load_report(written(tmp_path, put(SIZES, "sizes"))).workloads
    sizes = copy.deepcopy(SIZES)
    put(value, *keys)(sizes)
    with pytest.raises(VersimError, match=rf"\.sizes.*{keys[-1]}: expected"):
        load_report(written(tmp_path, put(sizes, "sizes")))


def test_the_usable_share_of_memory_survives_being_saved(tmp_path: Path) -> None:
    """Without it a step that does not fit would fit when its report is shown again."""
    found = load_report(written(tmp_path, put(SIZES, "sizes"))).workloads[0].comparisons[0].inputs.sizes
    assert found is not None
    assert found.usable_share == 0.9
    without = {key: value for key, value in SIZES.items() if key != "usable_share"}
    found = load_report(written(tmp_path, put(without, "sizes"))).workloads[0].comparisons[0].inputs.sizes
    assert found is not None
    assert found.usable_share == 1.0
