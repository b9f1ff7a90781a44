"""Progress: shares become sentences where somebody looks, and cost nothing where nobody does."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest
import versim
from versim import progress, share_done
from versim.asking.time_limit import within
from versim.progress import doing, said_in_notebook, telling


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that pass when the test says so."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    return now


def test_a_share_is_said_with_the_time_that_is_left(clock: list[float]) -> None:
    """A quarter in ten seconds leaves thirty; long times in minutes and hours."""
    said: list[str] = []
    for passed_s, share in ((10, 0.25), (20, 0.01), (16_700, 0.012)):
        with telling(said.append, "step: astrasim"):
            clock[0] += passed_s
            share_done(share)
    assert said == [
        "step: astrasim: 25 %, 30 s left",
        "step: astrasim: 1 %, 33 min left",
        "step: astrasim: 1 %, 381.9 h left",
    ]


def test_no_time_is_said_before_it_is_known(clock: list[float]) -> None:
    """A thousandth after a second says nothing about the rest; after a minute it does."""
    said: list[str] = []
    with telling(said.append, "it"):
        for passed_s in (1, 60):
            clock[0] += passed_s
            share_done(0.001)
    assert said == ["it: 0 %", "it: 0 %, 16.6 h left"]


def test_what_goes_before_the_first_share_is_no_measure(clock: list[float]) -> None:
    """A step is laid out for ten seconds and then simulated in five."""
    said: list[str] = []
    with telling(said.append, "it"):
        for passed_s, share in ((10, 0.005), (1, 0.2), (1, 0.4)):
            clock[0] += passed_s
            share_done(share)
    assert said == ["it: 0 %", "it: 20 %, 4 s left", "it: 40 %, 3 s left"]


def test_stages_are_said_at_once(clock: list[float]) -> None:
    """Each with the time that it takes itself; without one it is the thing itself that goes on."""
    said: list[str] = []
    doing("nothing that anybody asked about")
    with telling(said.append, "it"):
        doing("looking over its input")
        clock[0] += 10
        doing("")
        clock[0] += 1
        share_done(0.5)
        doing("why")
        clock[0] += 2
        share_done(0.25)
    assert said == ["it: looking over its input", "it", "it: 50 %, 1 s left", "it: why", "it: why: 25 %, 6 s left"]


def test_a_second_simulation_begins_anew(clock: list[float]) -> None:
    """What one question takes several simulations for; the time of the first says nothing about the second."""
    said: list[str] = []
    with telling(said.append, "it"):
        for passed_s, share in ((90, 0.9), (1, 0.5)):
            clock[0] += passed_s
            share_done(share)
    assert said == ["it: 90 %, 10 s left", "it: 50 %, 1 s left"]


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

    shell: list[Any] = [types.SimpleNamespace(kernel="a kernel")]
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell[0]))
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=display))
    versim.compare("communication_heavy")
    assert shown[0] == "starting"
    assert "step: astrasim (deepflow)" in shown
    assert shown[-1] == ""
    shell[0] = None  # loaded, for somebody who talks to kernels
    with said_in_notebook() as say:
        assert say is None
    monkeypatch.delitem(sys.modules, "ipykernel")
    with said_in_notebook() as say:
        assert say is None
    assert shown[-1] == ""


def test_a_real_notebook_shows_one_line_in_the_place_of_another() -> None:
    """One output that is written over, and empty at the end; the report itself is a chart and a line."""
    manager = pytest.importorskip("jupyter_client.manager")
    specification = pytest.importorskip("jupyter_client.kernelspec")
    pytest.importorskip("ipykernel")
    kernels = manager.KernelManager()
    kernels._kernel_spec = specification.KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], language="python"
    )
    kernels.start_kernel()
    client = kernels.client()
    try:
        client.start_channels()
        client.wait_for_ready(120)

        def outputs(code: str) -> list[tuple[str, dict[str, Any]]]:
            found: list[Any] = []
            client.execute_interactive(code, timeout=120, output_hook=found.append)
            kinds = {"display_data", "update_display_data", "execute_result", "stream", "error"}
            return [(m["header"]["msg_type"], m["content"]) for m in found if m["header"]["msg_type"] in kinds]

        shown = outputs("import versim; report = versim.compare('communication_heavy')")
        assert [kind for kind, _ in shown] == ["display_data"] + ["update_display_data"] * (len(shown) - 1)
        assert len({content["transient"]["display_id"] for _, content in shown}) == 1
        texts = [content["data"]["text/plain"] for _, content in shown]
        assert "step: astrasim (deepflow)" in texts
        assert texts[-1] == ""
        ((kind, content),) = outputs("report")
        assert kind == "execute_result"
        assert len(content["data"]["text/plain"]) < 300
        assert content["data"]["text/html"].startswith("<")
    finally:
        client.stop_channels()
        kernels.shutdown_kernel(now=True)
