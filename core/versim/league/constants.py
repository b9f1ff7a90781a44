"""The constants that a profile may have, and what they do to seconds.

A profile never sees a model or a run: it scales ingredients of a step (:mod:`~versim.league.ingredients`), or adds time
that belongs to the host. Each constant has a meaning, a unit, and bounds; their values come from fits in the open
(:mod:`~versim.league.fitting`) and stand in profiles (:mod:`~versim.league.profile`).
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.errors import VersimError
from versim.league.ingredients import INGREDIENTS, along
from versim.work import Kind


@attrs.frozen
class Constant:
    """A constant that a profile may have.

    Attributes:
        name: Its name.
        unit: Of its value.
        meaning: For people.
        neutral: The value that changes nothing.
        spread: How far from neutral it is expected to lie, in its unit: what a fit needs evidence to exceed.
        scales: Ingredients that it multiplies.
        low: The least value a fit may take.
        high: The largest.
    """

    name: str
    unit: str
    meaning: str
    neutral: float
    scales: tuple[str, ...] = ()
    spread: float = 0.5
    low: float = 0.2
    high: float = 5.0


CONSTANTS = (
    Constant(
        "kernel_time_factor",
        "1",
        "seconds that matrix products take in a run over what the timing says: tables are taken at locked clocks from "
        "graphs of one kernel",
        1.0,
        ("products", "fp8 products", "fp4 products", "expert products"),
        spread=0.3,
        low=0.8,
        high=2.5,
    ),
    Constant(
        "fp8_time_factor",
        "1",
        "the same of products in 8 bits, beyond the factor of all products: finding scales, transposed copies",
        1.0,
        ("fp8 products",),
        spread=0.2,
        low=0.8,
        high=2.0,
    ),
    Constant(
        "fp4_time_factor",
        "1",
        "the same of products in 4 bits: tables hold their conversion, which steps have as kernels of its own",
        1.0,
        ("fp4 products",),
        spread=0.3,
        low=0.3,
        high=2.5,
    ),
    Constant(
        "attention_time_factor",
        "1",
        "the same of fused attention: frameworks differ in the generation of their kernels",
        1.0,
        ("attention",),
        spread=0.5,
        low=0.5,
        high=4.0,
    ),
    Constant(
        "pointwise_time_factor",
        "1",
        "the same of pointwise kernels: above 1 where they are not fused, or do not reach the memory's bandwidth",
        1.0,
        ("pointwise",),
        low=0.5,
        high=4.0,
    ),
    Constant(
        "expert_time_factor",
        "1",
        "seconds of grouped products over the timing's, beyond the factor of all products: uneven loads, permutation",
        1.0,
        ("expert products",),
    ),
    Constant(
        "tp_communication_factor",
        "1",
        "tensor-parallel communication that is exposed, over what it takes alone: below 1 where it is overlapped",
        1.0,
        ("tp communication",),
        low=0.0,
    ),
    Constant(
        "ep_communication_factor",
        "1",
        "communication of experts that is exposed, over what it takes alone",
        1.0,
        ("ep communication",),
        low=0.0,
    ),
    Constant(
        "dp_communication_factor",
        "1",
        "communication among replicas over what it takes alone, where the step waits for it",
        1.0,
        ("dp communication",),
        low=0.0,
    ),
    Constant(
        "pp_communication_factor",
        "1",
        "messages between stages over what they take alone, where the step waits for them",
        1.0,
        ("pp communication",),
        low=0.0,
        high=20.0,
    ),
    Constant(
        "stage_message_s",
        "s",
        "time of a message between stages that leaves its node beyond that of its bytes, while both stages wait: "
        "headers that are sent ahead and waited for",
        0.0,
        spread=0.1,
        low=0.0,
        high=1.0,
    ),
    Constant(
        "job_latency_factor",
        "1",
        "latency per rank of a collective over what the job's own probe shows, inside a pass",
        1.0,
        low=0.0,
    ),
    Constant(
        "job_dp_latency_factor",
        "1",
        "the same of communication among replicas: how many collectives such a framework makes of one",
        1.0,
        spread=5.0,
        low=0.0,
        high=60.0,
    ),
    Constant(
        "launch_s",
        "s",
        "host time per kernel launch: a node takes at least as long as the host needs to launch its kernels",
        0.0,
        spread=8e-5,
        low=0.0,
        high=5e-4,
    ),
    Constant(
        "step_overhead_s",
        "s",
        "time per step outside the graph: data, logging, synchronisation with the host",
        0.0,
        spread=0.05,
        low=0.0,
        high=0.5,
    ),
)
"""Every constant there is, in the order in which they are shown."""

BY_NAME = {constant.name: constant for constant in CONSTANTS}


@attrs.frozen(eq=False)
class Scaling:
    """Constants as what they do to seconds.

    Attributes:
        factors: float64 (ingredients,).
        launch_s: Host seconds per launch.
        step_overhead_s: Seconds per step.
        job_latency_factor: Of a job's latency per rank, inside a pass.
        latency_factor: Of the same, of messages outside of passes.
        stage_message_s: Seconds of each message between stages that leaves its node.
    """

    factors: NDArray[np.float64]
    launch_s: float
    step_overhead_s: float
    job_latency_factor: float
    latency_factor: float
    stage_message_s: float

    @classmethod
    def of(cls, values: Mapping[str, float]) -> Scaling:
        """From constants by name; those not named are neutral.

        Raises:
            VersimError: No such constant.
        """
        unknown = sorted(set(values) - set(BY_NAME))
        if unknown:
            raise VersimError(f"no constant of a profile is named {unknown[0]!r} (known: {', '.join(BY_NAME)})")
        factors = np.ones(len(INGREDIENTS))
        for name, value in values.items():
            for ingredient in BY_NAME[name].scales:
                factors[INGREDIENTS.index(ingredient)] *= value
        plain = {name: float(values.get(name, BY_NAME[name].neutral)) for name in BY_NAME}
        return cls(
            factors=factors,
            launch_s=plain["launch_s"],
            step_overhead_s=plain["step_overhead_s"],
            job_latency_factor=plain["job_latency_factor"],
            latency_factor=plain["job_dp_latency_factor"],
            stage_message_s=plain["stage_message_s"],
        )

    def works_s(
        self,
        seconds: NDArray[np.float64],
        launches: NDArray[np.float64],
        wire_s: NDArray[np.float64] | float = 0.0,
        host_s: NDArray[np.float64] | float = 0.0,
    ) -> NDArray[np.float64]:
        """Seconds of works, shape (works,).

        The host runs ahead of the device: of what it takes to launch a pass and what the pass takes on the device the
        longer one counts.

        Args:
            seconds: By ingredient; shape (works, ingredients).
            launches: Kernels; shape (works,).
            wire_s: Latency of the job's network, which the device waits for; shape (works,).
            host_s: Latency of the job's host, which passes beside it; shape (works,).
        """
        device_s = (seconds * self.factors).sum(axis=1) + self.job_latency_factor * wire_s
        longer: NDArray[np.float64] = np.maximum(device_s, launches * self.launch_s + self.job_latency_factor * host_s)
        return longer

    def along(self, axis: str, kind: Kind) -> float:
        """The factor of messages along an axis."""
        return float(self.factors[along(axis, kind)])

    @property
    def is_neutral(self) -> bool:
        """True if nothing changes."""
        neutral = Scaling.of({})
        return bool((self.factors == neutral.factors).all()) and all(
            getattr(self, name) == getattr(neutral, name)
            for name in ("launch_s", "step_overhead_s", "job_latency_factor", "latency_factor", "stage_message_s")
        )
