"""500 damaged traces; ``python tests/fuzz/traces.py`` tries more."""

from __future__ import annotations

import sys
from pathlib import Path

from chakra_files import listed
from hypothesis import given, settings
from hypothesis import strategies as st
from versim_astrasim.engine.trace import INTEGER_ATTRIBUTES

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

import traces


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
