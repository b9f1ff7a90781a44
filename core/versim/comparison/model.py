"""A comparison as values: what reporters format and ``storage`` writes.

Times stay integer picoseconds. ``None`` is "not modelled" or "did not complete", never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.attribution import Attribution
from versim.comparison.card import card_html, one_line
from versim.comparison.causes import TermCauses
from versim.comparison.checks import Check
from versim.comparison.critical_path import CriticalPath
from versim.comparison.sanity import Sanity
from versim.comparison.slack import PathChange
from versim.comparison.totals import Breakdown, Totals
from versim.graph import ExecutionGraph, Instances
from versim.inputs import Inputs
from versim.prediction import Prediction
from versim.units import PS_PER_S

if TYPE_CHECKING:
    from versim.curves import SweptCommunication

FORMAT_VERSION = 2
"""Version of the report's form, in memory and as JSON; raised when a field changes its meaning or goes."""

LONGEST_REPR = 300
"""Letters of what a report's repr says of its predictions."""


@attrs.frozen(eq=False, kw_only=True, repr=False)
class Result:
    """One prediction, analysed.

    Attributes:
        label: The instance's name in the scenario.
        prediction: What the simulator answered.
        network: The network timing that drove it, or "its own".
        difference_ps: Makespan minus the reference's; None if either did not complete.
        difference_percent: The same in percent of the reference's makespan.
        totals: Where the time of the last rank goes; None if it did not complete, or does not say when every node
            ran, as a measured step time does not.
        operations: Breakdown by node name and phase.
        groups: Breakdown by kind of communication, axis and phase.
        critical_path: None likewise.
        shared_path_ps: Time of the reference's critical path spent in nodes on this one's; None if either is missing.
        shared_path_percent: The same in percent of the reference's critical path.
        checks: What was checked, and found.
        attribution: What the difference to the reference is made of, in terms that add up to it exactly; None for the
            reference itself, or if either did not complete.
        slack_ps: int64, a row per row of the comparison's instances: how much later each could end without a later end
            of the step, see :func:`versim.comparison.slack.execution_slack_ps`; None where there is no critical path.
        causes: What its largest terms of communication are made of, as far as the simulators can say.
        sanity: MFU, tokens per second and GPU, memory; None where the producer does not say what the step amounts to.
        path_change: Which nodes enter or leave the critical path against the reference's, and why; None likewise.
    """

    label: str
    prediction: Prediction
    network: str
    difference_ps: int | None
    difference_percent: float | None
    totals: Totals | None
    operations: tuple[Breakdown, ...]
    groups: tuple[Breakdown, ...]
    critical_path: CriticalPath | None
    shared_path_ps: int | None
    shared_path_percent: float | None
    checks: tuple[Check, ...]
    attribution: Attribution | None = None
    slack_ps: NDArray[np.int64] | None = None
    path_change: PathChange | None = None
    sanity: Sanity | None = None
    causes: tuple[TermCauses, ...] = ()

    def __repr__(self) -> str:
        makespan_ps = self.prediction.makespan_ps
        said = self.prediction.status.value if makespan_ps is None else f"{makespan_ps / PS_PER_S:.6g} s"
        return f"<Result {self.label!r}: {said}>"

    @property
    def failed_checks(self) -> tuple[Check, ...]:
        """Checks that did not pass."""
        return tuple(check for check in self.checks if check.passed is False)


@attrs.frozen(eq=False, kw_only=True, repr=False)
class Comparison:
    """All predictions of one pin: equal inputs, so they may be compared.

    Attributes:
        inputs: What every simulator was given.
        instances: Nodes on the classes of ranks that no prediction tells apart.
        reference: The label that differences refer to.
        results: In the order of the scenario.
        same_as: Labels of further pins of this workload that gave the same digest and were not run again.
        sweep: The communications of the step alone in every instance, by size; None if that was not asked.
    """

    inputs: Inputs
    instances: Instances
    reference: str
    results: tuple[Result, ...]
    same_as: tuple[str, ...] = ()
    sweep: tuple[SweptCommunication, ...] | None = None

    def __repr__(self) -> str:
        return f"<Comparison {self.inputs.label!r}: {one_line(self)}>"

    def _repr_html_(self) -> str:
        """Who predicts what, for a notebook."""
        return card_html(self.inputs.label or "comparison", "", [("", self)])

    def to_dataframe(self, table: str = "totals") -> Any:
        """A ``pandas.DataFrame`` of ``totals``, ``operations`` or ``spans``; see :meth:`Report.to_dataframe`."""
        from versim.comparison.frames import data_frame  # noqa: PLC0415 - only for frames

        return data_frame((("", self, result) for result in self.results), table)

    def result(self, label: str) -> Result:
        """The result of an instance; ``KeyError`` if it was not asked."""
        for result in self.results:
            if result.label == label:
                return result
        raise KeyError(label)


@attrs.frozen(kw_only=True)
class Unpinned:
    """A pin that could not be made, so that nobody was asked under it.

    Attributes:
        pin: Its label.
        labels: The instances that would have been asked, in the order of the scenario.
        why: What it borrows and does not get, or what else keeps it from being made.
    """

    pin: str
    labels: tuple[str, ...]
    why: str


@attrs.frozen(eq=False, kw_only=True, repr=False)
class WorkloadReport:
    """Everything about one workload; pins are shown apart because their inputs differ.

    Attributes:
        label: The workload's name in the scenario.
        producer: Who wrote its graph.
        comparisons: One per pin with inputs of its own.
        unpinned: Pins under which nobody was asked, since what they borrow from did not complete.
    """

    label: str
    producer: str
    comparisons: tuple[Comparison, ...]
    unpinned: tuple[Unpinned, ...] = ()

    def __repr__(self) -> str:
        return f"<WorkloadReport {self.label!r} by {self.producer}: {len(self.comparisons)} pins>"

    @property
    def graph(self) -> ExecutionGraph:
        """The graph of the first pin that could be made; ``IndexError`` if none could."""
        return self.comparisons[0].inputs.graph


@attrs.frozen(eq=False, kw_only=True, repr=False)
class Report:
    """A finished comparison of a scenario.

    Attributes:
        scenario: Its name.
        description: What it is about.
        workloads: In the order of the scenario.
        provenance: Versions of versim, Python and plugins, and the command.
        left_out: Labels of the scenario's optional instances that were not installed, each with why.
    """

    scenario: str
    description: str
    workloads: tuple[WorkloadReport, ...]
    provenance: Mapping[str, str] = attrs.field(factory=dict)
    left_out: Mapping[str, str] = attrs.field(factory=dict)

    def __repr__(self) -> str:
        said = "; ".join(one_line(comparison) for workload in self.workloads for comparison in workload.comparisons)
        return f"<Report {self.scenario!r}: {said if len(said) <= LONGEST_REPR else said[:LONGEST_REPR] + '…'}>"

    def _repr_html_(self) -> str:
        """Who predicts what, for a notebook; ``save("report.html")`` makes the whole page."""
        titled = [
            (", pin ".join(filter(None, (workload.label, comparison.inputs.label))), comparison)
            for workload in self.workloads
            for comparison in workload.comparisons
        ]
        return card_html(self.scenario, self.description, titled)

    def to_dataframe(self, table: str = "totals") -> Any:
        """A ``pandas.DataFrame`` of the report, units in the names of columns.

        Args:
            table: ``totals``, a row per prediction; ``operations``, a row per name of a node, phase and prediction;
                ``spans``, a row per execution and prediction.

        Raises:
            VersimError: pandas is not installed, or there is no such table.
        """
        from versim.comparison.frames import data_frame  # noqa: PLC0415 - only for frames

        return data_frame(((workload.label, compared, result) for workload, compared, result in self.results()), table)

    def save(self, path: str | PathLike[str], reporter: str = "") -> None:
        """Write the report to a file, by the reporter of its ending: ``report.save("report.html")``.

        Raises:
            UnknownNameError: No reporter has that ending or name.
            VersimError: The file cannot be written.
        """
        # Reporters are plugins, which stand above this room: it knows their door by name, and only when asked.
        import_module("versim.documents").write_report(self, path, reporter)

    def results(self) -> tuple[tuple[WorkloadReport, Comparison, Result], ...]:
        """Every result with where it belongs."""
        return tuple((w, c, r) for w in self.workloads for c in w.comparisons for r in c.results)

    def worst_difference_percent(self) -> float | None:
        """The largest absolute difference of a completed prediction to its reference; None if there is none."""
        found = [abs(r.difference_percent) for _, _, r in self.results() if r.difference_percent is not None]
        return max(found, default=None)

    def over(self, percent: float) -> tuple[str, ...]:
        """Predictions that differ from their reference by more than ``percent``, one sentence each.

        A difference that cannot be stated counts: the reference takes no time, or did not complete.
        """
        found = []
        for workload, comparison, result in self.results():
            if result.label == comparison.reference:
                continue
            where = f"{workload.label} / {comparison.inputs.label} / {result.label}"
            if result.difference_percent is None:
                found.append(f"{where} cannot be held against {comparison.reference!r}, which counts as exceeded")
            elif abs(result.difference_percent) > percent:
                difference = f"{abs(result.difference_percent):.6g} %, more than {percent:g} %"
                found.append(f"{where} differs from {comparison.reference!r} by {difference}")
        return tuple(found)

    def failed_checks(self) -> tuple[str, ...]:
        """Checks that failed and that nobody declared, spelt ``workload / pin / label: name``."""
        return tuple(
            f"{workload.label} / {comparison.inputs.label} / {result.label}: {check.name}"
            for workload, comparison, result in self.results()
            for check in result.failed_checks
        )

    def incomplete(self) -> tuple[str, ...]:
        """Predictions that did not complete or could not be asked for, spelt ``workload / pin / label``."""
        found = [
            f"{workload.label} / {comparison.inputs.label} / {result.label}"
            for workload, comparison, result in self.results()
            if not result.prediction.completed
        ]
        found += [
            f"{workload.label} / {unpinned.pin} / {label}"
            for workload in self.workloads
            for unpinned in workload.unpinned
            for label in unpinned.labels
        ]
        return tuple(found)
