"""A report that was saved and loaded is shown exactly as the original, by every reporter."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import reports, sample_report
from versim import Destination, Registry, Report, Reporter
from versim.storage.files import save_report
from versim.storage.load_report import load_report
from versim_reporters import plugin

REPORTERS = Registry.of({"reporters": plugin}).reporters()
FILE = Destination(to_file=True)


def reloaded(report: Report, limit: int) -> Report:
    """Saved and loaded again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        save_report(report, path, spans_inline_limit=limit)
        return load_report(path)


@pytest.mark.parametrize("reporter", REPORTERS, ids=lambda reporter: reporter.name)
def test_every_reporter_shows_a_loaded_report_as_the_original(reporter: Reporter) -> None:
    """Of two workloads, two pins and a deadlock."""
    report = sample_report()
    expected = reporter.render(report, reporter.options(), FILE)
    for limit in (100_000, 10):
        assert reporter.render(reloaded(report, limit), reporter.options(), FILE) == expected


@settings(max_examples=15)
@given(report=reports(), limit=st.sampled_from([0, 20, 100_000]))
def test_any_report_survives(report: Report, limit: int) -> None:
    """Names of any characters, loss, figures that are not finite, columns in the document or beside it."""
    loaded = reloaded(report, limit)
    for reporter in REPORTERS:
        expected = reporter.render(report, reporter.options(), FILE)
        assert reporter.render(loaded, reporter.options(), FILE) == expected, reporter.name
