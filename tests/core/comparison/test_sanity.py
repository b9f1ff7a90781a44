"""MFU, tokens per second and memory: figures that anybody can work out from the step's sizes."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from fakes import system_of
from versim import Device, Fixed, GraphBuilder, Inputs, Mesh, RankMemory, StepSizes, System, pin
from versim.comparison.sanity import sanity_of

SIZES = StepSizes(
    tokens=4096,
    model_flop={"bf16": 6e12, "fp8": 4e12},
    causal_flop=9e12,
    hardware_flop=12.5e12,
    memory=(
        RankMemory(label="stage 0", weights_bytes=10, gradients_bytes=20, optimizer_bytes=30, activations_bytes=40),
        RankMemory(
            label="stage 1",
            weights_bytes=10,
            gradients_bytes=20,
            optimizer_bytes=31,
            activations_bytes=5,
            logits_bytes=2,
            buffers_bytes=1,
        ),
    ),
)
DEVICE = Device(name="d", peak_flop_per_s={"bf16": 1e12, "fp8": 2e12}, memory_bytes=100)


def _inputs(sizes: StepSizes | None, device: Device = DEVICE) -> Inputs:
    builder = GraphBuilder(Mesh.of(dp=4))
    builder.compute("work", [(Fixed(1.0), 1)])
    graph = builder.build()
    system: System = attrs.evolve(system_of(graph), device=device)
    return pin(graph, system, sizes=sizes)


def test_utilisation_counts_each_product_over_the_peak_of_its_format() -> None:
    """6 TFLOP at 1 TFLOP/s and 4 at 2 take four ranks 2 s; the step takes 4 s."""
    found = sanity_of(_inputs(SIZES), 4 * 10**12)
    assert found is not None
    assert found.mfu == pytest.approx(0.5)
    assert found.hfu == pytest.approx(0.5 * 1.25)
    assert found.causal_mfu == pytest.approx(0.5 * 0.9)
    assert found.tokens_per_s_per_rank == 256


def test_memory_is_that_of_the_fullest_rank() -> None:
    """What stays and what is highest may be of different ranks."""
    found = sanity_of(_inputs(SIZES), None)
    assert found is not None
    assert (found.persistent_bytes, found.peak_bytes, found.fits) == (61, 100, True)
    small = attrs.evolve(DEVICE, memory_bytes=99)
    assert sanity_of(_inputs(SIZES, small), None).fits is False  # type: ignore[union-attr]


def test_what_is_not_known_is_not_said() -> None:
    """No sizes, no figures; no peak of a format that is used, no utilisation."""
    assert sanity_of(_inputs(None), 1) is None
    found = sanity_of(_inputs(SIZES, Device(name="bare", peak_flop_per_s={"bf16": 1e12})), 10**12)
    assert found is not None
    assert (found.mfu, found.hfu, found.fits) == (None, None, None)
    assert found.tokens_per_s_per_rank == 1024


def test_sizes_change_no_digest() -> None:
    """They are said of the inputs, not simulated."""
    assert _inputs(SIZES).digest == _inputs(None).digest
    assert np.array_equal(_inputs(SIZES).compute_ns, _inputs(None).compute_ns)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tokens": 1.5},
        {"tokens": -1},
        {"causal_flop": float("nan")},
        {"hardware_flop": -1.0},
        {"model_flop": {"bf16": float("inf")}},
        {"usable_share": 2.0},
        {"memory": ({"weights_bytes": 1},)},
    ],
)
def test_sizes_that_cannot_be_are_refused_where_they_are_made(wrong: dict[str, Any]) -> None:
    """The error then has the producer's own line in its traceback."""
    with pytest.raises((TypeError, ValueError)):
        attrs.evolve(SIZES, **wrong)
    with pytest.raises(ValueError, match="a finite number of at least 0, got -1"):
        attrs.evolve(SIZES.memory[0], weights_bytes=-1)


def test_numbers_of_numpy_are_numbers_of_python_in_sizes() -> None:
    """JSON knows none of numpy's."""
    made = attrs.evolve(SIZES, tokens=np.int64(3), model_flop={"bf16": np.float32(2.0)}, causal_flop=np.float64(1.0))
    assert [type(value) for value in (made.tokens, made.model_flop["bf16"], made.causal_flop)] == [int, float, float]


def test_a_step_without_products_has_no_utilisation() -> None:
    """Nothing is divided by its FLOP."""
    found = sanity_of(_inputs(attrs.evolve(SIZES, model_flop={"bf16": 0.0})), 10**12)
    assert found is not None
    assert (found.mfu, found.hfu) == (None, None)
    assert found.tokens_per_s_per_rank == 1024
