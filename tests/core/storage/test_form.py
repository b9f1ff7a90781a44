"""The format of a report is stated once: schema, writer and reader cannot say different things."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from report_samples import sample_report
from versim import load_report, report_document, report_schema
from versim.comparison.model import FORMAT_VERSION
from versim.plain import Value
from versim.storage.form import Form

DOCUMENT = json.loads(json.dumps(report_document(sample_report())[0]))


def test_the_published_schema_has_the_version_that_is_written() -> None:
    """And is one; a change of the copy changes nothing."""
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["format_version"]["const"] == FORMAT_VERSION == DOCUMENT["format_version"]
    schema["properties"].clear()
    assert report_schema()["properties"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document: document.update(more=1), r"states no \$\.more"),
        (lambda document: document.pop("scenario"), r"states \$\.scenario, which is not written"),
        (
            lambda document: document["workloads"][0]["comparisons"][0]["results"][0].pop("wall_s"),
            r"states \$\.workloads\[\]\.comparisons\[\]\.results\[\]\.wall_s, which is not written",
        ),
        (
            lambda document: document["workloads"][0]["comparisons"][0]["system"].update(colour="red"),
            r"states no \$\.workloads\[\]\.comparisons\[\]\.system\.colour",
        ),
    ],
)
def test_the_writer_cannot_write_what_is_not_stated(change: Callable[[Any], object], message: str) -> None:
    """Nor leave out what is; that is a bug of versim's and no error of the user's."""
    document = json.loads(json.dumps(DOCUMENT))
    Form.of_report().hold(document)
    change(document)
    with pytest.raises(ValueError, match=message):
        Form.of_report().hold(document)


def test_the_reader_cannot_take_what_is_not_stated(tmp_path: Path) -> None:
    """A field that only the reader knows would be read from nowhere."""
    value = Value("report", "$", {"colour": "red", **DOCUMENT}, Form.of_report())
    assert value["scenario"].text() == DOCUMENT["scenario"]
    with pytest.raises(ValueError, match=r"states no \$\.colour"):
        value["colour"]
    path = tmp_path / "report.json"
    path.write_text(json.dumps(DOCUMENT))
    assert load_report(path).scenario == DOCUMENT["scenario"]
