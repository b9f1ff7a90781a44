"""The backend measurement: recorded times, and nothing that was not recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest
from versim import (
    NO_TIME,
    PS_PER_S,
    Comparison,
    Device,
    Dimension,
    FaultsError,
    Fixed,
    GraphBuilder,
    Inputs,
    Link,
    Mesh,
    Phase,
    Prediction,
    SimulationRequest,
    System,
    VersimError,
    compare,
    compare_predictions,
    load_predictions,
    load_registry,
    pin,
    save_report,
    structure_options,
)
from versim.plain import parse_yaml
from versim_basics.alpha_beta import AlphaBeta, AlphaBetaOptions
from versim_basics.measurement import Measurement

CSV = "# Two runs, measured by nobody (a test)\ncase,mode,step_ms\na,x,1500\na,y,2500\n"
YAML = "source: a test\nrows:\n  - {case: 7, measured_s: 0.25}\n"
OPS = "# a test\nop,rank,start_us,end_us\nwork,0,0,400\nwork,0,500,900\nwork,1,10,420\nwork,1,500,950\n"


def _pinned() -> tuple[Inputs, System]:
    builder = GraphBuilder(Mesh.of(rank=2))
    first = builder.compute("work", [(Fixed(400e-6), 1)], phase=Phase.FORWARD)
    second = builder.compute("work", [(Fixed(400e-6), 1)], after=[first], phase=Phase.FORWARD)
    builder.compute("rest", [(Fixed(100e-6), 1)], after=[second], phase=Phase.BACKWARD)
    ring = Dimension(topology="ring", size=2, link=Link(bandwidth_bytes_per_s=1e9, latency_s=0.0))
    system = System(dimensions=(ring,), device=Device(name="any"))
    return pin(builder.build(), system), system


def _measured(file: Path, text: str, **options: Any) -> Prediction:
    file.write_text(text, encoding="utf-8")
    pinned, system = _pinned()
    chosen = structure_options(Measurement(), {"file": str(file), **options})
    return Measurement().simulate(SimulationRequest(inputs=pinned.on(system), options=chosen))


def test_a_step_time_is_a_makespan_and_no_spans(tmp_path: Path) -> None:
    """When single nodes ran was not measured, and nobody is told that it was."""
    found = _measured(tmp_path / "r.csv", CSV, where={"case": "a", "mode": "y"}, column="step_ms")
    assert found.completed
    assert found.makespan_ps == 2500 * PS_PER_S // 1000
    assert found.spans.count == 0
    assert (found.consumed.compute_ns == NO_TIME).all()
    assert found.diagnosis == ("only the time of the whole step was measured",)
    assert found.provenance["source"] == "Two runs, measured by nobody (a test)"


def test_yaml_says_the_same(tmp_path: Path) -> None:
    """A number is found as a number."""
    assert _measured(tmp_path / "r.yaml", YAML, where={"case": 7}).makespan_ps == PS_PER_S // 4


def test_recorded_operations_become_spans_in_program_order(tmp_path: Path) -> None:
    """Nodes of one name on one rank are told apart by their order; what was not recorded has no span."""
    found = _measured(tmp_path / "r.csv", OPS, rows="ops", start_column="start_us", end_column="end_us")
    rows = zip(*(getattr(found.spans, name).tolist() for name in ("node", "rank", "start_ps", "end_ps")), strict=True)
    us = PS_PER_S // 10**6
    assert list(rows) == [
        (0, 0, 0, 400 * us),
        (0, 1, 10 * us, 420 * us),
        (1, 0, 500 * us, 900 * us),
        (1, 1, 500 * us, 950 * us),
    ]
    assert found.makespan_ps == 950 * us
    assert found.finish_ps.tolist() == [900 * us, 950 * us]


def test_a_rank_that_was_not_recorded_has_no_finish(tmp_path: Path) -> None:
    """It may have finished at any time."""
    one = "# a test\nop,start_s,end_s\nrest,0.5,0.75\n"
    assert _measured(tmp_path / "r.csv", one, rows="ops").finish_ps.tolist() == [3 * PS_PER_S // 4, NO_TIME]


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (CSV, {"column": "step_ms"}, "2 rows are meant; choose one"),
        (CSV, {"where": {"case": "b"}, "column": "step_ms"}, "no row with case=b"),
        (CSV, {"where": {"mode": "x"}}, "has no column 'measured_s'; there are case, mode, step_ms"),
        (CSV, {"where": {"mode": "x"}, "column": "case"}, "does not end in a unit"),
        (CSV, {"where": {"mode": "x"}, "column": "case", "unit": "s"}, "'a' is not a time above 0"),
        (CSV.split("\n", 1)[1], {"column": "step_ms"}, "does not say where its times come from"),
        ("# a test\na,b\n1\n", {}, "line 3: has 1 cells, the header has 2"),
        ("# a test\na,b\n", {}, "holds no row"),
        (OPS.replace("work", "wrok"), {"rows": "ops", "unit": "us", "start_column": "start_us"}, "no column 'end_s'"),
    ],
)
def test_a_record_that_does_not_answer_is_refused(
    tmp_path: Path, text: str, options: dict[str, Any], said: str
) -> None:
    """A guess would become the truth that others are held against."""
    with pytest.raises(VersimError, match=said):
        _measured(tmp_path / "r.csv", text, **options)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("work,1,10", "wrok,1,10", "no node of the graph is named 'wrok'"),
        ("work,1,10", "rest,1,10", "1 rows of 'work' on rank 1, where the graph has 2"),
        ("work,1,10", "work,2,10", "rank '2' is none of 0..1"),
        ("500,900", "500,400", "ends before it starts"),
        ("0,400", "0,inf", "'inf' is not a time"),
    ],
)
def test_operations_that_do_not_fit_the_graph_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Half a match would shift every later row by one."""
    with pytest.raises(VersimError, match=said):
        _measured(tmp_path / "r.csv", OPS.replace(old, new), rows="ops", start_column="start_us", end_column="end_us")


def test_a_column_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """With those that do."""
    with pytest.raises(FaultsError, match=r"\$.where.cass: is no column; there are case, mode, step_ms"):
        _measured(tmp_path / "r.csv", CSV, where={"cass": "a"})


@pytest.mark.parametrize("text", ["rows: 3\n", "[1]\n", "rows: [{a: [1]}]\n", "rows: [\n", "a: *b\n"])
def test_yaml_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    """By what is wrong."""
    with pytest.raises(VersimError, match=r"."):
        _measured(tmp_path / "r.yaml", text)


def test_others_are_held_against_it(tmp_path: Path) -> None:
    """It stands in a comparison, as the reference."""
    file = tmp_path / "r.csv"
    file.write_text("# a test\nmeasured_s\n0.001\n", encoding="utf-8")
    pinned, system = _pinned()
    registry = load_registry()
    predictions = []
    network = AlphaBeta().network(AlphaBetaOptions())
    for name, options in (("measurement", {"file": str(file)}), ("deepflow", {})):
        backend = registry.backend(name)
        request = SimulationRequest(
            inputs=pinned.on(system), options=structure_options(backend, options), network=network
        )
        predictions.append(_labelled(backend.simulate(request), name))
    comparison: Comparison = compare_predictions(pinned.on(system), predictions, "measurement")
    assert comparison.result("deepflow").difference_percent == pytest.approx(-10.0)


def _labelled(prediction: Prediction, label: str) -> Prediction:
    return attrs.evolve(prediction, label=label)


def test_it_survives_being_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty columns, and no time anywhere but the makespan; the source stands in the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.csv").write_text("# a test\nmeasured_s\n0.001\n", encoding="utf-8")
    (tmp_path / "s.yaml").write_text(
        "workloads: [{label: alone, producer: collective, options: {participants: 2}}]\n"
        "system: {dimensions: [{topology: ring, size: 2, bandwidth: 1 GB/s, latency: 1 us}]}\n"
        "backends:\n"
        "  - {label: measured, backend: measurement, options: {file: r.csv}}\n"
        "  - {label: simulated, backend: deepflow, network: alpha-beta}\n",
        encoding="utf-8",
    )
    save_report(compare("s.yaml"), tmp_path / "out.json")
    measured, simulated = load_predictions(tmp_path / "out.json").values()
    assert measured.provenance["source"] == "a test"
    assert (measured.makespan_ps, measured.spans.count) == (PS_PER_S // 1000, 0)
    assert (measured.consumed.size_bytes == NO_TIME).all()
    assert simulated.makespan_ps == 2 * 1_000_000 + (1 << 20) * 1000


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        (
            "r.yaml",
            "source: a\nrows: [{recompute: off, measured_s: 1}, {recompute: full, measured_s: 2}]\n",
            "off",
        ),
        ("r.csv", "# a test\nrecompute,measured_s\noff,1\nfull,2\n", "off"),
        (
            "r.yaml",
            "source: a\nrows: [{recompute: true, measured_s: 1}, {recompute: no, measured_s: 2}]\n",
            "true",
        ),
        ("r.csv", "# a test\nrecompute,measured_s\ntrue,1\nfalse,2\n", "true"),
    ],
)
def test_a_scenario_finds_the_row_it_names(tmp_path: Path, name: str, text: str, where: str) -> None:
    """Scenario and record speak one dialect: ``off`` is a word in both, ``true`` a truth value in both."""
    chosen = parse_yaml(f"recompute: {where}")
    assert _measured(tmp_path / name, text, where=chosen).makespan_ps == PS_PER_S


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("r.yaml", "source: a\nrows: [{measured_s: 12:30}]\n", "'12:30' is not a time above 0"),
        (
            "r.yaml",
            "source: a\nrows: [{measured_s: 1, measured_s: 2}]\n",
            "line 2, column 24: the key 'measured",
        ),
        ("r.yaml", "source: [a]\nrows: [{measured_s: 1}]\n", r"line 1, \$\.source: is not a text"),
        ("r.yaml", "source: a\nrows:\n - {measured_s: [1]}\n", r"line 3, \$\.rows\[0\]: is not a mapping"),
        ("r.csv", "# a\nmeasured_s,measured_s\n1,2\n", "the column 'measured_s' is there 2 times"),
        ("r.csv", "# a\nmeasured_s,x\n1," + "x" * 200_000, "is not CSV: field larger"),
        ("r.csv", "# a\nmeasured_s\n1e8\n", "'1e8' is 1e.08 s, above the 9.0072e.06 s that are counted"),
        ("r.csv", "# a\nmeasured_s\n1_000\n", "'1_000' is not a time above 0"),
        ("r.csv", "# a\nmeasured_s\n１２\n", "is not a time above 0"),
    ],
)
def test_what_could_be_misread_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    """A measurement is the truth that others are held against."""
    with pytest.raises(VersimError, match=message):
        _measured(tmp_path / name, text)


def test_a_leading_zero_makes_no_octal_number(tmp_path: Path) -> None:
    """``010`` seconds are ten."""
    text = "source: a test\nrows: [{measured_s: 010}]\n"
    assert _measured(tmp_path / "r.yaml", text).makespan_ps == 10 * PS_PER_S


def test_a_record_that_multiplies_itself_is_refused(tmp_path: Path) -> None:
    """A billion laughs in the source took 1.5 GB."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(VersimError, match="unfolds to more than 100000 values"):
        _measured(tmp_path / "r.yaml", "\n".join(lines) + "\nsource: *a9\nrows: [{measured_s: 1}]\n")
