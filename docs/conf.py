"""The site: Sphinx with MyST and Furo; `make docs` builds it into site/, and a warning is an error."""

from __future__ import annotations

import posixpath
import re
from importlib import metadata
from typing import Any

project = "versim"
author = "The versim authors"
copyright = "The versim authors"  # noqa: A001 - Sphinx reads this name
release = metadata.version("versim")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
html_theme = "furo"
html_title = "versim"
html_static_path = ["assets"]
html_css_files = ["extra.css"]
html_show_sourcelink = False
html_copy_source = False
exclude_patterns: list[str] = []
myst_heading_anchors = 4
myst_links_external_new_tab = False
# Pages are written for GitHub, too, which takes `text` for code without colours.
highlight_language = "none"
suppress_warnings = ["misc.highlighting_failure", "myst.xref_missing_root"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = True

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]\n]+)\]\((?P<target>(?:\.\./)+[^)\s#:]+)(?:#[^)\s]*)?\)")


def _name_files(_: Any, page: str, source: list[str]) -> None:
    """A link that leads out of docs/ into the repository becomes the path that it names.

    Pages are also read in the repository, where such links work; the site holds no source files.
    """
    folder = posixpath.dirname(page)

    def named(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, match["target"]))
        return f"{match['text']} (`{path.removeprefix('../')}`)" if path.startswith("../") else match[0]

    source[0] = _LINK.sub(named, source[0])


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _name_files)
