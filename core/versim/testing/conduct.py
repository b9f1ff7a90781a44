"""Conduct: options are described and checked, input is left alone, nothing is printed."""

from __future__ import annotations

import contextlib
import io

import numpy as np

from versim.components import HoldsSessions
from versim.errors import VersimError
from versim.pinning import pin
from versim.registry import describe_options, structure_options
from versim.testing import graphs
from versim.testing.check import NotClaimedError, Outcome, check, holds
from versim.testing.subject import Subject


@check("conduct", "options are described", "every option says what it means, and the defaults are valid")
def options_described(subject: Subject) -> Outcome:
    """What ``versim plugins`` and the commented scenario print."""
    infos = describe_options(subject.backend.options)
    silent = [info.name for info in infos if not info.help]
    required = [info.name for info in infos if info.required and info.name not in subject.claims.options]
    if not required:
        structure_options(subject.backend, dict(subject.claims.options))
    named = ", ".join(silent) or "none", ", ".join(required) or "none"
    found = f"{len(infos)} options, without help: {named[0]}, without a default: {named[1]}"
    return holds(not silent and not required, "every option with help, none without a default", found)


@check("conduct", "unknown options are refused", "a misspelt option is told by its name instead of being ignored")
def unknown_options(subject: Subject) -> Outcome:
    """An option that no backend has."""
    try:
        structure_options(subject.backend, {**subject.claims.options, "no_such_option": 1})
    except VersimError as error:
        return holds("no_such_option" in str(error), "refused by name", str(error))
    return holds(False, "refused by name", "accepted")


@check("conduct", "input is left alone", "a backend does not change the graph that the next one is given")
def input_left_alone(subject: Subject) -> Outcome:
    """Their digest before and after; arrays refuse to be written to, unless that is switched off."""
    inputs = pin(graphs.chain(), subject.system(2))
    subject.backend.simulate(subject.request(inputs))
    return holds(
        inputs.unchanged(), "the digest they had", "it did not change them" if inputs.unchanged() else "another"
    )


@check("conduct", "options are left alone", "a backend does not change the options that it is given")
def options_left_alone(subject: Subject) -> Outcome:
    """Their spelling before and after."""
    request = subject.request(pin(graphs.chain(), subject.system(2)))
    before = repr(request.options)
    subject.backend.simulate(request)
    after = repr(request.options)
    return holds(before == after, before, after)


@check("conduct", "answers are kept", "an answer stays what it was when the next question is asked")
def answers_kept(subject: Subject) -> Outcome:
    """The columns of a prediction before and after another question; a buffer that is used again would show."""
    first = subject.predict(graphs.chain(), subject.system(2))
    spans = first.spans
    before = [column.copy() for column in (first.finish_ps, spans.start_ps, spans.end_ps)]
    subject.predict(graphs.chain((3001, 5003)), subject.system(2))
    same = all(map(np.array_equal, before, (first.finish_ps, spans.start_ps, spans.end_ps)))
    return holds(same, "the times it had", "the times it had" if same else "other times")


@check("conduct", "nothing is printed", "standard output belongs to the report")
def nothing_printed(subject: Subject) -> Outcome:
    """While a step is simulated."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        subject.takes_s(graphs.chain(), subject.system(2))
    text = out.getvalue()
    return holds(not text, "nothing", repr(text[:80]) if text else "nothing")


@check("conduct", "sessions", "a session changes no answer, whether it has begun with the question or not")
def sessions(subject: Subject) -> Outcome:
    """Two steps in a session inside another one, of which each has begun with one; the later is asked first."""
    backend = subject.backend
    if not isinstance(backend, HoldsSessions):
        raise NotClaimedError("it holds no sessions")
    requests = [subject.request(pin(graphs.chain(ns), subject.system(2))) for ns in ((3001, 5003), (2003, 7001))]
    expected = [backend.simulate(request).finish_ps.tolist() for request in requests]
    with backend.session(requests[:1]), backend.session(requests[1:]):
        found = [backend.simulate(request).finish_ps.tolist() for request in (*reversed(requests), *requests)]
    return holds([*reversed(expected), *expected] == found, "the same answers, every time", str(found))


@check("conduct", "says who it is", "a prediction names its simulator and what really ran, for the report")
def says_who(subject: Subject) -> Outcome:
    """Simulator and engine."""
    prediction = subject.predict(graphs.chain(), subject.system(2))
    good = prediction.simulator == subject.backend.name and bool(prediction.engine)
    found = f"simulator {prediction.simulator!r}, engine {prediction.engine!r}"
    return holds(good, f"simulator {subject.backend.name!r} and an engine", found)
