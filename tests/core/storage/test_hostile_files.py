"""Nothing in a file is believed: every fault is a message with file and place, never a traceback."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_samples import sample_report
from versim import VersimError
from versim.storage.document import report_document
from versim.storage.load import load_predictions
from versim.storage.text import document_text

INLINE = report_document(sample_report())[0]
ATTACHED, ARCHIVES = report_document(sample_report(), 10)
ARCHIVE = next(iter(ARCHIVES.values()))


COLUMNS = ("carried_bytes", "messages", "busy_ps", "queueing_ps")
LOADS = {"rows": 2, "attached": None, "inline": {name: [1, 2] for name in COLUMNS}}
NEGATIVE = {**LOADS, "inline": {name: [1, None] for name in COLUMNS}}


def result_of(document: Any) -> Any:
    """The first prediction of a document."""
    return document["workloads"][0]["comparisons"][0]["results"][0]


def put(value: object, *keys: str | int) -> Callable[[Any], None]:
    """A change of one place, ``...keys`` deep in the first prediction unless they start at ``$``."""

    def change(document: Any) -> None:
        target = document if keys[0] == "$" else result_of(document)
        *path, last = keys[1:] if keys[0] == "$" else keys
        for key in path:
            target = target[key]
        target[last] = value

    return change


def remove(key: str) -> Callable[[Any], None]:
    """A change that removes a field of the first prediction."""
    return lambda document: result_of(document).pop(key)


FIRST = r"\$\.workloads\[0\]\.comparisons\[0\]\.results\[0\]"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("other", "$", "format"), r"\$\.format: expected 'versim-report'"),
        (put(99, "$", "format_version"), r"\$\.format_version: this versim reads versions 1 to 2, not 99"),
        (put("elsewhere", "$", "columns", "place"), r"\$\.columns\.place: expected one of inline"),
        (put({}, "$", "workloads"), r"\$\.workloads: expected a list, got an object"),
        (put("yes", "measured"), FIRST + r"\.measured: expected a truth value"),
        (put({"name": ["a", "a"], "loads": LOADS}, "links"), FIRST + r"\.links: links: two links have one name"),
        (put({"name": ["a"], "loads": LOADS}, "links"), FIRST + r"\.links\.loads\.rows: expected 1, got 2"),
        (
            put({"name": ["a", "b"], "loads": NEGATIVE}, "links"),
            FIRST + r"\.links: links: carried_bytes has -1, less than 0",
        ),
        (remove("spans"), FIRST + ": 'spans' is missing"),
        (remove("status"), FIRST + ": 'status' is missing"),
        (put("lost", "status"), FIRST + r"\.status: expected one of completed"),
        (put("deadlock", "status"), FIRST + r"\.makespan_ps: a makespan is given if and only if"),
        (put(None, "makespan_ps"), FIRST + r"\.makespan_ps: a makespan is given if and only if"),
        (put(1.5, "makespan_ps"), FIRST + r"\.makespan_ps: expected a whole number"),
        (put(-1, "makespan_ps"), FIRST + r"\.makespan_ps: expected a number from 0"),
        (put(2**70, "makespan_ps"), FIRST + r"\.makespan_ps: expected a number from 0"),
        (put(10**400, "wall_s"), FIRST + r"\.wall_s: the number is too large"),
        (put("fast", "wall_s"), FIRST + r"\.wall_s: expected a number, got a string"),
        (put(True, "reported_s"), FIRST + r"\.reported_s: expected a number, got a truth value"),
        (put([1], "diagnosis"), FIRST + r"\.diagnosis\[0\]: expected a string"),
        (put({"a": 1}, "provenance"), FIRST + r"\.provenance\.a: expected a string"),
        (put([{"rank": 99, "node": 0}], "waiting"), FIRST + r"\.waiting\[0\]\.rank: expected a number from 0 to 7"),
        (put(10**9, "spans", "rows"), FIRST + r"\.spans\.inline\.node: expected a list of 1000000000"),
        (put(3, "ranks", "rows"), FIRST + r"\.ranks\.rows: expected 8, got 3"),
        (put("x", "spans", "inline", "node", 0), FIRST + r"\.spans\.inline\.node: row 0: expected a whole number"),
        (put(2**40, "spans", "inline", "node", 0), FIRST + r"\.spans\.inline\.node: row 0: .* of 32 bits"),
        (put(96, "spans", "inline", "node", 0), FIRST + r"\.spans: column 'node' has values outside 0\.\.95"),
        (put(8, "spans", "inline", "rank", 0), FIRST + r"\.spans: column 'rank' has values outside 0\.\.7"),
        (put(None, "spans", "inline", "rank", 0), FIRST + r"\.spans: column 'rank' has values outside"),
        (put([], "consumed", "compute", "inline", "compute_ns"), r"compute_ns: expected a list of 96"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(tmp_path: Path, change: Callable[[Any], None], message: str) -> None:
    """File, path in the document, what was expected."""
    document = copy.deepcopy(INLINE)
    change(document)
    path = tmp_path / "report.json"
    path.write_text(json.dumps(document))
    with pytest.raises(VersimError, match=message) as caught:
        load_predictions(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "is not "),
        (b'{"format": "versim-re', "is not "),
        (b'{"format": NaN}', "NaN is not JSON"),
        (b"\xff\xfe", "is not "),
        (b"[" * 100_000, "nested too deeply|is not "),
        (b"1" * 5_000, "is not "),
        (b"[]", r"\$: expected an object, got a list"),
        (b"null", r"\$: expected an object, got null"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, text: bytes, message: str) -> None:
    """Cut files, other files, files made to break a parser."""
    path = tmp_path / "report.json"
    path.write_bytes(text)
    with pytest.raises(VersimError, match=message):
        load_predictions(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(VersimError, match=r"report\.json: no such file"):
        load_predictions(tmp_path / "report.json")


def test_two_predictions_of_one_address_are_refused(tmp_path: Path) -> None:
    """Neither may stand for the other."""
    document = copy.deepcopy(INLINE)
    results = document["workloads"][0]["comparisons"][0]["results"]
    results.append(results[0])
    path = tmp_path / "report.json"
    path.write_text(document_text(document))
    with pytest.raises(VersimError, match=r"results\[3\]\.label: there are two predictions pipeline / deepflow / anal"):
        load_predictions(path)


def attached(folder: Path, archive: bytes | None, **attachment: object) -> Path:
    """A report whose columns are ``archive``, with the digest that goes with it unless another is given."""
    document = copy.deepcopy(ATTACHED)
    content = ARCHIVE if archive is None else archive
    name = f"versim-{hashlib.sha256(content).hexdigest()}.npz"
    document["columns"]["attachment"] = {"file": name, "size_bytes": len(content), **attachment}
    (folder / name).write_bytes(content)
    path = folder / "report.json"
    path.write_text(document_text(document))
    return path


def repacked(change: Callable[[str, bytes], bytes | None], compression: int = zipfile.ZIP_STORED) -> bytes:
    """The archive with members changed or left out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(ARCHIVE)) as old, zipfile.ZipFile(buffer, "w", compression) as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return buffer.getvalue()


def saved(array: np.ndarray[Any, Any], *, allow_pickle: bool = False) -> bytes:
    """An array as a member of an archive."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def replaced(array: np.ndarray[Any, Any], *, allow_pickle: bool = False) -> bytes:
    """The archive with the ready times of the first prediction replaced."""
    content = saved(array, allow_pickle=allow_pickle)
    return repacked(lambda name, old: content if name.endswith("spans.ready_ps.npy") else old)


def a_header_that_promises_too_much() -> bytes:
    """A column of 2^40 rows in 128 bytes."""
    content = saved(np.zeros(3, dtype=np.int64))
    head = content.replace(b"(3,)", b"(1099511627776,)").replace(b" " * 12 + b"\n", b"\n")
    return repacked(lambda name, old: head if name.endswith("spans.ready_ps.npy") else old)


def _of_a_later_version(archive: bytes) -> bytes:
    """The archive, its directory saying that a program of version 9.9 is needed to read it."""
    return re.sub(rb"(PK\x01\x02..)..", lambda match: match[1] + bytes([99, 0]), archive, flags=re.DOTALL)


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (b"no archive", "not an .npz archive"),
        (ARCHIVE[:-30], "not an .npz archive"),
        (_of_a_later_version(ARCHIVE), r"not an .npz archive that can be read \(zip file version 9.9\)"),
        (repacked(lambda name, old: None if "ready_ps" in name else old), "there is no column '.*ready_ps'"),
        (repacked(lambda _, old: old, zipfile.ZIP_DEFLATED), "is compressed"),
        (repacked(lambda _, old: old[:-8]), "cut short"),
        (repacked(lambda _, old: old + b"12345678"), "cut short or too long"),
        (repacked(lambda _, old: b"\x93NUMPY\x09\x00" + old[8:]), "header of version"),
        (repacked(lambda _, old: old[:0]), "column"),
        (replaced(np.zeros(3, dtype=np.int64)), r"shape \(3,\) .* expected \(\d+,\)"),
        (replaced(np.zeros(144, dtype=np.float64)), "type float64"),
        (replaced(np.array([print] * 144), allow_pickle=True), "type object"),
        (a_header_that_promises_too_much(), "shape|header"),
    ],
    ids=range(13),
)
def test_a_hostile_archive_is_refused(tmp_path: Path, archive: bytes, message: str) -> None:
    """Even if its digest is right: types and lengths are checked before anything is read, and nothing is unpickled."""
    with pytest.raises(VersimError, match=message) as caught:
        load_predictions(attached(tmp_path, archive))
    assert ".npz" in str(caught.value)


def test_a_changed_archive_is_refused(tmp_path: Path) -> None:
    """The digest is in its name."""
    path = attached(tmp_path, None)
    beside = next(tmp_path.glob("*.npz"))
    content = bytearray(ARCHIVE)
    content[len(content) // 2] ^= 1
    beside.write_bytes(content)
    with pytest.raises(VersimError, match=r"versim-.*\.npz: its sha256 is"):
        load_predictions(path)


def test_a_missing_archive_is_named(tmp_path: Path) -> None:
    """With what to do."""
    path = attached(tmp_path, None)
    next(tmp_path.glob("*.npz")).unlink()
    with pytest.raises(VersimError, match="the two files have to stay together"):
        load_predictions(path)


@pytest.mark.parametrize("name", ["../secret.npz", "/etc/passwd", "versim-00.npz", f"x/versim-{'0' * 64}.npz"])
def test_an_archive_elsewhere_is_not_opened(tmp_path: Path, name: str) -> None:
    """A report cannot point out of its folder."""
    with pytest.raises(VersimError, match=r"\$\.columns\.attachment\.file: an attachment is named"):
        load_predictions(attached(tmp_path, None, file=name))


def test_an_archive_of_another_size_is_not_read(tmp_path: Path) -> None:
    """The size is checked before the content is loaded."""
    with pytest.raises(VersimError, match="bytes, the report was written with 12"):
        load_predictions(attached(tmp_path, None, size_bytes=12))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    position=st.integers(0, 10**9), replacement=st.sampled_from(["null", "-1", '"x"', "[]", "{}", "1e400", "true", ""])
)
def test_damage_anywhere_is_a_message_or_harmless(tmp_path: Path, position: int, replacement: str) -> None:
    """One value of the text replaced: it loads or is refused, and never ends in another exception."""
    text = document_text(INLINE)
    starts = [i for i, c in enumerate(text) if c in ":["]
    start = starts[position % len(starts)] + 1
    end = min(i for i in (text.find(c, start) for c in ",]}\n") if i > 0)
    path = tmp_path / "damaged.json"
    path.write_text(text[:start] + replacement + text[end:])
    with contextlib.suppress(VersimError):
        load_predictions(path)
