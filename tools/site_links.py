"""For mkdocs: links to what the site does not hold become text.

Pages are also read in the repository. A link there that leads out of docs/ becomes the path that it names. A page that
the navigation lists before it is written is left out of it, and links to it become their text; a link to anything else
that is missing stays an error.
"""

# ruff: noqa: INP001 - loaded by mkdocs, not a package

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]\n]+)\]\((?P<target>[^)\s#:]+)(?:#[^)\s]*)?\)")

_missing: set[str] = set()


def on_config(config: Any) -> Any:
    """Called once: the navigation without pages that do not exist yet."""
    _missing.clear()
    config["nav"] = _existing(config["nav"], Path(config["docs_dir"]))
    return config


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Called with each page before it is rendered."""
    folder = posixpath.dirname(page.file.src_uri)

    def named(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, match["target"]))
        if path.startswith("../"):
            return f"{match['text']} (`{path.removeprefix('../')}`)"
        return match["text"] if path in _missing else match[0]

    return _LINK.sub(named, markdown)


def _existing(items: list[Any], folder: Path) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        title, value = next(iter(item.items())) if isinstance(item, dict) else (None, item)
        if isinstance(value, list):
            kept.append({title: _existing(value, folder)})
        elif (folder / value).is_file():
            kept.append(item)
        else:
            _missing.add(value)
    return kept
