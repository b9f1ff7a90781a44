"""The backend under test, with its claims: graphs in, predictions out."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from versim.asking.simulation import request_of
from versim.components import SimulationRequest, SimulatorBackend
from versim.fabric import Device, Dimension, Link, System, Topology
from versim.graph import ExecutionGraph
from versim.inputs import Inputs
from versim.pinning import pin
from versim.prediction import Prediction
from versim.registry import Registry, load_registry, structure_options
from versim.testing.check import DiffersError, NotClaimedError, Outcome, holds, spelt_s
from versim.testing.claims import Claims
from versim.timing import NetworkTiming
from versim.units import PS_PER_S
from versim.work import Kind

BANDWIDTH_BYTES_PER_S = 2.5e9
LATENCY_S = 3e-6


@attrs.frozen(kw_only=True)
class Subject:
    """A backend under one set of its claims.

    Attributes:
        backend: The backend.
        claims: What it promises.
        registry: Where the network timing it is driven by is found; the installed plugins unless given.
    """

    backend: SimulatorBackend
    claims: Claims
    registry: Registry | None = None

    def system(
        self,
        *dimensions: int,
        topology: Topology | None = None,
        bandwidth_bytes_per_s: float = BANDWIDTH_BYTES_PER_S,
        latency_s: float = LATENCY_S,
    ) -> System:
        """A network of dimensions of these sizes, on a topology that is claimed."""
        link = Link(bandwidth_bytes_per_s=bandwidth_bytes_per_s, latency_s=latency_s)
        chosen = topology or self.topology()
        made = tuple(Dimension(topology=chosen, size=size, link=link) for size in dimensions)
        device = self.claims.device or Device(name="conformance")
        # Of its own, so that a backend that writes to it is found by every check that looks.
        return System(dimensions=made, device=attrs.evolve(device, parameters=copy.deepcopy(dict(device.parameters))))

    def topology(self) -> Topology:
        """A claimed topology whose closed forms are known; a ring if none is claimed."""
        known = (Topology.RING, Topology.FULLY_CONNECTED)
        return next((topology for topology in known if topology in self.claims.topologies), Topology.RING)

    def requires(self, *kinds: Kind, algorithm: str = "", dimensions: int = 1, oracle: bool = False) -> None:
        """Hold what a check needs against the claims.

        Raises:
            NotClaimedError: Something is not claimed.
        """
        claims = self.claims
        for kind in kinds:
            if kind not in claims.kinds:
                raise NotClaimedError(f"{kind.value} is not claimed")
        if algorithm and algorithm not in claims.algorithms:
            raise NotClaimedError(f"algorithm {algorithm} is not claimed")
        if dimensions > claims.dimensions:
            raise NotClaimedError(f"{dimensions} network dimensions are not claimed")
        if oracle and self.topology() not in claims.topologies:
            raise NotClaimedError("neither ring nor fully_connected is claimed")

    def request(self, inputs: Inputs, options: Mapping[str, Any] | None = None) -> SimulationRequest:
        """What the backend is given."""
        given = {**self.claims.options, **(options or {})}
        return request_of(self.backend, inputs, given, self._network())

    def _network(self) -> NetworkTiming | None:
        name = self.claims.network or getattr(self.backend, "network_timing", None)
        if not name:
            return None
        registry = load_registry() if self.registry is None else self.registry
        model = registry.timing(name)
        return model.network(structure_options(model, self.claims.network_options))

    def predict(self, graph: ExecutionGraph, system: System, options: Mapping[str, Any] | None = None) -> Prediction:
        """What the backend answers; every work of the graph is of fixed duration."""
        inputs = pin(graph, system, label="conformance")
        prediction: object = self.backend.simulate(self.request(inputs, options))
        if not isinstance(prediction, Prediction):
            raise DiffersError("a Prediction", type(prediction).__name__)
        return prediction

    def takes_s(self, graph: ExecutionGraph, system: System) -> float:
        """The makespan the backend answers.

        Raises:
            DiffersError: It did not complete.
        """
        prediction = self.predict(graph, system)
        if prediction.makespan_ps is None:
            raise DiffersError("a completed step", "; ".join([prediction.status.value, *prediction.diagnosis]))
        return prediction.makespan_ps / PS_PER_S

    def close(self, expected_s: float, found_s: float, messages: int = 0, form: str = "") -> Outcome:
        """Whether a time is as expected, within what is claimed for so many messages one after the other."""
        # Every date is rounded to a picosecond.
        allowed_s = self.claims.tolerance * expected_s + self.claims.grain_s * messages + 1e-12 * (messages + 1)
        expected = f"{spelt_s(expected_s)}{f' = {form}' if form else ''}, give or take {allowed_s:.2g} s"
        return holds(abs(found_s - expected_s) <= allowed_s, expected, spelt_s(found_s))

    def all_close(self, expected_s: Sequence[float], found_s: Sequence[float], messages: int, form: str) -> Outcome:
        """As :meth:`close` for several times, all of which have to be as expected."""
        outcomes = [self.close(e, f, messages) for e, f in zip(expected_s, found_s, strict=True)]
        shown = (
            ", ".join(spelt_s(seconds) for seconds in expected_s),
            ", ".join(spelt_s(seconds) for seconds in found_s),
        )
        return holds(all(o.verdict == "passed" for o in outcomes), f"{shown[0]} ({form})", shown[1])
