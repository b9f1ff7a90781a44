"""Text that came from somewhere else, made fit for a terminal: no control characters, a known width.

Names of nodes and labels come from scenarios, traces and plugins. What would move the cursor, reverse the writing
direction or take no room is spelt as an escape, so that a line is as wide as it says and means what it shows.
"""

from __future__ import annotations

import unicodedata

ELLIPSIS = "…"

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Me"})
_ASCII = str.maketrans({"…": "~", "→": ">", "×": "x", "−": "-", "·": "|", "µ": "u", "–": "-", "—": "-"})


def printable(text: object) -> str:
    """``text`` on one line, with everything that is not visible escaped."""
    composed = unicodedata.normalize("NFC", str(text))
    return "".join(map(_visible, composed)) if not composed.isascii() or not composed.isprintable() else composed


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    return _escaped(character) if category in _INVISIBLE or _is_filler(character) else character


def _is_filler(character: str) -> bool:
    """True for letters that show nothing or only join others: Hangul fillers and conjoining vowels and finals."""
    return "\u115f" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7ff" or character in "\u3164\uffa0\u2800"


def _escaped(character: str) -> str:
    code = ord(character)
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def is_wide(character: str) -> bool:
    """True for a character that takes two columns."""
    return unicodedata.east_asian_width(character) in "WF"


def width_of(text: str) -> int:
    """Columns that printable text takes."""
    return len(text) + sum(map(is_wide, text)) if not text.isascii() else len(text)


def shortened(text: str, width: int) -> str:
    """Printable text in at most ``width`` columns, cut in the middle: both ends tell labels apart."""
    if width_of(text) <= width:
        return text
    room = max(width - 1, 0)
    head = _start(text, (room + 1) // 2)
    tail = _start(text[::-1], room - width_of(head))[::-1]
    return f"{head}{ELLIPSIS}{tail}" if width >= 1 else ""


def _start(text: str, width: int) -> str:
    used = 0
    for position, character in enumerate(text):
        used += 2 if is_wide(character) else 1
        if used > width:
            return text[:position]
    return text


def padded(text: str, width: int) -> str:
    """Printable text with blanks behind it, ``width`` columns in all."""
    return text + " " * (width - width_of(text))


def wrapped(text: str, width: int, *, first: str = "", rest: str | None = None) -> list[str]:
    """Printable text on lines of at most ``width`` columns, the first after ``first``, others after ``rest``."""
    rest = " " * width_of(first) if rest is None else rest
    lines = [first]
    indent = first
    for word in text.split():
        gap = "" if lines[-1] == indent else " "
        if gap and width_of(lines[-1]) + 1 + width_of(word) > width:
            lines.append(rest)
            gap, indent = "", rest
        left = word
        while width_of(lines[-1]) + width_of(gap + left) > width and width_of(indent) + 1 < width:
            part = _start(left, width - width_of(lines[-1]))
            left = left[len(part) :]
            lines[-1] += part
            lines.append(rest)
            indent = rest
        lines[-1] += gap + left
    return [line.rstrip() for line in lines]


def for_encoding(text: str, encoding: str | None) -> str:
    """Text that a stream of this encoding can take; our own signs get plain ones instead of question marks."""
    try:
        text.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_ASCII).encode(encoding or "ascii", "replace").decode(encoding or "ascii")
    return text
