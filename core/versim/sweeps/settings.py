"""The settings of a configuration as people write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def label_of(settings: Mapping[str, Any]) -> str:
    """Settings as people write them: ``tp=4, pp=2``."""
    return ", ".join(f"{key}={_spelt(value)}" for key, value in settings.items())


def _spelt(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)
