"""What steps amount to without being simulated: whether a producer makes them at all, and what memory they take.

Worked out once per producer and options, and kept with the answers: a search looks at many more configurations than it
asks about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from versim.components import ProposesSystem, Sizes
from versim.containment import held_responsible
from versim.errors import ComponentError, FaultsError, VersimError
from versim.registry import Registry
from versim.scenario import Scenario, Workload
from versim.scenario.form import plain_value
from versim.sweeps.fingerprint import Fingerprints


class KnownSizes(Protocol):
    """Where they are kept."""

    def sized(self, keys: Sequence[str]) -> dict[str, Any]:
        """What is known: key ─▶ plain data."""

    def keep_sized(self, found: Mapping[str, Any]) -> None:
        """Keep more."""


@attrs.frozen(kw_only=True)
class Sized:
    """One step.

    Attributes:
        refusal: Why the producer does not make it; "" if it does, as far as that can be told beforehand.
        tokens: Of the step; None where the producer does not say.
        peak_bytes: Of the fullest rank; None where memory is not modelled.
        usable_share: Of a device's memory that tensors can take.
    """

    refusal: str = ""
    tokens: int | None = None
    peak_bytes: float | None = None
    usable_share: float = 1.0


class Sizer:
    """Sizes of steps, worked out where they are not known."""

    def __init__(self, registry: Registry, known: KnownSizes | None, fingerprints: Fingerprints) -> None:
        self._registry, self._store, self._fingerprints = registry, known, fingerprints
        self._known: dict[str, Sized] = {}
        self._new: dict[str, Any] = {}
        self._keys: dict[tuple[int, str], tuple[Scenario, str]] = {}
        self._memories: dict[str, float | None] = {}

    def look_up(self, scenarios: Iterable[Scenario]) -> None:
        """Fetch what is kept about the steps of some scenarios, which are asked about next."""
        self._keys.clear()
        if self._store is None:
            return
        keys = set()
        for scenario in scenarios:
            for workload in scenario.workloads:
                try:
                    keys.add(self._key(scenario, workload))
                except VersimError:
                    continue  # told where it is asked for
        found = self._store.sized(sorted(keys - set(self._known)))
        self._known.update((key, Sized(**content)) for key, content in found.items())

    def keep(self) -> None:
        """Keep what was worked out since."""
        if self._store is not None and self._new:
            self._store.keep_sized(self._new)
        self._new = {}

    def sizes(self, scenario: Scenario, workload: Workload) -> Sized:
        """Sizes of a workload's step, under the first of its pins.

        Raises:
            ComponentError: The producer breaks.
        """
        try:
            key = self._key(scenario, workload)
        except ComponentError:
            raise
        except VersimError as error:
            return Sized(refusal=first_line(error))
        if key not in self._known:
            self._known[key] = self._worked_out(scenario, workload)
            self._new[key] = attrs.asdict(self._known[key])
        return self._known[key]

    def memory_bytes(self, scenario: Scenario, workload: Workload) -> float | None:
        """Memory of a device that a workload runs on; None where nobody says."""
        part = scenario.system_part(workload)
        producer = self._registry.producer(workload.producer)
        own = plain_value(workload.options) if isinstance(producer, ProposesSystem) else None
        key = json.dumps([plain_value(part), workload.producer, own], default=str)
        if key not in self._memories:
            proposed = None
            if isinstance(producer, ProposesSystem):
                options = self._options(scenario, workload)
                with held_responsible("producer", workload.producer):
                    proposed = producer.system(options)
            if part.preset is not None and part.nodes is None:
                part = attrs.evolve(part, nodes=1)  # the device is the same on any number of them
            self._memories[key] = part.over(proposed).device.memory_bytes
        return self._memories[key]

    def _options(self, scenario: Scenario, workload: Workload) -> Any:
        return self._registry.resolve("producer", workload.producer, self._given(scenario, workload)).options

    def _given(self, scenario: Scenario, workload: Workload) -> dict[str, Any]:
        return scenario.producer_options(workload, scenario.pins_of(workload)[0])

    def _key(self, scenario: Scenario, workload: Workload) -> str:
        place = id(scenario), workload.label
        known = self._keys.get(place)
        if known is None:
            key = self._fingerprints.step(workload.producer, self._given(scenario, workload))
            known = self._keys[place] = scenario, key  # held, so that its place is nobody else's
        return known[1]

    def _worked_out(self, scenario: Scenario, workload: Workload) -> Sized:
        producer = self._registry.producer(workload.producer)
        if not isinstance(producer, Sizes):
            return Sized()
        try:
            options = self._options(scenario, workload)
            with held_responsible("producer", workload.producer):
                sizes = producer.sizes(options)
        except ComponentError:
            raise  # a fault of a plugin is no property of a configuration
        except VersimError as error:
            return Sized(refusal=first_line(error))
        return Sized(tokens=sizes.tokens, peak_bytes=sizes.peak_bytes, usable_share=sizes.usable_share)


def first_line(error: Exception) -> str:
    """The first thing that an error says, without the name of what it is about."""
    if isinstance(error, FaultsError):
        return error.faults[0] + (f" (and {len(error.faults) - 1} more)" if len(error.faults) > 1 else "")
    return str(error).split("\n", 1)[0]
