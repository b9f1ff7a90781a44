"""HTML in which text is text: whatever is not markup made here is escaped, and shows what is invisible."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any

from versim.terminal import printable

_VOID = frozenset({"br", "hr", "input", "meta"})


class Markup(str):
    """HTML that was made by :func:`element`; everything else is text."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Text from anywhere as HTML, fit for content and for attributes."""
    return value if isinstance(value, Markup) else Markup(html.escape(printable(value), quote=True))


def joined(parts: Iterable[object]) -> Markup:
    """Parts one after the other."""
    return Markup("".join(text(part) for part in parts))


def element(tag: str, /, *children: object, **attributes: object) -> Markup:
    """An element; ``class_`` and ``for_`` lose their underscore, ``data_x`` becomes ``data-x``, None is left out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{given}>" if tag in _VOID else f"<{tag}{given}>{joined(children)}</{tag}>")


def data_table(headings: Sequence[object], rows: Iterable[Sequence[object]], align: str) -> Markup:
    """A table that scrolls sideways where it is too wide; ``align`` has one letter per column, ``l`` or ``r``."""
    sides = {"l": None, "r": "n"}
    head = element(
        "tr", *(element("th", h, scope="col", class_=sides[a]) for h, a in zip(headings, align, strict=True))
    )
    body = [
        element("tr", *(element("td", cell, class_=sides[a]) for cell, a in zip(row, align, strict=True)))
        for row in rows
    ]
    return element("div", element("table", element("thead", head), element("tbody", *body)), class_="scroll")


def script_json(value: Any) -> Markup:
    """Values as JSON that is safe inside a script element: plain ASCII, and nothing that could end the element."""
    encoded = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return Markup(encoded.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
