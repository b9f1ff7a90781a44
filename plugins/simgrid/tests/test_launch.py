"""The subprocess: what happens where SimGrid is missing, dies, hangs or talks nonsense. None of this needs SimGrid."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from cases import network_of, request_of
from versim import Fixed, GraphBuilder, Mesh, SimulationError, SimulationRequest, Status

from versim_simgrid import launch
from versim_simgrid.backend import SimGrid
from versim_simgrid.session import run
from versim_simgrid.worker import FORMAT, VERSION, packed


@pytest.fixture
def request_() -> SimulationRequest:
    """One computation of a microsecond, one second allowed."""
    builder = GraphBuilder(Mesh.of(x=1))
    builder.compute("c", [(Fixed(1e-6), 1)])
    return request_of(builder.build(), network_of(("ring", 1)), time_limit_s=1.0)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
    """A program of a few lines in the place of Debian's Python."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{lines}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv(launch.VARIABLE, str(program))


def test_no_such_python(request_: SimulationRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told with the install command and the variable."""
    monkeypatch.setenv(launch.VARIABLE, "/nowhere/python3")
    with pytest.raises(launch.SimGridNotFoundError, match="apt-get install python3-simgrid") as caught:
        SimGrid().simulate(request_)
    assert "/nowhere/python3: No such file" in str(caught.value)
    (line,) = SimGrid().diagnose()
    assert not line.found
    assert launch.VARIABLE in line.detail


def test_a_python_without_simgrid(request_: SimulationRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker says so by its exit status."""
    stand_in(tmp_path, monkeypatch, "cat >/dev/null; exit 3")
    with pytest.raises(launch.SimGridNotFoundError, match="it has no module simgrid"):
        SimGrid().simulate(request_)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("cat >/dev/null; echo out of memory >&2; exit 9", "exit status 9: out of memory"),
        ("cat >/dev/null; kill -SEGV $$", "signal 11: it said nothing"),
        ("cat >/dev/null; echo hello", "did not answer in JSON"),
        ('cat >/dev/null; echo \'{"format": "versim-simgrid", "version": 99}\'', "in format"),
        ("exit 0", "did not answer in JSON"),
    ],
)
def test_what_a_worker_can_do_wrong(
    request_: SimulationRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, told: str
) -> None:
    """Each is an error of one sentence, not a traceback of somebody else's program."""
    stand_in(tmp_path, monkeypatch, lines)
    with pytest.raises(SimulationError, match=told):
        SimGrid().simulate(request_)


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"start_s": [0.0], "end_s": [0.0, 1.0], "order": [0]},
        {"start_s": [0.0], "end_s": [0.5], "order": [0]},
        {"start_s": [0.0], "end_s": [1e-6], "order": [0, 0]},
    ],
)
def test_answers_that_cannot_be(
    request_: SimulationRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: dict[str, object]
) -> None:
    """Too few, too many, twice, or a microsecond that took half a second."""
    answer = json.dumps({"format": FORMAT, "version": VERSION, "simgrid": "0", **columns})
    stand_in(tmp_path, monkeypatch, f"cat >/dev/null; echo '{answer}'")
    with pytest.raises(SimulationError, match=r"worker (answered about|did not say)|dates differ"):
        SimGrid().simulate(request_)


def test_the_time_limit_stops_it_and_its_children(
    request_: SimulationRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is a run that timed out, and nothing is left running."""
    stand_in(tmp_path, monkeypatch, f"sleep 60 & echo $! > {tmp_path}/child; sleep 60")
    began = time.monotonic()
    prediction = SimGrid().simulate(request_)
    assert time.monotonic() - began < 10
    assert prediction.status is Status.TIMED_OUT
    assert "time limit of 1 s" in prediction.diagnosis[0]
    assert prediction.makespan_ps is None
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{child}/stat").read_text(encoding="utf-8").split()[2] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("the worker's child is still there")


def test_communication_alone_is_not_known_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step's own answer is still worth having, so that is no error."""
    builder = GraphBuilder(Mesh.of(x=2))
    builder.transfer("m", 8, source={"x": 0}, target={"x": 1})
    stand_in(tmp_path, monkeypatch, "sleep 60")
    request = request_of(builder.build(), network_of(("ring", 2)), time_limit_s=0.2)
    assert np.isnan(SimGrid().isolated_s(request)).all()


def test_the_real_worker_refuses_another_version(simgrid: None) -> None:  # noqa: ARG001 - skips
    """A worker of yesterday does not guess at a document of today."""
    with pytest.raises(SimulationError, match="expected versim-simgrid version 2, got versim-simgrid version 1"):
        run(packed({"format": FORMAT, "version": 1}, {}, {}), os.environ, 60.0)


def test_diagnosis(simgrid: None) -> None:  # noqa: ARG001 - skips
    """What ``versim doctor`` shows."""
    (line,) = SimGrid().diagnose()
    assert line.found
    assert line.detail.startswith("3.")
