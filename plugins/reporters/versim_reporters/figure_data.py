"""What the figures of the HTML page draw, as JSON values: everything computed here, nothing in the browser."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from versim import (
    NONE,
    Comparison,
    ExecutionGraph,
    Instances,
    Result,
    Timeline,
    timeline,
)
from versim.terminal import printable, shortened

from versim_reporters.explanation import Explanation, explanations, reference_of
from versim_reporters.lanes import Blocks, blocks, packed
from versim_reporters.pairs import points

LONGEST_NAME = 120


def figure_data(comparison: Comparison, most_blocks: int) -> dict[str, Any]:
    """The figures of one comparison; ``most_blocks`` is for all its timelines together."""
    results = comparison.results
    graph = comparison.inputs.graph
    instances = comparison.instances
    share = max(200, most_blocks // len(results))
    category, categories = categories_of(graph)
    names = _Names(graph)
    drawn = []
    lines: list[Timeline] = []
    for result in results:
        line = timeline(result.prediction, instances)
        lines.append(line)
        made = blocks(line, result.critical_path, share, result.slack_ps)
        drawn.append(_prediction(result, made, category, names))
    reference = reference_of(comparison)
    anchor = results.index(reference) if reference is not None else 0
    pairs = [
        ((lines[anchor], line), (results[anchor].slack_ps, result.slack_ps))
        for line, result in zip(lines, results, strict=True)
    ]
    scatters = [
        None if position == anchor else _scatter(both, slack_ps, category, names)
        for position, (both, slack_ps) in enumerate(pairs)
    ]
    return {
        "reference": anchor,
        "categories": categories,
        "lanes": lanes_of(instances),
        "predictions": drawn,
        "scatters": scatters,
        "waterfalls": _waterfalls(comparison),
        # Last, because it collects while the others are made.
        "names": names.spelt,
    }


class _Names:
    """Names of nodes that the figures show, each once."""

    def __init__(self, graph: ExecutionGraph) -> None:
        self._graph = graph
        self._code: dict[int, int] = {}
        self.spelt: list[str] = []

    def codes(self, nodes: NDArray[np.int32]) -> NDArray[np.int32]:
        """For rows of the graph their positions among the names."""
        unique, inverse = np.unique(self._graph.name[nodes], return_inverse=True)
        for code in unique.tolist():
            if code not in self._code:
                self._code[code] = len(self.spelt)
                self.spelt.append(shortened(printable(self._graph.names[code]), LONGEST_NAME))
        return np.array([self._code[code] for code in unique.tolist()], dtype=np.int32)[inverse]


def _prediction(result: Result, made: Blocks, category: NDArray[np.int8], names: _Names) -> dict[str, Any]:
    return {
        "label": printable(result.label),
        "makespan_ps": result.prediction.makespan_ps,
        "end_ps": int(made.end_ps.max(initial=0)),
        "blocks": made.count,
        "spans": int(made.spans.sum()),
        "lane": packed(made.lane),
        "start": packed(made.start_ps),
        # Times of a block that are told from one another are small numbers, often the same.
        "wait": packed(made.active_ps - made.start_ps),
        "taken": packed(made.end_ps - made.active_ps),
        "busy": packed(made.busy_ps),
        "slack": None if made.slack_ps is None else packed(made.slack_ps),
        "count": packed(made.spans),
        "name": packed(names.codes(made.node)),
        "category": packed(category[made.node]),
        "critical": packed(made.critical),
    }


def categories_of(graph: ExecutionGraph) -> tuple[NDArray[np.int8], list[str]]:
    """A colour code per node and what the codes mean: compute by phase, communication by kind and axes."""
    labels: dict[str, int] = {}
    phase_code = np.array([0] * len(graph.phases))
    for phase in np.unique(graph.phase[graph.match == NONE]).tolist():
        word = graph.phases[phase].value
        phase_code[phase] = labels.setdefault(f"compute, {word}" if word else "compute", len(labels))
    of_match = np.zeros(graph.communication_count + 1, dtype=np.int64)
    pairs = graph.kind.astype(np.int64) * max(1, len(graph.scopes)) + graph.scope
    for pair in np.unique(pairs).tolist():
        kind, scope = divmod(pair, len(graph.scopes))
        axes = graph.scopes[scope].axes
        where = f"over {'+'.join(map(printable, axes))}" if axes else "in a group"
        of_match[:-1][pairs == pair] = labels.setdefault(f"{graph.kinds[kind].value} {where}", len(labels))
    codes = np.where(graph.match == NONE, phase_code[graph.phase], of_match[graph.match])
    # The page has seven colours and grey for the rest.
    return np.minimum(codes, 127).astype(np.int8), list(labels)


def lanes_of(instances: Instances) -> list[dict[str, Any]]:
    """Per rank class how it is called and how many ranks it stands for."""
    classes, mesh = instances.classes, instances.graph.mesh
    members = np.bincount(classes.of_rank(), minlength=classes.count).tolist()
    found = []
    for representative, count in zip(classes.representatives().tolist(), members, strict=True):
        axes = zip(mesh.names, mesh.coordinates(representative), classes.sizes, strict=True)
        told = ", ".join(f"{printable(name)} {at}" for name, at, size in axes if size > 1)
        ranks = f"rank {representative}" if count == 1 else f"rank {representative} and {count - 1:,} like it"
        found.append({"label": f"{ranks}{f' ({told})' if told else ''}", "ranks": count})
    return found


def _scatter(
    lines: tuple[Timeline, Timeline],
    slacks_ps: tuple[NDArray[np.int64] | None, NDArray[np.int64] | None],
    category: NDArray[np.int8],
    names: _Names,
) -> dict[str, Any]:
    found = points(*lines, slacks_ps)
    return {
        "name": names.codes(found.node).tolist(),
        "category": category[found.node].tolist(),
        "one_ps": found.one_ps.tolist(),
        "other_ps": found.other_ps.tolist(),
        "executions": found.executions.tolist(),
        "one_slack_ps": None if found.one_slack_ps is None else found.one_slack_ps.tolist(),
        "other_slack_ps": None if found.other_slack_ps is None else found.other_slack_ps.tolist(),
        "worst": list(found.worst),
        "untimed": found.untimed,
    }


def _waterfalls(comparison: Comparison) -> list[dict[str, Any] | None]:
    found = {explanation.label: explanation for explanation in explanations(comparison)}
    return [_waterfall(found.get(printable(result.label))) for result in comparison.results]


def _waterfall(explanation: Explanation | None) -> dict[str, Any] | None:
    if explanation is None:
        return None
    return {
        "difference_ps": explanation.difference_ps,
        "bars": [[bar.name, bar.effect_ps, bar.detail] for bar in explanation.bars],
    }
