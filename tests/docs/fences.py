"""Fenced code blocks of a Markdown page, and what a console block shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import attrs

ELISION = "…"
"""A line of this alone stands for any number of lines; at the end of a line, for its rest."""

ANY_NUMBER = "-.---"
"""Stands for a figure that differs from run to run, such as a wall time."""

_FENCE = re.compile(
    r"^(?P<indent>[ ]*)(?P<ticks>`{3,})[ ]*(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)(?P=ticks)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_TITLE = re.compile(r'title="([^"]+)"')


@attrs.frozen
class Fence:
    """One fenced block.

    Attributes:
        language: The first word after the ticks, "" if there is none.
        title: The file it is, "" if it is none.
        body: Its text without indentation.
        line: Of the page, from 1.
        start: Where the body begins in the page.
        end: Where it ends.
        indent: What every line of it begins with.
        follows: True if nothing but blank lines stands between the block before and this one.
    """

    language: str
    title: str
    body: str
    line: int
    start: int
    end: int
    indent: str
    follows: bool


def fences_of(text: str) -> list[Fence]:
    """The blocks of a page in order."""
    found, last_end = [], -1
    for match in _FENCE.finditer(text):
        words, title = match["info"].split(), _TITLE.search(match["info"])
        found.append(
            Fence(
                language=words[0] if words else "",
                title=title[1] if title else "",
                body="\n".join(line.removeprefix(match["indent"]) for line in match["body"].split("\n")),
                line=text.count("\n", 0, match.start()) + 1,
                start=match.start("body"),
                end=match.end("body"),
                indent=match["indent"],
                follows=last_end >= 0 and not text[last_end : match.start()].strip(),
            )
        )
        last_end = match.end()
    return found


@attrs.frozen
class Shown:
    """A command of a console block and the output that is shown below it.

    Attributes:
        command: What is typed, continuation lines joined.
        typed: The lines as they stand in the page.
        output: The lines that follow it.
    """

    command: str
    typed: tuple[str, ...]
    output: tuple[str, ...]


def commands_of(body: str) -> Iterator[Shown]:
    """What a console block types and shows.

    Raises:
        ValueError: It begins with output.
    """
    typed: list[str] = []
    output: list[str] = []
    for line in body.rstrip("\n").split("\n"):
        if line.startswith("$ "):
            if typed:
                yield _shown(typed, output)
            typed, output = [line], []
        elif typed and typed[-1].endswith("\\") and not output:
            typed.append(line)
        elif typed:
            output.append(line)
        else:
            raise ValueError(f"a console block has to begin with a command, not with {line!r}")
    if typed:
        yield _shown(typed, output)


def _shown(typed: Sequence[str], output: Sequence[str]) -> Shown:
    joined = " ".join(line.removesuffix("\\").strip() for line in typed).removeprefix("$ ")
    return Shown(re.sub(r"\s+#\s.*$", "", joined), tuple(typed), tuple(output))


def matches(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether the lines that are shown are what was printed, but for what is elided."""
    parts = []
    for line in shown:
        if line == ELISION:
            parts.append(r"(?:[^\n]*\n)*?")
            continue
        text = re.escape(line.rstrip().removesuffix(ELISION)).replace(re.escape(ANY_NUMBER), r"\d+\.\d+")
        parts.append(text + ("[^\n]*\n" if line.rstrip().endswith(ELISION) else r"[ ]*\n"))
    return re.fullmatch("".join(parts), "".join(f"{line}\n" for line in printed)) is not None


def renewed(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    """What to show of an output that has changed: between elisions what was shown before, as it reads now."""
    chunks: list[list[str]] = [[]]
    for line in shown:
        if line == ELISION:
            chunks.append([])
        else:
            chunks[-1].append(line)
    if len(chunks) == 1:
        return list(printed)
    new: list[str] = []
    position = 0
    for number, chunk in enumerate(chunks):
        if number:
            new.append(ELISION)
        if not chunk:
            continue
        if number == len(chunks) - 1:
            position = max(position, len(printed) - len(chunk))
        elif number:
            alike = [i for i in range(position, len(printed)) if printed[i].split()[:2] == chunk[0].split()[:2]]
            position = alike[0] if alike else position
        end = position + len(chunk)
        if len(chunk) > 1 and chunk[-1].split():  # up to what the last line was, however many lines that are now
            last = chunk[-1].split()[0]
            ends = [i for i in range(position + 1, len(printed)) if printed[i].split()[:1] == [last]]
            end = ends[0] + 1 if ends else end
        stems = [line.removesuffix(ELISION) for line in chunk if line.endswith(ELISION)]
        for line in printed[position:end]:
            stem = next((stem for stem in stems if line.startswith(stem)), None)
            new.append(_masked(line) if stem is None else stem + ELISION)
        position = end
    return new


def _masked(line: str) -> str:
    """The line without a wall time at its end."""
    return re.sub(r"(?<=  )\d+\.\d{3}$", ANY_NUMBER, line)
