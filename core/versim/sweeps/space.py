"""The configurations of a sweep: every combination of values that its constraints allow, and why others fell out.

Conditions are looked at as soon as the keys in them have values, so that what cannot be is never written out. ``fits``
and ``peak_bytes`` are the producer's memory model on the device; they, and what the producer refuses, are looked at
last.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from versim.errors import FaultsError, VersimError
from versim.registry import Registry
from versim.scenario import Scenario, Workload
from versim.sweeps.axes import Axis
from versim.sweeps.expression import Expression, conjuncts, hold_to_names
from versim.sweeps.fingerprint import Fingerprints
from versim.sweeps.keys import Settable
from versim.sweeps.settings import label_of
from versim.sweeps.step_sizes import KnownSizes, Sized, Sizer, first_line

MOST_COMBINATIONS = 50_000_000
MOST_CONFIGURATIONS = 1_000_000

SIZED = ("fits", "peak_bytes", "tokens")
"""Names that the producer's sizes answer."""

_TOGETHER = 512
"""Configurations whose sizes are looked up at once."""

_DIGITS = re.compile(r"\d+(?:\.\d+)?")


@attrs.frozen(kw_only=True)
class Configuration:
    """One combination.

    Attributes:
        number: Its place among all combinations, the last axis varying fastest.
        settings: What its keys are set to.
        scenario: The scenario with that.
    """

    number: int
    settings: Mapping[str, Any]
    scenario: Scenario

    @property
    def label(self) -> str:
        """``tp=4, pp=2``."""
        return label_of(self.settings)


@attrs.frozen(kw_only=True)
class FallOut:
    """Configurations that are not asked about.

    Attributes:
        reason: The condition they do not meet, or what refuses them.
        count: How many.
        example: The settings of the first, "" where there is no need for one.
    """

    reason: str
    count: int
    example: str = ""


@attrs.frozen(kw_only=True)
class Space:
    """What remains of all combinations.

    Attributes:
        axes: What varies.
        combinations: How many there are in all.
        configurations: Those to be asked about, ascending.
        fallen: Why others are not, the most first.
        left_out: How many might have remained, but ``sample`` or ``limit`` is reached.
    """

    axes: tuple[Axis, ...]
    combinations: int
    configurations: tuple[Configuration, ...]
    fallen: tuple[FallOut, ...]
    left_out: int = 0

    @property
    def keys(self) -> tuple[str, ...]:
        """What varies, in order."""
        return tuple(key for axis in self.axes for key in axis.keys)


def expand(
    scenario: Scenario,
    registry: Registry,
    axes: Sequence[Axis],
    where: Sequence[str] = (),
    *,
    sample: int | None = None,
    seed: int = 0,
    limit: int | None = None,
    known: KnownSizes | None = None,
    fingerprints: Fingerprints | None = None,
) -> Space:
    """The configurations of a sweep.

    Args:
        scenario: What is varied.
        registry: The plugins there are.
        axes: By what.
        where: Conditions, all of which have to hold; see :mod:`versim.sweeps.expression`. Names are varied keys,
            options of producers, ``fits``, ``peak_bytes`` and ``tokens``.
        sample: How many are taken, at random among those that remain; None takes all.
        seed: Of chance.
        limit: How many are taken at most, the first ones.
        known: Where sizes of steps may be that were worked out before.
        fingerprints: Keys of what is asked, where others ask for them, too.

    Raises:
        VersimError: A key that leads nowhere, a condition that is none, or too many combinations.
        FaultsError: A value that no scenario can have there.
    """
    sizer = Sizer(registry, known, Fingerprints(registry) if fingerprints is None else fingerprints)
    return _Expansion(scenario, registry, axes, where, sizer).space(sample, seed, limit)


class _Expansion:
    """Expanding one space."""

    def __init__(
        self,
        scenario: Scenario,
        registry: Registry,
        axes: Sequence[Axis],
        where: Sequence[str],
        sizer: Sizer,
    ) -> None:
        self._scenario, self._registry, self._axes = scenario, registry, tuple(axes)
        self._keys = [key for axis in axes for key in axis.keys]
        self._sizer = sizer
        self._settable = Settable(scenario, registry, self._keys)
        self._options = _fixed_options(scenario, registry)
        self._fallen: dict[str, FallOut] = {}
        conditions = [condition for text in where for condition in conjuncts(text)]
        for condition in conditions:
            hold_to_names(condition, [*self._keys, *self._options, *SIZED])
        self._late = [condition for condition in conditions if condition.names & set(SIZED)]
        depths = {key: depth for depth, axis in enumerate(axes) for key in axis.keys}
        self._at: dict[int, list[Expression]] = {}
        for condition in conditions:
            if condition not in self._late:
                depth = max((depths[name] for name in condition.names if name in depths), default=-1)
                self._at.setdefault(depth, []).append(condition)
        self._below = [1]
        for axis in reversed(axes):
            self._below.insert(0, self._below[0] * len(axis.values))

    def space(self, sample: int | None, seed: int, limit: int | None) -> Space:
        """Walk, choose, hold to the late conditions."""
        if self._below[0] > MOST_COMBINATIONS:
            raise VersimError(f"{self._below[0]} combinations are more than {MOST_COMBINATIONS}; vary less at once")
        self._hold_values_to_places()
        candidates = []
        for found in self._walk(0, 0, {}):
            candidates.append(found)
            if len(candidates) > MOST_CONFIGURATIONS:
                raise VersimError(f"more than {MOST_CONFIGURATIONS} configurations; narrow them with --where")
        if sample is not None:
            random.Random(seed).shuffle(candidates)  # noqa: S311 - to be repeated, not to be secret
        most = min((count for count in (sample, limit) if count is not None), default=None)
        configurations: list[Configuration] = []
        looked = 0
        for start in range(0, len(candidates), _TOGETHER):
            if most is not None and len(configurations) >= most:
                break
            for configuration in self._remaining(candidates[start : start + _TOGETHER]):
                looked += 1
                if configuration is not None:
                    configurations.append(configuration)
                if most is not None and len(configurations) >= most:
                    break
        return Space(
            axes=self._axes,
            combinations=self._below[0],
            configurations=tuple(sorted(configurations, key=lambda one: one.number)),
            fallen=tuple(sorted(self._fallen.values(), key=lambda fallen: -fallen.count)),
            left_out=len(candidates) - looked,
        )

    def _hold_values_to_places(self) -> None:
        """Refuse keys and values at once that no configuration could have, each alone, all together."""
        faults: list[str] = []
        first = {key: value for axis in self._axes for key, value in zip(axis.keys, axis.values[0], strict=True)}
        for axis in self._axes:
            for values in axis.values:
                settings = {**first, **dict(zip(axis.keys, values, strict=True))}
                try:
                    scenario = self._settable.with_settings(settings)
                    for workload in scenario.workloads:
                        for pin in scenario.pins_of(workload):
                            given = scenario.producer_options(workload, pin)
                            self._registry.resolve("producer", workload.producer, given)
                except FaultsError as error:
                    said = "; ".join(error.faults)
                    if not any(fault.endswith(said) for fault in faults):
                        faults.append(f"{label_of(dict(zip(axis.keys, values, strict=True)))}: {said}")
        if faults:
            raise FaultsError("--vary", faults[:20])

    def _walk(self, depth: int, number: int, chosen: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
        for condition in self._at.get(depth - 1, ()):
            if not condition.holds(lambda name: self._early(name, chosen)):
                self._falls(f"not {condition.text}", self._below[depth])
                return
        if depth == len(self._axes):
            yield number, dict(chosen)
            return
        axis = self._axes[depth]
        for position, values in enumerate(axis.values):
            chosen.update(zip(axis.keys, values, strict=True))
            yield from self._walk(depth + 1, number + position * self._below[depth + 1], chosen)
        for key in axis.keys:
            del chosen[key]

    def _early(self, name: str, chosen: Mapping[str, Any]) -> Any:
        return chosen[name] if name in chosen else self._options[name]

    def _falls(self, reason: str, count: int, example: str = "") -> None:
        # Refusals that differ in their figures only are one reason.
        key = _DIGITS.sub("#", reason)
        before = self._fallen.get(key)
        if before is None:
            self._fallen[key] = FallOut(reason=reason, count=count, example=example)
        else:
            self._fallen[key] = attrs.evolve(before, count=before.count + count)

    def _remaining(self, found: Sequence[tuple[int, dict[str, Any]]]) -> Iterator[Configuration | None]:
        """The configurations among some combinations, None for each that falls out; sizes are looked up together."""
        made: list[tuple[int, dict[str, Any], Scenario | VersimError]] = []
        for number, settings in found:
            try:
                made.append((number, settings, self._settable.with_settings(settings)))
            except FaultsError as error:
                made.append((number, settings, error))
        self._sizer.look_up([scenario for _, _, scenario in made if isinstance(scenario, Scenario)])
        for number, settings, scenario in made:
            reason = first_line(scenario) if isinstance(scenario, VersimError) else self._objection(scenario, settings)
            if reason:
                self._falls(reason, 1, "" if reason.startswith("not ") else label_of(settings))
            yield (
                None
                if reason or not isinstance(scenario, Scenario)
                else Configuration(number=number, settings=settings, scenario=scenario)
            )
        self._sizer.keep()

    def _objection(self, scenario: Scenario, settings: Mapping[str, Any]) -> str:
        """Why a configuration falls out; "" if it remains."""
        sized = [self._sizer.sizes(scenario, workload) for workload in scenario.workloads]
        for found in sized:
            if found.refusal:
                return found.refusal
        for condition in self._late:
            telling = [
                (found, workload)
                for found, workload in zip(sized, scenario.workloads, strict=True)
                if found.tokens is not None
            ]
            if not telling:
                raise VersimError(
                    f"--where {condition.text}: no producer of scenario {scenario.name!r} says what memory a step takes"
                )
            for found, workload in telling:
                look = functools.partial(
                    self._late_name, settings=settings, found=found, scenario=scenario, workload=workload
                )
                if not condition.holds(look):
                    return f"not {condition.text}"
        return ""

    def _late_name(
        self, name: str, *, settings: Mapping[str, Any], found: Sized, scenario: Scenario, workload: Workload
    ) -> Any:
        if name == "fits":
            memory_bytes = self._sizer.memory_bytes(scenario, workload)
            if not memory_bytes:
                raise VersimError("fits: the device's memory is not known; give system.device.memory_bytes")
            return None if found.peak_bytes is None else found.peak_bytes <= found.usable_share * memory_bytes
        if name == "peak_bytes":
            return found.peak_bytes
        if name == "tokens":
            return found.tokens
        return self._early(name, settings)


def _fixed_options(scenario: Scenario, registry: Registry) -> dict[str, Any]:
    """Options of the producers by name, of the first workload that has one; and by label and name of each."""
    found: dict[str, Any] = {}
    for workload in scenario.workloads:
        producer = registry.producer(workload.producer)
        pin = scenario.pins_of(workload)[0]
        given = scenario.producer_options(workload, pin)
        for field in attrs.fields(producer.options):
            name = field.alias or field.name
            value = given.get(name, None if isinstance(field.default, attrs.Factory) else field.default)  # type: ignore[arg-type]
            value = None if value is attrs.NOTHING else getattr(value, "value", value)
            found.setdefault(name, value)
            found[f"{workload.label}.{name}"] = value
    return found
