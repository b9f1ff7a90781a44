"""Progress: shares become sentences where somebody looks, and cost nothing where nobody does."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest
import versim
from versim import progress, share_done
from versim.asking.time_limit import within
from versim.progress import said_in_notebook, telling


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that pass when the test says so."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return now


def test_a_share_is_said_with_the_time_that_is_left(clock: list[float]) -> None:
    """A quarter in ten seconds leaves thirty; long times in minutes and hours."""
    said: list[str] = []
    with telling(said.append, "step: astrasim"):
        for passed_s, share in ((10, 0.25), (10, 0.01), (10_000, 0.001)):
            clock[0] += passed_s
            share_done(share)
    assert said == [
        "step: astrasim: 25 %, 30 s left",
        "step: astrasim: 1 %, 33 min left",
        "step: astrasim: 0 %, 2780.6 h left",
    ]


def test_it_is_said_twice_a_second_at_most(clock: list[float]) -> None:
    """A simulation tells as often as it likes; the end needs no word."""
    said: list[str] = []
    with telling(said.append, "it"):
        for tenths in range(1, 101):
            clock[0] += 0.1
            share_done(tenths / 100)
    assert 15 <= len(said) <= 20
    assert all("100 %" not in line for line in said)


def test_nobody_hears_it_outside(clock: list[float]) -> None:
    """Neither after the question, nor in one inside that is not watched."""
    said: list[str] = []
    with telling(said.append, "outer"):
        clock[0] += 1
        with telling(None, "inner"):
            share_done(0.5)
        share_done(0.5)
    share_done(0.7)
    assert said == ["outer: 50 %, 1 s left"]


def test_a_child_with_a_time_limit_draws_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """The terminal belongs to its parent."""
    with telling(print, "it"):
        assert within(60, lambda: share_done(0.5)) is None
    assert capfd.readouterr() == ("", "")


def test_a_notebook_shows_it_below_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the cell runs; then it is gone, and elsewhere there is nothing."""
    shown: list[Any] = []

    def display(content: Any, **_: object) -> Any:
        shown.append(content["text/plain"])
        return types.SimpleNamespace(update=lambda content, raw: shown.append(content["text/plain"]))  # noqa: ARG005

    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    versim.compare("communication_heavy")
    assert shown[0] == "starting"
    assert "step: astrasim (deepflow)" in shown
    assert shown[-1] == ""
    monkeypatch.delitem(sys.modules, "ipykernel")
    with said_in_notebook() as say:
        assert say is None
