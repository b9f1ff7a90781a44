"""The kit can fail: it passes a sound backend and finds every planted fault."""

from __future__ import annotations

import attrs
import pytest
from planted import CLAIMS, FAULTS, Sound, WrongShard
from versim import VersimError
from versim.testing import BackendConformance, Claims, Subject, Verdict, claims_of, examine


class TestSound(BackendConformance):
    """Nothing is wrong with it."""

    backend = Sound()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_found(fault: type[Sound]) -> None:
    """By the check that is for it, which says what was expected and what was found."""
    backend = fault()
    subject = Subject(backend=backend, claims=backend.claims)
    failed = {check.name: outcome for check, outcome in examine(subject) if outcome.verdict is Verdict.FAILED}
    assert FAULTS[fault] in failed
    outcome = failed[FAULTS[fault]]
    assert outcome.expected
    assert outcome.found
    assert outcome.expected != outcome.found


def test_what_is_not_claimed_is_listed_and_not_tested() -> None:
    """A fault in something that is not claimed is nobody's business."""
    claims = attrs.evolve(CLAIMS, kinds=CLAIMS.kinds - {"all_gather"})
    outcomes = {check.name: outcome for check, outcome in examine(Subject(backend=WrongShard(), claims=claims))}
    assert outcomes["ring all-gather"].verdict is Verdict.UNCLAIMED
    assert outcomes["ring all-gather"].reason == "all_gather is not claimed"
    assert Verdict.FAILED not in {outcome.verdict for outcome in outcomes.values()}


def test_a_difference_may_be_declared() -> None:
    """It is shown with the figures and the reason; a declaration that does not hold is a fault."""
    claims = attrs.evolve(CLAIMS, differs={"ring all-gather": "its size is the shard"})
    ((_, outcome),) = examine(Subject(backend=WrongShard(), claims=claims), only=["ring all-gather"])
    assert outcome.verdict is Verdict.DECLARED
    assert outcome.reason == "its size is the shard"
    ((_, outcome),) = examine(Subject(backend=Sound(), claims=claims), only=["ring all-gather"])
    assert outcome.verdict is Verdict.FAILED
    assert "though declared to differ: its size is the shard" in outcome.found


def test_a_backend_that_claims_nothing_is_still_held_to_what_every_backend_owes() -> None:
    """Honesty, conduct and compute need no claim."""
    outcomes = {check.name: outcome.verdict for check, outcome in examine(Subject(backend=Sound(), claims=Claims()))}
    assert outcomes["compute chain"] is Verdict.PASSED
    assert outcomes["consumed is pinned"] is Verdict.PASSED
    assert outcomes["ring all-reduce"] is Verdict.UNCLAIMED
    assert Verdict.FAILED not in outcomes.values()


def test_claims_that_are_none_are_refused() -> None:
    """By the backend's name."""
    with pytest.raises(VersimError, match="claims of 'planted' must be a Claims or several"):
        claims_of(Sound(claims=["all_reduce"]))  # type: ignore[arg-type]
