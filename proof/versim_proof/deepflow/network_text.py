"""Network files as the tables quote them: four keys, each with a list of one entry."""

from __future__ import annotations

import re
from typing import Any

_LINE = re.compile(r"(\w+): \[ (\S+) \]")


def parsed_network(text: str) -> dict[str, Any]:
    """The content of a network file."""
    content: dict[str, Any] = {}
    for key, value in _LINE.findall(text):
        content[key] = [value if key == "topology" else int(value) if key == "npus_count" else float(value)]
    return content
