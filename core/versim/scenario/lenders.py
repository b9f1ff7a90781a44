"""Who lends durations to whom: of some nodes a pin takes the durations from the simulation of another workload."""

from __future__ import annotations

from versim.errors import VersimError
from versim.scenario.model import Pin, Scenario, Workload


def _by_workload(scenario: Scenario) -> dict[str, set[str]]:
    return {
        workload.label: {borrowed.workload for pin in scenario.pins_of(workload) for borrowed in pin.durations}
        for workload in scenario.workloads
    }


def lenders_of(scenario: Scenario, chosen: Pin) -> set[str]:
    """Workloads from which a pin borrows durations, and those from which they do."""
    wants = _by_workload(scenario)
    found: set[str] = set()
    asked = {borrowed.workload for borrowed in chosen.durations}
    while asked:
        found |= asked
        asked = set().union(*(wants[label] for label in asked)) - found
    return found


def lenders_first(scenario: Scenario) -> list[Workload]:
    """Workloads in an order in which durations exist before they are borrowed.

    Raises:
        VersimError: Some borrow from one another in a circle.
    """
    wants = _by_workload(scenario)
    ordered: list[Workload] = []
    done: set[str] = set()
    while len(ordered) < len(scenario.workloads):
        ready = [w for w in scenario.workloads if w.label not in done and wants[w.label] <= done]
        if not ready:
            circle = ", ".join(sorted(set(wants) - done))
            raise VersimError(f"workloads {circle} borrow durations from one another in a circle")
        ordered.extend(ready)
        done.update(workload.label for workload in ready)
    return ordered
