"""Asking one instance: findings beforehand, refusals, communication alone, and who is to blame."""

from __future__ import annotations

import errno
import re
import types
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import numpy as np
import pytest
from fakes import Steps
from numpy.typing import NDArray
from versim import (
    Comparison,
    ExecutionGraph,
    Finding,
    Inputs,
    NoOptions,
    Prediction,
    Registry,
    Scenario,
    Severity,
    SimulationError,
    SimulationRequest,
    Status,
    UnsupportedGraphError,
    VersimError,
    hookimpl,
    instances_of,
    prediction_of,
    replay,
)
from versim.run import run
from versim.scenario import Instance, Workload


@attrs.frozen
class Careful:
    """A backend with findings, and with communication that takes twice as long as alone."""

    name: str = "careful"
    options: type = NoOptions
    findings: tuple[Finding, ...] = ()
    raises: BaseException | None = None
    raises_in: str = "simulate"
    answers: Any = None
    alone_s: Any = None

    def _fail(self, place: str) -> None:
        if self.raises is not None and self.raises_in == place:
            raise self.raises

    def preflight(self, _: SimulationRequest) -> Iterable[Finding]:
        """What was planted."""
        self._fail("preflight")
        return self.findings

    def simulate(self, request: SimulationRequest) -> Prediction:
        """2000 ps per communication, or what was planted."""
        self._fail("simulate")
        if self.answers is not None:
            answer: Prediction = self.answers
            return answer
        instances = instances_of(request.inputs.graph)
        meeting_ps = np.full(len(instances.meeting_match), 2000 if self.name == "careful" else 500)
        schedule = replay(instances, request.inputs.compute_ns * 1000, meeting_ps)
        return prediction_of(request.inputs, instances, schedule, simulator=self.name, engine="test")

    def isolated_s(self, request: SimulationRequest) -> NDArray[np.float64]:
        """Half of it, or what was planted."""
        self._fail("isolated_s")
        if self.alone_s is not None:
            nonsense: NDArray[np.float64] = self.alone_s
            return nonsense
        return np.full(request.inputs.graph.communication_count, 1e-9)


def result_of(backend: Careful, **options: bool) -> Any:
    """What comes of asking a backend beside a plain one."""
    return compared(backend, **options).result("asked")


def compared(backend: Careful, reference: str = "plain", **options: bool) -> Comparison:
    """A backend and a plain one."""
    plugin = types.ModuleType("planted")
    plain = Careful(name="plain")
    plugin.versim_backends = hookimpl(specname="versim_backends")(lambda: [backend, plain])  # type: ignore[attr-defined]
    plugin.versim_graph_producers = hookimpl(specname="versim_graph_producers")(lambda: [Steps()])  # type: ignore[attr-defined]
    scenario = Scenario(
        name="planted",
        workloads=[Workload(label="step", producer="steps")],
        backends=[Instance(label="plain", backend="plain"), Instance(label="asked", backend=backend.name)],
        reference=reference,
    )
    report = run(scenario, Registry.of({"planted": plugin}), **options)
    return report.workloads[0].comparisons[0]


ERROR = Finding(rule="V001", severity=Severity.ERROR, message="rank 0 waits for ever", remedy="add the receive")
WARNING = Finding(rule="V002", severity=Severity.WARNING, message="sizes are rounded up")


def test_an_error_found_beforehand_refuses_the_run() -> None:
    """The simulator would hang or lie; the others are still asked."""
    result = result_of(Careful(findings=(WARNING, ERROR)))
    assert result.prediction.status is Status.ABORTED
    assert result.prediction.diagnosis[0] == "V001: rank 0 waits for ever; add the receive"
    assert "--force" in result.prediction.diagnosis[-1]
    assert result.attribution is None


def test_force_simulates_in_spite_of_errors() -> None:
    """The user knows better, and is told all the same."""
    prediction = result_of(Careful(findings=(ERROR,)), force=True).prediction
    assert prediction.status is Status.COMPLETED
    assert prediction.diagnosis[-1] == "error: V001: rank 0 waits for ever; add the receive"


def test_warnings_do_not_refuse_and_are_said() -> None:
    """It runs, but surprises."""
    prediction = result_of(Careful(findings=(WARNING,))).prediction
    assert prediction.completed
    assert prediction.diagnosis[-1] == "warning: V002: sizes are rounded up"


def test_communication_alone_tells_contention_apart() -> None:
    """1500 ps more than the reference: 500 of slower links, 1000 of contention."""
    attribution = result_of(Careful()).attribution
    assert attribution is not None
    (term,) = [term for term in attribution.terms if term.effect_ps]
    assert (term.effect_ps, term.isolated_ps, term.contention_ps) == (1500, 500, 1000)


def test_what_a_backend_cannot_express_is_shown_where_its_figure_would_stand() -> None:
    """The other simulators' answers are still worth having."""
    result = result_of(Careful(raises=UnsupportedGraphError("node 1 is a broadcast; use all_gather")))
    assert result.prediction.status is Status.ABORTED
    assert result.prediction.diagnosis == ("node 1 is a broadcast; use all_gather",)


class NotInstalledError(VersimError):
    """What a plugin raises whose program is not there."""


@pytest.mark.parametrize("raised", [NotInstalledError("install it"), SimulationError("it ran out of memory")])
@pytest.mark.parametrize("when", ["preflight", "simulate"])
def test_a_simulator_that_is_missing_or_gives_up_does_not_stop_the_others(raised: VersimError, when: str) -> None:
    """Its column says why; the figures of the rest stand, and nothing claims that its inputs were unequal."""
    comparison = compared(Careful(raises=raised, raises_in=when))
    failed, plain = comparison.result("asked"), comparison.result("plain")
    assert failed.prediction.status is Status.ABORTED
    assert failed.prediction.diagnosis == (str(raised),)
    assert [check.name for check in failed.failed_checks] == ["complete"]
    assert plain.prediction.completed
    assert plain.difference_ps == 0


def test_without_its_reference_a_comparison_shows_what_there_is() -> None:
    """No differences, but every other figure."""
    comparison = compared(Careful(raises=NotInstalledError("install it")), reference="asked")
    plain = comparison.result("plain")
    assert (comparison.reference, plain.difference_ps, plain.attribution) == ("asked", None, None)
    assert plain.totals is not None


def test_an_answer_outlives_a_failure_to_simulate_its_communications_alone() -> None:
    """Only contention is not told apart, and the reader is told so."""
    result = result_of(Careful(raises=SimulationError("too many"), raises_in="isolated_s"))
    assert result.prediction.completed
    assert result.prediction.diagnosis == ("what communications take alone is not known: too many",)
    assert {term.contention_ps for term in result.attribution.terms} == {None}


@pytest.mark.parametrize(
    ("alone_s", "said"),
    [
        (np.zeros(2), r"isolated_s has shape \(2,\) instead of \(1,\)"),
        (np.array([np.inf]), "isolated_s of communication 0 is inf s"),
        (np.array([-1e-9]), "isolated_s of communication 0 is -1e-09 s"),
        ("soon", "ValueError: could not convert string to float"),
    ],
)
def test_nonsense_about_communications_alone_is_refused(alone_s: Any, said: str) -> None:
    """Before it is subtracted from anything; the answer itself stands."""
    result = result_of(Careful(alone_s=alone_s))
    assert result.prediction.completed
    assert re.search(rf"what communications take alone is not known: .*{said}", result.prediction.diagnosis[-1])


class Odd(BaseException):
    """Nothing that `except Exception` catches."""


@pytest.mark.parametrize("raised", [ZeroDivisionError("a slip"), SystemExit(3), KeyError("x"), Odd("own")])
@pytest.mark.parametrize("place", ["simulate", "preflight"])
def test_a_backend_that_breaks_leaves_only_its_own_column_empty(raised: BaseException, place: str) -> None:
    """The others' answers are worth having; its own says what was raised and where."""
    comparison = compared(Careful(raises=raised, raises_in=place))
    assert comparison.result("plain").prediction.completed
    broken = comparison.result("asked").prediction
    assert broken.status is Status.ABORTED
    assert re.search(r"backend 'careful' failed: \w+: .*test_simulation\.py:\d+", broken.diagnosis[0])
    assert any(re.search(r"test_simulation\.py:\d+ in _fail", line) for line in broken.diagnosis[1:])


def test_an_interrupt_is_the_users() -> None:
    """It ends the run, whoever's code it meets."""
    with pytest.raises(KeyboardInterrupt):
        compared(Careful(raises=KeyboardInterrupt()))


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (
            OSError(errno.ENOSPC, "no space left", "/tmp/x"),
            "cannot write /tmp/x: no space left; make room",
        ),
        (MemoryError(), "ran out of memory; give it a smaller step"),
    ],
)
def test_a_full_disk_or_memory_is_nobodys_fault(raised: BaseException, said: str) -> None:
    """Blaming the plugin for it sends the reader to the wrong place."""
    (line,) = result_of(Careful(raises=raised)).prediction.diagnosis
    assert said in line
    assert "fault" not in line


@pytest.mark.parametrize("nonsense", [42, "done", {"makespan": 1}])
def test_an_answer_that_is_no_prediction_is_refused(nonsense: object) -> None:
    """With the backend's name."""
    line = result_of(Careful(answers=nonsense)).prediction.diagnosis[0]
    assert re.search(r"backend 'careful' failed: it returned \w+, not a Prediction", line)


def test_a_prediction_that_cannot_be_one_is_refused_where_it_enters() -> None:
    """Not when it is compared with the others, which would lose theirs, too."""
    sound = result_of(Careful()).prediction
    wrong = attrs.evolve(sound, makespan_ps=1)
    comparison = compared(Careful(answers=wrong))
    assert comparison.result("plain").prediction.completed
    assert "its prediction has a makespan of 1 ps but ends at" in comparison.result("asked").prediction.diagnosis[0]


def test_what_a_backend_prints_is_no_part_of_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """One line of a plugin's in front of a JSON document makes it unreadable."""

    class Chatty(Careful):
        def simulate(self, request: SimulationRequest) -> Prediction:
            print("simulating")  # noqa: T201 - that is the fault
            return super().simulate(request)

    assert result_of(Chatty()).prediction.completed
    out, err = capsys.readouterr()
    assert (out, err) == ("", "simulating\n")


def test_numbers_of_numpy_are_numbers_of_python_in_a_prediction() -> None:
    """JSON knows none of numpy's, and would refuse them after everything was simulated."""
    sound = result_of(Careful()).prediction
    made = attrs.evolve(
        sound,
        makespan_ps=np.int64(sound.makespan_ps),
        wall_s=np.float32(0.5),
        reported_s=np.float64(1.5),
        waiting=[(np.int32(0), np.int64(1))],
        diagnosis=[np.str_("said")],
        provenance={"seed": np.int64(3)},
    )
    figures = (made.makespan_ps, made.wall_s, made.reported_s, made.waiting[0][0])
    assert [type(figure) for figure in figures] == [int, float, float, int]
    assert made.provenance == {"seed": "3"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"makespan_ps": 1.5},
        {"makespan_ps": True},
        {"makespan_ps": np.float64(1)},
        {"wall_s": "soon"},
        {"wall_s": -1.0},
        {"wall_s": float("nan")},
        {"waiting": [(0,)]},
        {"diagnosis": "one text"},
        {"engine": None},
        {"spans": None},
        {"consumed": {}},
        {"links": ()},
        {"status": "fine"},
    ],
)
def test_a_field_of_another_kind_is_refused_where_a_prediction_is_made(wrong: dict[str, Any]) -> None:
    """The error then has the plugin's own line in its traceback."""
    sound = result_of(Careful()).prediction
    with pytest.raises((ValueError, TypeError)):
        attrs.evolve(sound, **wrong)


def _halves(inputs: Inputs) -> None:
    inputs.compute_ns[:] //= 2


def _unlocks(inputs: Inputs) -> None:
    inputs.compute_ns.flags.writeable = True
    inputs.compute_ns[:] //= 2


def _renames(inputs: Inputs) -> None:
    inputs.graph.name.flags.writeable = True
    inputs.graph.name[:] = 0


def _overwrites(of: Callable[[Inputs], object], name: str, value: object) -> Callable[[Inputs], None]:
    return lambda inputs: object.__setattr__(of(inputs), name, value)


MEDDLING: dict[str, Callable[[Inputs], None]] = {
    "halves": _halves,
    "unlocks": _unlocks,
    "renames": _renames,
    "names": _overwrites(lambda inputs: inputs.graph, "names", ("x",) * 9),
    "phases": _overwrites(lambda inputs: inputs.graph, "phases", ()),
    "mesh": _overwrites(lambda inputs: inputs.graph.mesh, "sizes", (1,)),
    "link": _overwrites(lambda inputs: inputs.system.dimensions[0].link, "latency_s", 1.0),
    "device": _overwrites(lambda inputs: inputs.system.device, "memory_bytes", 1),
    "label": _overwrites(lambda inputs: inputs, "label", "mine"),
    "digest": _overwrites(lambda inputs: inputs, "digest", "0" * 64),
    "sizes": _overwrites(lambda inputs: inputs, "sizes", 1),
    "provenance": lambda inputs: inputs.provenance.update(compute="mine"),  # type: ignore[attr-defined]
}


@attrs.frozen
class Meddler(Careful):
    """Changes what whoever comes after it is given."""

    name: str = "careful"
    how: str = "halves"
    beforehand: bool = False

    def preflight(self, request: SimulationRequest) -> list[Finding]:
        """A finding, for which it is not simulated."""
        if not self.beforehand:
            return []
        MEDDLING[self.how](request.inputs)
        return [Finding(rule="planted", severity=Severity.ERROR, message="found")]

    def simulate(self, request: SimulationRequest) -> Prediction:
        """After its own answer."""
        answer = super().simulate(request)
        MEDDLING[self.how](request.inputs)
        return answer


@pytest.mark.parametrize("beforehand", [False, True])
@pytest.mark.parametrize("how", MEDDLING)
def test_who_changes_the_inputs_is_blamed_and_nobody_else_suffers(how: str, beforehand: bool) -> None:
    """The one that comes after it is given what was pinned: it was -34 % instead of +6 %, and the reference blamed."""
    backend = Meddler(how=how, beforehand=beforehand)
    said = "read-only" if how == "halves" else "it changed its input, which the others"
    plugin = types.ModuleType("planted")
    plain = Careful(name="plain")
    plugin.versim_backends = hookimpl(specname="versim_backends")(lambda: [backend, plain])  # type: ignore[attr-defined]
    plugin.versim_graph_producers = hookimpl(specname="versim_graph_producers")(lambda: [Steps()])  # type: ignore[attr-defined]
    scenario = Scenario(
        name="planted",
        workloads=[Workload(label="step", producer="steps")],
        backends=[Instance(label="meddler", backend="careful"), Instance(label="plain", backend="plain")],
        reference="plain",
    )
    comparison = run(scenario, Registry.of({"planted": plugin})).workloads[0].comparisons[0]
    assert comparison.result("plain").prediction.makespan_ps == 1_000_500
    assert comparison.inputs.unchanged()
    assert comparison.inputs.label != "mine"
    assert "compute" not in comparison.inputs.provenance
    meddler = comparison.result("meddler").prediction
    assert meddler.status is Status.ABORTED
    assert said in meddler.diagnosis[0]


def test_a_reader_cannot_change_an_answer_for_the_others() -> None:
    """A reporter is given what every other reporter is given."""
    prediction = result_of(Careful()).prediction
    for column in (prediction.finish_ps, prediction.spans.end_ps, prediction.consumed.size_bytes):
        with pytest.raises(ValueError, match="read-only"):
            column[:] = 0


def test_inputs_that_cannot_be_made_are_told_before_anything_is_simulated() -> None:
    """A producer that fails for the last workload must not cost the answers about the first."""

    class Fails(Steps):
        name = "fails"

        def produce(self, _: NoOptions) -> ExecutionGraph:
            raise VersimError("no such layer")

    asked: list[str] = []

    class Counting(Careful):
        def simulate(self, request: SimulationRequest) -> Prediction:
            asked.append("simulate")
            return super().simulate(request)

    plugin = types.ModuleType("planted")
    plugin.versim_backends = hookimpl(specname="versim_backends")(lambda: [Counting()])  # type: ignore[attr-defined]
    plugin.versim_graph_producers = hookimpl(specname="versim_graph_producers")(lambda: [Steps(), Fails()])  # type: ignore[attr-defined]
    scenario = Scenario(
        name="planted",
        workloads=[Workload(label="step", producer="steps"), Workload(label="last", producer="fails")],
        backends=[Instance(label="asked", backend="careful")],
    )
    with pytest.raises(VersimError, match="no such layer"):
        run(scenario, Registry.of({"planted": plugin}))
    assert not asked
