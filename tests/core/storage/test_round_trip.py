"""Saving and loading gives back what was saved, inline or beside the file."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import reports, sample_report
from versim import Prediction, Report, VersimError
from versim.storage import text
from versim.storage.document import report_document
from versim.storage.files import save_report
from versim.storage.load import load_predictions
from versim.storage.text import document_text


def differing(one: Any, other: Any, place: str = "") -> list[str]:
    """Places where two values differ; attrs classes and columns are looked into, NaN equals NaN."""
    if attrs.has(type(one)):
        return [
            place_found
            for field in attrs.fields(type(one))
            for place_found in differing(getattr(one, field.name), getattr(other, field.name), f"{place}.{field.name}")
        ]
    if isinstance(one, np.ndarray):
        return [] if one.dtype == other.dtype and np.array_equal(one, other) else [place]
    same = one == other or (isinstance(one, float) and isinstance(other, float) and one != one and other != other)  # noqa: PLR0124
    return [] if same and type(one) is type(other) else [place]


@settings(max_examples=30)
@given(report=reports(), limit=st.sampled_from([0, 20, 100_000]))
def test_what_is_loaded_is_what_was_saved(report: Report, limit: int) -> None:
    """Every field of every prediction, of deadlocked and lossy ones too."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        written = save_report(report, path, spans_inline_limit=limit)
        loaded = load_predictions(path)
        assert sorted(p.name for p in Path(folder).iterdir()) == sorted(p.name for p in written)
    expected = {(w.label, c.inputs.label, r.label): r.prediction for w, c, r in report.results()}
    assert list(loaded) == list(expected)
    for address, prediction in expected.items():
        assert isinstance(loaded[address], Prediction)
        assert differing(prediction, loaded[address]) == []


def test_columns_beside_the_file_are_named_with_their_digest(tmp_path: Path) -> None:
    """So that a report finds exactly its own."""
    beside, path = save_report(sample_report(), tmp_path / "r.json", spans_inline_limit=10)
    document = json.loads(path.read_text())
    assert beside.name == document["columns"]["attachment"]["file"]
    assert beside.name.startswith("versim-")
    assert len(path.read_bytes()) < 160_000


def test_the_same_report_gives_the_same_bytes() -> None:
    """Also of the archive: no time of day, no order of a set."""
    one, two = (report_document(sample_report(), 10) for _ in range(2))
    assert document_text(one[0]) == document_text(two[0])
    assert one[1] == two[1]


def test_each_short_object_of_a_document_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A critical path has a hundred thousand of them: encoded over and over, a legal step took half a minute."""
    calls: list[Any] = []
    encoded = text._encoded

    def counted(value: Any) -> str:
        calls.append(value)
        return encoded(value)

    monkeypatch.setattr(text, "_encoded", counted)
    steps = [{"node": node, "name": "a", "waited_for": None} for node in range(100)]
    document = {"steps": steps, "column": list(range(200)), "long": {"text": "x" * 120}, "empty": {}, "none": []}
    assert json.loads(document_text(document)) == document
    assert [call for call in calls if isinstance(call, dict)] == [*steps, document["long"], {}]


def test_a_document_without_its_columns_says_so(tmp_path: Path) -> None:
    """It is complete for people, and refused where the columns are needed."""
    document, attachments = report_document(sample_report(), 10, attach=False)
    assert not attachments
    path = tmp_path / "printed.json"
    path.write_text(document_text(document))
    with pytest.raises(VersimError, match=r"\$\.columns\.place: .*without its columns"):
        load_predictions(path)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """And nothing is left behind."""
    with pytest.raises(VersimError, match="nowhere"):
        save_report(sample_report(), tmp_path / "nowhere" / "r.json", spans_inline_limit=10)
    assert list(tmp_path.iterdir()) == []


def test_a_saved_report_replaces_the_old_one_whole(tmp_path: Path) -> None:
    """Rewriting keeps the file readable at any time."""
    path = tmp_path / "r.json"
    path.write_text("old")
    save_report(sample_report(), path)
    assert load_predictions(path)
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]
