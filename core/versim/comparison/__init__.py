"""Where predictions of the same pinned graph agree, where they differ, and whether each can be right."""

from versim.comparison.align import Timeline, common_instances, timeline
from versim.comparison.attribution import Attribution, Pattern, attribute
from versim.comparison.checks import Check
from versim.comparison.compare import compare_predictions
from versim.comparison.critical_path import CriticalPath, PathStep
from versim.comparison.model import FORMAT_VERSION, Comparison, Report, Result, Unpinned, WorkloadReport
from versim.comparison.slack import Move, PathChange, path_change
from versim.comparison.totals import Breakdown, Totals

__all__ = [
    "FORMAT_VERSION",
    "Attribution",
    "Breakdown",
    "Check",
    "Comparison",
    "CriticalPath",
    "Move",
    "PathChange",
    "PathStep",
    "Pattern",
    "Report",
    "Result",
    "Timeline",
    "Totals",
    "Unpinned",
    "WorkloadReport",
    "attribute",
    "common_instances",
    "compare_predictions",
    "path_change",
    "timeline",
]
