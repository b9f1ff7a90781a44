"""The Markdown document: verdict first, tables whole, and names that stay text."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import hostile_text, measured_report, reports, sample_report
from versim import Destination, Report
from versim_reporters.gfm import plain_text
from versim_reporters.markdown import MarkdownOptions, MarkdownReporter


def written(report: Report, **options: int) -> str:
    """What the reporter writes."""
    content = MarkdownReporter().render(report, MarkdownOptions(**options), Destination()).content
    assert isinstance(content, str)
    return content


def test_the_verdict_comes_first() -> None:
    """Who differs by how much is read before any table."""
    text = written(sample_report())
    assert text.index("## Verdict") < text.index("|")
    assert "**pipeline, pin deepflow: the reference, analytical, takes 218.970157547 s**" in text
    assert "- **astrasim**: +0.159 % (+348.99 ms)" in text
    assert "deadlock" in text


def test_what_explains_a_difference_is_there() -> None:
    """As a table of terms, all of them on request."""
    full, brief = (
        written(sample_report(), explain=explain).partition("### Why astrasim differs")[2].partition("###")[0]
        for explain in (True, False)
    )
    assert "| term | effect | share | detail |" in brief
    assert "all\\_reduce over dp" in brief
    assert full.count("\n|") >= brief.count("\n|") > 2


def test_errors_links_and_sweeps_are_there() -> None:
    """Each as a table; what was not asked has none."""
    text = written(sample_report())
    assert "### Links of astrasim: 2 links carried 3.25 GiB in all" in text
    assert "| 0-&gt;1 | 3 GiB | 7 | 128.85 ms | 0.1 | 64.425 ms |" in text
    assert "### Alone: all\\_reduce over dp, 2 ranks (0, 4)" in text
    assert "| analytical | 5.000 µs | 25 | 0 | 257.7 ms |" in text
    assert "Against what was measured" not in text
    assert "| model | 2 | -20.0 to +10.0 | 15.0 | 17.3 | 0.938 |" in written(measured_report())


@settings(max_examples=25)
@given(report=reports())
def test_tables_are_whole(report: Report) -> None:
    """Every row of a table has as many cells as its heading, whatever names hold."""
    cells = None
    for line in written(report).splitlines():
        if not line.startswith("|"):
            cells = None
            continue
        count = len(re.findall(r"(?<!\\)\|", line))
        assert cells is None or count == cells, line
        cells = count


@given(text=st.one_of(hostile_text, st.text(alphabet="<>|`*_[]!#@&~\\$a ", max_size=30)))
def test_names_stay_text(text: str) -> None:
    """No tag, link, emphasis, mention or cell ends up in the document."""
    escaped = plain_text(text)
    assert not re.search(r"[<>@]", escaped)
    assert not re.search(r"[`*_\[\]|~$!\\]", re.sub(r"\\.", "", escaped))
    assert "\n" not in escaped
