"""The form of a report, stated once: ``report.schema.json`` beside this file.

The published JSON Schema is that statement with its version filled in; the writer is held to it before anything is
written, and the reader takes nothing that it does not state.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from versim.comparison.model import FORMAT_VERSION

_STATEMENT = Path(__file__).with_name("report.schema.json")


@functools.cache
def _statement() -> dict[str, Any]:
    statement: dict[str, Any] = json.loads(_STATEMENT.read_text(encoding="utf-8"))
    statement["$id"] = f"urn:versim:report:{FORMAT_VERSION}"
    statement["properties"]["format_version"]["const"] = FORMAT_VERSION
    return statement


def report_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a report of the newest version."""
    return copy.deepcopy(_statement())


class Form:
    """The form of one value of a report."""

    def __init__(self, stated: Mapping[str, Any], place: str = "$") -> None:
        self._alternatives = _alternatives(stated)
        self._place = place

    @classmethod
    def of_report(cls) -> Form:
        """Of the whole document."""
        return cls(_statement())

    def member(self, key: str) -> Form:
        """The form of what stands under a key.

        Raises:
            ValueError: The form states no such key: whoever asks for it, or writes it, is wrong.
        """
        for stated in self._alternatives:
            if key in stated.get("properties", {}):
                return Form(stated["properties"][key], f"{self._place}.{key}")
            if isinstance(stated.get("additionalProperties"), Mapping):
                return Form(stated["additionalProperties"], f"{self._place}.{key}")
            if stated.get("additionalProperties") is True:
                return Form({"additionalProperties": True}, f"{self._place}.{key}")
        raise ValueError(f"the form of a report states no {self._place}.{key}")

    def item(self) -> Form:
        """The form of the items of a list."""
        for stated in self._alternatives:
            if "items" in stated:
                return Form(stated["items"], f"{self._place}[]")
        return Form({"additionalProperties": True}, f"{self._place}[]")

    def hold(self, content: object) -> None:
        """Refuse to write what is not as stated: keys too many or too few, at any depth.

        Raises:
            ValueError: A key that is not stated, or one that is stated and missing.
        """
        if isinstance(content, Mapping):
            missing = [key for key in self._required() if key not in content]
            if missing:
                raise ValueError(f"the form of a report states {self._place}.{missing[0]}, which is not written")
            for key, item in content.items():
                self.member(str(key)).hold(item)
        elif isinstance(content, list) and content and isinstance(content[0], Mapping | list):
            form = self.item()
            for item in content:
                form.hold(item)

    def _required(self) -> list[str]:
        return next((stated["required"] for stated in self._alternatives if "required" in stated), [])


def _alternatives(stated: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a value may be, references followed."""
    if "$ref" in stated:
        return _alternatives(_statement()["$defs"][stated["$ref"].rpartition("/")[2]])
    choices = [*stated.get("oneOf", ()), *stated.get("anyOf", ())]
    own = [stated] if {"properties", "items", "additionalProperties"} & stated.keys() else []
    if not own and "object" in stated.get("type", ""):
        own = [{"additionalProperties": True}]  # a plugin's own: anything
    return own + [one for choice in choices for one in _alternatives(choice)]
