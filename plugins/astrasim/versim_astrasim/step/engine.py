"""The embedded engine on a translated graph."""

from __future__ import annotations

import time
from importlib.metadata import PackageNotFoundError, version

import attrs
from versim import Inputs, Prediction, VersimError, hold_to_memory, share_done

from versim_astrasim.engine import Outcome, simulate
from versim_astrasim.engine.fold import Head
from versim_astrasim.engine.kernel import kernel_reason
from versim_astrasim.engine.kernel_limits import Incapable, NotAlike
from versim_astrasim.options import ASTRA_SIM, RAPID_LLM
from versim_astrasim.step import custom_collectives
from versim_astrasim.step.configuration import RECREATED, RECREATED_FORK
from versim_astrasim.step.prediction import from_outcome
from versim_astrasim.step.translate import Translation, translate


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


BYTES_IN_PYTHON = 1_700
"""What a node on one rank takes in Python: measured, 0.49 and 0.92 GB for 0.26 and 0.52 M of the 175B step."""

LONG_S = 10
"""A run in Python that takes longer says how it could be faster."""


def outcome_of(translation: Translation, head: Head | None = None) -> Outcome:
    """Simulate, without going through files.

    With a head, one rank stands for more up to its end.

    Raises:
        Incapable: The step is folded, and its ranks are not alike after all.
        VersimError: There is no kernel, and the engine in Python would not fit into memory.
    """
    given, instances = translation.given, translation.instances
    if kernel_reason():
        hold_to_memory(instances.count, instances.classes.count, BYTES_IN_PYTHON)
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
        progress=share_done,
        head=head,
    )


def predict(translation: Translation, pinned: Inputs) -> Prediction:
    """The embedded engine's prediction."""
    begin = time.perf_counter()
    translation, outcome = least_ranks(translation, pinned)
    wall_s = time.perf_counter() - begin
    engine = embedded_engine(outcome.engine, translation.options.program)
    prediction = attrs.evolve(from_outcome(outcome, translation, pinned, engine), wall_s=wall_s)
    missing = kernel_reason()
    if missing and wall_s > LONG_S:
        hint = f"simulated in Python; the compiled kernel takes about a twentieth of {wall_s:.0f} s. It is {missing}"
        prediction = attrs.evolve(prediction, diagnosis=(*prediction.diagnosis, hint))
    return prediction


def least_ranks(translation: Translation, pinned: Inputs) -> tuple[Translation, Outcome]:
    """Simulate as few ranks as can stand for all: from where some part more of them, and at last every one.

    Returns:
        The translation that the answer is of, and the answer.

    Raises:
        VersimError: More ranks do not fit into memory.
    """
    heads: list[Head] = []
    head: Head | None = None
    while translation.folding is not None:
        try:
            return translation, outcome_of(translation, head)
        except Incapable as incapable:
            fold, fewer = translation.folding.fold, 0
            if isinstance(incapable, NotAlike):
                fewer = fold.members - 1
                heads.append(Head(fold=fold, end_ns=incapable.at_ns))
            try:
                translation = translate(pinned, pinned.system, translation.options, fold=True, most_members=fewer)
            except VersimError as error:
                classes = translation.instances.classes.count
                why = f"{classes:,} ranks cannot stand for all, because of {incapable.what}"
                raise VersimError(f"{why}: {error}") from error
            usable = [known for known in heads if fewer and _goes_on(known, translation)]
            head = max(usable, key=lambda known: known.end_ns, default=None)
    return translation, outcome_of(translation, head)


def _goes_on(head: Head, translation: Translation) -> bool:
    """Whether the engine can go on from a head."""
    fold = None if translation.folding is None else translation.folding.fold
    return head.end_ns > 0 and head.fold.goes_beyond(fold)
