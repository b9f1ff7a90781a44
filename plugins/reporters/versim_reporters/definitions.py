"""What every figure means: one text, ``definitions.md``, which the documentation holds too, as HTML.

Only the little of Markdown that the text uses is understood: headings, paragraphs, tables, numbered lists, indented
code, ``code`` and **strong**.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

from versim_reporters.markup import Markup, data_table, element, text

_INLINE = re.compile(r"(`[^`]+`|\*\*.+?\*\*|\*[^*]+\*)")
_BLOCK = re.compile(r"\n\s*\n")


def definitions_text() -> str:
    """The text as Markdown."""
    return files("versim_reporters").joinpath("definitions.md").read_text(encoding="utf-8")


def definitions_html() -> Markup:
    """The text as a section of the page."""
    return element("section", *_blocks(definitions_text()), class_="definitions", id="definitions")


def _blocks(source: str) -> Iterator[Markup]:
    for block in _BLOCK.split(source.strip("\n")):
        lines = block.split("\n")
        if block.startswith("#"):
            marks, _, heading = block.partition(" ")
            yield element(f"h{min(len(marks) + 1, 4)}", _inline(heading))
        elif block.startswith("|"):
            rows = [_cells(line) for line in lines]
            yield data_table(rows[0], rows[2:], "l" * len(rows[0]))
        elif block.startswith("    "):
            yield element("pre", Markup("\n".join(text(line[4:]) for line in lines)))
        elif re.match(r"\d+\. ", block):
            items = re.split(r"\n(?=\d+\. )", block)
            yield element("ol", *(element("li", _inline(re.sub(r"^\d+\. ", "", item))) for item in items))
        else:
            yield element("p", _inline(block))


def _cells(line: str) -> list[Markup]:
    parts = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return [_inline(part.replace("\\|", "|").strip()) for part in parts]


def _inline(words: str) -> Markup:
    made = []
    for part in _INLINE.split(" ".join(words.split())):
        if part.startswith("`"):
            made.append(element("code", part.strip("`")))
        elif part.startswith("**"):
            made.append(element("strong", part.strip("*")))
        elif part.startswith("*") and len(part) > 2:
            made.append(element("em", part.strip("*")))
        else:
            made.append(text(part))
    return Markup("".join(made))
