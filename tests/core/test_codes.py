"""Codes beside columns: numpy runs no Python for them, in which an interrupt would be raised and dropped."""

from __future__ import annotations

import enum
import sys
from types import FrameType

import numpy as np
import pytest
from versim import Op, Resource
from versim.codes import Codes
from versim.comparison.attribution.waits import Wait
from versim_astrasim.step.program_faults import Breaks
from versim_transformer.schedules import Do
from versim_transformer.templates import Meeting, Outside


@pytest.mark.parametrize(
    "code",
    [
        Op.SEND,
        Resource.COMMUNICATION,
        Wait.ORDER,
        Do.BACKWARD,
        Meeting.NEXT,
        Outside.PREVIOUS,
        Breaks.NO_SIZE,
    ],
)
def test_numpy_runs_no_python_for_a_code(code: enum.IntEnum) -> None:
    """What is raised there, numpy drops."""
    column = np.arange(4)
    called: list[str] = []

    def calls(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.append(frame.f_code.co_name)

    before = sys.getprofile()
    sys.setprofile(calls)
    equal = column == code
    added = column + code
    column[1:] |= code
    sys.setprofile(before)
    assert called == []
    assert equal.tolist() == [each == int(code) for each in range(4)]
    assert added.tolist() == [each + int(code) for each in range(4)]


def test_codes_are_what_any_enumeration_is() -> None:
    """By name, by number, in order; a name that there is not is said."""

    class Side(enum.IntEnum, metaclass=Codes):
        LEFT = 1
        RIGHT = 2

    assert list(Side) == [Side["LEFT"], Side(2)]
    with pytest.raises(AttributeError, match="MIDDLE"):
        Side.MIDDLE  # type: ignore[attr-defined] # noqa: B018
