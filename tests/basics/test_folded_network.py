"""Folded communication is timed once per pin, and that timing is held to the network like everybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
import pytest
import versim_basics.plugin
import versim_deepflow.plugin
import versim_transformer.plugin
from numpy.typing import NDArray
from versim import Check, Message, NoOptions, System, compare, hookimpl
from versim.registry import Registry
from versim.scenario import structure_scenario


@attrs.frozen
class Blind:
    """Every communication takes a millisecond, wherever it goes."""

    name: str = "blind"
    options: type = NoOptions

    def compute(self, options: NoOptions) -> None:
        """None."""

    def network(self, options: NoOptions) -> Blind:  # noqa: ARG002 - the protocol's
        """Itself."""
        return self

    def times_s(self, messages: Sequence[Message], system: System) -> NDArray[np.float64]:  # noqa: ARG002
        """A millisecond each."""
        return np.full(len(messages), 1e-3)


class Planted:
    """A plugin that offers it."""

    @hookimpl
    def versim_timing_models(self) -> list[Blind]:
        """The one."""
        return [Blind()]


def checks_of(folded: Any) -> list[Check]:
    """The checks of folded communication under a timing of it."""
    house = {
        "basics": versim_basics.plugin,
        "deepflow": versim_deepflow.plugin,
        "transformer": versim_transformer.plugin,
    }
    registry = Registry.of({**house, "planted": Planted()})
    scenario = structure_scenario(
        {
            "name": "folded",
            "workloads": [
                {
                    "label": "step",
                    "producer": "transformer",
                    "options": {"model": "llama3-8b", "tp": 8, "pp": 2, "gbs": 2, "granularity": "stage"},
                }
            ],
            "pins": [{"label": "p", "compute": "roofline", "folded": folded}],
            "system": {"preset": "dgx-h100", "layout": "megatron"},
            "backends": [{"label": "closed", "backend": "deepflow", "network": "alpha-beta"}],
        },
        registry,
        "folded",
    )
    return [
        check
        for _, _, result in compare(scenario, registry=registry).results()
        for check in result.checks
        if check.name == "folded network"
    ]


def test_a_sound_timing_of_folded_communication_passes() -> None:
    """Tensor parallelism within a node, where the mesh says."""
    (check,) = checks_of("alpha-beta")
    assert check.passed


@pytest.mark.parametrize(
    ("folded", "passed", "said"),
    [
        ("blind", False, ""),
        ({"timing": "alpha-beta", "options": {"bandwidth": "900 GB/s"}}, None, "a bandwidth of 900 GB/s was given"),
    ],
)
def test_one_that_does_not_see_the_network_is_named(folded: Any, passed: bool | None, said: str) -> None:
    """Declared or failed, as for simulators."""
    (check,) = checks_of(folded)
    assert check.passed is passed
    assert check.declared.startswith(said)
    assert "tp on no link at all, not on dimension 0 (450 GB/s)" in check.detail
