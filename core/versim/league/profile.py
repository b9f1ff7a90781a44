"""Framework profiles: what tables of kernels do not know, as a few named constants per framework.

A profile never sees a model or a run: it scales ingredients of a step (:mod:`~versim.league.ingredients`), or adds time
that belongs to the host. Each constant has a meaning, a unit, and where it comes from; profiles are fitted in the open
(:mod:`~versim.league.fitting`) and ship as data. Because a factor corrects a particular source of seconds, a profile
holds one set of constants per column.

The same fit with each fold left out is kept beside it: a run that was fitted on is predicted with the constants that
have not seen its configuration, so that no figure in a table is one of hindsight.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.errors import VersimError
from versim.league.convention import group_of
from versim.league.folds import fold_of
from versim.league.ingredients import INGREDIENTS, along
from versim.league.machine import generation_of
from versim.league.record import RunRecord
from versim.work import Kind

_STERNER = ("models_left_out", "gpus_left_out", "shuffled")
"""Errors of sterner questions that a fit was asked."""

SHIPPED = Path(__file__).parent / "profiles"


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


@attrs.frozen(kw_only=True)
class Fitted:
    """The constants of one column, and how they were come by.

    Attributes:
        constants: Name ─▶ value.
        folds: The same with each fold left out, by number.
        runs: How many runs it was fitted on.
        used: Digests of their ids.
        error: Mean absolute error on left-out folds.
        error_without: The same runs without a profile.
        models_left_out: With whole models left out; None where there is one, or it was not looked at.
        gpus_left_out: The same of kinds of GPUs.
        shuffled: Of the same constants on shuffled measurements; None where it was not looked at.
    """

    constants: Mapping[str, float]
    folds: Mapping[int, Mapping[str, float]]
    runs: int
    used: frozenset[str]
    error: float
    error_without: float
    models_left_out: float | None = None
    gpus_left_out: float | None = None
    shuffled: float | None = None

    def was_used(self, run: RunRecord) -> bool:
        """True if the run was among those fitted on."""
        return digest_of(run) in self.used

    def constants_for(self, run: RunRecord) -> Mapping[str, float]:
        """The constants that have not seen the run's configuration."""
        return self.folds.get(fold_of(run), self.constants) if self.was_used(run) else self.constants


@attrs.frozen(kw_only=True)
class Profile:
    """What is known of a framework beyond its kernels.

    Attributes:
        framework: Its name in records.
        columns: Label of a column ─▶ its constants.
        groups: ``dense``, ``experts``, a generation of GPUs or a fault of the software ─▶ label ─▶ constants of their
            own, where enough runs show that they are needed; what was never seen takes those of all.
        source: On which records it was fitted.
    """

    framework: str
    columns: Mapping[str, Fitted]
    groups: Mapping[str, Mapping[str, Fitted]] = attrs.field(factory=dict)
    source: str = ""

    def fitted(self, label: str, run: RunRecord) -> Fitted | None:
        """The constants that hold for a run in a column: of its kind of model, else of its GPUs, else of all."""
        for group in groups_of(run):
            if label in self.groups.get(group, {}):
                return self.groups[group][label]
        return self.columns.get(label)

    def sets(self) -> list[tuple[str, str, Fitted]]:
        """Every set of constants: (group, "" for all; label; constants)."""
        found = [("", label, fitted) for label, fitted in self.columns.items()]
        for group, columns in self.groups.items():
            found += [(group, label, fitted) for label, fitted in columns.items()]
        return found


def groups_of(run: RunRecord) -> tuple[str, ...]:
    """The groups of a run that may have constants of their own, the first that has any counts.

    Runs of faulty software are a group of their own, whatever else they are, and so are those that their framework's
    conventions tell apart.
    """
    if run.fault:
        return (run.fault,)
    if own := group_of(run):
        return (own,)
    return tuple(group for group in (run.kind, generation_of(run.gpu)) if group)


def digest_of(run: RunRecord) -> str:
    """A short digest of a run's id and measured time, by which a profile remembers what it has seen."""
    return hashlib.sha256(f"{run.id} {run.step_s}".encode()).hexdigest()[:8]


def load_profiles(folder: Path = SHIPPED) -> dict[str, Profile]:
    """Every profile of a folder, by framework.

    Raises:
        VersimError: A file is no profile.
    """
    found = [load_profile(file) for file in sorted(folder.glob("*.json"))]
    return {profile.framework: profile for profile in found}


def load_profile(file: Path) -> Profile:
    """One profile.

    Raises:
        VersimError: The file cannot be read or is no profile.
    """
    try:
        plain: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return Profile(
            framework=str(plain["framework"]),
            columns={label: _fitted(fitted) for label, fitted in plain["columns"].items()},
            groups={
                str(group): {label: _fitted(fitted) for label, fitted in columns.items()}
                for group, columns in plain.get("groups", {}).items()
            },
            source=str(plain.get("source", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VersimError(f"{file} is no profile: {type(error).__name__}: {error}") from None


def _fitted(plain: Mapping[str, Any]) -> Fitted:
    return Fitted(
        constants=_constants(plain["constants"]),
        folds={int(fold): _constants(values) for fold, values in plain["folds"].items()},
        runs=int(plain["runs"]),
        used=frozenset(_unpacked(plain["used"])),
        error=float(plain["error_on_left_out_folds"]),
        error_without=float(plain["error_without"]),
        **{name: None if plain.get(name) is None else float(plain[name]) for name in _STERNER},
    )


def _constants(values: Mapping[str, Any]) -> dict[str, float]:
    plain = {
        str(name): float(value["value"] if isinstance(value, Mapping) else value) for name, value in values.items()
    }
    Scaling.of(plain)  # refuses what no constant is called
    return plain


def profile_document(profile: Profile) -> str:
    """A profile as the JSON it ships as; every constant with unit, meaning and evidence."""
    document = {
        "framework": profile.framework,
        "source": profile.source,
        "columns": {label: _plain(fitted) for label, fitted in profile.columns.items()},
        "groups": {
            group: {label: _plain(fitted) for label, fitted in columns.items()}
            for group, columns in profile.groups.items()
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _plain(fitted: Fitted) -> dict[str, Any]:
    evidence = (
        f"fitted on {fitted.runs} public runs; mean absolute error on left-out folds {100 * fitted.error:.1f} %, "
        f"without a profile {100 * fitted.error_without:.1f} %"
    )
    return {
        "constants": {
            name: {
                "value": value,
                "unit": BY_NAME[name].unit,
                "meaning": BY_NAME[name].meaning,
                "evidence": evidence,
            }
            for name, value in fitted.constants.items()
        },
        "runs": fitted.runs,
        "error_on_left_out_folds": round(fitted.error, 5),
        "error_without": round(fitted.error_without, 5),
        **{name: round(found, 5) for name in _STERNER if (found := getattr(fitted, name)) is not None},
        "folds": {str(fold): dict(values) for fold, values in sorted(fitted.folds.items())},
        "used": _packed(fitted.used),
    }


def _packed(digests: Iterable[str]) -> list[str]:
    """Digests joined in lines, so that a profile of a thousand runs stays readable."""
    ordered: Sequence[str] = sorted(digests)
    return [" ".join(ordered[first : first + 12]) for first in range(0, len(ordered), 12)]


def _unpacked(lines: Iterable[str]) -> list[str]:
    return [digest for line in lines for digest in line.split()]
