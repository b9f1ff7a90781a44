"""Slack of every execution in every prediction of a comparison, for whoever writes it down."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.comparison.align import Timeline, common_instances, timeline
from versim.comparison.attribution.chain import chain_of
from versim.comparison.model import Comparison
from versim.graph import NONE, Instances
from versim.prediction import Prediction


@attrs.frozen(eq=False, kw_only=True)
class Slacks:
    """Slack of a comparison's predictions.

    Attributes:
        instances: What the rows are, the same for all predictions.
        slack_ps: Per result in order, int64 (instances,), see :func:`known_slack_ps`; None where not everything ran.
    """

    instances: Instances
    slack_ps: tuple[NDArray[np.int64] | None, ...]

    @property
    def ranks(self) -> NDArray[np.int64]:
        """The representative rank of each instance; shape (instances,)."""
        return self.instances.classes.representatives()[self.instances.rank_class]


def slacks_of(comparison: Comparison) -> Slacks:
    """The slack of every instance in every prediction that completed and says when each node ran."""
    predictions = [result.prediction for result in comparison.results]
    instances = common_instances(comparison.pinned.graph, predictions)
    found = tuple(known_slack_ps(prediction, timeline(prediction, instances)) for prediction in predictions)
    return Slacks(instances=instances, slack_ps=found)


def known_slack_ps(prediction: Prediction, line: Timeline) -> NDArray[np.int64] | None:
    """The slack of one prediction on its timeline; None where it did not complete, or is silent about some nodes.

    Parts that meet have the least slack of them: they are one communication, and whichever of them a critical path
    names, it is on the path.
    """
    if not prediction.completed or not line.ran.all() or not line.instances.count:
        return None
    slack = chain_of(line).slack_ps.copy()
    meeting = line.instances.meeting
    parts = meeting != NONE
    least = np.full(len(line.instances.meeting_match), np.iinfo(np.int64).max)
    np.minimum.at(least, meeting[parts], slack[parts])
    slack[parts] = least[meeting[parts]]
    return slack
