"""Whether the installed packages are those that a distribution declares: at least so new, and there at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib import metadata
from itertools import zip_longest

_REQUIREMENT = re.compile(r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*\(?(?P<versions>[^;()]*)\)?\s*")
_FLOOR = re.compile(r">=\s*(?P<version>[0-9]+(?:\.[0-9]+)*)")


def unmet(distributions: Iterable[str]) -> Iterator[str]:
    """What the distributions need and is not installed, or is older than declared; extras are nobody's need."""
    for distribution in dict.fromkeys(distributions):
        try:
            needed = metadata.requires(distribution) or []
        except metadata.PackageNotFoundError:
            continue
        for requirement in needed:
            text, _, marker = requirement.partition(";")
            match = _REQUIREMENT.fullmatch(text)
            if match is None or "extra" in marker:
                continue
            floor = _FLOOR.search(match["versions"])
            try:
                found = metadata.version(match["name"])
            except metadata.PackageNotFoundError:
                yield f"{distribution} needs {match['name']}, which is not installed; pip install {match['name']!r}"
                continue
            if floor is not None and _older(found, floor["version"]):
                wanted = f"{match['name']}>={floor['version']}"
                yield f"{distribution} needs {wanted}, {found} is installed; pip install {wanted!r}"


def _older(found: str, floor: str) -> bool:
    """Whether a version is below another, by its numbers; what follows them (rc1, .post1) does not count."""
    numbers = [int(number) for number in re.findall(r"[0-9]+", re.split(r"[^0-9.]", found)[0])]
    pairs = zip_longest(numbers, map(int, floor.split(".")), fillvalue=0)
    return next((one < other for one, other in pairs if one != other), False)
