"""What figures mean is written once: the page and the documentation hold the same text."""

from __future__ import annotations

import re
from pathlib import Path

from versim_reporters.definitions import definitions_html, definitions_text

DOCS = Path(__file__).parents[2] / "docs" / "definitions.md"


def test_the_documentation_is_what_the_plugin_ships() -> None:
    """Change plugins/reporters/versim_reporters/definitions.md and copy it to docs/definitions.md."""
    assert DOCS.read_text(encoding="utf-8") == definitions_text()


def test_every_word_of_it_is_on_the_page() -> None:
    """The page understands all the Markdown that the text uses; no mark is left over."""
    page = re.sub(r"<[^>]+>", " ", definitions_html())
    for mark in ("**", "|:--", "`", "##"):
        assert mark not in page
    for word in ("makespan", "exposed_communication_ps", "Critical path", "deadlock"):
        assert word in page
