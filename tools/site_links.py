"""For mkdocs: a link that leads out of docs/ into the repository becomes the path that it names.

Pages are also read in the repository, where such links work; the site holds no source files.
"""

# ruff: noqa: INP001 - loaded by mkdocs, not a package

from __future__ import annotations

import posixpath
import re
from typing import Any

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]\n]+)\]\((?P<target>\.\./[^)\s#:]+)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Called with each page before it is rendered."""
    folder = posixpath.dirname(page.file.src_uri)

    def named(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, match["target"]))
        return f"{match['text']} (`{path.removeprefix('../')}`)" if path.startswith("../") else match[0]

    return _LINK.sub(named, markdown)
