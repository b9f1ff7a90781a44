"""From predictions of one pin to their comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from versim.comparison.align import Timeline, common_instances, timeline
from versim.comparison.attribution import Averaging, Isolated, attribute
from versim.comparison.attribution.chain import Chain, chain_of
from versim.comparison.bounds import Bounds, bounds_of
from versim.comparison.checks import Check, checks
from versim.comparison.contract import hold_to_contract
from versim.comparison.critical_path import CriticalPath, critical_path, shared_ps
from versim.comparison.model import Comparison, Result
from versim.comparison.sanity import sanity_of
from versim.comparison.slack import execution_slack_ps, path_change
from versim.comparison.totals import by_group, by_operation, totals
from versim.inputs import Inputs
from versim.prediction import Prediction
from versim.progress import doing


def compare_predictions(
    inputs: Inputs,
    predictions: Sequence[Prediction],
    reference: str,
    networks: Mapping[str, str] | None = None,
    same_as: tuple[str, ...] = (),
    *,
    isolated_ps: Mapping[str, Isolated] | None = None,
    more_checks: Mapping[str, Sequence[Check]] | None = None,
    declared: Mapping[str, Mapping[str, str]] | None = None,
    averaging: Averaging | str = Averaging.SEQUENTIAL,
) -> Comparison:
    """Compare predictions of the same inputs.

    Args:
        inputs: What they were given.
        predictions: Their labels are distinct.
        reference: The label that differences refer to.
        networks: Per label, the network timing that drove it.
        same_as: Further pins with the same digest.
        isolated_ps: Per label, what each communication takes alone in that simulator on the scenario's network, where
            known; tells contention apart.
        more_checks: Per label, checks that were made by asking the simulator.
        declared: Per label and name of a check, why its deviation is meant; then it has not failed.
        averaging: How the difference is attributed, see :func:`versim.comparison.attribution.attribute`.

    Raises:
        VersimError: A prediction is of another digest, or is not a prediction of this graph at all.
    """
    labels = [prediction.label for prediction in predictions]
    if len(set(labels)) != len(labels):
        raise ValueError(f"labels of predictions have to differ, got {labels}")
    for prediction in predictions:
        hold_to_contract(inputs, prediction)
    instances = common_instances(inputs.graph, predictions)
    lines = [timeline(prediction, instances) for prediction in predictions]
    anchor = labels.index(reference)
    bounds = bounds_of(inputs, instances)
    anchor_chain = _chain(predictions[anchor], lines[anchor])
    anchor_path = critical_path(anchor_chain) if anchor_chain is not None else None
    results = []
    for number, (prediction, line) in enumerate(zip(predictions, lines, strict=True)):
        network = (networks or {}).get(prediction.label, "")
        doing(prediction.label)
        # The chain of one prediction at a time: it is the largest thing here.
        chain = anchor_chain if number == anchor else _chain(prediction, line)
        path = anchor_path if number == anchor else critical_path(chain) if chain is not None else None
        result = _result(inputs, bounds, prediction, line, chain, path, predictions[anchor], anchor_path, network)
        if number != anchor and chain is not None and anchor_chain is not None:
            doing(f"why {prediction.label} differs")
            attribution = attribute(
                inputs,
                predictions[anchor],
                prediction,
                chains=(anchor_chain, chain),
                isolated_ps=(isolated_ps or {}).get(prediction.label),
                averaging=averaging,
            )
            result = attrs.evolve(result, attribution=attribution, path_change=path_change(anchor_chain, chain))
        found = (*result.checks, *(more_checks or {}).get(prediction.label, ()))
        results.append(attrs.evolve(result, checks=_as_declared(found, (declared or {}).get(prediction.label, {}))))
    return Comparison(
        inputs=inputs,
        instances=instances,
        reference=reference,
        results=tuple(results),
        same_as=same_as,
    )


def _as_declared(found: Sequence[Check], reasons: Mapping[str, str]) -> tuple[Check, ...]:
    """Checks, those that fail as somebody means it marked so."""
    return tuple(
        attrs.evolve(check, passed=None, declared=reasons[check.name])
        if check.passed is False and check.name in reasons
        else check
        for check in found
    )


def _chain(prediction: Prediction, line: Timeline) -> Chain | None:
    """The longest-path problem of a prediction that says when everything ran."""
    return chain_of(line) if prediction.completed and line.ran.all() and line.instances.count else None


def _result(
    pinned: Inputs,
    bounds: Bounds,
    prediction: Prediction,
    line: Timeline,
    chain: Chain | None,
    path: CriticalPath | None,
    reference: Prediction,
    reference_path: CriticalPath | None,
    network: str,
) -> Result:
    difference_ps = difference_percent = shared = shared_percent = None
    if prediction.makespan_ps is not None and reference.makespan_ps is not None:
        difference_ps = prediction.makespan_ps - reference.makespan_ps
        if reference.makespan_ps:
            difference_percent = 100 * difference_ps / reference.makespan_ps
    if path is not None and reference_path is not None:
        shared = shared_ps(path, reference_path)
        length = reference_path.compute_ps + reference_path.communication_ps
        shared_percent = 100 * shared / length if length else None
    return Result(
        label=prediction.label,
        prediction=prediction,
        network=network,
        difference_ps=difference_ps,
        difference_percent=difference_percent,
        totals=totals(line) if prediction.completed and line.ran.all() else None,
        operations=by_operation(line),
        groups=by_group(line),
        critical_path=path,
        shared_path_ps=shared,
        shared_path_percent=shared_percent,
        checks=checks(pinned, bounds, prediction, line),
        slack_ps=execution_slack_ps(chain) if chain is not None else None,
        sanity=sanity_of(pinned, prediction.makespan_ps),
    )
