"""A run record: one training run that somebody measured, or that died for want of memory.

The columns of a file of records are declared once, in :data:`COLUMNS`: type, bounds and meaning. An empty cell says
that the source does not tell, and nothing else: it is None here and never becomes a feature of a model.
"""

from __future__ import annotations

import attrs


@attrs.frozen
class RecordColumn:
    """One column of a file of records.

    Attributes:
        name: Its heading.
        kind: ``text``, ``count`` (a whole number from 1), ``flag`` (0 or 1) or ``number`` (above 0).
        most: The largest value taken; larger ones are faults, so that no record asks for absurd amounts of work.
        choices: The only texts taken; empty takes any.
        meaning: For people.
        required: Whether every record needs it.
    """

    name: str
    kind: str
    meaning: str
    most: float = 1e12
    choices: tuple[str, ...] = ()
    required: bool = False


SHARDINGS = ("none", "zero1", "zero2", "zero3")
SCHEDULES = ("none", "1f1b", "interleaved", "gpipe")

COLUMNS = (
    RecordColumn("id", "text", "stable name, unique over all files; the line's number where there is none"),
    RecordColumn("framework", "text", "what trained: its conventions and profile are looked up by this name"),
    RecordColumn("release", "text", "its release, where printed"),
    RecordColumn("gpu", "text", "device", required=True),
    RecordColumn("gpus", "count", "devices in all", most=1e7),
    RecordColumn("gpus_per_node", "count", "devices that share a host", most=1e4),
    RecordColumn("precision", "text", "of products, as the source has it; bf16 where empty"),
    RecordColumn("model", "text", "preset, whose published configuration holds where the columns below are empty"),
    RecordColumn("layers", "count", "transformer layers", most=10_000),
    RecordColumn("hidden", "count", "width", most=1e7),
    RecordColumn("heads", "count", "query heads", most=1e5),
    RecordColumn("kv_heads", "count", "key and value heads", most=1e5),
    RecordColumn("ffn", "count", "width of the feed-forward layer", most=1e8),
    RecordColumn("gated", "flag", "1 for three matrices (SwiGLU and its like)"),
    RecordColumn("vocab", "count", "rows of the embedding", most=1e8),
    RecordColumn("tied", "flag", "1 for one embedding matrix"),
    RecordColumn("experts", "count", "experts of a layer", most=1e5),
    RecordColumn("experts_per_token", "count", "experts that each token goes to", most=1e5),
    RecordColumn("moe_ffn", "count", "width of an expert", most=1e8),
    RecordColumn("seq_len", "count", "tokens per sequence", most=1e9, required=True),
    RecordColumn("mbs", "count", "sequences per microbatch; 1 where empty", most=1e7),
    RecordColumn("gbs", "count", "sequences per step", most=1e9, required=True),
    RecordColumn("tp", "count", "tensor parallelism; 1 where empty, like the other degrees", most=1e6),
    RecordColumn("sequence_parallel", "flag", "1 where activations are sharded along the sequence, too"),
    RecordColumn("pp", "count", "pipeline stages", most=1e5),
    RecordColumn("vp", "count", "chunks per stage", most=1e4),
    RecordColumn("cp", "count", "context parallelism", most=1e6),
    RecordColumn("ep", "count", "expert parallelism", most=1e6),
    RecordColumn("dp", "count", "replicas; from gpus = tp·pp·cp·dp where empty", most=1e7),
    RecordColumn("sharding", "text", "of optimizer state, gradients, parameters", choices=SHARDINGS),
    RecordColumn("schedule", "text", "of the pipeline", choices=SCHEDULES),
    RecordColumn("recompute", "text", "none, selective, full, or the source's own word"),
    RecordColumn("step_s", "number", "measured seconds per step", most=1e7),
    RecordColumn("memory_persistent_gib", "number", "what stays allocated between steps", most=1e6),
    RecordColumn("memory_peak_gib", "number", "peak of allocated memory", most=1e6),
    RecordColumn("memory_reserved_gib", "number", "the most the allocator had reserved", most=1e6),
    RecordColumn("out_of_memory", "flag", "1: the run died for want of memory"),
    RecordColumn("nic_gb_s", "number", "GB/s of each GPU's NIC", most=1e6),
    RecordColumn("all_reduce_gb_s", "number", "what the job measured on its nodes at start", most=1e7),
    RecordColumn("all_gather_gb_s", "number", "what the job measured on its nodes at start", most=1e7),
    RecordColumn("reduce_scatter_gb_s", "number", "what the job measured on its nodes at start", most=1e7),
    RecordColumn("note", "text", "caveats"),
    RecordColumn("source", "text", "where it was read"),
)


STALLING_PIPELINES = "stalling pipelines"
"""A fault of software: every message between stages on different nodes stalls."""


@attrs.frozen(kw_only=True)
class RunRecord:
    """One run; the attributes are the columns, None (texts: "") where the source does not say.

    Attributes:
        file: Where it was read.
        line: Its line there.
    """

    file: str
    line: int
    id: str
    framework: str
    release: str
    gpu: str
    gpus: int
    gpus_per_node: int | None
    precision: str
    model: str
    layers: int | None
    hidden: int | None
    heads: int | None
    kv_heads: int | None
    ffn: int | None
    gated: bool | None
    vocab: int | None
    tied: bool | None
    experts: int | None
    experts_per_token: int | None
    moe_ffn: int | None
    seq_len: int
    mbs: int
    gbs: int
    tp: int
    sequence_parallel: bool | None
    pp: int
    vp: int
    cp: int
    ep: int
    dp: int
    sharding: str
    schedule: str
    recompute: str
    step_s: float | None
    memory_persistent_gib: float | None
    memory_peak_gib: float | None
    memory_reserved_gib: float | None
    out_of_memory: bool | None
    nic_gb_s: float | None
    all_reduce_gb_s: float | None
    all_gather_gb_s: float | None
    reduce_scatter_gb_s: float | None
    note: str
    source: str

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{self.file}, line {self.line}"

    @property
    def series(self) -> str:
        """What the id names before its number: the table it stands in."""
        head, _, tail = self.id.rpartition("-")
        return head if head and tail.isdigit() else self.framework or "runs"

    @property
    def kind(self) -> str:
        """``experts`` for a mixture of experts as far as the record tells, else ``dense``."""
        return "experts" if self.experts is not None or (self.hidden is None and self.ep > 1) else "dense"

    @property
    def fault(self) -> str:
        """What the source says was wrong with the software that ran, known before it did; "" for nothing."""
        return STALLING_PIPELINES if self.note.lower().startswith("before the sweep's fix") else ""

    @property
    def microbatches(self) -> int:
        """Microbatches per replica and step; at least 1."""
        return max(1, self.gbs // (self.mbs * self.dp))

    @property
    def architecture(self) -> tuple[object, ...]:
        """What tells models apart, whatever they are called."""
        return (self.model if self.hidden is None else "", self.layers, self.hidden, self.ffn, self.vocab)

    @property
    def settings(self) -> tuple[object, ...]:
        """Everything that was chosen: two records that agree in it repeat one setting."""
        skipped = {"file", "line", "id", "source"} | {name for name in OUTCOMES if name != "nic_gb_s"}
        return tuple(value for name, value in attrs.asdict(self).items() if name not in skipped)


OUTCOMES = frozenset(
    {
        "step_s",
        "memory_persistent_gib",
        "memory_peak_gib",
        "memory_reserved_gib",
        "out_of_memory",
        "nic_gb_s",
        "all_reduce_gb_s",
        "all_gather_gb_s",
        "reduce_scatter_gb_s",
    }
)
"""Columns that a run brings forth, or that describe its machine; the others are its settings."""
