"""``versim measured --fit``: fit a framework's profile on records, say how much it is worth, and write it.

Fitting goes in rounds: every run is simulated with the constants found so far, read along its deciding chain, and the
constants are fitted on that; which chain decides may change with them. Each run is simulated with the constants of the
fold that leaves it out, so what is told at the end are simulations, not sums over chains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.errors import VersimError
from versim.league.column import Column
from versim.league.constants import BY_NAME
from versim.league.fitting import RUNS_PER_CONSTANT, Chain, Chains, Fit, error_of, fit, left_out, shuffled
from versim.league.folds import folds_of, gpu_folds, model_folds
from versim.league.predicting import Simulated
from versim.league.profile import Fitted, Profile, digest_of, groups_of, profile_document
from versim.league.record import RunRecord
from versim.league.running import chains_of
from versim.league.statistics import is_marked
from versim.registry import Registry

ROUNDS = 2

_SETTLED = 0.05
"""Part by which the error of simulations may differ from that along chains for the chains to be the same."""

_WORTH = 0.97
"""A group of runs gets constants of its own if they lower the left-out error of its runs to less than this."""


@attrs.frozen(kw_only=True)
class ColumnFit:
    """What was found for one column.

    Attributes:
        column: Who predicts.
        fit: Constants with their evidence; errors are of simulations.
        used: The runs.
        models_left_out: Error with whole models left out, along the chains; None where there is one model.
        gpus_left_out: Error with whole kinds of GPUs left out, along the chains; None where there is one.
        shuffled: Error of the same constants on shuffled measurements.
        left_out_s: Id of a run ─▶ its seconds under the constants of the fold that leaves it out.
    """

    column: Column
    fit: Fit
    used: tuple[RunRecord, ...]
    models_left_out: float | None
    gpus_left_out: float | None
    shuffled: float
    left_out_s: Mapping[str, float]

    def error_on(self, runs: Sequence[RunRecord]) -> float:
        """The left-out error of some of its runs."""
        off = [
            abs(self.left_out_s[run.id] / run.step_s - 1) for run in runs if run.step_s and run.id in self.left_out_s
        ]
        return sum(off) / len(off) if off else float("inf")

    def as_fitted(self) -> Fitted:
        """As a profile holds it."""
        return Fitted(
            constants=self.fit.constants,
            folds=self.fit.folds,
            runs=self.fit.runs,
            used=frozenset(digest_of(run) for run in self.used),
            error=self.fit.error,
            models_left_out=self.models_left_out,
            gpus_left_out=self.gpus_left_out,
            shuffled=self.shuffled,
            error_without=self.fit.error_without,
        )


def fit_framework(
    framework: str,
    runs: Sequence[RunRecord],
    columns: Sequence[Column],
    *,
    registry: Registry,
    modules: Sequence[str] = (),
    jobs: int = 1,
    progress: Callable[[str], None] | None = None,
) -> tuple[str, str]:
    """Fit a profile: (report, profile as JSON).

    Raises:
        VersimError: No timed run of the framework can be modelled.
    """
    timed = [run for run in runs if run.framework == framework and run.step_s is not None]
    usable = [run for run in timed if not is_marked(run)]
    faulty = [run for run in timed if run.fault]
    if not usable:
        known = ", ".join(sorted({run.framework for run in runs if run.step_s is not None}))
        raise VersimError(f"no timed run of framework {framework!r} is among the records (there are: {known})")
    found: dict[str, list[ColumnFit]] = {}
    for column in columns:
        if progress is not None:
            progress(f"{framework}: fitting {column.label}")

        fitter = _Fitter(column, [*usable, *faulty], registry=registry, modules=modules, jobs=jobs)
        general = fitter.fitted(usable)
        if general is None:
            continue
        found.setdefault("", []).append(general)
        for group, chosen in (_groups(usable) | _groups(faulty, whole=True)).items():
            own = fitter.fitted(chosen)
            if own is not None and (chosen[0].fault or own.fit.error < _WORTH * general.error_on(own.used)):
                found.setdefault(group, []).append(own)
    if not found:
        raise VersimError(f"none of the {len(usable)} timed runs of {framework!r} can be modelled")
    sets = {group: {one.column.label: one.as_fitted() for one in fits} for group, fits in found.items()}
    profile = Profile(
        framework=framework,
        columns=sets.pop("", {}),
        groups=sets,
        source=f"versim measured --fit {framework} on public records: " + ", ".join(_tables(usable)),
    )
    return _report(framework, found, len(usable)), profile_document(profile)


def _groups(runs: Sequence[RunRecord], *, whole: bool = False) -> dict[str, list[RunRecord]]:
    """Runs of each group that has enough for a constant of its own, and unless ``whole`` is not all of them."""
    groups: dict[str, list[RunRecord]] = {}
    for run in runs:
        for group in groups_of(run):
            groups.setdefault(group, []).append(run)
    return {name: chosen for name, chosen in groups.items() if RUNS_PER_CONSTANT <= len(chosen) < len(runs) + whole}


class _Fitter:
    """Fits sets of runs through one column; what it simulates without constants is shared among them."""

    def __init__(
        self, column: Column, runs: Sequence[RunRecord], *, registry: Registry, modules: Sequence[str], jobs: int
    ) -> None:
        self._column, self._registry, self._modules, self._jobs = column, registry, tuple(modules), jobs
        neutral = self._simulated(runs, [{} for _ in runs])
        self._neutral = {run.id: one for run, one in zip(runs, neutral, strict=True) if one is not None}

    def fitted(self, runs: Sequence[RunRecord]) -> ColumnFit | None:
        """Constants for those of some runs that can be modelled; None if none can."""
        used = tuple(run for run in runs if run.id in self._neutral)
        if not used:
            return None
        measured_s = np.array([run.step_s or np.nan for run in used])
        folds = folds_of(used)
        simulated = [self._neutral[run.id] for run in used]
        without = error_of(np.array([one.seconds for one in simulated]), measured_s)
        for _ in range(ROUNDS):
            chains = Chains.joined([_chain_of(one.chain) for one in simulated])
            result = fit(chains, measured_s, folds)
            again = self._simulated(used, [result.folds[fold] for fold in folds.tolist()])
            simulated = [new if new is not None else old for new, old in zip(again, simulated, strict=True)]
            predicted = np.array([one.seconds for one in simulated])
            error = error_of(predicted, measured_s)
            if abs(error - result.error) <= _SETTLED * result.error:
                break  # the same chains decide: fitting again would find the same
        names = tuple(result.constants)
        return ColumnFit(
            column=self._column,
            fit=attrs.evolve(result, error=error, error_without=without, runs=len(used)),
            used=used,
            models_left_out=_left_out(chains, measured_s, model_folds(used), names),
            gpus_left_out=_left_out(chains, measured_s, gpu_folds(used), names),
            shuffled=shuffled(chains, measured_s, folds, names),
            left_out_s=dict(zip((run.id for run in used), predicted.tolist(), strict=True)),
        )

    def _simulated(self, runs: Sequence[RunRecord], constants: Sequence[Mapping[str, float]]) -> list[Simulated | None]:
        return chains_of(runs, self._column, constants, registry=self._registry, modules=self._modules, jobs=self._jobs)


def _chain_of(chain: Chain | None) -> Chain:
    if chain is None:
        raise ValueError("a run was simulated without its chain")
    return chain


def _left_out(
    chains: Chains, measured_s: NDArray[np.float64], folds: NDArray[np.int64], names: Sequence[str]
) -> float | None:
    if len(set(folds.tolist())) < 2:
        return None
    return error_of(left_out(chains, measured_s, folds, names), measured_s)


def _tables(runs: Sequence[RunRecord]) -> list[str]:
    return sorted({run.series for run in runs})


def _report(framework: str, found: Mapping[str, Sequence[ColumnFit]], usable: int) -> str:
    tables = ", ".join(_tables([run for fits in found.values() for one in fits for run in one.used]))
    lines = [f"Profile of {framework}, fitted on {usable} timed runs of {tables}."]
    for group, fits in found.items():
        for one in fits:
            lines += ["", *_lines(one, f", {group}" if group else "")]
    return "\n".join(lines) + "\n"


def _lines(one: ColumnFit, where: str) -> list[str]:
    result = one.fit
    lines = [
        f"{one.column.label}{where}: {result.runs} runs",
        f"  mean absolute error without a profile {100 * result.error_without:.1f} %",
        f"  on folds left out {100 * result.error:.1f} %, in sample {100 * result.error_in_sample:.1f} %",
    ]
    if one.models_left_out is not None:
        lines.append(f"  with whole models left out {100 * one.models_left_out:.1f} %")
    if one.gpus_left_out is not None:
        lines.append(f"  with whole kinds of GPUs left out {100 * one.gpus_left_out:.1f} %")
    lines.append(f"  the same constants on shuffled measurements {100 * one.shuffled:.1f} %")
    for name, value in result.constants.items():
        spread = [values[name] for values in result.folds.values() if name in values]
        range_ = f", {min(spread):.3g} to {max(spread):.3g} over folds" if spread else ""
        unit = "" if BY_NAME[name].unit == "1" else f" {BY_NAME[name].unit}"
        lines.append(f"  {name} = {value:.4g}{unit}{range_} ({len(spread)} of {len(result.folds)} folds)")
    return lines if result.constants else [*lines, "  no constant is worth having"]
