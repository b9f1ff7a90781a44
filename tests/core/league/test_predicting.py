"""What is assumed of a run where its source says nothing."""

from __future__ import annotations

from typing import Any

import pytest
from league_samples import record
from versim import load_registry
from versim.league.column import defaults
from versim.league.predicting import Predictor

FSDP: dict[str, Any] = {
    "framework": "megatron-bridge", "gpu": "gb200", "gpus": 64, "gpus_per_node": 4, "model": "llama3-70b",
    "precision": "fp8", "seq_len": 8192, "mbs": 2, "gbs": 256, "tp": 1, "pp": 1, "vp": 1, "cp": 1, "ep": 1, "dp": 64,
    "sharding": "zero3", "schedule": "none",
}  # fmt: skip


def _caveats(**values: Any) -> list[str]:
    predictor = Predictor(load_registry(), defaults().columns[:1], defaults())
    found = predictor.result(record(**{**FSDP, **values}), explain=False)
    return [caveat for caveat in found.caveats if "recomp" in caveat]


@pytest.mark.parametrize(
    ("values", "assumed"),
    [
        ({"recompute": ""}, "layers a chunk is assumed"),
        ({"recompute": "", "gpu": "gb300"}, "what is cheap is assumed"),
        ({"recompute": "", "model": "llama3-8b"}, ""),
        ({"recompute": "none"}, ""),
    ],
)
def test_a_run_that_ended_has_fitted(values: dict[str, Any], assumed: str) -> None:
    """Where it cannot have without recomputation, the least of it that fits is assumed, and said."""
    caveats = _caveats(**values)
    if assumed:
        assert any(assumed in caveat for caveat in caveats)
    else:
        assert not any("does not fit" in caveat for caveat in caveats)


PIPELINE: dict[str, Any] = {
    "framework": "megatron-lm", "gpu": "h100-sxm", "gpus": 64, "gpus_per_node": 8, "model": "llama3-8b",
    "precision": "bf16", "seq_len": 4096, "mbs": 1, "gbs": 64, "tp": 2, "pp": 4, "dp": 8, "sharding": "zero1",
}  # fmt: skip


@pytest.mark.parametrize("values", [{}, {"vp": 2, "schedule": "interleaved"}, {"framework": "nanotron"}])
def test_a_step_is_as_long_as_what_lies_on_its_deciding_chain(values: dict[str, Any]) -> None:
    """Work, communication and nothing else: something always runs on the chain, until the step's end."""
    predictor = Predictor(load_registry(), defaults().columns[:1], defaults())
    found = predictor.chain(record(**{**PIPELINE, **values}), predictor.labels[0])
    assert found.chain is not None
    assert abs(found.chain.rest_s) < 1e-3 * found.seconds


def test_networks_of_other_devices_are_told_apart() -> None:
    """B200 hangs on the links of GB200 and has less bandwidth of memory to reduce with."""
    label = defaults().columns[1].label
    run = {"framework": "mlperf-nemo", "gpus": 8, "dp": 8, "sharding": "zero1"}
    alone, after = (Predictor(load_registry(), defaults().columns[1:], defaults()) for _ in range(2))
    after.chain(record(**run, gpu="b200"), label)
    assert (
        after.chain(record(**run, gpu="gb200"), label).seconds == alone.chain(record(**run, gpu="gb200"), label).seconds
    )


def test_devices_of_one_name_are_told_apart() -> None:
    """What was asked for one board does not answer for another of less power."""
    run = record(**{**PIPELINE, "gpu": "h100-96gb-500w", "framework": "torchtitan"})
    label = defaults().columns[0].label
    alone = Predictor(load_registry(), defaults().columns[:1], defaults())
    after = Predictor(load_registry(), defaults().columns[:1], defaults())
    after.chain(record(**{**PIPELINE, "framework": "torchtitan"}), label)
    assert after.chain(run, label).seconds == alone.chain(run, label).seconds
