"""Sessions: SimGrid is loaded once for many questions, begins while others answer, and is gone afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cases import network_of, request_of
from versim import Fixed, GraphBuilder, Mesh, SimulationRequest, Status

from versim_simgrid import launch
from versim_simgrid.backend import SimGrid
from versim_simgrid.session import session


class Counted(launch.Worker):
    """A worker that is counted."""

    started: list[launch.Worker]

    def __init__(self, python: str, *arguments: str, kept: bool) -> None:
        super().__init__(python, *arguments, kept=kept)
        self.started.append(self)

    @property
    def running(self) -> bool:
        """Whether it still is there."""
        return self._process.poll() is None


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Counted]]:
    """The workers that were started; all of them are gone in the end."""
    found: list[Counted] = []
    monkeypatch.setattr(Counted, "started", found, raising=False)
    monkeypatch.setattr("versim_simgrid.session.Worker", Counted)
    yield found
    assert not any(worker.running for worker in found)


def step(size_bytes: int = 1 << 20, **options: object) -> SimulationRequest:
    """Compute, then a sum over four ranks."""
    builder = GraphBuilder(Mesh.of(x=4))
    done = builder.compute("c", [(Fixed(1e-6), 1)])
    builder.collective("sum", "all_reduce", size_bytes, axes=["x"], after=[done])
    return request_of(builder.build(), network_of(("ring", 4)), **options)


@pytest.mark.usefixtures("simgrid")
def test_one_process_answers_all_questions_of_a_session(started: list[Counted]) -> None:
    """To the picosecond what a process for each says."""
    backend, requests = SimGrid(), [step(), step(1 << 10), step(fold=False)]
    expected = [(backend.simulate(each).finish_ps, backend.isolated_s(each)) for each in requests]
    assert len(started) == 6
    started.clear()
    with backend.session([]), backend.session([]):
        found = [(backend.simulate(each).finish_ps, backend.isolated_s(each)) for each in requests]
        assert len(started) == 1
        assert started[0].running
    for one, other in zip(expected, found, strict=True):
        assert all(map(np.array_equal, one, other))


@pytest.mark.usefixtures("simgrid")
def test_what_has_begun_is_taken_up(started: list[Counted]) -> None:
    """In any order, by an equal request; then its process is asked about the rest."""
    backend, requests = SimGrid(), [step(), step(1 << 10)]
    expected = [backend.simulate(each).finish_ps for each in requests]
    started.clear()
    with backend.session(requests):
        assert len(started) == 2
        for request, finish_ps in reversed(list(zip(requests, expected, strict=True))):
            prediction = backend.simulate(SimulationRequest(inputs=request.inputs, options=request.options))
            assert np.array_equal(prediction.finish_ps, finish_ps)
            assert prediction.wall_s is not None
        backend.isolated_s(requests[0])
        assert len(started) == 2


@pytest.mark.usefixtures("simgrid")
def test_nothing_is_left_of_what_nobody_asked_for(started: list[Counted]) -> None:
    """Nor of anything, if the block is left by an error."""

    class MeantError(Exception):
        pass

    with pytest.raises(MeantError), SimGrid().session([step()]):
        raise MeantError
    assert len(started) == 1


@pytest.mark.usefixtures("simgrid")
def test_a_copy_of_the_process_does_not_ask_the_workers_of_the_original(started: list[Counted]) -> None:
    """Both would read one another's answers."""
    request = step()
    with SimGrid().session([request]):
        copy = os.fork()
        if not copy:
            os._exit(0 if SimGrid().simulate(request).completed and len(started) == 2 else 1)
        assert os.waitpid(copy, 0)[1] == 0
        assert SimGrid().simulate(request).completed
        assert len(started) == 1


def test_a_worker_that_fails_is_replaced(
    started: list[Counted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One question too many costs one answer; what cannot begin is told by whoever asks."""
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nsleep 60\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv(launch.VARIABLE, str(program))
    request = step(time_limit_s=0.2)
    with SimGrid().session([request]):
        for _ in range(2):
            assert SimGrid().simulate(request).status is Status.TIMED_OUT
        assert len(started) == 2


def test_without_simgrid_it_can_be_entered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why it cannot be simulated is said where the answer is asked for."""
    monkeypatch.setenv(launch.VARIABLE, "/nowhere/python3")
    with (
        SimGrid().session([step()]),
        session(os.environ),
        pytest.raises(launch.SimGridNotFoundError, match="/nowhere"),
    ):
        SimGrid().simulate(step())
