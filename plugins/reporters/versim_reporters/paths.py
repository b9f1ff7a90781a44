"""Critical paths in two or three lines: runs of equal names collapsed, repeated sequences folded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
from versim import Comparison, CriticalPath, ExecutionGraph, Result
from versim.terminal import ELLIPSIS, printable, shortened, width_of, wrapped

from versim_reporters.figures import count, share, short_time

MOST_LINES = 3
LONGEST_NAME = 40
LONGEST_SEQUENCE = 6
ARROW = " → "


@attrs.frozen
class Link:
    """One link of a chain: a name, or a sequence of names, and how often it follows itself.

    Attributes:
        names: One name, or the names of a sequence.
        times: Repetitions.
        steps: Steps of the path it stands for.
        time_ps: Time of all of them.
    """

    names: tuple[str, ...]
    times: int
    steps: int
    time_ps: int

    def __str__(self) -> str:
        inner = ARROW.join(self.names)
        if self.times > 1:
            inner = f"{self.times} × {inner if len(self.names) == 1 else f'({inner})'}"
        return f"{inner} ({short_time(self.time_ps, digits=3)})"


def chain(path: CriticalPath, graph: ExecutionGraph) -> list[Link]:
    """The path with runs of equal names collapsed and repeated sequences folded; steps of no time are left out."""
    runs: list[Link] = []
    for step in path.steps:
        if not step.duration_ps:
            continue
        name = shortened(printable(graph.node_name(step.node)), LONGEST_NAME)
        if runs and runs[-1].names == (name,):
            last = runs[-1]
            runs[-1] = Link((name,), last.times + 1, last.steps + 1, last.time_ps + step.duration_ps)
        else:
            runs.append(Link((name,), 1, 1, step.duration_ps))
    return _folded(runs)


def _folded(runs: Sequence[Link]) -> list[Link]:
    """Sequences of up to LONGEST_SEQUENCE links that repeat at once, as one link each."""
    keys = [(run.names, run.times) for run in runs]
    folded: list[Link] = []
    position = 0
    while position < len(runs):
        best, repeats = 1, 1
        for length in range(2, min(LONGEST_SEQUENCE, (len(runs) - position) // 2) + 1):
            first = keys[position : position + length]
            times = 1
            while keys[position + times * length : position + (times + 1) * length] == first:
                times += 1
            if times > 1 and times * length > best * repeats:
                best, repeats = length, times
        part = runs[position : position + best * repeats]
        if repeats == 1:
            folded.append(part[0])
        else:
            names = tuple(f"{run.times} × {run.names[0]}" if run.times > 1 else run.names[0] for run in part[:best])
            steps, time_ps = sum(run.steps for run in part), sum(run.time_ps for run in part)
            folded.append(Link(names, repeats, steps, time_ps))
        position += best * repeats
    return folded


def chain_lines(links: Sequence[Link], width: int, indent: str) -> list[str]:
    """The chain on at most MOST_LINES lines; what does not fit is counted in its middle."""
    # No link is narrower than "a (1 s) → ": what cannot fit is not tried.
    for hidden in range(max(0, len(links) - MOST_LINES * width // len("a (1 s) → ")), len(links)):
        kept = len(links) - hidden
        head, tail = links[: (kept + 1) // 2], links[len(links) - kept // 2 :]
        middle = links[len(head) : len(links) - len(tail)]
        texts = [str(link) for link in head]
        if middle:
            steps, time_ps = sum(link.steps for link in middle), sum(link.time_ps for link in middle)
            texts.append(f"{ELLIPSIS} {count(steps, 'step')} ({short_time(time_ps, digits=3)}) {ELLIPSIS}")
        lines = _flowed([*texts, *map(str, tail)], width, indent)
        if len(lines) <= MOST_LINES or kept == 1:
            return lines[:MOST_LINES]
    return []


def _flowed(texts: Sequence[str], width: int, indent: str) -> list[str]:
    """Texts joined by arrows; a line breaks only at an arrow."""
    lines = [indent]
    for position, text in enumerate(texts):
        piece = shortened(text, width - width_of(indent) - len(ARROW))
        arrow = ARROW if position else ""
        if width_of(lines[-1]) + width_of(arrow + piece) > width and lines[-1] != indent:
            lines.append(indent + arrow.lstrip() + piece)
        else:
            lines[-1] += arrow + piece
    return lines


def path_lines(comparison: Comparison, width: int) -> Iterator[str]:
    """Every prediction's critical path, and what it shares with the reference's."""
    reference = next((r.critical_path for r in comparison.results if r.label == comparison.reference), None)
    for result in comparison.results:
        path = result.critical_path
        label = shortened(printable(result.label), LONGEST_NAME)
        if path is None:
            yield from _flowed_facts(label, ["none", "it did not complete or does not say when nodes ran"], width)
            continue
        facts = facts_of(result, path, comparison.reference)
        alike = result.label != comparison.reference and reference is not None and _nodes(path) == _nodes(reference)
        yield from _flowed_facts(label, [*facts, "through the same steps"] if alike else facts, width)
        if not alike:
            yield from chain_lines(chain(path, comparison.inputs.graph), width, "    ")


def _nodes(path: CriticalPath) -> list[int]:
    return [step.node for step in path.steps if step.duration_ps]


def facts_of(result: Result, path: CriticalPath, reference: str) -> list[str]:
    """What a path consists of, and how much of the reference's it shares."""
    whole = path.compute_ps + path.communication_ps + path.gap_ps
    facts = [
        f"{name} {short_time(time_ps)} ({share(time_ps, whole)})"
        for name, time_ps in (
            ("compute", path.compute_ps),
            ("communication", path.communication_ps),
            ("gaps", path.gap_ps),
        )
        if time_ps
    ] or ["no steps"]
    if result.label != reference and result.shared_path_ps is not None:
        part = "" if result.shared_path_percent is None else f" ({share(result.shared_path_percent, 100)})"
        facts.append(f"shares {short_time(result.shared_path_ps)}{part} of the reference's path")
    return facts


def _flowed_facts(label: str, facts: Sequence[str], width: int) -> list[str]:
    """Facts after a label; a line breaks only between two facts, unless it has no room for one."""
    lines = [f"{label}:"]
    for position, fact in enumerate(facts):
        piece = fact if position == len(facts) - 1 else f"{fact},"
        if width_of(lines[-1]) + 1 + width_of(piece) > width:
            lines.append(f"    {piece}")
        else:
            lines[-1] += f" {piece}"
    return [part for line in lines for part in _broken(line, width)]


def _broken(line: str, width: int) -> list[str]:
    words = line.lstrip(" ")
    indent = line[: len(line) - len(words)]
    return [line] if width_of(line) <= width else wrapped(words, width, first=indent, rest="    ")
