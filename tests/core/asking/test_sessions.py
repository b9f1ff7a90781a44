"""Sessions: what a backend keeps running while it is asked, entered before anybody answers, left after the last."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import pytest
from fakes import Steps
from numpy.typing import NDArray
from versim import (
    ComponentError,
    NoOptions,
    Prediction,
    Registry,
    Scenario,
    SimulationError,
    SimulationRequest,
    Status,
    WorkloadReport,
    hookimpl,
    instances_of,
    prediction_of,
    replay,
)
from versim.run import run
from versim.scenario import Instance, Workload


@attrs.frozen
class Plain:
    """Answers at once; notes when it is asked."""

    name: str
    heard: list[str]
    communication_ps: int = 500
    options: type = NoOptions

    def simulate(self, request: SimulationRequest) -> Prediction:
        """A communication takes what was said."""
        self.heard.append(f"{self.name} answers")
        instances = instances_of(request.inputs.graph)
        meeting_ps = np.full(len(instances.meeting_match), self.communication_ps)
        schedule = replay(instances, request.inputs.compute_ns * 1000, meeting_ps)
        return prediction_of(request.inputs, instances, schedule, simulator=self.name, engine="test")

    def isolated_s(self, request: SimulationRequest) -> NDArray[np.float64]:
        """As in the step."""
        self.heard.append(f"{self.name} is asked about communications")
        return np.full(request.inputs.graph.communication_count, self.communication_ps * 1e-12)


def _nothing(_: SimulationRequest) -> None:
    pass


@attrs.frozen
class Kept(Plain):
    """Holds sessions, in which it knows again what it has begun."""

    begun: list[SimulationRequest] = attrs.field(factory=list)
    entering: Callable[[SimulationRequest], None] = _nothing
    leaving: BaseException | None = None

    @contextlib.contextmanager
    def session(self, requests: Sequence[SimulationRequest]) -> Iterator[None]:
        """Begins."""
        self.heard.append(f"{self.name} begins")
        for request in requests:
            self.entering(request)
        self.begun.extend(requests)
        try:
            yield
        finally:
            self.heard.append(f"{self.name} is left")
            if self.leaving is not None:
                raise self.leaving

    def simulate(self, request: SimulationRequest) -> Prediction:
        """As it would without a session."""
        if request in self.begun:
            self.heard.append(f"{self.name} has begun")
        return super().simulate(request)


def asked(*backends: Plain, **options: Any) -> WorkloadReport:
    """A step through backends."""
    plugin = types.ModuleType("planted")
    plugin.versim_backends = hookimpl(specname="versim_backends")(lambda: backends)  # type: ignore[attr-defined]
    plugin.versim_graph_producers = hookimpl(specname="versim_graph_producers")(lambda: [Steps()])  # type: ignore[attr-defined]
    scenario = Scenario(
        name="planted",
        workloads=[Workload(label="step", producer="steps")],
        backends=[Instance(label=backend.name, backend=backend.name) for backend in backends],
        reference="plain",
    )
    registry = Registry.of({"planted": plugin})
    (workload,) = run(scenario, registry, **options).workloads
    return workload


def test_it_begins_before_others_answer_and_is_left_after_the_last_question() -> None:
    """With what it will be asked; the causes are asked of it in the session, too."""
    heard: list[str] = []
    asked(Plain("plain", heard), Kept("kept", heard, 2000))
    assert heard[:2] == ["kept begins", "plain answers"]
    assert heard.index("kept has begun") < heard.index("kept answers")
    assert heard[-2:] == ["kept is asked about communications", "kept is left"]


def test_who_begins_is_said() -> None:
    """Translating a large step takes a while, in which nobody answers yet."""
    heard: list[str] = []
    asked(Plain("plain", heard), Kept("kept", heard), progress=heard.append)
    place = heard.index("step: kept begins (as given)")
    assert heard[place + 1] == "kept begins"
    assert "step: plain begins (as given)" not in heard


def test_it_changes_no_answer() -> None:
    """To the picosecond."""
    heard: list[str] = []
    (with_one,), (without,) = (
        asked(Plain("plain", heard), each).comparisons
        for each in (Kept("other", heard, 2000), Plain("other", heard, 2000))
    )
    assert with_one.result("other").attribution == without.result("other").attribution
    assert with_one.result("other").causes == without.result("other").causes


def test_under_a_time_limit_there_is_none() -> None:
    """Every answer is given in a child process, which would not find what was begun here."""
    heard: list[str] = []
    (comparison,) = asked(Plain("plain", heard), Kept("kept", heard), time_limit_s=60).comparisons
    assert comparison.result("kept").prediction.completed
    assert heard == []


def _breaks(_: SimulationRequest) -> None:
    raise RuntimeError("no more processes")


def _gives_up(_: SimulationRequest) -> None:
    raise SimulationError("it is not installed")


def _meddles(request: SimulationRequest) -> None:
    request.inputs.compute_ns.flags.writeable = True
    request.inputs.compute_ns[:] //= 2


def _forgets(request: SimulationRequest) -> None:
    object.__setattr__(request.inputs.graph.mesh, "sizes", (1,))


@pytest.mark.parametrize(
    ("entering", "said"),
    [
        (_breaks, "RuntimeError: no more processes (at asking/test_sessions.py:"),
        (_gives_up, "it is not installed"),
        (_meddles, "backend 'kept' failed: it changed its input, which the others are given, too"),
        (_forgets, "backend 'kept' failed: it changed its input, which the others are given, too"),
    ],
)
def test_what_breaks_in_it_is_its_backends_answer_and_nobody_elses(
    entering: Callable[[SimulationRequest], None], said: str
) -> None:
    """The others are given what was pinned, whether they come before it or after it."""
    heard: list[str] = []
    kept = Kept("kept", heard, entering=entering)
    (comparison,) = asked(kept, Plain("plain", heard), Kept("third", heard)).comparisons
    broken = comparison.result("kept").prediction
    assert broken.status is Status.ABORTED
    assert said in broken.diagnosis[0]
    assert len(broken.finish_ps) == 2
    assert "kept answers" not in heard
    for label in ("plain", "third"):
        assert comparison.result(label).prediction.makespan_ps == 1_000_500
    assert comparison.inputs.unchanged()


@pytest.mark.parametrize("entering", [_breaks, _meddles])
def test_it_is_raised_where_that_is_asked_for(entering: Callable[[SimulationRequest], None]) -> None:
    """As of any other question, and the other sessions are left."""
    heard: list[str] = []
    with pytest.raises(ComponentError, match="kept"):
        asked(Kept("plain", heard), Kept("kept", heard, entering=entering), contain=False)
    assert "plain is left" in heard


@pytest.mark.parametrize("error", [RuntimeError("bad"), SystemExit(3), SimulationError("bad")])
def test_what_breaks_when_it_is_left_costs_no_answer(error: BaseException) -> None:
    """There is nothing more to be asked, and the other sessions are left, too."""
    heard: list[str] = []
    (comparison,) = asked(Kept("plain", heard), Kept("kept", heard, leaving=error)).comparisons
    assert comparison.result("kept").prediction.completed
    assert heard[-2:] == ["kept is left", "plain is left"]
