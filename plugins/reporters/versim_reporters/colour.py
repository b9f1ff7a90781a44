"""Colour for terminals: laid over text that is finished, so that it can neither change a width nor hide a word.

Only the sixteen colours that every terminal's owner has chosen for himself are used, and nothing is said by colour
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_DIM = "\x1b[2m"
_RED = "\x1b[1;31m"
_GREEN = "\x1b[32m"

_RULER = re.compile(r"={3,}|-{3,}(  -{3,})*")
_MARKED = (
    (re.compile(r"\bFAILED\b|\bdid not complete\b"), _RED),
    (re.compile(r"\ball (\d+ )?passed\b"), _GREEN),
    # The figure of a verdict: a relative difference before its absolute one.
    (re.compile(r"(?<=  )[+-][0-9.e+-]+ %(?= \([+-])"), _BOLD),
)


def coloured(lines: Sequence[str]) -> Iterator[str]:
    """Lines with escape sequences: headings bold, rulers dim, what failed red, what passed green."""
    for position, line in enumerate(lines):
        below = lines[position + 1] if position + 1 < len(lines) else ""
        if below.startswith("===") or line in ("Critical paths", "Checks", "Notes") or line.startswith("Why "):
            yield f"{_BOLD}{line}{_RESET}"
        elif _RULER.fullmatch(line):
            yield f"{_DIM}{line}{_RESET}"
        else:
            for pattern, colour in _MARKED:
                line = pattern.sub(rf"{colour}\g<0>{_RESET}", line)  # noqa: PLW2901
            yield line
