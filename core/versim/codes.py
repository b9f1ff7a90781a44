"""Named codes that columns are compared with."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING


class Codes(enum.EnumMeta):
    """The metaclass of an ``enum.IntEnum`` whose members stand beside columns: ``column == Op.SEND``.

    There numpy looks at the class for what else a number might be, and drops whatever is raised meanwhile. Up to Python
    3.11 the look ends in a method written in Python, and an interrupt that came while the column was made is raised as
    soon as Python goes on: it would be lost. Here the look ends in C, and the interrupt is raised behind it.
    """

    if not TYPE_CHECKING:  # or every name would be one of the class
        __getattr__ = type.__getattribute__
