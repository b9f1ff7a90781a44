"""A league of hand-made predictions: what it amounts to, as text, JSON, CSV and page."""

from __future__ import annotations

import csv
import html.parser
import io
import json

from league_samples import COLUMN, OTHER, league, record, result
from versim.league.document import as_csv, as_json
from versim.league.page import as_html
from versim.league.result import RunResult
from versim.league.text import MOST_LINES, as_text


def small() -> tuple[RunResult, ...]:
    """Some runs that are predicted well, one that cannot be, one that died."""
    skipped = RunResult(record=record(id="made-8", gpu="abacus"), skipped="no preset of a cluster of GPU 'abacus'")
    died = RunResult(
        record=record(id="made-9", step_s=None, out_of_memory=1), persistent_gib=60.0, peak_gib=90.0, fits_gib=79.0
    )
    runs = [result(0.9 + 0.05 * n, id=f"made-{n}", tp=2 ** (n % 3), note="suspect" * (n == 5)) for n in range(6)]
    lived = result(1.0, id="lived-1", out_of_memory=0)
    return (*runs, skipped, died, lived)


def test_the_best_column_is_recommended() -> None:
    """The one of least error on the runs that both predict; of equal coverage."""
    assert league(*small()).recommended == COLUMN.label
    assert league(result(0.5), result(0.5, id="made-2")).recommended == OTHER.label


def test_what_cannot_be_modelled_is_counted_by_reason() -> None:
    """Never dropped."""
    found = league(*small())
    assert found.skipped == {"no preset of a cluster of GPU 'abacus'": 1}
    assert (len(found.timed), found.modelled) == (8, 7)


def test_json_has_every_run_in_order_with_the_fields_that_programs_read() -> None:
    """Their names are an interface."""
    document = json.loads(as_json(league(*small())))
    assert document["recommended"] == COLUMN.label
    assert [run["id"] for run in document["runs"]] == [r.record.id for r in small()]
    first = document["runs"][0]
    assert {
        "id", "framework", "gpu", "measured_s", "predicted_s", "profiled_s", "predicted_persistent_gib",
        "predicted_peak_gib", "out_of_memory", "predicted_out_of_memory", "skipped",
    } <= set(first)  # fmt: skip
    assert first["predicted_s"] == {COLUMN.label: 0.9, OTHER.label: 1.8}
    assert first["predicted_out_of_memory"] is False
    assert document["runs"][6]["predicted_s"] == {COLUMN.label: None, OTHER.label: None}
    assert document["runs"][6]["skipped"]
    assert document["runs"][7]["predicted_out_of_memory"] is True


def test_text_fits_a_screen_and_says_what_matters() -> None:
    """At most forty lines, however many groups there are."""
    many = [result(1.0, id=f"t{n}-1") for n in range(60)]
    for found in (league(*small()), league(*small(), *many), league(*many), league()):
        for width in (60, 100):
            lines = as_text(found, width).splitlines()
            assert len(lines) <= MOST_LINES
            assert max(map(len, lines), default=0) <= width
    text = as_text(league(*small()), 100)
    assert "7 of 8 timed runs" in text
    assert "abacus" in text
    assert "out of memory right in" in text


def test_of_few_runs_each_is_shown() -> None:
    """Whoever types one row wants to know how long it takes, measured or not."""
    text = as_text(league(result(0.9, 0.95, id="mine"), result(1.5, id="next", step_s=None)), 100)
    measured, untimed = (next(line.split() for line in text.splitlines() if name in line) for name in ("mine", "next"))
    assert measured[1:6] == [COLUMN.label, "1", "0.9", "0.95", "−5.0"]
    assert untimed[2:6] == ["–", "1.5", "1.5", "–"]


def test_csv_has_a_line_per_run_and_no_formula() -> None:
    """For spreadsheets, which run what begins with an equals sign."""
    rows = list(csv.DictReader(io.StringIO(as_csv(league(*small(), result(1.0, id="=1+1"))))))
    assert len(rows) == 10
    assert float(rows[0][f"error {COLUMN.label}"]) < 0
    assert rows[-1]["id"] == "'=1+1"


def test_the_page_stands_alone_and_names_are_escaped() -> None:
    """No script of a record runs, nothing is fetched."""
    evil = result(1.0, id="<script>alert(1)</script>", framework="<b>")
    page = as_html(league(*small(), evil), {"versim": "0"})
    assert "<script>alert" not in page
    assert "http" not in page.replace("http://www.w3.org", "")
    parser = html.parser.HTMLParser()
    parser.feed(page)
    assert page.count("<circle") == 8
    assert "<!--" not in page


def test_baselines_and_noise_stand_beside_the_errors() -> None:
    """A model that does not beat the trivial is worth nothing, and the reader has to see it."""
    document = json.loads(as_json(league(*small())))
    assert document["baselines"]["constant MFU"]["all"]["runs"] > 0
    assert document["overall"][COLUMN.label]["without marked runs"]["without"]["runs"] == 6
