"""Pipeline schedules: bubbles and what is in flight."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import every, system_of
from hypothesis import given
from hypothesis import strategies as st
from transformer_steps import graph
from versim import PS_PER_S, instances_of, pin, replay
from versim_transformer.schedules import Do, most_in_flight, order_of
from versim_transformer.settings import Schedule

FORWARD, DATA, WEIGHTS = 3_000, 4_000, 2_000
"""Made-up durations of a pass, in picoseconds: forward, data gradients, weight gradients."""


def ideal_and_length(schedule: str, pp: int, microbatches: int, vp: int = 1) -> tuple[int, int]:
    """What a stage has to do, and how long the step takes if messages and the optimizer take no time."""
    step = graph(layers=pp * vp, pp=pp, vp=vp, gbs=microbatches, schedule=schedule, granularity="stage")
    labels = {"forward": FORWARD, "backward": DATA + WEIGHTS, "weight gradients": WEIGHTS}
    if schedule == "zb-h1":
        labels["backward"] = DATA
    of_name = np.array([labels.get(name, 0) for name in step.names])
    instances = instances_of(step)
    found = replay(instances, of_name[step.name], np.zeros(len(instances.meeting_match), dtype=np.int64))
    assert found.completed
    return microbatches * vp * (FORWARD + DATA + WEIGHTS), found.makespan_ps


@given(st.integers(1, 8), st.integers(1, 4))
def test_bubble_of_one_f_one_b(pp: int, groups: int) -> None:
    """(p − 1) / m of the ideal time (Narayanan et al. 2021, section 2.2.1)."""
    ideal, length = ideal_and_length("1f1b", pp, pp * groups)
    assert length - ideal == (pp - 1) * (FORWARD + DATA + WEIGHTS)


@given(st.integers(2, 6), st.integers(1, 3), st.integers(2, 4))
def test_bubble_of_interleaving_is_v_times_smaller(pp: int, groups: int, vp: int) -> None:
    """(p − 1) / (v · m) of the ideal time (section 2.2.2)."""
    ideal, length = ideal_and_length("interleaved", pp, pp * groups, vp)
    assert length - ideal == (pp - 1) * (FORWARD + DATA + WEIGHTS)


@given(st.integers(1, 8), st.integers(1, 4))
def test_bubble_of_zero_bubble(pp: int, groups: int) -> None:
    """(p − 1)(F + B − W), and no more in flight than under 1F1B (arXiv 2401.10241, table 1)."""
    microbatches = (2 * pp + 1) * groups
    ideal, length = ideal_and_length("zb-h1", pp, microbatches)
    assert length - ideal == (pp - 1) * (FORWARD + DATA - WEIGHTS)
    for stage in range(pp):
        assert most_in_flight(Schedule.ZERO_BUBBLE, stage, pp, microbatches)[0] <= min(microbatches, pp)


@given(st.integers(1, 8), st.integers(1, 20))
def test_bubble_of_gpipe(pp: int, microbatches: int) -> None:
    """The same as 1F1B's; only memory differs (Huang et al. 2019)."""
    ideal, length = ideal_and_length("gpipe", pp, microbatches)
    assert length - ideal == (pp - 1) * (FORWARD + DATA + WEIGHTS)
    assert most_in_flight(Schedule.GPIPE, 0, pp, microbatches) == (microbatches,)


@given(st.integers(1, 10), st.integers(1, 20))
def test_in_flight_under_one_f_one_b(pp: int, microbatches: int) -> None:
    """min(m, p − stage): the first stage holds most."""
    for stage in range(pp):
        assert most_in_flight(Schedule.ONE_F_ONE_B, stage, pp, microbatches) == (min(microbatches, pp - stage),)


@given(st.sampled_from(list(Schedule)), st.integers(1, 6), st.integers(1, 3), st.integers(1, 3))
def test_every_microbatch_is_done_once_and_in_order(schedule: Schedule, pp: int, groups: int, chunks: int) -> None:
    """A schedule is a permutation in which no pass comes before the one that it needs."""
    count, vp = pp * groups, chunks if schedule is Schedule.INTERLEAVED and pp > 1 else 1
    for stage in range(pp):
        order = order_of(schedule, stage, pp, count, vp)
        done = list(zip(order.do.tolist(), order.chunk.tolist(), order.microbatch.tolist(), strict=True))
        kinds = [Do.FORWARD, Do.BACKWARD] + ([Do.WEIGHTS] if schedule is Schedule.ZERO_BUBBLE else [])
        assert sorted(done) == sorted((do, c, m) for do in kinds for c in range(vp) for m in range(count))
        place = {task: number for number, task in enumerate(done)}
        for do, chunk, microbatch in done:
            if do:
                assert place[do - 1, chunk, microbatch] < place[do, chunk, microbatch]


@pytest.mark.parametrize(
    ("schedule", "serial"), [("gpipe", False), ("gpipe", True), ("1f1b", False), ("1f1b", True), ("zb-h1", False)]
)
def test_stages_that_wait_for_their_messages_end_too(schedule: str, *, serial: bool) -> None:
    """Exposed messages make stages wait for one another; that must not close a circle."""
    step = graph(pp=4, gbs=12, schedule=schedule, overlap_p2p=False, serial_p2p=serial, granularity="layer")
    pinned = pin(step, system_of(step), every(1e-6), every(1e-6))
    instances = instances_of(step)
    each = np.full(len(instances.meeting_match), PS_PER_S // 1000, dtype=np.int64)
    assert replay(instances, pinned.compute_ns, each).completed


@pytest.mark.parametrize(("pp", "each"), [(2, 2), (4, 4), (6, 4)])
def test_one_message_at_a_time_takes_four_of_them_per_microbatch(pp: int, each: int) -> None:
    """A stage between others receives and sends twice per microbatch, one message after another; an end once each."""

    def length(microbatches: int) -> int:
        step = graph(layers=pp, pp=pp, gbs=microbatches, schedule="1f1b", serial_p2p=True, granularity="stage")
        instances = instances_of(step)
        compute = np.zeros(step.node_count, dtype=np.int64)
        found = replay(instances, compute, np.ones(len(instances.meeting_match), dtype=np.int64))
        assert found.completed
        return found.makespan_ps

    assert length(40) - length(20) == 20 * each
