"""Pages of the documentation as things to be held true: their blocks of code, and running what is typed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs

DOCS = Path(__file__).parents[3] / "docs"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"# (\S+\.(?:py|yaml|toml))\n")
_RUN = {
    "versim": [sys.executable, "-c", "from versim.cli import main; main()"],
    "python": [sys.executable],
}
"""What a page's commands are run with; others (installing, changing folders) are only read."""


@attrs.frozen
class Block:
    """A block of code.

    Attributes:
        language: As written behind the backticks.
        text: Its lines, without the name.
        file: The file its first line names, or "".
        line: Where it begins in the page.
    """

    language: str
    text: str
    file: str
    line: int


def blocks(page: str) -> Iterator[Block]:
    """The blocks of a page, in order."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for match in _BLOCK.finditer(text):
        named = _NAMED.match(match[2])
        body = match[2][named.end() :] if named else match[2]
        yield Block(match[1], body, named[1] if named else "", text.count("\n", 0, match.start()) + 2)


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines it is said to print."""
    command, lines = "", list[str]()
    for line in block.text.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, lines
            command, lines = line[2:].split("  #")[0], []
        else:
            lines.append(line)
    if command:
        yield command, lines


def printed(command: str, folder: Path) -> str | None:
    """What a command prints, run in a folder, or None if it is only to be read."""
    words = shlex.split(command)
    if words[0] not in _RUN:
        return None
    run = [*_RUN[words[0]], *words[1:]]
    result = subprocess.run(run, capture_output=True, text=True, check=False, cwd=folder, timeout=120)
    assert result.returncode == 0, f"{command}: {result.stderr}"
    return result.stdout + result.stderr


def squeezed(text: str) -> str:
    """Without regard to how lines are wrapped and indented."""
    return " ".join(text.split())
