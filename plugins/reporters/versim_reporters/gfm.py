"""GitHub's Markdown: text that stays text, and tables.

Names come from scenarios, traces and plugins: whatever Markdown or HTML would take for markup is escaped, also what
GitHub would turn into a mention or a reference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from versim.terminal import printable

_MARKUP = re.compile(r"[\\`*_\[\]~$!|]")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "#": "&#35;"})


def plain_text(text: object) -> str:
    """Text from anywhere as Markdown that shows exactly it, on one line."""
    # The entities' own # and & come after, so that they are not escaped again.
    return _MARKUP.sub(r"\\\g<0>", printable(text).translate(_ENTITIES))


def table(headings: Sequence[str], rows: Sequence[Sequence[object]], align: str) -> list[str]:
    """A table; ``align`` has one letter per column, ``l`` or ``r``."""
    ruler = {"l": ":--", "r": "--:"}
    return [
        f"| {' | '.join(map(plain_text, headings))} |",
        f"|{'|'.join(ruler[letter] for letter in align)}|",
        *(f"| {' | '.join(map(plain_text, row))} |" for row in rows),
    ]
