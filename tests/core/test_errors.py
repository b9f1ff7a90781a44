"""Messages that help, and errors that travel."""

from __future__ import annotations

import pickle
import time

import pytest
from versim import FaultsError, SimulationError, UnknownNameError, UnsupportedGraphError, VersimError
from versim.errors import MOST_LINES, legible


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


def test_messages_are_of_a_length_that_people_read() -> None:
    """Values, quoted or not, and lines: both ends are kept, and how long it was is said."""
    long = "a" * 5000
    assert str(VersimError(f"no such file: /x/{long}/end")) == (
        f"no such file: /x/{'a' * 197}…{'a' * 46}/end (5,007 letters)"
    )
    cut = f"'{('b c' * 67)[:200]}…{('b c' * 300)[-50:]}' (900 letters)"
    assert legible(f"no 'x' named {'b c' * 300!r}; it's versim's and plugins' 'y'") == (
        f"no 'x' named {cut}; it's versim's and plugins' 'y'"
    )
    assert str(FaultsError("f", ["x", f'"{long}" y'])) == (
        f'f: 2 faults\n  - x\n  - "{"a" * 200}…{"a" * 50}" (5,000 letters) y'
    )
    assert legible("a b " * 1000).endswith(" (4,000 letters)")
    assert legible("a\n" * 5000).count("\n") <= MOST_LINES
    kept = "known: " + ", ".join(f"name{number}" for number in range(100))
    assert legible(kept) == kept
    began = time.process_time()
    for character in "'\"\\a \n":
        legible(f"{character}" * 200_000)
        legible(f" '{character}" * 100_000)
    assert time.process_time() - began < 10
