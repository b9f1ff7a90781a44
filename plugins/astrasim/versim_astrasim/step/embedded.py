"""The embedded engine on a translated graph."""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version

import attrs
from versim import Inputs, Prediction

from versim_astrasim.engine import Outcome, simulate
from versim_astrasim.options import ASTRA_SIM, RAPID_LLM
from versim_astrasim.step import custom_collectives
from versim_astrasim.step.configuration import RECREATED, RECREATED_FORK
from versim_astrasim.step.prediction import from_outcome
from versim_astrasim.step.translate import Translation


def embedded_engine(ran: str = "", program: str = ASTRA_SIM) -> str:
    """The engine's name and version, for reports.

    Args:
        ran: What ran of it, the compiled kernel or Python.
        program: What it re-creates.
    """
    what = {"kernel": ", compiled", "python": ", in Python"}.get(ran, "")
    recreated = RECREATED_FORK if program == RAPID_LLM else RECREATED
    try:
        return f"embedded {version('versim')} ({recreated}{what})"
    except PackageNotFoundError:
        return f"embedded ({recreated}{what})"


def outcome_of(translation: Translation) -> Outcome:
    """Simulate, without going through files."""
    given = translation.given
    return simulate(
        given.traces,
        given.network_config(),
        given.system_config(),
        groups=given.groups,
        memory=given.memory_config(),
        per_node_custom=given.per_node,
        read_trace=custom_collectives.read,
        exactness=translation.options.exactness,
        statistics=False,
    )


def predict(translation: Translation, pinned: Inputs) -> Prediction:
    """The embedded engine's prediction."""
    begin = time.perf_counter()
    outcome = outcome_of(translation)
    wall_s = time.perf_counter() - begin
    engine = embedded_engine(outcome.engine, translation.options.program)
    return attrs.evolve(from_outcome(outcome, translation, pinned, engine), wall_s=wall_s)
