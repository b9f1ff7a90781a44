"""The format of a report is stated once: schema, writer and reader cannot say different things."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from report_samples import sample_report
from versim import Kind, Link, Topology, VersimError, load_report, report_document, report_schema
from versim.comparison.model import FORMAT_VERSION
from versim.plain import Value
from versim.storage.columns import ColumnWriter, Place
from versim.storage.document import REPORT
from versim.storage.form import (
    SIGNED,
    Choice,
    Flag,
    Form,
    Free,
    Integer,
    Key,
    Many,
    Maybe,
    Named,
    Number,
    Open,
    Record,
    Spelt,
    Text,
    Writing,
)
from versim.storage.inputs import LINK
from versim.storage.result import RESULT

NOTHING = Writing(ColumnWriter(Place.INLINE))
DOCUMENT = json.loads(json.dumps(report_document(sample_report())[0]))


def test_the_published_schema_has_the_version_that_is_written() -> None:
    """And is one; a change of the copy changes nothing."""
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["format_version"]["const"] == FORMAT_VERSION == DOCUMENT["format_version"]
    schema["properties"].clear()
    assert report_schema()["properties"]


def test_what_is_stated_is_what_is_written() -> None:
    """In its order, at every depth; the schema asks for exactly that."""
    jsonschema.Draft202012Validator(report_schema()).validate(DOCUMENT)
    assert list(DOCUMENT) == list(REPORT.keys)
    results = DOCUMENT["workloads"][0]["comparisons"][0]["results"]
    assert all(list(result) == list(RESULT.keys) for result in results)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (Integer(), 3),
        (SIGNED, -(2**63)),
        (Number(), 0.1),
        (Number(0, 1), 1.0),
        (Spelt(), float("-inf")),
        (Spelt(), None),
        (Flag(), False),
        (Text(), "a\nb"),
        (Open(Kind), Kind("gossip")),
        (Choice(Topology), Topology.RING),
        (Choice(("a", "b")), "b"),
        (Maybe(Integer()), None),
        (Many(Many(Integer())), ((1, 2), ())),
        (Named(Maybe(Number())), {"x": None, "y": 2.5}),
        (Free(), {"any": [1, {"x": "thing"}]}),
        (LINK, Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)),
    ],
)
def test_a_form_reads_what_it_writes_and_its_schema_has_it(form: Form, value: Any) -> None:
    """Writer, reader and schema are one statement."""
    written = json.loads(json.dumps(form.write(value, NOTHING), allow_nan=False))
    definitions: dict[str, Any] = {}
    schema = {**form.schema(definitions), "$defs": definitions}
    jsonschema.Draft202012Validator(schema).validate(written)
    assert form.read(Value("file", "$", written)) == value


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        (Integer(), -1, "expected a number from 0"),
        (Integer(), True, "expected a whole number, got a truth value"),
        (Number(0, 1), 1.5, "expected a finite number of at least 0 and at most 1, got 1.5"),
        (Number(), "NaN", "expected a finite number, got nan"),
        (Flag(), 1, "expected a truth value"),
        (Open(Kind), "\x07", "is no kind"),
        (Choice(Topology), "torus", "expected one of ring"),
        (Many(Integer()), {}, "expected a list"),
        (LINK, {"latency_s": 0.0}, "'bandwidth_bytes_per_s' is missing"),
        (LINK, {"latency_s": 0.0, "bandwidth_bytes_per_s": 0}, "must be a finite number above 0"),
    ],
)
def test_a_form_refuses_what_its_schema_refuses(form: Form, content: Any, message: str) -> None:
    """With file and place."""
    with pytest.raises(VersimError, match=rf"^file: \$.*{message}"):
        form.read(Value("file", "$", content))


def test_a_key_that_older_documents_lack_has_a_meaning() -> None:
    """And what no record states cannot be asked for: it would be read from nowhere."""
    record = Record("One.", keys={"a": Key(Integer()), "b": Key(Text(), before="then"), "c": Key(Flag(), kept=False)})
    opened = record.read(Value("file", "$", {"a": 1, "c": True}))
    assert (opened.a, opened.b) == (1, "then")
    for name in ("c", "colour"):
        with pytest.raises(AttributeError, match=f"states no {name} that is read"):
            getattr(opened, name)
    with pytest.raises(KeyError, match="b"):
        record.write({"a": 1, "c": True}, NOTHING)


def test_a_fault_names_its_place_in_the_document(tmp_path: Path) -> None:
    """However deep it lies, and whichever record it is in."""
    document = json.loads(json.dumps(DOCUMENT))
    document["workloads"][0]["comparisons"][0]["system"]["dimensions"][0]["link"]["latency_s"] = "soon"
    path = tmp_path / "report.json"
    path.write_text(json.dumps(document))
    place = r"report\.json: \$\.workloads\[0\]\.comparisons\[0\]\.system\.dimensions\[0\]\.link\.latency_s: "
    with pytest.raises(VersimError, match=place):
        load_report(path)
    path.write_text(json.dumps(DOCUMENT))
    assert load_report(path).scenario == DOCUMENT["scenario"]
