"""Slack by its definition, and what moves between critical paths."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from backends import Unit, first_come, in_order
from fakes import nothing_ran, pinned_of, system_of
from hypothesis import given, settings
from hypothesis import strategies as st
from situations import predictions, problems
from versim import (
    NONE,
    Fixed,
    GraphBuilder,
    Inputs,
    Instances,
    Mesh,
    Prediction,
    compare_predictions,
    instances_of,
)
from versim.comparison import timeline
from versim.comparison.attribution.chain import Chain, chain_of
from versim.comparison.slack import Reason, execution_slack_ps, path_change

WORK = [(Fixed(1e-9), 1)]


def chained(prediction: Prediction, instances: Instances) -> Chain:
    """The longest-path problem of a prediction."""
    return chain_of(timeline(prediction, instances))


@settings(max_examples=60)
@given(st.data())
def test_slack_is_what_an_end_can_be_late_by(data: st.DataObject) -> None:
    """Later by all of it moves nothing; by one picosecond more moves the end of the step by one."""
    pinned, instances = data.draw(problems(most_nodes=8))
    model = chained(data.draw(predictions(pinned, instances, "one")), instances)
    slack = model.slack_ps
    makespan = int(model.line.end_ps.max())
    for row in range(instances.count):
        sets = np.repeat(model.progress.duration_ps[:, None], 2, axis=1)
        # A late part may end before its data could have; then its own lag is what has to give way.
        if model.progress.late[row]:
            continue
        sets[row] += [slack[row], slack[row] + 1]
        assert model.makespans_ps(sets) == [makespan, makespan + 1]


@settings(max_examples=60)
@given(st.data())
def test_the_path_has_no_slack_and_accounts_for_the_makespan(data: st.DataObject) -> None:
    """Its links follow one another from the start of the step to the last end."""
    pinned, instances = data.draw(problems())
    model = chained(data.draw(predictions(pinned, instances, "one")), instances)
    path = model.path
    assert path.end_ps[-1] == model.line.end_ps.max()
    assert (model.slack_ps[path.row] == 0).all()
    least = execution_slack_ps(model)
    assert least.shape == (instances.count,)
    assert least.min() == 0
    assert (least <= model.slack_ps).all()
    parts = instances.meeting != NONE
    meetings = set(instances.meeting[parts].tolist())
    assert len(set(zip(instances.meeting[parts].tolist(), least[parts].tolist(), strict=True))) == len(meetings)
    assert (path.end_ps[:-1] <= path.start_ps[1:]).all()


@settings(max_examples=40)
@given(st.data())
def test_a_path_agrees_with_itself(data: st.DataObject) -> None:
    """Agreement is 1, nothing moves; against any other it is within 0..1 and the same from both sides."""
    pinned, instances = data.draw(problems())
    one, two = (chained(data.draw(predictions(pinned, instances, label)), instances) for label in ("one", "two"))
    same = path_change(one, one)
    assert (same.agreement, same.entered, same.left) == (1.0, (), ())
    there, back = path_change(one, two), path_change(two, one)
    assert 0.0 <= there.agreement <= 1.0
    assert there.agreement == back.agreement
    assert [move.node for move in there.entered] == [move.node for move in back.left]


@pytest.fixture
def fork() -> tuple[Inputs, Instances]:
    """Rank 0 computes rows 0 and 1; rank 1 computes row 2. Nothing depends on anything."""
    builder = GraphBuilder(Mesh.of(pp=2))
    for row, stage in enumerate((0, 0, 1)):
        builder.compute(f"row {row}", WORK, on={"pp": stage})
    pinned = pinned_of(builder.build())
    return pinned, instances_of(pinned.graph)


def test_what_grew_beyond_its_slack_enters_by_its_duration(fork: tuple[Inputs, Instances]) -> None:
    """Rank 0 takes 100, rank 1 has 30 to spare and grows by 50."""
    pinned, instances = fork
    one, two = (
        chained(first_come(pinned, instances, np.array(each)), instances) for each in ([60, 40, 70], [60, 40, 120])
    )
    assert one.slack_ps.tolist() == [0, 0, 30]
    found = path_change(one, two)
    assert [(m.node, m.rank, m.path_ps, m.change_ps, m.slack_ps, m.reason) for m in found.entered] == [
        (2, 1, 120, 50, 30, Reason.DURATION)
    ]
    # Neither of the two shrank: they left because the other rank outgrew the 20 that they now have to spare.
    assert [(m.node, m.slack_ps, m.reason) for m in found.left] == [(0, 20, Reason.SLACK), (1, 20, Reason.SLACK)]
    assert found.agreement == 0.0


def test_what_is_pushed_behind_others_enters_by_its_order() -> None:
    """Row 1 is needed by rank 1; served after row 0 instead of before it, both are on the path."""
    builder = GraphBuilder(Mesh.of(pp=2))
    filler = builder.compute("filler", WORK, on={"pp": 0})
    wanted = builder.compute("wanted", WORK, on={"pp": 0})
    _, received = builder.transfer("result", 64, source={"pp": 0}, target={"pp": 1}, after=[wanted])
    last = builder.compute("last", WORK, on={"pp": 1}, after=[received])
    pinned = pinned_of(builder.build())
    instances = instances_of(pinned.graph)
    durations = np.array([30, 20, 10, 10, 100])
    message = Unit((2, 3))
    early, late = (
        chained(in_order(pinned, instances, durations, [*order, message, Unit((last,))]), instances)
        for order in ([Unit((wanted,)), Unit((filler,))], [Unit((filler,)), Unit((wanted,))])
    )
    found = path_change(early, late)
    assert [(m.node, m.reason) for m in found.entered] == [(filler, Reason.ORDER)]
    assert found.left == ()
    # By shares of the two paths (130 and 160): what is common over what either has.
    common = 20 / 160 + 10 / 160 + 100 / 160
    either = 30 / 160 + 20 / 130 + 10 / 130 + 100 / 130
    assert found.agreement == pytest.approx(common / either)


def test_a_schedule_with_holes_has_no_slack(fork: tuple[Inputs, Instances]) -> None:
    """What never ran cannot be late; what ran has its slack, per node, where it has least."""
    pinned, instances = fork
    ran = first_come(pinned, instances, np.array([60, 40, 70]), "ran")
    whole, broken = compare_predictions(pinned.on(system_of(pinned.graph)), [ran, nothing_ran(pinned)], "ran").results
    assert whole.slack_ps is not None
    assert whole.slack_ps.tolist() == [0, 0, 30]
    assert broken.slack_ps is None


def test_uniform_slowness_is_full_agreement(fork: tuple[Inputs, Instances]) -> None:
    """Agreement is about shares of the path, not about its length."""
    pinned, instances = fork
    one, two = (chained(first_come(pinned, instances, np.array([60, 40, 70]) * factor), instances) for factor in (1, 3))
    assert attrs.asdict(path_change(one, two)) == {"entered": (), "left": (), "agreement": 1.0}
