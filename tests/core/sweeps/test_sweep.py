"""The sweep of collectives over contestants of every sort."""

from __future__ import annotations

import json

import pytest
from versim import Device, Kind, Link, Registry, System, UnknownNameError, VersimError, load_registry
from versim.asking.contestants import Contestant, backend_contestant, contestants_of, proposed_device, timing_contestant
from versim.curves import SweepRange
from versim.scenario import Instance, TimingChoice
from versim.sweeps import collective_report
from versim.sweeps.collectives import sweep_collectives

LINK = Link(bandwidth_bytes_per_s=100e9, latency_s=1e-6)


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The installed plugins."""
    return load_registry()


def _line(label: str, alpha_s: float, beta: float) -> Contestant:
    def ask(kind: Kind, size_bytes: int, algorithm: str, system: System) -> tuple[float | None, str]:
        if algorithm == "direct":
            return None, f"no direct {kind.value}"
        return (alpha_s + beta * size_bytes) * system.world_size, ""

    return Contestant(label=label, description="a line", ask=ask)


def _range(**changes: object) -> SweepRange:
    given = {"kinds": ["all_reduce"], "sizes_bytes": [1 << 20, 1 << 10], "ranks": [8], "link": LINK}
    return SweepRange(**{**given, **changes})  # type: ignore[arg-type]


def test_every_combination_is_asked_once_in_order() -> None:
    """Kind, ranks, algorithm, model; a message between two ranks has no algorithm."""
    swept = _range(kinds=["all_reduce", "point_to_point"], ranks=[4, 2], algorithms=["", "direct"])
    sweep = sweep_collectives(swept, [_line("a", 1e-6, 1e-9), _line("b", 2e-6, 1e-10)], "b")
    found = [(c.kind.value, c.ranks, c.algorithm, c.model) for c in sweep.curves]
    reduced = [("all_reduce", ranks, how, model) for ranks in (2, 4) for how in ("", "direct") for model in "ab"]
    assert found == reduced + [("point_to_point", ranks, "", model) for ranks in (2, 4) for model in "ab"]


def test_ratios_refer_to_the_reference_and_refusals_are_kept() -> None:
    """None is not modelled, and the reason stands beside it."""
    sweep = sweep_collectives(_range(algorithms=["", "direct"]), [_line("a", 3e-6, 0.0), _line("b", 1e-6, 0.0)], "b")
    assert sweep.ratio(sweep.curve("a", Kind.ALL_REDUCE, 8, ""), 1024) == pytest.approx(3.0)
    refused = sweep.curve("a", Kind.ALL_REDUCE, 8, "direct")
    assert (refused.times_s, refused.refusal) == ((None, None), "no direct all_reduce")
    assert sweep.ratio(refused, 1024) is None
    text = collective_report.as_text(sweep)
    assert "a refuses: no direct all_reduce" in text
    assert json.loads(collective_report.as_json(sweep))["curves"][2]["times_s"] == [None, None]


def test_two_lines_cross_where_algebra_says() -> None:
    """1 µs + S·1 ns against 2 µs + S·0.1 ns: equal at 1111 bytes, however far the sizes asked are apart."""
    sweep = sweep_collectives(_range(sizes_bytes=[1, 1 << 30]), [_line("a", 1e-6, 1e-9), _line("b", 2e-6, 1e-10)])
    (found,) = sweep.crossings
    low, high = found.between_bytes
    assert low <= 1e-6 / 0.9e-9 <= high <= 1.02 * low
    assert found.size_bytes == pytest.approx(1e-6 / 0.9e-9, rel=1e-4)


def test_a_timing_and_a_backend_that_is_driven_by_it_agree(registry: Registry) -> None:
    """α–β over 8 ranks on a ring: 14 rounds, 1.75 tensors; DeepFlow adds one kernel launch, here 0."""
    asked = [
        timing_contestant("closed form", TimingChoice(timing="alpha-beta"), registry),
        backend_contestant(
            Instance(label="scheduled", backend="deepflow", network=TimingChoice(timing="alpha-beta")), registry
        ),
    ]
    sweep = sweep_collectives(_range(), asked)
    one, two = (curve.fit() for curve in sweep.curves)
    assert one is not None
    assert two is not None
    assert one.alpha_s == pytest.approx(14e-6)
    assert one.beta_s_per_byte == pytest.approx(1.75 / 100e9)
    assert two.alpha_s == pytest.approx(one.alpha_s, rel=1e-6)
    assert sweep.models["scheduled"] == "backend deepflow on alpha-beta"


def test_everybody_is_asked_where_nobody_is_named(registry: Registry) -> None:
    """Timings first; a backend that needs options, such as a file of measurements, is left out."""
    labels = [contestant.label for contestant in contestants_of(registry)]
    assert labels[:2] == ["alpha-beta", "astrasim timing"]
    assert {"astrasim", "deepflow"} <= set(labels)
    assert "measurement" not in labels


def test_a_model_that_charges_local_memory_gets_a_device(registry: Registry) -> None:
    """Without one, DeepFlow's timing says what it lacks instead of ending the sweep."""
    asked = [timing_contestant("d", TimingChoice(timing="deepflow"), registry)]
    without = sweep_collectives(_range(), asked).curves[0]
    assert "device none" in without.refusal
    device = proposed_device(registry)
    assert device.parameters
    assert sweep_collectives(_range(device=device), asked).curves[0].refusal == ""
    chosen = TimingChoice(timing="deepflow-llm", options={"hardware": "v100"})
    assert proposed_device(registry, chosen).name == "v100"
    with pytest.raises(VersimError, match="proposes no device"):
        proposed_device(registry, TimingChoice(timing="collective"))


def test_names_are_held_apart() -> None:
    """And the reference has to be one of them."""
    with pytest.raises(VersimError, match="a: is given twice"):
        sweep_collectives(_range(), [_line("a", 1.0, 0.0), _line("a", 2.0, 0.0)])
    with pytest.raises(UnknownNameError):
        sweep_collectives(_range(), [_line("a", 1.0, 0.0)], "c")


@pytest.mark.parametrize("wrong", [{"sizes_bytes": []}, {"sizes_bytes": [0]}, {"ranks": [1]}, {"kinds": []}])
def test_an_impossible_range_is_refused(wrong: dict[str, object]) -> None:
    """Before anybody is asked."""
    with pytest.raises(ValueError, match=r"."):
        _range(**wrong)


def test_a_device_is_optional() -> None:
    """Most models need none."""
    assert _range().device == Device(name="none")
