"""The conformance kit: does a backend keep what it promises, and what every backend promises?

``python -m versim.testing BACKEND`` runs it on an installed backend; a plugin's own tests inherit
:class:`BackendConformance`. A backend says what it models by an attribute ``claims``: what is claimed is tested, what
is not is listed. ``docs/conformance.md`` describes every check.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from versim.testing.case import BackendConformance as BackendConformance
    from versim.testing.check import CHECKS as CHECKS
    from versim.testing.check import ConformanceCheck as ConformanceCheck
    from versim.testing.check import Outcome as Outcome
    from versim.testing.check import Verdict as Verdict
    from versim.testing.claims import AllToAll as AllToAll
    from versim.testing.claims import Claims as Claims
    from versim.testing.claims import Contention as Contention
    from versim.testing.claims import claims_of as claims_of
    from versim.testing.subject import Subject as Subject
    from versim.testing.suite import examine as examine
    from versim.testing.wires import network_faults as network_faults

# BackendConformance needs pytest; whoever only states claims need not have it.
_HOMES = {
    "BackendConformance": "case",
    "CHECKS": "check",
    "ConformanceCheck": "check",
    "Outcome": "check",
    "Verdict": "check",
    "AllToAll": "claims",
    "Claims": "claims",
    "Contention": "claims",
    "claims_of": "claims",
    "Subject": "subject",
    "examine": "suite",
    "network_faults": "wires",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - derived, so that it cannot disagree


def __getattr__(name: str) -> Any:
    """Load a public name from its home on first use."""
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module 'versim.testing' has no attribute {name!r}") from None
    return getattr(import_module(f"versim.testing.{home}"), name)
