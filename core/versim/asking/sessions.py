"""Sessions: what backends keep running while they are asked about a step, and begin with while others answer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from versim.asking.simulation import CHANGED_INPUT, Answer, refusal, request_for, shape_of
from versim.components import HoldsSessions, SimulationRequest
from versim.containment import frames_of, held_responsible
from versim.errors import ComponentError, VersimError
from versim.inputs import Inputs
from versim.registry import Registry
from versim.scenario import Instance


def holds_sessions(instance: Instance, registry: Registry) -> bool:
    """Whether an instance's backend keeps something running while it is asked."""
    return isinstance(registry.backend(instance.backend), HoldsSessions)


def open_session(
    sessions: contextlib.ExitStack,
    inputs: Inputs,
    instance: Instance,
    registry: Registry,
    place: str,
    *,
    contain: bool = True,
) -> Answer | None:
    """Open the session in which an instance will be asked, if its backend holds such.

    Args:
        sessions: What it is left with.
        inputs: What every simulator is given.
        instance: Who will be asked.
        registry: The plugins there are.
        place: Where the instance stands, for messages.
        contain: Make what breaks in it an answer of its own.

    Returns:
        What it answers already, for it broke; else None.

    Raises:
        VersimError: The options for it are faulty.
        ComponentError: It breaks, or writes to the inputs, and ``contain`` is false.
    """
    backend = registry.backend(instance.backend)
    if not isinstance(backend, HoldsSessions):
        return None
    request, _ = request_for(inputs, instance, registry, place)
    shape = shape_of(inputs)
    try:
        sessions.enter_context(_entered(backend, request, instance.backend))
    except VersimError as error:
        broken = isinstance(error, ComponentError)
        if broken and not contain:
            raise
        why = str(error), *(frames_of(error) if broken else ())
        return refusal(shape, instance, registry, why, spoilt=not inputs.unchanged())
    if inputs.unchanged():
        return None
    fault = ComponentError("backend", instance.backend, CHANGED_INPUT)
    if not contain:
        raise fault
    return refusal(shape, instance, registry, (str(fault),), spoilt=True)


@contextlib.contextmanager
def _entered(backend: HoldsSessions, request: SimulationRequest, name: str) -> Iterator[None]:
    with held_responsible("backend", name):
        session = backend.session((request,))
        session.__enter__()
    try:
        yield
    finally:
        # Whatever it was asked is answered by now.
        with contextlib.suppress(VersimError), held_responsible("backend", name):
            session.__exit__(None, None, None)
