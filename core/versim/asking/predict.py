"""The public verb: one question to one backend, asked as every comparison asks it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from versim.asking.simulation import ask
from versim.inputs import Inputs
from versim.prediction import Prediction
from versim.registry import Registry, load_registry
from versim.scenario import Instance, TimingChoice


def predict(
    inputs: Inputs,
    backend: str,
    /,
    *,
    network: str | Sequence[str | TimingChoice] | TimingChoice | None = None,
    registry: Registry | None = None,
    force: bool = False,
    **options: Any,
) -> Prediction:
    """What a simulator answers about a step.

    Args:
        inputs: The step: graph, nanoseconds and system, as :func:`versim.pin` makes it.
        backend: The backend's name.
        network: The network timing that drives it, or several of which the first that does not decline answers; the
            backend's own choice unless given. Only for backends that are driven by one.
        registry: The plugins to use; the installed ones unless given.
        force: Simulate even where the backend finds errors in its input beforehand.
        options: The backend's options.

    Returns:
        Its prediction. One that gives up, or cannot express the graph, has a status and a diagnosis and no makespan.

    Raises:
        UnknownNameError: No plugin offers the backend or the timing.
        FaultsError: The options are faulty.
        ComponentError: The backend breaks its contract.
    """
    registry = load_registry() if registry is None else registry
    instance = Instance(label=backend, backend=backend, options=options, network=_chain(network))
    return ask(inputs, instance, registry, f"predict({backend!r})", force=force, contain=False).prediction


def _chain(network: str | Sequence[str | TimingChoice] | TimingChoice | None) -> TimingChoice | None:
    links = [network] if isinstance(network, str | TimingChoice) else list(network or ())
    chain = None
    for link in reversed(links):
        named = TimingChoice(timing=link) if isinstance(link, str) else link
        chain = TimingChoice(timing=named.timing, options=named.options, otherwise=chain or named.otherwise)
    return chain
