"""500 damaged traces and some random cases; the scripts in ``tests/fuzz`` try more."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import attrs
import numpy as np
import pytest
from chakra_files import listed
from hypothesis import given, settings
from hypothesis import strategies as st
from versim_astrasim.engine.trace import INTEGER_ATTRIBUTES

sys.path.insert(0, str(Path(__file__).parents[2] / "fuzz"))

import engine
import engine_cases
import measuring
import traces

REAL = os.environ.get("ASTRA_SIM_BIN") or os.environ.get("ASTRA_SIM_HOME")
"""Looked at before every test takes it out of the environment."""


def test_damaged_traces_are_errors_of_versim_in_bounded_time_and_memory() -> None:
    """Some are still traces: what they became goes all the way."""
    figures = traces.run(470, seed=7)
    assert 20 < figures["read"] < 470


@given(st.binary(max_size=300))
def test_any_bytes_are_a_trace_or_an_error(content: bytes) -> None:
    """Not a crash, whatever they are."""
    traces.tried(content)


_values = st.sampled_from([0, 1, 2, 3, 6, 7, 2**31, 2**32, 2**62, 2**63 - 1, True, "1", "x", 1.5, [True, False]])
_nodes = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from([0, 1, 2, 5, 2**63, 2**64 - 1]),
            "type": st.sampled_from(
                ["INVALID_NODE", "MEM_LOAD_NODE", "COMP_NODE", "COMM_SEND_NODE", "COMM_RECV_NODE", "COMM_COLL_NODE"]
            ),
            "ctrl_deps": st.lists(st.sampled_from([0, 1, 2, 9]), max_size=2),
            "duration_micros": st.sampled_from([0, 1, 2**40, 2**64 - 1]),
            "attr": st.dictionaries(
                st.sampled_from([*INTEGER_ATTRIBUTES, "pg_name", "involved_dim", "is_cpu_op"]),
                _values,
            ),
        }
    ),
    max_size=6,
)


@settings(max_examples=100)
@given(_nodes)
def test_sound_files_of_senseless_nodes_are_errors_too(nodes: list[dict[str, object]]) -> None:
    """Attributes of every type and extreme values, repeated ids, circles, dependencies on nothing."""
    assert traces.tried(listed(nodes))


@pytest.mark.parametrize("kind", engine_cases.KINDS)
def test_shortcuts_change_nothing_on_random_cases(kind: str) -> None:
    """Figures, order of finishing and failures are those of the plain simulation, message by message."""
    assert [(case["name"], text) for case in engine.cases(8, 5, kind) if (text := engine.shortcuts_differ(case))] == []


def test_a_difference_to_what_was_measured_is_found() -> None:
    """One ns on one rank, another order, a node's end: the comparison can say no."""
    case = {
        **next(engine.cases(1, 5, "collective")),
        "simulator": "congestion_aware",
        "network": {"topology": ["Switch"], "npus_count": [2], "bandwidth": [50.0], "latency": [500.0]},
        "workload": {"form": "explicit", "ranks": [[{"id": 0, "type": "COMP_NODE", "duration_micros": 1}]] * 2},
    }
    times = measuring.LoggedTimes(
        is_end=np.array([False, False, True, True]),
        rank=np.array([0, 1, 0, 1]),
        node_id=np.zeros(4, dtype=np.int64),
        tick_ns=np.array([0, 0, 1000, 1000]),
        rotated_away=False,
        found=True,
    )
    figures = {"rank_ns": [1000, 1000], "exposed_comm_ns": [0, 0], "gpu_ns": [1000, 1000]}
    right = measuring.Measured(expected=figures, order=(0, 1), times=times, memory_broke=False)
    assert engine.differences(case, right) == []
    late = {**figures, "rank_ns": [1000, 1001]}
    assert len(engine.differences(case, attrs.evolve(right, expected=late))) == 2
    assert "finish order" in engine.differences(case, attrs.evolve(right, order=(1, 0)))[0]
    other = attrs.evolve(times, tick_ns=np.array([0, 0, 1000, 999]))
    assert "node 0 of rank 1 ended" in engine.differences(case, attrs.evolve(right, times=other))[0]


@pytest.mark.skipif(not REAL, reason="no real ASTRA-sim: set ASTRA_SIM_BIN or ASTRA_SIM_HOME to compare with it")
def test_random_cases_are_equal_on_the_real_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind four times."""
    monkeypatch.setenv("ASTRA_SIM_BIN", str(REAL))
    assert sum(engine.run(4 * len(engine_cases.KINDS), seed=9).values()) == 4 * len(engine_cases.KINDS)
