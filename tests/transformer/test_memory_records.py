"""Memory as others measured it, on a sample of published runs."""

from __future__ import annotations

import csv
import functools
from pathlib import Path
from typing import Any

import pytest
from transformer_steps import options
from versim import GIB, StepSizes
from versim_transformer.producer import TransformerProducer

RECORDS = Path(__file__).parent.parent / "golden" / "transformer" / "memory_records.csv"
H100_BYTES = 80 * GIB
COUNTS = (
    "layers",
    "hidden",
    "heads",
    "kv_heads",
    "ffn",
    "vocab",
    "seq_len",
    "mbs",
    "gbs",
    "tp",
    "pp",
    "cp",
    "ep",
    "dp",
)


@functools.cache
def _records(framework: str) -> tuple[dict[str, str], ...]:
    with RECORDS.open(encoding="utf-8", newline="") as lines:
        return tuple(row for row in csv.DictReader(lines) if row["framework"] == framework)


def _sizes(record: dict[str, str], **conventions: Any) -> StepSizes:
    given: dict[str, Any] = {name: int(record[name]) for name in COUNTS if record[name]}
    given |= {name: record[name] == "1" for name in ("gated", "tied") if record[name]}
    given["sequence_parallel"] = record["sequence_parallel"] == "1"
    given["sharding"] = record["sharding"]
    model = record["model"] if not record["hidden"] else ""
    return TransformerProducer().sizes(options(model=model, **{**given, **conventions}))


@functools.cache
def _nanotron() -> tuple[tuple[dict[str, str], StepSizes], ...]:
    conventions = {"memory": "nanotron", "pipeline_split": "cost", "vocab_multiple": 1, "kernels": "eager"}
    return tuple((record, _sizes(record, **conventions)) for record in _records("nanotron"))


def test_what_stays_between_steps() -> None:
    """Within 3 % on average; what a framework keeps per parameter is arithmetic, so each should be near."""
    errors = [
        sizes.memory[0].persistent_bytes / (float(record["memory_persistent_gib"]) * GIB) - 1
        for record, sizes in _nanotron()
        if record["memory_persistent_gib"]
    ]
    assert len(errors) >= 40
    assert sum(map(abs, errors)) / len(errors) < 0.03


def test_the_peak_lies_between_what_stays_and_what_was_reserved() -> None:
    """An allocator reserves more than is ever allocated at once, and the peak is no less than what stays."""
    within = [
        float(record["memory_persistent_gib"]) * GIB
        <= (sizes.peak_bytes or 0)
        <= 1.05 * float(record["memory_reserved_gib"]) * GIB
        for record, sizes in _nanotron()
        if record["memory_reserved_gib"]
    ]
    assert sum(within) >= 0.85 * len(within)


def test_who_runs_out_of_memory() -> None:
    """A sweep is as good as what it rules out."""
    right = [sizes.fits(H100_BYTES) is (record["out_of_memory"] == "0") for record, sizes in _nanotron()]
    assert len(right) >= 100
    assert sum(right) >= 0.95 * len(right)


@pytest.mark.parametrize("record", _records("megatron-lm"), ids=lambda record: record["id"])
def test_measured_peaks(record: dict[str, str]) -> None:
    """Each of SimuMax's peaks on B200 within 4 %; its models were cut to a few layers, one of them dense."""
    cut = {"dense_layers": 1, "predicted_tokens": 0} if record["model"].startswith("deepseek") else {}
    sizes = _sizes(record, fused_loss=True, **cut)
    assert sizes.peak_bytes == pytest.approx(float(record["memory_peak_gib"]) * GIB, rel=0.04)
