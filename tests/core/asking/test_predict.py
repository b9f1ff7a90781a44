"""The public verb answers as a comparison does, whoever is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import versim
from fakes import system_of
from versim import (
    ComponentError,
    Fixed,
    GraphBuilder,
    Inputs,
    Kind,
    Mesh,
    NoOptions,
    Prediction,
    Registry,
    SimulationRequest,
    UnknownNameError,
    VersimError,
    hookimpl,
    pin,
    predict,
)
from versim.registry import resolution


def _inputs() -> Inputs:
    builder = GraphBuilder(Mesh.of(dp=4))
    work = builder.compute("work", [(Fixed(1e-3), 1)])
    builder.collective("sum", Kind.ALL_REDUCE, 1 << 20, axes=["dp"], after=[work])
    graph = builder.build()
    return pin(graph, system_of(graph))


def test_it_is_what_a_comparison_says() -> None:
    """By default, by a timing named, and by a chain of them: one answer per question."""
    inputs = _inputs()
    alone = predict(inputs, "deepflow", network="alpha-beta")
    chained = predict(inputs, "deepflow", network=["silicon", "alpha-beta"])
    assert alone.makespan_ps == chained.makespan_ps
    assert alone.digest == inputs.digest
    assert predict(inputs, "astrasim", engine="embedded").completed


def test_faults_are_the_callers() -> None:
    """An unknown name, an option that does not exist, a timing for a backend that models the network itself."""
    with pytest.raises(UnknownNameError, match="astrsim"):
        predict(_inputs(), "astrsim")
    with pytest.raises(VersimError, match="engin"):
        predict(_inputs(), "astrasim", engin="embedded")
    with pytest.raises(VersimError, match="models the network itself"):
        predict(_inputs(), "astrasim", network="alpha-beta")


class Halving:
    """Halves the time of all compute, in place."""

    name = "halving"
    options = NoOptions

    def simulate(self, request: SimulationRequest) -> Prediction:
        """Answers, and leaves other inputs to the next."""
        prediction = versim.predict(request.inputs, "deepflow", network="alpha-beta")
        column = request.inputs.compute_ns
        column.setflags(write=True)
        column //= 2
        return prediction

    @hookimpl
    def versim_backends(self) -> list[Halving]:
        """Itself."""
        return [self]


def test_a_backend_that_writes_to_its_inputs_is_named() -> None:
    """Its arrays refuse to be written to; whoever switches that off is found out by the digest."""
    inputs = _inputs()
    with pytest.raises(ValueError, match="read-only"):
        inputs.compute_ns[0] = 0
    assert not np.asarray(inputs.graph.size_bytes).flags.writeable
    registry = Registry.of({"halving": Halving()})
    with pytest.raises(ComponentError, match=r"halving.*changed its input"):
        predict(inputs, "halving", registry=registry)


def test_options_are_parsed_once_for_all_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison asks an instance for the step, for communications alone, and why; its options are the same."""
    parsed: list[str] = []
    parse = resolution.try_options

    def counted(component: Any, mapping: Any) -> Any:
        parsed.append(component.name)
        return parse(component, mapping)

    monkeypatch.setattr(resolution, "try_options", counted)
    registry = versim.load_registry()
    inputs = _inputs()
    for _ in range(3):
        assert predict(inputs, "astrasim", registry=registry, engine="embedded").completed
    assert parsed == ["astrasim"]
    assert predict(inputs, "astrasim", registry=registry).completed
    assert parsed == ["astrasim"] * 2
