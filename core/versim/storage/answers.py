"""What is kept of every answer: small rows, whoever asked, in a process of this machine or of another."""

from __future__ import annotations

from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class InputsRow:
    """What simulators were given.

    Attributes:
        digest: Of graph, nanoseconds and system.
        ranks: Of the step.
        nodes: Of the graph.
        communications: Of the graph.
        mesh: Axes of parallelism and their sizes.
        system: Dimensions and device, for people.
    """

    digest: str
    ranks: int
    nodes: int
    communications: int
    mesh: dict[str, int]
    system: str


@attrs.frozen(kw_only=True)
class InstanceRow:
    """Who was asked.

    Attributes:
        fingerprint: Of component, options, what drives it, and their code.
        backend: The backend's name.
        options: Its options as given.
        network: What drives it, for people.
        code: Version and content of the package it is from.
    """

    fingerprint: str
    backend: str
    options: dict[str, Any]
    network: str
    code: str


@attrs.frozen(kw_only=True)
class AnswerRow:
    """What one instance answered about one digest.

    Attributes:
        digest: Of the inputs.
        fingerprint: Of the instance.
        status: How it ended: ``completed``, ``aborted``, …
        makespan_ps: None unless completed.
        wall_s: Seconds the simulation took.
        engine: What really ran.
        compute_ps: Of the rank that finishes last, as are the next three; None where it does not say when nodes ran.
        communication_ps: Of that rank.
        exposed_communication_ps: Of that rank.
        idle_ps: Of that rank.
        groups: (kind and axis, or compute; phase; executions; picoseconds over all ranks).
        failed_checks: ``name: detail`` of each check that failed.
        diagnosis: Why it did not complete, or what surprised.
        spans: When each node ran, as an ``.npz``; None unless that was asked for.
    """

    digest: str
    fingerprint: str
    status: str
    makespan_ps: int | None
    wall_s: float | None
    engine: str
    compute_ps: int | None = None
    communication_ps: int | None = None
    exposed_communication_ps: int | None = None
    idle_ps: int | None = None
    groups: tuple[tuple[str, str, int, int], ...] = ()
    failed_checks: tuple[str, ...] = ()
    diagnosis: tuple[str, ...] = ()
    spans: bytes | None = None


@attrs.frozen(kw_only=True)
class QuestionRow:
    """A question, and what its step amounts to; sanity figures are of the answer.

    Attributes:
        key: Of producer, options, system, pin, instance, files and code.
        digest: Of the inputs that it leads to; "" where it leads to none.
        fingerprint: Of the instance.
        refusal: Why it has no inputs; "" if it has.
        tokens: Of the step; None where the producer does not say, as for all that follow.
        mfu: Model FLOP utilisation.
        tokens_per_s_per_rank: Of the step.
        persistent_bytes: Of the fullest rank.
        peak_bytes: Of the fullest rank.
        fits: Whether that fits the device.
    """

    key: str
    digest: str
    fingerprint: str
    refusal: str = ""
    tokens: int | None = None
    mfu: float | None = None
    tokens_per_s_per_rank: float | None = None
    persistent_bytes: float | None = None
    peak_bytes: float | None = None
    fits: bool | None = None


@attrs.frozen(kw_only=True)
class MemberRow:
    """One question's place in a sweep.

    Attributes:
        number: Of the configuration.
        settings: Of the configuration.
        workload: Label.
        pin: Label.
        instance: Label.
        key: Of the question.
        failure: Why there is neither answer nor refusal: what may be asked again; "" otherwise.
    """

    number: int
    settings: dict[str, Any]
    workload: str
    pin: str
    instance: str
    key: str
    failure: str = ""


@attrs.frozen(kw_only=True)
class Answered:
    """Everything that one question brought.

    Attributes:
        member: Which one.
        question: None where it failed in a way that may not be one of the question.
        inputs: None where there are none.
        instance: Who was asked; None where its answer was known already.
        answer: None where there is none.
    """

    member: MemberRow
    question: QuestionRow | None
    inputs: InputsRow | None
    instance: InstanceRow | None
    answer: AnswerRow | None
