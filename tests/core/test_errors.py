"""Messages that help, and errors that travel."""

from __future__ import annotations

import pickle

import pytest
from versim import FaultsError, SimulationError, UnknownNameError, UnsupportedGraphError, VersimError


def test_one_fault_reads_as_a_sentence() -> None:
    """A list of one is noise."""
    assert str(FaultsError("graph", ["node 3 sends to its own rank"])) == "graph: node 3 sends to its own rank"


def test_several_faults_are_listed() -> None:
    """A producer is mended in one go, not fault by fault."""
    assert str(FaultsError("graph", ["a", "b"])) == "graph: 2 faults\n  - a\n  - b"


def test_a_close_name_is_suggested_and_all_are_listed() -> None:
    """Whoever mistypes wants the right word, whoever guesses wants the list."""
    assert str(UnknownNameError("backend", "astrsim", ["deepflow", "astrasim"])) == (
        "no backend named 'astrsim'; did you mean 'astrasim'? (known: astrasim, deepflow)"
    )
    assert str(UnknownNameError("backend", "x", [])) == "no backend named 'x' (known: none)"


@pytest.mark.parametrize(
    "error",
    [
        VersimError("a"),
        FaultsError("graph", ["a", "b"]),
        UnknownNameError("backend", "x", ["y"]),
        UnsupportedGraphError("a"),
        SimulationError("a"),
    ],
)
def test_errors_survive_the_way_between_processes(error: VersimError) -> None:
    """Simulations may run in workers, and their errors are the user's all the same."""
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.exit_status) == (type(error), str(error), error.exit_status)


def test_exit_statuses_tell_bad_input_from_a_run_that_did_not_complete() -> None:
    """Scripts branch on them."""
    assert VersimError("a").exit_status == 1
    assert SimulationError("a").exit_status == 4
