"""A step's communications alone: asked as they stand in the step, of everyone who simulates, within a budget."""

from __future__ import annotations

import itertools
import types
from collections import Counter
from typing import Any

import attrs
import numpy as np
import pytest
import versim
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from versim import (
    Device,
    Dimension,
    ExecutionGraph,
    Fixed,
    GraphBuilder,
    Kind,
    Link,
    Mesh,
    NoOptions,
    Prediction,
    Registry,
    Report,
    Scenario,
    SimulationRequest,
    SweptCommunication,
    System,
    UnsupportedGraphError,
    hookimpl,
    instances_of,
    messages_of,
    option,
    prediction_of,
    replay,
)
from versim.asking.isolation import BUDGET_S, OUT_OF_TIME
from versim.asking.preparation import prepare_pin
from versim.asking.step_curves import sizes_around, sweep_step
from versim.run import run
from versim.scenario import Instance, Pin, Workload

SIZE = 1000


@attrs.frozen
class StepOptions:
    """Options of the step."""

    work_s: float = option(1.0, help="how long its computation takes")


class Steps:
    """A step on dp=2 × pp=2: sums over dp on each stage, a message between stages, and an explicit group."""

    name = "steps"
    options = StepOptions

    def produce(self, options: StepOptions) -> ExecutionGraph:
        """The graph."""
        builder = GraphBuilder(Mesh.of(dp=2, pp=2))
        first = builder.compute("work", [(Fixed(options.work_s), 1)], on={"pp": 1})
        for stage in (1, 0):
            builder.collective("sum", "all_reduce", SIZE, axes=["dp"], on={"pp": stage}, algorithm="ring")
        builder.collective("sum", "all_reduce", 64 * SIZE, axes=["dp"], on={"pp": 0}, algorithm="ring")
        builder.transfer("send", SIZE, source={"pp": 1}, target={"pp": 0}, after=[first])
        for rank in (0, 3):
            place = {"dp": rank // 2, "pp": rank % 2}
            builder.collective("gather", "all_gather", SIZE, ranks=[0, 3], match="gather", on=place)
        return builder.build()

    def system(self, _: StepOptions) -> System:
        """A ring of four."""
        link = Link(bandwidth_bytes_per_s=1e9, latency_s=1e-6)
        return System(dimensions=(Dimension(topology="ring", size=4, link=link),), device=Device(name="none"))


@attrs.define
class Straight:
    """A backend in which everything takes ``factor`` seconds per byte; remembers what it was asked."""

    name: str = "straight"
    options: type = NoOptions
    factor: float = 1e-9
    measured: bool = False
    refuses: str = ""
    asked: list[Any] = attrs.field(factory=list)

    def simulate(self, request: SimulationRequest) -> Prediction:
        """The step, or one communication."""
        messages = messages_of(request.inputs.graph)
        self.asked.append(messages)
        if self.refuses and len(messages) == 1 and self.refuses == messages[0].kind.value:
            raise UnsupportedGraphError(f"no {self.refuses} here")
        instances = instances_of(request.inputs.graph)
        sizes = request.inputs.graph.size_bytes[instances.meeting_match]
        meeting_ps = np.rint(sizes * self.factor * 1e12).astype(np.int64)
        schedule = replay(instances, request.inputs.compute_ns * 1000, meeting_ps)
        made = prediction_of(request.inputs, instances, schedule, simulator=self.name, engine="test")
        return attrs.evolve(made, measured=self.measured)


@attrs.define
class Isolating(Straight):
    """One that can say what communications take alone, but for the smallest."""

    name: str = "isolating"
    isolated: list[Any] = attrs.field(factory=list)

    def isolated_s(self, request: SimulationRequest) -> NDArray[np.float64]:
        """All at once."""
        self.isolated.append(messages_of(request.inputs.graph))
        sizes = request.inputs.graph.size_bytes
        return np.where(sizes < SIZE, np.nan, sizes * self.factor)


def registry_of(*backends: Straight) -> Registry:
    """Nothing but these, and the step."""
    plugin = types.ModuleType("planted")
    plugin.versim_backends = hookimpl(specname="versim_backends")(lambda: list(backends))  # type: ignore[attr-defined]
    plugin.versim_graph_producers = hookimpl(specname="versim_graph_producers")(lambda: [Steps()])  # type: ignore[attr-defined]
    return Registry.of({"planted": plugin})


def scenario_of(*backends: Straight, reference: str | None = None) -> Scenario:
    """The step through these."""
    return Scenario(
        name="planted",
        workloads=[Workload(label="step", producer="steps")],
        backends=[Instance(label=backend.name, backend=backend.name) for backend in backends],
        reference=reference,
    )


def report_of(*backends: Straight, reference: str | None = None) -> Report:
    """The comparison with its sweep."""
    return run(scenario_of(*backends, reference=reference), registry_of(*backends), sweep=True)


def sweep_of(report: Report) -> tuple[SweptCommunication, ...]:
    """The sweep of the only comparison."""
    sweep = report.workloads[0].comparisons[0].sweep
    assert sweep is not None
    return sweep


@attrs.define
class Odd(Straight):
    """One that answers a step, and of a communication alone what is no answer."""

    name: str = "odd"
    answer: Any = None

    def simulate(self, request: SimulationRequest) -> Prediction:
        """The step, or nonsense."""
        made = super().simulate(request)
        if request.inputs.graph.communication_count > 1:
            return made
        return self.answer(made) if callable(self.answer) else self.answer  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "it returned NoneType, not a Prediction"),
        (lambda made: attrs.evolve(made, makespan_ps=-5), "its prediction has a makespan of -5 ps"),
        (lambda made: attrs.evolve(made, digest="0" * 64), "its prediction is of another graph"),
    ],
)
def test_what_is_no_answer_of_a_communication_alone_is_none(answer: Any, said: str) -> None:
    """It is held to its form as that of a step is; what was no prediction ended versim with a traceback."""
    good, odd = Straight(), Odd(answer=answer)
    report = report_of(good, odd)
    assert [result.prediction.completed for _, _, result in report.results()] == [True, True]
    for swept in sweep_of(report):
        mine = next(curve for curve in swept.curves if curve.model == "odd")
        assert set(mine.times_s) == {None}
        assert said in mine.refusal


def test_every_kind_of_communication_is_asked_as_it_stands_in_the_step() -> None:
    """Its first group, its axes and its algorithm, and nothing beside it."""
    backend = Straight()
    found = sweep_of(report_of(backend))
    assert [(s.name, s.ranks, s.algorithm, s.in_step) for s in found] == [
        ("all_reduce over dp", (1, 3), "ring", ((SIZE, 2), (64 * SIZE, 1))),
        ("point_to_point over pp", (1, 0), "", ((SIZE, 1),)),
        ("all_gather in a group", (0, 3), "", ((SIZE, 1),)),
    ]
    alone = backend.asked[1:]
    assert all(len(messages) == 1 for messages in alone)
    in_step = {attrs.evolve(message, size_bytes=0) for message in backend.asked[0]}
    assert {attrs.evolve(messages[0], size_bytes=0) for messages in alone} <= in_step
    for swept in found:
        assert {size for size, _ in swept.in_step} <= set(swept.sizes_bytes)
        assert swept.curves[0].times_s == pytest.approx([size * 1e-9 for size in swept.sizes_bytes])


def test_one_that_knows_what_communications_take_alone_is_asked_once() -> None:
    """Only what it does not know is simulated."""
    backend = Isolating()
    found = sweep_of(report_of(backend))
    sizes = {size for swept in found for size in swept.sizes_bytes}
    # For the step's own communications, as always, for the network check here and narrowed, and for all of the sweep.
    assert len(backend.isolated) == 4
    assert {messages[0].size_bytes for messages in backend.asked[1:]} == {size for size in sizes if size < SIZE}
    assert all(time is not None for swept in found for time in swept.curves[0].times_s)


def test_the_reference_comes_first_and_a_measurement_is_not_asked() -> None:
    """It would answer with the time of the step, whatever it is asked for."""
    one, two, truth = Straight(name="one"), Straight(name="two", factor=2e-9), Straight(name="truth", measured=True)
    found = sweep_of(report_of(one, two, truth, reference="two"))
    assert [curve.model for curve in found[0].curves] == ["two", "one"]
    assert len(truth.asked) == 1
    assert found[0].ratio(found[0].curves[1], SIZE) == pytest.approx(0.5)


def test_a_refusal_is_kept_and_the_rest_is_asked_all_the_same() -> None:
    """None is not modelled, and the reason stands beside it."""
    found = sweep_of(report_of(Straight(refuses="all_gather")))
    assert found[2].curves[0].refusal == "no all_gather here"
    assert set(found[2].curves[0].times_s) == {None}
    assert None not in found[0].curves[0].times_s


def test_what_takes_too_long_is_asked_for_no_further_size() -> None:
    """And says so."""
    backend = Straight()
    registry = registry_of(backend)
    scenario = attrs.evolve(scenario_of(backend), pins=[Pin(label="pin")])
    prepared = prepare_pin(scenario, registry, scenario.workloads[0], scenario.pins[0])
    seconds = itertools.count(step=BUDGET_S / 2.5)
    found = sweep_step(prepared, scenario.backends, scenario, registry, clock=lambda: next(seconds))
    times = found[0].curves[0].times_s
    assert [time is None for time in times[:4]] == [False, False, True, True]
    assert found[0].curves[0].refusal == OUT_OF_TIME
    assert len(backend.asked) == 2


def test_pins_that_differ_in_compute_only_are_swept_once() -> None:
    """Their communications are the same, so are the answers."""
    backend = Straight()
    pins = [Pin(label="short"), Pin(label="long", options={"work_s": 2.0})]
    report = run(attrs.evolve(scenario_of(backend), pins=pins), registry_of(backend), sweep=True)
    short, long = report.workloads[0].comparisons
    assert short.inputs.digest != long.inputs.digest
    assert short.sweep == long.sweep
    asked = Counter(messages[0] for messages in backend.asked if len(messages) == 1)
    # The sizes of the step are asked for by the network check, too, and narrowed; no other twice.
    in_step = {size for swept in short.sweep or () for size, _ in swept.in_step}
    assert {count for message, count in asked.items() if message.size_bytes not in in_step} == {1}


@given(sizes=st.sets(st.integers(1, 2**50), min_size=1, max_size=5))
def test_sizes_surround_those_of_the_step(sizes: set[int]) -> None:
    """From 1 KiB or less to above the largest, in steps of at most four, and those of the step among them."""
    found = sizes_around(sizes)
    assert sizes <= set(found)
    assert found[0] <= min(1024, *sizes)
    assert found[-1] > max(sizes)
    assert all(low < high <= 4 * low for low, high in itertools.pairwise(found))


def test_on_the_bundled_step_a_communication_alone_takes_what_it_takes_in_the_step_where_nothing_contends() -> None:
    """DeepFlow's collectives never wait for a link, so in the step they take what the curve says, to the nanosecond."""
    report = versim.compare("bundled", sweep=True)
    compared = 0
    for _, comparison, result in report.results():
        if result.label != "deepflow":
            continue
        for swept in comparison.sweep or ():
            if swept.kind is Kind.POINT_TO_POINT:
                continue
            curve = next(curve for curve in swept.curves if curve.model == "deepflow")
            total_s = sum(count * (curve.time_s(size) or 0) for size, count in swept.in_step) * len(swept.ranks)
            groups = [row for row in result.groups if row.key == swept.name]
            scale = sum(row.count for row in groups) / sum(count * len(swept.ranks) for _, count in swept.in_step)
            assert sum(row.total_ps for row in groups) / 1e12 == pytest.approx(total_s * scale, abs=1e-6)
            compared += 1
    assert compared == 6
