"""Writes the results on docs/measured.md: the league over public run records, and the profiles that ship.

    python tools/league_page.py league.json     # what `versim measured RUNS… -f json -o league.json` wrote
    python tools/league_page.py                 # the profiles' table only

What stands between the marks of a part is replaced.
"""

# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from versim.league.constants import BY_NAME
from versim.league.profile import load_profiles

PAGE = Path(__file__).parent.parent / "docs" / "measured.md"


def main(arguments: list[str]) -> None:
    """Rewrite the page."""
    page = PAGE.read_text(encoding="utf-8")
    page = replaced(page, "profiles", "\n".join(profile_lines()))
    if arguments:
        document: dict[str, Any] = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
        page = replaced(page, "results", "\n".join(result_lines(document)))
    PAGE.write_text(page, encoding="utf-8")


def replaced(page: str, part: str, content: str) -> str:
    """The page with what stands between the marks of a part replaced."""
    marks = (f"<!-- {part} -->", f"<!-- end of {part} -->")
    pattern = re.compile(f"{re.escape(marks[0])}.*?{re.escape(marks[1])}", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"{PAGE} has no part {part!r}")
    return pattern.sub(lambda _: f"{marks[0]}\n\n{content}\n\n{marks[1]}", page)


def profile_lines() -> Iterator[str]:
    """Every shipped set of constants with its evidence."""
    yield (
        "| framework | runs of | column | runs | error without | on folds left out | models left out | GPUs left out "
        "| shuffled | constants |"
    )
    yield "|---|---|---|--:|--:|--:|--:|--:|--:|---|"
    for name, profile in load_profiles().items():
        for group, label, fitted in profile.sets():
            constants = ", ".join(f"`{key}` {_value(key, value)}" for key, value in fitted.constants.items()) or "none"
            errors = (fitted.error_without, fitted.error, fitted.models_left_out, fitted.gpus_left_out, fitted.shuffled)
            figures = " | ".join("–" if error is None else f"{100 * error:.1f}" for error in errors)
            yield f"| {name} | {group or 'all'} | {label} | {fitted.runs} | {figures} | {constants} |"


def result_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The league of a JSON document: columns, then tables of the best one, then memory."""
    yield (
        f"{document['records']} records, {document['timed']} timed, {document['modelled']} of them modelled. "
        f"Recommended: `{document['recommended']}`."
    )
    yield ""
    yield "| column | runs | n | error | interval | median | ≤10 | ≤20 | profiles: error | median | ≤10 | ≤20 |"
    yield "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    for label, groups in document["overall"].items():
        for group, found in groups.items():
            without, profiled = found["without"], found["profiled"]
            interval = f"{100 * without['low']:.1f}–{100 * without['high']:.1f}"
            first = f"{_percent(without)} | {interval} | {_rest(without)}"
            yield f"| {label} | {group} | {without['runs']} | {first} | {_percent(profiled)} | {_rest(profiled)} |"
    yield ""
    yield "| table | n | error | median signed | profiles: error | interval | ≤20 | constant MFU | FLOP regression |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|"
    for group, found in document["by"]["table"][document["recommended"]].items():
        without, profiled = found["without"], found["profiled"]
        trivial = " | ".join(_percent(of.get(group)) for of in document["baselines"].values())
        interval = f"{100 * profiled['low']:.1f}–{100 * profiled['high']:.1f}"
        yield (
            f"| {group} | {without['runs']} | {_percent(without)} | {100 * without['median_signed']:+.1f} | "
            f"{_percent(profiled)} | {interval} | {100 * profiled['within_20']:.0f} | {trivial} |"
        )
    yield ""
    yield from _memory_lines(document["memory"])


def _memory_lines(memory: Mapping[str, Any]) -> Iterator[str]:
    yield "| memory | runs | result |"
    yield "|---|--:|---|"
    for name, text in (("persistent", "what stays between steps"), ("peak", "peak of allocated memory")):
        if name in memory:
            yield f"| {text} | {memory[name]['runs']} | {_percent(memory[name])} % off |"
    if "peak_within_reserved" in memory:
        within = memory["peak_within_reserved"]
        yield f"| peak between that and 1.05 × reserved | {within['runs']} | {100 * within['share']:.1f} % |"
    for name, text in (("out_of_memory", "out of memory"), ("out_of_memory_near_the_limit", "peak 50 to 130 GiB")):
        if name in memory:
            found = memory[name]
            right = f"{100 * found['right']:.1f} % right, majority class {100 * found['majority']:.1f} %"
            yield f"| {text} | {found['runs']} | {right} |"


def _value(name: str, value: float) -> str:
    return f"{1e6 * value:.3g} µs" if name == "launch_s" else f"{value:.3g}{'' if BY_NAME[name].unit == '1' else ' s'}"


def _percent(found: Mapping[str, Any] | None) -> str:
    return "–" if found is None else f"{100 * found['mean_absolute']:.1f}"


def _rest(found: Mapping[str, Any]) -> str:
    return f"{100 * found['median_absolute']:.1f} | {100 * found['within_10']:.0f} | {100 * found['within_20']:.0f}"


if __name__ == "__main__":
    main(sys.argv[1:])
