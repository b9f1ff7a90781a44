"""What the league found: every run with its predictions, and what they amount to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.league.baselines import constant_mfu, flop_regression
from versim.league.column import Column
from versim.league.memory import MemoryErrors, memory_errors
from versim.league.profile import Profile
from versim.league.record import RunRecord
from versim.league.statistics import GROUPINGS, Errors, errors_of, grouped, is_marked, noise_floor

GIB = 1 << 30


@attrs.frozen(kw_only=True)
class Outcome:
    """One column's answer for one run.

    Attributes:
        predicted_s: Seconds of the step; None where it could not be predicted.
        profiled_s: The same with the framework's profile, of the fold that has not seen the run; without a profile
            for this framework and column, ``predicted_s``.
        shares: Ingredient ─▶ share of the step along its deciding chain, largest first; with the profile where there
            is one.
        origins: Source of seconds (measured, interpolated, …) ─▶ share of compute time; empty where nobody says.
        reason: Why there is no prediction; "" if there is one.
    """

    predicted_s: float | None
    profiled_s: float | None
    shares: Mapping[str, float] = attrs.field(factory=dict)
    origins: Mapping[str, float] = attrs.field(factory=dict)
    reason: str = ""


@attrs.frozen(kw_only=True)
class RunResult:
    """One run and what was predicted of it.

    Attributes:
        record: The run.
        outcomes: Label of a column ─▶ its answer.
        skipped: Why the run cannot be modelled at all; None if it can.
        persistent_gib: What stays allocated between steps on the fullest rank; None where not modelled.
        peak_gib: The peak of allocated memory.
        fits_gib: What a device can hold for the run.
        peak_s: Seconds of the model's FLOP at the devices' peak; None where unknown.
        parameters: Of the model, as far as the producer says; None where unknown.
        experts: True for a mixture of experts.
        caveats: What is assumed or left out, as short sentences.
        was_fitted: True if the run's framework has a profile that was fitted on it.
    """

    record: RunRecord
    outcomes: Mapping[str, Outcome] = attrs.field(factory=dict)
    skipped: str | None = None
    persistent_gib: float | None = None
    peak_gib: float | None = None
    fits_gib: float | None = None
    peak_s: float | None = None
    parameters: float | None = None
    experts: bool = False
    caveats: tuple[str, ...] = ()
    was_fitted: bool = False

    @property
    def predicted_out_of_memory(self) -> bool | None:
        """True if the predicted peak exceeds what the device can hold; None where memory is not modelled."""
        if self.peak_gib is None or self.fits_gib is None:
            return None
        return self.peak_gib > self.fits_gib

    @property
    def timed(self) -> bool:
        """True if the run's step was measured."""
        return self.record.step_s is not None

    @property
    def table(self) -> str:
        """The table it stands in; mixtures of experts apart from dense models."""
        return f"{self.record.series} experts" if self.experts else self.record.series


@attrs.frozen(kw_only=True)
class Row:
    """The errors of one column over one group of runs.

    Attributes:
        group: Which runs.
        without: Without a profile; None where nothing was predicted.
        profiled: With profiles, of the folds that have not seen each run.
    """

    group: str
    without: Errors | None
    profiled: Errors | None


@attrs.frozen(kw_only=True, eq=False, slots=False)
class League:
    """Every run with its predictions.

    Attributes:
        results: In the order of the records.
        columns: Who predicted.
        profiles: The profiles that were applied, by framework; empty with ``--no-profile``.
        remarks: What a reader should know: columns left out, unknown headings.
    """

    results: tuple[RunResult, ...]
    columns: tuple[Column, ...]
    profiles: Mapping[str, Profile] = attrs.field(factory=dict)
    remarks: tuple[str, ...] = ()

    @cached_property
    def timed(self) -> tuple[RunResult, ...]:
        """Runs whose step was measured."""
        return tuple(result for result in self.results if result.timed)

    @property
    def records(self) -> tuple[RunRecord, ...]:
        """The records of the timed runs."""
        return tuple(result.record for result in self.timed)

    @cached_property
    def skipped(self) -> dict[str, int]:
        """Reason ─▶ how many timed runs no column could predict for it, most frequent first."""
        found: dict[str, int] = {}
        for result in self.timed:
            if all(outcome.predicted_s is None for outcome in result.outcomes.values()):
                reason = result.skipped or next((o.reason for o in result.outcomes.values()), "") or "not predicted"
                found[reason] = found.get(reason, 0) + 1
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    @property
    def modelled(self) -> int:
        """Timed runs that at least one column predicts."""
        return len(self.timed) - sum(self.skipped.values())

    def errors(self, label: str, chosen: Sequence[RunResult], *, profiled: bool) -> Errors | None:
        """The errors of one column over some runs."""
        return errors_of(
            [self._seconds(result, label, profiled=profiled) for result in chosen],
            [result.record.step_s for result in chosen],
        )

    @staticmethod
    def _seconds(result: RunResult, label: str, *, profiled: bool) -> float | None:
        outcome = result.outcomes.get(label)
        if outcome is None:
            return None
        return outcome.profiled_s if profiled else outcome.predicted_s

    def rows(self, label: str, groups: Mapping[str, Sequence[RunResult]]) -> tuple[Row, ...]:
        """The errors of one column over each group."""
        return tuple(
            Row(
                group=group,
                without=self.errors(label, chosen, profiled=False),
                profiled=self.errors(label, chosen, profiled=True),
            )
            for group, chosen in groups.items()
        )

    @cached_property
    def overall(self) -> dict[str, tuple[RunResult, ...]]:
        """All timed runs, and those that their source does not call faulty where some are."""
        sound = tuple(result for result in self.timed if not is_marked(result.record))
        return {"all": self.timed} | ({"without marked runs": sound} if len(sound) < len(self.timed) else {})

    def groups(self, grouping: str) -> dict[str, tuple[RunResult, ...]]:
        """The timed runs by a grouping, largest group first."""
        by = self.groupings()[grouping]
        timed = self.timed
        named = {id(result.record): result for result in timed}
        return {
            name: tuple(timed[position] for position in positions)
            for name, positions in grouped(self.records, lambda record: by(named[id(record)])).items()
        }

    @staticmethod
    def groupings() -> dict[str, Callable[[RunResult], str]]:
        """Ways to part the runs, by name."""

        def plain(by: Callable[[RunRecord], str]) -> Callable[[RunResult], str]:
            return lambda result: by(result.record)

        found = {name: plain(by) for name, by in GROUPINGS.items()}
        found["table"] = lambda result: result.table
        found["model size"] = lambda result: size_of(result.parameters)
        found["kind"] = lambda result: "mixture of experts" if result.experts else "dense"
        return found

    @cached_property
    def recommended(self) -> str:
        """The label of the best column: of least mean absolute error on the runs that every column predicts.

        A column that predicts clearly fewer runs than another (less than 95 % of it) does not compete. Errors are those
        with profiles, of folds left out. Without any measured run it is the first column.
        """
        labels = [column.label for column in self.columns]
        counts = {
            label: sum(self._seconds(result, label, profiled=True) is not None for result in self.timed)
            for label in labels
        }
        competing = [label for label in labels if counts[label] >= 0.95 * max(counts.values(), default=0)]
        common = [
            result
            for result in self.timed
            if all(self._seconds(result, label, profiled=True) is not None for label in competing)
        ]
        if not common:
            return labels[0]
        found = {label: self.errors(label, common, profiled=True) for label in competing}
        return min(competing, key=lambda label: e.mean_absolute if (e := found[label]) else np.inf)

    @cached_property
    def baselines(self) -> dict[str, NDArray[np.float64]]:
        """Trivial predictors ─▶ their seconds for each timed run, fitted on other folds; NaN where they have none."""
        peak_s = np.array([np.nan if r.peak_s is None else r.peak_s for r in self.timed], dtype=np.float64)
        return {
            "constant MFU": constant_mfu(self.records, peak_s),
            "FLOP regression": flop_regression(self.records, peak_s),
        }

    def baseline_errors(self, name: str, chosen: Sequence[RunResult]) -> Errors | None:
        """The errors of a trivial predictor over some timed runs."""
        seconds = dict(zip((id(r) for r in self.timed), self.baselines[name].tolist(), strict=True))
        values = [seconds[id(result)] for result in chosen]
        return errors_of(
            [None if np.isnan(value) else value for value in values], [result.record.step_s for result in chosen]
        )

    def noise(self, chosen: Sequence[RunResult]) -> tuple[int, float] | None:
        """How far repeats of one setting lie apart among some runs."""
        return noise_floor([result.record for result in chosen])

    @cached_property
    def memory(self) -> MemoryErrors:
        """How far predicted memory is from what was measured."""
        return memory_errors(
            [result.record for result in self.results],
            [result.persistent_gib for result in self.results],
            [result.peak_gib for result in self.results],
            [result.predicted_out_of_memory for result in self.results],
        )

    def misses(self, label: str, most: int) -> tuple[RunResult, ...]:
        """The runs that a column is furthest off on, the worst first; marked runs are left out."""
        far = [
            (abs(np.log(seconds / result.record.step_s)), -position, result)
            for position, result in enumerate(self.timed)
            if not is_marked(result.record)
            and result.record.step_s is not None
            and (seconds := self._seconds(result, label, profiled=True)) is not None
        ]
        return tuple(result for _, _, result in sorted(far, key=lambda item: item[:2], reverse=True)[:most])


def size_of(parameters: float | None) -> str:
    """A model's size as a band."""
    if parameters is None:
        return "unknown"
    bands = ((1.5e9, "to 1.5 B"), (8.5e9, "1.5 to 8.5 B"), (35e9, "8.5 to 35 B"), (100e9, "35 to 100 B"))
    return next((name for edge, name in bands if parameters <= edge), "above 100 B")
