"""How wide the lines of a command may be."""

from __future__ import annotations

import shutil
import sys

WIDTH = 100
"""Columns of a line where nothing narrower is asked for; longer ones are hard to read."""


def columns_of_stdout() -> int | None:
    """Columns of the terminal that standard output is; None if it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
