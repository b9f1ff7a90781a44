"""The page as a whole: what the browser may do, styles, sections, data and scripts in one file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from versim import Report

from versim_reporters.definitions import definitions_html
from versim_reporters.figure_data import figure_data
from versim_reporters.html_comparison import comparison_section
from versim_reporters.html_sweep import sweep_data
from versim_reporters.html_verdict import opening, provenance
from versim_reporters.markup import Markup, element, joined, script_json
from versim_reporters.verdict import title


def page(report: Report, operations: int, most_blocks: int) -> str:
    """The document of a comparison."""
    compared = [(workload, comparison) for workload in report.workloads for comparison in workload.comparisons]
    share = max(1_000, most_blocks // max(1, len(compared)))
    figures = [figure_data(comparison, share) for _, comparison in compared]
    sections = [
        comparison_section(workload, comparison, drawn, position, operations)
        for position, ((workload, comparison), drawn) in enumerate(zip(compared, figures, strict=True))
    ]
    links = [("#verdict", "Verdict")]
    links += [(f"#comparison-{i}", title(workload, comparison)) for i, (workload, comparison) in enumerate(compared)]
    links += [("#provenance", "Provenance"), ("#definitions", "Definitions")]
    sweeps = [sweep_data(comparison.sweep or ()) for _, comparison in compared]
    return document(
        f"{report.scenario or 'versim'}: comparison of simulators",
        links,
        (opening(report), element("main", *sections, provenance(report), definitions_html())),
        {"comparisons": figures, "sweeps": sweeps},
    )


def document(name: str, links: Sequence[tuple[str, str]], content: Sequence[Markup], data: Mapping[str, Any]) -> str:
    """A page around its content.

    Args:
        name: Its title.
        links: Where its navigation leads, and in what words.
        content: What stands in it.
        data: What its figures draw.
    """
    scripts = [_script(_resource(name)) for name in ("plotly-basic.min.js", "timeline.js", "page.js")]
    body = joined(
        (
            element("nav", element("div", *(element("a", text, href=target) for target, text in links))),
            *content,
            element("footer", "Made by versim. This file is complete: it loads nothing from anywhere."),
        )
    )
    head = joined(
        (
            Markup('<meta charset="utf-8">'),
            # The browser itself is told to load nothing and to run exactly these scripts.
            element("meta", http_equiv="Content-Security-Policy", content=_policy([inner for inner, _ in scripts])),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("title", name),
            Markup(f"<style>{_resource('page.css')}</style>"),
        )
    )
    embedded = Markup(f'<script type="application/json" id="report-data">{script_json(data)}</script>')
    return (
        f'<!doctype html>\n<html lang="en">\n<head>{head}</head>\n<body>{body}\n{embedded}\n'
        f"{''.join(outer for _, outer in scripts)}</body>\n</html>\n"
    )


def _resource(name: str) -> str:
    return files("versim_reporters").joinpath("page", name).read_text(encoding="utf-8")


def _script(source: str) -> tuple[str, str]:
    """The text of a script element, and the element."""
    # Inside strings and regular expressions of a script, <\/ is the same and ends nothing.
    inner = source.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    return inner, f"<script>{inner}</script>\n"


def _policy(scripts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:"
