"""``--inject``: what if this link ran at a tenth, this card were down, this device slow?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from versim.errors import FaultsError, VersimError
from versim.fabric import Degradation
from versim.graph import SlowDevices
from versim.plain.faults import MisfitError, place
from versim.plain.structure import make_converter, structured
from versim.plain.yaml_text import YamlError, parse_yaml
from versim.scenario.model import Scenario, SystemPart

EXAMPLES = "{dimension: 1, ranks: [3], bandwidth_factor: 0.1} or {ranks: [5], factor: 1.5}"


def inject(scenario: Scenario, texts: Sequence[str]) -> Scenario:
    """A scenario with more links degraded and more devices slow, on every workload's system.

    Args:
        scenario: The scenario.
        texts: One mapping each, as under ``degraded`` or ``slow_devices`` of a system; the latter has a ``factor``.
            Braces may be left out: ``dimension: 1, ranks: [3], down: true``.

    Raises:
        VersimError: A text that is no mapping.
        FaultsError: A mapping that is neither.
    """
    degraded: list[Degradation] = []
    slow: list[SlowDevices] = []
    for text in texts:
        found = _read(text)
        (slow if isinstance(found, SlowDevices) else degraded).append(found)  # type: ignore[arg-type]

    def with_more(part: SystemPart | None) -> SystemPart | None:
        if part is None:
            return None
        # A part that says nothing of its own takes over what stands below it, so only lists that are there grow.
        more: dict[str, Any] = {}
        if part.degraded:
            more["degraded"] = (*part.degraded, *degraded)
        if part.slow_devices:
            more["slow_devices"] = (*part.slow_devices, *slow)
        return attrs.evolve(part, **more)

    below = scenario.system or SystemPart()
    return attrs.evolve(
        scenario,
        system=attrs.evolve(below, degraded=(*below.degraded, *degraded), slow_devices=(*below.slow_devices, *slow)),
        workloads=[attrs.evolve(workload, system=with_more(workload.system)) for workload in scenario.workloads],
    )


def _read(text: str) -> Degradation | SlowDevices:
    stripped = text.strip()
    try:
        content = parse_yaml(stripped if stripped.startswith("{") else "{" + stripped + "}")
    except YamlError as error:
        raise VersimError(f"--inject {text}: {error}; write it as {EXAMPLES}") from None
    if not isinstance(content, Mapping):
        raise VersimError(f"--inject {text}: write it as {EXAMPLES}")
    kind: type[Degradation | SlowDevices] = SlowDevices if "factor" in content else Degradation
    try:
        made: Degradation | SlowDevices = structured(make_converter(), content, kind)
    except MisfitError as error:
        raise FaultsError(f"--inject {text}", [place("$", keys, message) for keys, message in error.faults]) from None
    return made
