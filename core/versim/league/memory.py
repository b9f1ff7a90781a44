"""How far predicted memory is from what was measured: what stays, the peak, and who runs out of it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from versim.league.record import RunRecord

NEAR_GIB = (50.0, 130.0)
"""Predicted peaks in this range are near what today's devices hold: there it is hard to say who runs out."""


@attrs.frozen(kw_only=True)
class Confusion:
    """Runs by what happened and what was predicted.

    Attributes:
        ran_and_predicted: Ran, as predicted.
        ran_not_predicted: Ran, though running out of memory was predicted.
        died_and_predicted: Ran out of memory, as predicted.
        died_not_predicted: Ran out of memory, though it was predicted to fit.
    """

    ran_and_predicted: int
    ran_not_predicted: int
    died_and_predicted: int
    died_not_predicted: int

    @property
    def runs(self) -> int:
        """All of them."""
        return self.ran_and_predicted + self.ran_not_predicted + self.died_and_predicted + self.died_not_predicted

    @property
    def right(self) -> float:
        """Share that was predicted right; 0 without runs."""
        return (self.ran_and_predicted + self.died_and_predicted) / self.runs if self.runs else 0.0

    @property
    def majority(self) -> float:
        """Share that is right by always saying what happened more often; 0 without runs."""
        died = self.died_and_predicted + self.died_not_predicted
        return max(died, self.runs - died) / self.runs if self.runs else 0.0


@attrs.frozen(kw_only=True)
class MemoryErrors:
    """Errors of predicted memory; fractions.

    Attributes:
        persistent: (runs, mean absolute error, median signed error) of what stays between steps; None without runs.
        peak: The same of the peak of allocated memory.
        within_reserved: (runs, share) whose predicted peak lies between what stays and 1.05 times what the allocator
            had reserved; None without runs.
        out_of_memory: Over all runs of sources that report runs which died.
        near: The same where the predicted peak lies in ``NEAR_GIB``.
    """

    persistent: tuple[int, float, float] | None
    peak: tuple[int, float, float] | None
    within_reserved: tuple[int, float] | None
    out_of_memory: Confusion
    near: Confusion


def memory_errors(
    runs: Sequence[RunRecord],
    persistent_gib: Sequence[float | None],
    peak_gib: Sequence[float | None],
    predicted: Sequence[bool | None],
) -> MemoryErrors:
    """Hold predicted memory against what was measured.

    Args:
        runs: The records.
        persistent_gib: Predicted, of each; None where not modelled.
        peak_gib: Predicted.
        predicted: Whether each was predicted to run out of memory.
    """
    reserved = [
        (low, peak, run.memory_reserved_gib)
        for run, low, peak in zip(runs, persistent_gib, peak_gib, strict=True)
        if run.memory_reserved_gib is not None and low is not None and peak is not None
    ]
    within = [low <= peak <= 1.05 * most for low, peak, most in reserved]
    # Where a source never reports a run that died, that its runs lived is no achievement of a prediction.
    reporting = {run.framework for run in runs if run.out_of_memory}
    told = [
        (bool(run.out_of_memory), said, peak)
        for run, said, peak in zip(runs, predicted, peak_gib, strict=True)
        if run.framework in reporting and run.out_of_memory is not None and said is not None and peak is not None
    ]
    near = [(died, said) for died, said, peak in told if NEAR_GIB[0] <= peak <= NEAR_GIB[1]]
    return MemoryErrors(
        persistent=_relative(persistent_gib, [run.memory_persistent_gib for run in runs]),
        peak=_relative(peak_gib, [run.memory_peak_gib for run in runs]),
        within_reserved=(len(within), sum(within) / len(within)) if within else None,
        out_of_memory=_confusion([(died, said) for died, said, _ in told]),
        near=_confusion(near),
    )


def _relative(predicted: Sequence[float | None], measured: Sequence[float | None]) -> tuple[int, float, float] | None:
    signed = [p / m - 1 for p, m in zip(predicted, measured, strict=True) if p is not None and m is not None]
    if not signed:
        return None
    return len(signed), float(np.abs(signed).mean()), float(np.median(signed))


def _confusion(pairs: Sequence[tuple[bool, bool]]) -> Confusion:
    return Confusion(
        ran_and_predicted=sum(not died and not said for died, said in pairs),
        ran_not_predicted=sum(not died and said for died, said in pairs),
        died_and_predicted=sum(died and said for died, said in pairs),
        died_not_predicted=sum(died and not said for died, said in pairs),
    )
