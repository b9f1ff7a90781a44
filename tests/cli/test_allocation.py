"""What the command line asks of the C library."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest
from versim.cli.allocation import keep_freed_memory


class _Library:
    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def mallopt(self, what: int, value: int) -> int:
        self.asked.append((what, value))
        return 1


def test_columns_come_from_memory_that_was_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large they are: none has a mapping of its own, which the system takes back at once."""
    library = _Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    keep_freed_memory()
    assert library.asked == [(-4, 0), (-1, 2**31 - 1)]


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Musl and macOS have no such function, Windows no such library."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    keep_freed_memory()

    def none(_: Any) -> Any:
        raise TypeError

    monkeypatch.setattr(ctypes, "CDLL", none)
    keep_freed_memory()
