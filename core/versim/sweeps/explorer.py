"""What a store holds as one page: every configuration a point, simulators side by side, and nothing from elsewhere.

The page is whole in one file: data, style and script. Points are drawn on a canvas, so thousands stay fluid.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from versim.storage.listing import Listing
from versim.sweeps.results import value_of, varying

MOST_GROUPS = 12
"""Terms of an answer that the page can show."""


def as_html(rows: Listing, terms: Sequence[dict[str, float]], title: str) -> str:
    """The page.

    Args:
        rows: Of a store.
        terms: Seconds by term of each row, see :func:`versim.sweeps.step_terms.by_term`.
        title: What it is about.
    """
    page = resources.files("versim.sweeps").joinpath("explorer.html").read_text("utf-8")
    return page.replace("/*DATA*/null", _embedded(_document(rows, terms, title)), 1)


def _document(rows: Listing, terms: Sequence[dict[str, float]], title: str) -> dict[str, Any]:
    keys = varying(rows)
    names = sorted({name for found in terms for name in found})
    points = [
        {
            "s": [value_of(row, key) for key in keys],
            "w": " / ".join(dict.fromkeys((row["workload"], row["pin"]))),
            "i": row["instance"],
            "t": row["makespan_s"],
            "m": row["peak_bytes"],
            "g": row["ranks"],
            "u": row["mfu"],
            "e": row["exposed_communication_s"],
            "f": row["fits"],
            "st": row["status"],
            "y": (row["why"] or "; ".join((*row["failed_checks"], *row["diagnosis"])))[:200],
            "k": [
                [names.index(name), seconds]
                for name, seconds in sorted(found.items(), key=lambda item: -abs(item[1]))[:MOST_GROUPS]
            ],
        }
        for row, found in zip(rows, terms, strict=True)
    ]
    return {"title": title, "keys": keys, "terms": names, "points": points}


def _embedded(document: dict[str, Any]) -> str:
    """JSON that can stand in a script: nothing in it ends the script or begins a comment."""
    text = json.dumps(document, ensure_ascii=True, default=str, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
