"""Predicting a run: produce its graph, price it, let a simulator put it in order; with a profile, once more.

Everything goes the way of any versim scenario: the producer's graph, the column's timings in their chain, one set of
nanoseconds, the column's simulator. What is special to the league is that ingredients are kept apart until a profile
has acted on them, and that thousands of runs share what was asked before.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.asking.simulation import preflown, request_of, simulated
from versim.components import Severity, Sizes
from versim.errors import VersimError
from versim.fabric import System
from versim.graph import NONE, ExecutionGraph
from versim.inputs import Inputs
from versim.league.column import Column, Defaults
from versim.league.constants import Scaling
from versim.league.fitting import Chain, Chains
from versim.league.ingredients import HOST, INGREDIENTS, WAITING, PricedWorks, along
from versim.league.job_network import job_network_of
from versim.league.path import Path, path_of
from versim.league.pricing import PricedNetwork, Pricer, between_nodes
from versim.league.profile import Profile
from versim.league.recipe import NotModelledError, Recipe, recipe_of
from versim.league.record import RunRecord
from versim.league.result import GIB, Outcome, RunResult
from versim.pinning import messages_of
from versim.prediction import Prediction
from versim.registry import Registry, structure_options
from versim.sizes import StepSizes
from versim.units import NS_PER_S, PS_PER_S

MISPREDICTED_PEAK = 1.1
"""A predicted peak of so many times the device's memory did not happen: measured ones are 1 to 4 % off."""

MOST_LAYERS = 200
"""Of a model whose record does not say."""

MOST_NODES = 2_000_000
"""A run whose graph has more nodes is not asked for."""


@attrs.frozen(eq=False, kw_only=True)
class Simulated:
    """One simulation of a run.

    Attributes:
        seconds: Of the step.
        chain: The run along its deciding chain, neutral seconds; None unless asked for.
        origins: Source ─▶ share of compute seconds along it.
    """

    seconds: float
    chain: Chain | None = None
    origins: Mapping[str, float] = attrs.field(factory=dict)


class Predictor:
    """Predicts runs through some columns; one per process, for it remembers what timings answered."""

    def __init__(
        self,
        registry: Registry,
        columns: Sequence[Column],
        settings: Defaults,
        profiles: Mapping[str, Profile] | None = None,
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._profiles = dict(profiles or {})
        self._pricers = {column.label: Pricer(column, registry, settings.timing_options) for column in columns}
        self._producer = registry.producer(settings.producer)
        self._last: tuple[str, ExecutionGraph] | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(self._pricers)

    def result(self, run: RunRecord, *, explain: bool = True) -> RunResult:
        """A run with what every column predicts of it, or why it cannot be modelled.

        Args:
            run: The record.
            explain: Also say what dominates.
        """
        try:
            recipe = self._recipe(run)
            sizes = self._sizes(recipe)
        except NotModelledError as error:
            return RunResult(record=run, skipped=str(error))
        persistent_bytes = None if sizes is None else sizes.persistent_bytes
        peak_bytes = None if sizes is None else sizes.peak_bytes
        device = recipe.machine.system.device
        outcomes = {}
        if run.step_s is not None or not run.out_of_memory:
            outcomes = {label: self._outcome(run, recipe, label, explain=explain) for label in self._pricers}
        profile = self._profiles.get(run.framework)
        return RunResult(
            record=run,
            outcomes=outcomes,
            skipped=_common([outcome.reason for outcome in outcomes.values()]) or None,
            fits_gib=_fits_gib(device.memory_bytes, sizes),
            persistent_gib=None if persistent_bytes is None else persistent_bytes / GIB,
            peak_gib=None if peak_bytes is None else peak_bytes / GIB,
            peak_s=None if sizes is None else _peak_s(sizes.model_flop, recipe),
            parameters=None if sizes is None else _parameters(sizes),
            experts=recipe.experts,
            caveats=recipe.caveats,
            was_fitted=profile is not None and any(fitted.was_used(run) for _, _, fitted in profile.sets()),
        )

    def chain(self, run: RunRecord, label: str, constants: Mapping[str, float] | None = None) -> Simulated:
        """A run through one column under some constants, with its deciding chain.

        Raises:
            NotModelledError: The run cannot be modelled.
        """
        recipe = self._recipe(run)
        return self._simulated(run, recipe, self._pricers[label], Scaling.of(constants or {}), chain=True)

    def _outcome(self, run: RunRecord, recipe: Recipe, label: str, *, explain: bool) -> Outcome:
        pricer = self._pricers[label]
        profile = self._profiles.get(run.framework)
        fitted = profile.fitted(label, run) if profile else None
        scaling = Scaling.of(fitted.constants_for(run) if fitted else {})
        try:
            plain = self._simulated(run, recipe, pricer, Scaling.of({}), chain=explain and scaling.is_neutral)
            profiled = plain
            if not scaling.is_neutral:
                profiled = self._simulated(run, recipe, pricer, scaling, chain=explain)
        except NotModelledError as error:
            return Outcome(predicted_s=None, profiled_s=None, reason=str(error))
        shares = _shares(profiled.chain, scaling, profiled.seconds) if profiled.chain else {}
        return Outcome(predicted_s=plain.seconds, profiled_s=profiled.seconds, shares=shares, origins=profiled.origins)

    def _simulated(self, run: RunRecord, recipe: Recipe, pricer: Pricer, scaling: Scaling, *, chain: bool) -> Simulated:
        try:
            asked = self._asked(run, recipe, pricer, scaling)
        except NotModelledError:
            raise
        except VersimError as error:
            raise NotModelledError(_first_line(error)) from None
        if asked.prediction.makespan_ps is None:
            raise NotModelledError(f"the simulation ended {asked.prediction.status.value}")
        seconds = asked.prediction.makespan_ps / PS_PER_S + scaling.step_overhead_s
        if not chain:
            return Simulated(seconds=seconds)
        path = path_of(asked.graph, asked.prediction)
        return Simulated(seconds=seconds, chain=asked.chain(path, seconds, scaling), origins=asked.origins(path))

    def _asked(self, run: RunRecord, recipe: Recipe, pricer: Pricer, scaling: Scaling) -> _Asked:
        system, job = recipe.machine.system, job_network_of(run)
        graph = self._graph(recipe)
        pricer.forget_systems()
        works = pricer.works(graph, system, job, recipe.attention)
        if recipe.captured:
            works = attrs.evolve(works, launches=np.zeros_like(works.launches))
        if works.missing:
            raise NotModelledError(f"no timing of the column times {works.missing[0].split('(', 1)[0]}")
        nothing = np.zeros(len(works.launches))
        wire_s, host_s = (nothing, works.latency_s) if job and job.is_hosts else (works.latency_s, nothing)
        works_s = scaling.works_s(works.seconds, works.launches, wire_s, host_s)
        compute_s = np.where(graph.work == NONE, 0.0, works_s[graph.work]) if len(works_s) else np.zeros(0)
        inputs = Inputs(
            graph=graph,
            compute_s=compute_s,
            compute_ns=np.rint(compute_s * NS_PER_S).astype(np.int64),
            system=system,
        )
        backend = self._registry.backend(pricer.column.backend)
        network = PricedNetwork(pricer, scaling, job)
        request = request_of(backend, inputs, {}, network)
        for finding in preflown(request, backend, pricer.column.backend):
            if finding.severity is Severity.ERROR:
                raise NotModelledError(finding.message)
        prediction = simulated(request, backend, pricer.column.backend)
        return _Asked(
            graph=graph,
            system=system,
            works=works,
            wire_s=wire_s,
            host_s=host_s,
            network=network,
            prediction=prediction,
        )

    def _sizes(self, recipe: Recipe) -> StepSizes | None:
        options = structure_options_of(self._producer, recipe)
        if not isinstance(self._producer, Sizes):
            return None
        try:
            return self._producer.sizes(options)
        except VersimError as error:
            raise NotModelledError(_first_line(error)) from None

    def _recipe(self, run: RunRecord) -> Recipe:
        """How a run is predicted; where its source does not say what was recomputed, what fits the device.

        A run that ended has fitted: if its step cannot without recomputation, by more than memory is mispredicted,
        then what is cheap was recomputed, or if that does not do, the fewest layers with which it fits; where even all
        do not do, the record says something else than was run, and nothing is assumed.
        """
        recipe = recipe_of(run, self._settings)
        memory_bytes = recipe.machine.system.device.memory_bytes
        if run.recompute or run.out_of_memory or not memory_bytes:
            return recipe
        sizes = self._sizes(recipe)
        if sizes is None or sizes.peak_bytes is None or sizes.peak_bytes <= MISPREDICTED_PEAK * memory_bytes:
            return recipe
        most = -(-(run.layers or MOST_LAYERS) // (run.pp * run.vp)) + 1

        def recomputing(layers: int) -> Recipe:
            what = f"{layers} layers a chunk" if layers else "what is cheap"
            caveat = f"does not fit without recomputation, which the source does not tell: {what} is assumed"
            again = {"recompute": "full", "recompute_layers": layers} if layers else {"recompute": "light"}
            return attrs.evolve(recipe, options={**recipe.options, **again}, caveats=(*recipe.caveats, caveat))

        def enough(layers: int) -> bool:
            found = self._sizes(recomputing(layers))
            return found is not None and found.fits(memory_bytes) is True

        if enough(0):
            return recomputing(0)
        if not enough(most):
            return recipe
        return recomputing(min(bisect.bisect_left(range(1, most + 1), True, key=enough) + 1, most))

    def _graph(self, recipe: Recipe) -> ExecutionGraph:
        """The graph of a recipe; columns and profiles ask for the same one after another."""
        key = repr(sorted(recipe.options.items()))
        if self._last is None or self._last[0] != key:
            graph = self._producer.produce(structure_options_of(self._producer, recipe))
            if graph.node_count > MOST_NODES:
                raise NotModelledError(f"its graph has more than {MOST_NODES:,} nodes")
            self._last = (key, graph)
        return self._last[1]


@attrs.frozen(eq=False, kw_only=True)
class _Asked:
    """A prediction with what it was made of."""

    graph: ExecutionGraph
    system: System
    works: PricedWorks
    wire_s: NDArray[np.float64]
    host_s: NDArray[np.float64]
    network: PricedNetwork
    prediction: Prediction

    def origins(self, path: Path) -> dict[str, float]:
        """Source ─▶ share of compute seconds along a chain."""
        rows, counts = list(path.works), list(path.works.values())
        found = {source: float(seconds[rows] @ counts) for source, seconds in self.works.by_source.items()}
        total = sum(found.values())
        return {source: round(seconds / total, 4) for source, seconds in found.items() if total and seconds}

    def chain(self, path: Path, seconds: float, scaling: Scaling) -> Chain:
        """The run along its deciding chain, neutral seconds."""
        rows = np.array(sorted(path.works), dtype=np.int64)
        messages, late_s, far = np.zeros(len(INGREDIENTS)), 0.0, 0.0
        if path.communications:
            every = messages_of(self.graph)
            chosen = tuple(every[match] for match in path.communications)
            counts = np.array(list(path.communications.values()), dtype=np.float64)
            late_s = float(self.network.late_s(chosen) @ counts)
            far = float(between_nodes(chosen, self.system) @ counts)
            taken_s = self.network.alone_s(chosen, self.system) * counts
            for message, taken in zip(chosen, taken_s.tolist(), strict=True):
                messages[along(message.axis, message.kind)] += taken
        found = Chain(
            seconds=self.works.seconds[rows],
            launches=self.works.launches[rows],
            wire_s=self.wire_s[rows],
            host_s=self.host_s[rows],
            count=np.array([path.works[row] for row in rows.tolist()], dtype=np.float64),
            messages=messages,
            messages_late_s=late_s,
            stage_messages=far,
            rest_s=0.0,
        )
        # What the chain does not hold: rounding, launches that a simulator adds to communication, waiting.
        rest_s = seconds - float(Chains.joined([found]).predicted_s(scaling)[0])
        return attrs.evolve(found, rest_s=rest_s)


def structure_options_of(producer: Any, recipe: Recipe) -> Any:
    """The producer's options of a recipe.

    Raises:
        NotModelledError: The producer refuses them.
    """
    try:
        return structure_options(producer, recipe.options)
    except VersimError as error:
        raise NotModelledError(_first_line(error)) from None


def _shares(chain: Chain, scaling: Scaling, seconds: float) -> dict[str, float]:
    """Ingredient ─▶ share of the step, largest first."""
    values = Chains.joined([chain]).composition(scaling)[0] / seconds
    named = dict(zip((*INGREDIENTS, HOST, WAITING), values.tolist(), strict=True))
    found = sorted(((name, share) for name, share in named.items() if share > 0.005), key=lambda item: -item[1])
    return {name: round(share, 4) for name, share in found}


def _fits_gib(memory_bytes: float | None, sizes: StepSizes | None) -> float | None:
    """What tensors can take of a device of ``memory_bytes``, in GiB: its allocator finds no room for more."""
    if not memory_bytes:
        return None
    return memory_bytes * (1.0 if sizes is None else sizes.usable_share) / GIB


def _peak_s(model_flop: Mapping[str, float], recipe: Recipe) -> float | None:
    device = recipe.machine.system.device
    peaks = {dtype: device.peak(dtype) for dtype in model_flop}
    if not peaks or any(peak is None for peak in peaks.values()):
        return None
    return sum(flop / float(peaks[dtype] or 1) for dtype, flop in model_flop.items()) / recipe.machine.system.world_size


def _parameters(sizes: StepSizes) -> float | None:
    # Model FLOP are about 6 per parameter and token; it is only used to sort models by size.
    total = sum(sizes.model_flop.values())
    return total / (6 * sizes.tokens) if sizes.tokens and total else None


def _common(reasons: Sequence[str]) -> str:
    """The reason of all, if every column has one."""
    return reasons[0] if reasons and all(reasons) else ""


def _first_line(error: VersimError) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 160 else text[:157] + "…"
