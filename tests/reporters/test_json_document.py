"""The JSON document: valid against its published schema, strict, and equal to what the table shows."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from report_samples import reports, sample_report
from versim import PS_PER_S, Destination, Report, report_schema
from versim_reporters.json_document import JsonOptions, JsonReporter
from versim_reporters.table import TableOptions, TableReporter

VALIDATOR = jsonschema.Draft202012Validator(report_schema())


def written(report: Report, **options: int) -> str:
    """What the reporter writes."""
    content = JsonReporter().render(report, JsonOptions(**options), Destination(to_file=True)).content
    assert isinstance(content, str)
    return content


def strict(text: str) -> Any:
    """JSON without NaN and Infinity."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


def objects_of(schema: Any, place: str = "$") -> list[tuple[str, dict[str, Any]]]:
    """Every schema of an object, with its place."""
    found = []
    if isinstance(schema, dict):
        if "properties" in schema or schema.get("type") == "object":
            found.append((place, schema))
        for key, value in schema.items():
            found.extend(objects_of(value, f"{place}.{key}"))
    elif isinstance(schema, list):
        for position, value in enumerate(schema):
            found.extend(objects_of(value, f"{place}[{position}]"))
    return found


def test_the_schema_is_a_schema() -> None:
    """Of the draft it names."""
    jsonschema.Draft202012Validator.check_schema(report_schema())


def test_the_schema_refuses_what_it_does_not_describe() -> None:
    """Unknown fields are errors everywhere but in a device's free-form parameters, and every field is required."""
    free = [place for place, schema in objects_of(report_schema()) if "additionalProperties" not in schema]
    assert free == ["$.$defs.system.properties.device.properties.parameters"]
    for place, schema in objects_of(report_schema()):
        assert schema.get("required", []) == list(schema.get("properties", {})), place
        assert "description" in schema, place


@settings(max_examples=25)
@given(report=reports())
def test_any_report_is_strict_and_valid(report: Report) -> None:
    """Inline or not, deadlocked or lossy, with figures that are not finite and names of any characters."""
    for limit in (100_000, 0):
        document = strict(written(report, spans=limit))
        VALIDATOR.validate(document)
    assert written(report) == written(report)


@settings(max_examples=25)
@given(report=reports())
def test_the_parts_sum_to_the_makespan(report: Report) -> None:
    """As docs/definitions.md says: of the last rank's time, and of the critical path's."""
    for workload in strict(written(report))["workloads"]:
        for comparison in workload["comparisons"]:
            for result in comparison["results"]:
                if result["status"] != "completed":
                    assert result["totals"] is result["critical_path"] is None
                    continue
                totals, path = result["totals"], result["critical_path"]
                parts = ("compute_ps", "exposed_communication_ps", "idle_ps")
                assert sum(totals[part] for part in parts) == result["makespan_ps"]
                assert path["compute_ps"] + path["communication_ps"] + path["gap_ps"] == result["makespan_ps"]


def test_times_in_seconds_are_the_picoseconds() -> None:
    """Every *_s beside a *_ps says the same."""
    pairs = 0
    stack = [strict(written(sample_report()))]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, dict):
            stack.extend(value.values())
            for key in value:
                other = key.removesuffix("_s") + "_ps"
                if key.endswith("_s") and other in value and value[other] is not None:
                    assert value[key] == value[other] / PS_PER_S
                    pairs += 1
    assert pairs > 100


def test_table_and_document_show_the_same_figures() -> None:
    """The table rounds, and nothing else."""
    report = sample_report()
    content = TableReporter().render(report, TableOptions(full=True), Destination()).content
    assert isinstance(content, str)
    comparison = strict(written(report))["workloads"][0]["comparisons"][0]
    table = content.partition("pipeline, pin deepflow\n=")[2]
    for result in comparison["results"]:
        line = next(line for line in table.splitlines() if line.startswith(f"{result['label']} "))
        cells = re.split(r"\s{2,}", line)
        totals = result["totals"]
        assert cells[1] == f"{result['makespan_s']:.9f}"
        assert cells[2] in ("reference", f"{result['difference_s']:+.9f}")
        names = ("compute_s", "communication_s", "exposed_communication_s")
        assert [float(cell) for cell in cells[-5:-2]] == [round(totals[name], 6) for name in names]
        assert cells[-2] == f"{totals['communication_ratio']:.4f}"
    assert comparison["digest"][:12] in table


def test_slack_stands_beside_the_instances_it_is_of() -> None:
    """One row per node and class of ranks in both predictions; 0 on the critical path."""
    comparison = strict(written(sample_report()))["workloads"][0]["comparisons"][0]
    rows = list(zip(comparison["instances"]["inline"]["node"], comparison["instances"]["inline"]["rank"], strict=True))
    for result in comparison["results"]:
        slack = dict(zip(rows, result["slack"]["inline"]["slack_ps"], strict=True))
        path = {(step["node"], step["rank"]) for step in result["critical_path"]["steps"]}
        assert {slack[step] for step in path} == {0}
        assert max(slack.values()) > 0


def test_a_sweep_is_in_the_document_with_what_it_implies() -> None:
    """Times as they were asked, and the line through them."""
    comparison = strict(written(sample_report()))["workloads"][0]["comparisons"][0]
    reduced, sent = comparison["sweep"]
    curve = reduced["curves"][0]
    assert curve["fit"]["alpha_s"] == pytest.approx(5e-6)
    assert curve["fit"]["bytes_per_s"] == pytest.approx(25e9)
    assert reduced["in_step"] == [{"size_bytes": 6 << 30, "count": 8}]
    assert sent["curves"][-1]["times_s"] == [None] * len(sent["sizes_bytes"])
    assert sent["curves"][-1]["refusal"] == "no messages here"


def test_critical_path_steps_have_names() -> None:
    """A reader of the document need not decode rows."""
    result = strict(written(sample_report()))["workloads"][0]["comparisons"][0]["results"][0]
    steps = result["critical_path"]["steps"]
    assert steps[0]["name"] == "embedding"
    assert steps[-1]["end_ps"] == result["makespan_ps"]


def test_a_deadlock_is_in_the_document() -> None:
    """With status, who waits, and no makespan."""
    document = strict(written(sample_report()))
    result = document["workloads"][1]["comparisons"][0]["results"][0]
    assert result["status"] == "deadlock"
    assert result["makespan_ps"] is None
    assert result["waiting"][0] == {"rank": 0, "node": 0, "name": "reduce a"}
    assert document["incomplete"] == ["stuck /  / analytical"]


def test_many_spans_go_beside_the_file() -> None:
    """The document names the file that attachments gives."""
    report, options = sample_report(), JsonOptions(spans=10)
    document = strict(written(report, spans=10))
    attachments = JsonReporter().render(report, options, Destination(to_file=True)).attachments
    assert document["columns"]["place"] == "attached"
    assert list(attachments) == [document["columns"]["attachment"]["file"]]
    assert not JsonReporter().render(report, JsonOptions(), Destination(to_file=True)).attachments


def test_many_spans_are_left_out_on_standard_output() -> None:
    """There is nothing beside standard output, and the document says so."""
    rendering = JsonReporter().render(sample_report(), JsonOptions(spans=10), Destination(to_file=False))
    assert isinstance(rendering.content, str)
    assert not rendering.attachments
    columns = strict(rendering.content)["columns"]
    assert (columns["place"], columns["attachment"]) == ("omitted", None)
    assert "write the report to a file" in columns["statement"]
