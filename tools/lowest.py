"""The lowest versions that ``pyproject.toml`` declares, as requirements for pip: what ``make lowest`` installs.

A floor that nobody runs is a guess: protobuf and perfetto once declared floors with which nothing worked.
"""

# ruff: noqa: INP001 - a script, not a package
from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

EXTRAS = ("silicon", "fit", "pandas", "cluster")
"""Extras that change what versim does; the others are for its developers."""

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*>=\s*(?P<floor>[0-9][0-9A-Za-z.]*)")


def lowest(requirements: list[str]) -> list[str]:
    """``name==floor`` of each requirement that has a floor."""
    found = (_REQUIREMENT.match(requirement) for requirement in requirements)
    return [f"{match['name']}=={match['floor']}" for match in found if match]


if __name__ == "__main__":
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(one for extra in EXTRAS for one in extras[extra])]
    sys.stdout.write("\n".join(lowest(wanted)) + "\n")
