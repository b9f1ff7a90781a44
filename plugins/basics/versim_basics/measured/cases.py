"""The measured iterations: A100s, four sizes of a GPT, each with two ways of recomputing activations.

Measured by Korthikanti, Casper, Lym, McAfee, Andersch, Shoeybi, Catanzaro, "Reducing Activation Recomputation in Large
Transformer Models" (arXiv 2205.05198), table 5; the record beside this module is read as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from versim_basics.records import Record, read_record

RECORD = Path(__file__).parent / "megatron_activation_recompute.csv"

ASSUMED_VOCABULARY = 51200
"""The record gives no vocabulary; this is GPT-2's of 50257 padded as Megatron-LM pads it for 8 tensor-parallel ranks
(to a multiple of 128 per rank)."""

GPUS_PER_NODE = 8
"""One tensor-parallel group fills a node, so a pipeline stage is a node and its neighbours are others."""

NOT_MODELLED = {
    "R": "full recomputation: every layer's forward pass runs once more in the backward pass; the graph runs it once "
    "(of FLOP forward 1, again 1, backward 2 it lacks a quarter)",
    "S": "selective recomputation: the products inside attention run once more; the graph runs them once",
    "Q": "sequence parallelism: each all-reduce becomes a reduce-scatter and an all-gather of the same bytes, and "
    "normalisation and dropout are shared among tensor-parallel ranks; the graph does neither",
    "T": "Megatron's tensor parallelism: columns of one product, rows of the next, two all-reduces of activations per "
    "layer and pass; DeepFlow's column_row split communicates for every product, attention scores included",
    "I": "interleaved schedule: v model chunks per device shrink the pipeline bubble from (p−1)/m to (p−1)/(v·m) of "
    "the ideal time, for more messages; the graph has v = 1",
    "O": "optimizer: with one replica DeepFlow's graph neither reduces nor applies gradients",
    "L": "links: those of the hardware preset; the record does not describe the machine's",
    "V": f"vocabulary: not in the record; {ASSUMED_VOCABULARY} assumed",
}
"""What the graph of a case leaves out or assumes, by its letter."""


@attrs.frozen(kw_only=True)
class Case:
    """One measured iteration.

    Attributes:
        model: The model's name.
        recompute: ``full`` (tensor parallelism) or ``selective`` (with sequence parallelism).
        gpus: Devices in all.
        tp: Tensor-parallel devices.
        pp: Pipeline stages.
        dp: Replicas.
        interleave: Model chunks per device.
        batch: Sequences per iteration.
        microbatch: Sequences per microbatch.
        hidden: Width of the model.
        feedforward: Width of the feed-forward layers.
        sequence: Tokens per sequence.
        heads: Attention heads.
        layers: Transformer layers.
        measured_s: Seconds per iteration.
    """

    model: str
    recompute: str
    gpus: int
    tp: int
    pp: int
    dp: int
    interleave: int
    batch: int
    microbatch: int
    hidden: int
    feedforward: int
    sequence: int
    heads: int
    layers: int
    measured_s: float

    @property
    def name(self) -> str:
        """Model and recomputation."""
        return f"{self.model}, {self.recompute}"

    @property
    def not_modelled(self) -> str:
        """Letters of :data:`NOT_MODELLED` that apply."""
        letters = "R" if self.recompute == "full" else "SQ"
        return letters + "T" + ("I" if self.interleave > 1 else "") + "OLV"

    def producer_options(self, hardware: str, compat: str) -> dict[str, Any]:
        """The options of ``deepflow-llm`` that describe this iteration as far as it can be described.

        Recomputation and interleaving are no part of it, so the two cases of a model give one graph.
        """
        return {
            "granularity": "pipeline",
            "hardware": hardware,
            "compat": compat,
            "model": "small",  # every size of it is replaced
            "hidden": self.hidden,
            "heads": self.heads,
            "ffn": self.feedforward,
            "sequence_length": self.sequence,
            "vocabulary": ASSUMED_VOCABULARY,
            "layers": self.layers,
            "batch_size": self.batch,
            "dp": self.dp,
            "pp": self.pp,
            "tp": self.tp,
            "microbatches": self.batch // self.dp // self.microbatch,
            "nodes": self.gpus // GPUS_PER_NODE,
            "crosses_nodes": ["pp"],
        }


def record() -> Record:
    """The measurements with their source."""
    return read_record(RECORD)


def cases() -> tuple[Case, ...]:
    """Every measured iteration, in the record's order."""
    return tuple(_case(row) for row in record().rows)


def _case(row: Mapping[str, str]) -> Case:
    texts = {"model", "recompute"}
    values: dict[str, Any] = {
        name: row[name] if name in texts else int(row[name]) for name in attrs.fields_dict(Case) if name != "measured_s"
    }
    return Case(measured_s=float(row["measured_s"]), **values)
