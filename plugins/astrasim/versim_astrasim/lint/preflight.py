"""The same checks on what a simulation is given, in words of the graph."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from versim import Finding

from versim_astrasim.lint import source_traces
from versim_astrasim.lint.check import check, check_excerpt
from versim_astrasim.lint.excerpt import excerpt_of
from versim_astrasim.lint.step import Step
from versim_astrasim.step.diagnosis import row_of
from versim_astrasim.step.translate import Translation

_EXPECTED = frozenset({"inflated-size", "remainder-chunk", "zero-duration"})
"""What translating notes already, as a loss, or what a graph leaves to its simulator."""


def preflight(
    translation: Translation, *, run: bool, every_rank: Callable[[], Translation] | None = None
) -> list[Finding]:
    """Findings about a translated graph; ``node`` is the graph's row, not the trace's id.

    Args:
        translation: What is to be simulated.
        run: Whether to end with a run in the embedded engine.
        every_rank: The translation of every rank, where one is folded and does not show that the step is sound.
    """
    recorded = list(source_traces.check(translation))
    given = translation.given
    files = (given.network_config(), given.system_config(), dict(given.groups), given.memory_config())
    excerpt = None if run else excerpt_of(translation)
    if excerpt is not None and all(finding.rule in _EXPECTED for finding in check_excerpt(Step.of(excerpt, *files))):
        return recorded
    if every_rank is not None and translation.folding is not None:
        translation = every_rank()
        given = translation.given
    step = Step.of(given.traces, *files)
    found = recorded
    for finding in check(step, run=run and step.world_size > 1, order=False):
        if finding.rule in _EXPECTED:
            continue
        row = row_of(translation, finding.rank, finding.node)
        name = "" if row is None else f" ({translation.instances.graph.node_name(row)!r}, row {row} of the graph)"
        found.append(attrs.evolve(finding, node=row, message=finding.message + name))
    return found
