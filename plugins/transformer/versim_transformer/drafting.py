"""The scenario that somebody means who names a model, a cluster and a few degrees of parallelism."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from versim import ClusterChoice, FaultsError, System, structure_options

from versim_transformer.options import TransformerOptions
from versim_transformer.sizes import step_sizes
from versim_transformer.validation import architecture_of, settings_of

MICROBATCHES_PER_STAGE = 4
"""Enough that the pipeline's bubble is a fifth of the step, and few enough to look at."""

_FIRST = ("model", "seq_len", "mbs", "gbs", "tp", "sequence_parallel", "pp", "vp", "cp", "ep", "etp", "dp", "sharding")
"""The order in which options are written; others follow."""

TEXT = """\
name: draft
# {fits}
system: {{preset: {preset}, nodes: {nodes}}}
workloads:
  - label: {label}
    producer: {producer}
    options:
{options}
pins:
  # Measured operators where there are any, else the data sheet; the same for collectives that a node stands for.
  - {{label: measured, compute: [silicon, roofline], folded: [nccl, alpha-beta]}}
backends:
  - {{label: deepflow, backend: deepflow, network: [nccl, alpha-beta]}}
  # In chunks as ASTRA-sim's own validated configuration of an HGX H100 has them.
  - {{label: astrasim, backend: astrasim, options: {{preferred_dataset_splits: 4, active_chunks_per_dimension: 2}}}}
"""


def drafted(producer: Any, cluster: ClusterChoice, given: Mapping[str, Any]) -> str:
    """The text of the scenario.

    Args:
        producer: Whose options are given.
        cluster: What the step runs on.
        given: Options by name; what is missing is chosen: the least tensor and pipeline parallelism that fits.

    Raises:
        FaultsError: Options that do not fit together, or the cluster.
        UnknownNameError: No such model or cluster.
    """
    system = cluster.system()
    chosen = {**_usual(given), **given}
    options = _fitting(producer, chosen, given, system)
    settings = settings_of(options)
    sizes = step_sizes(settings)
    peak, memory = sizes.peak_bytes or 0.0, system.device.memory_bytes or 0.0
    fits = f"peak memory {peak / 2**30:.1f} GiB of {memory / 2**30:.0f}"
    fits = f"Fits: {fits}." if sizes.fits(memory) else f"DOES NOT FIT: {fits}; spread it further, or recompute."
    named = {**chosen, **{name: getattr(options, name) for name in ("tp", "pp", "dp", "gbs", "sequence_parallel")}}
    named["sharding"] = str(options.sharding)
    order = [*(name for name in _FIRST if name in named), *(name for name in named if name not in _FIRST)]
    lines = [f"      {name}: {json.dumps(named[name])}" for name in order]
    return TEXT.format(
        fits=fits,
        preset=cluster.preset,
        nodes=cluster.nodes or 1,
        label=json.dumps(settings.architecture.name),
        producer=producer.name,
        options="\n".join(lines),
    )


def _usual(given: Mapping[str, Any]) -> dict[str, Any]:
    """What most runs have that say nothing else."""
    return {"seq_len": 4096, "mbs": 1} if "seq_len" not in given else {"mbs": 1}


def _fitting(producer: Any, chosen: Mapping[str, Any], given: Mapping[str, Any], system: System) -> TransformerOptions:
    """The options with degrees that fill the cluster: the first that fit its devices' memory, or the last tried."""
    found: TransformerOptions | None = None
    error: FaultsError | None = None
    for degrees in _degrees(given, system):
        fixed = {name: value for name, value in {**_implied(degrees, given), **degrees}.items() if name not in given}
        options: TransformerOptions = structure_options(producer, {**chosen, **fixed}, "$.options")
        try:
            settings = settings_of(options)
        except FaultsError as fault:
            error = error or fault
            continue
        found = options
        if step_sizes(settings).fits(system.device.memory_bytes or 0.0):
            break
    if found is None:
        # Where nobody chose anything, the first fault is of what was given.
        architecture_of(structure_options(producer, dict(chosen), "$.options"))
        raise error or FaultsError("cluster", [_no_degrees(given, system)])
    return found


def _degrees(given: Mapping[str, Any], system: System) -> Iterator[dict[str, int]]:
    """Tensor and pipeline degrees that are not given, the least first, with the replicas that fill the cluster."""
    per_node = system.dimensions[0].size
    tps = [int(given["tp"])] if "tp" in given else [n for n in (1, 2, 4, 8) if per_node % n == 0]
    pps = [int(given["pp"])] if "pp" in given else [2**n for n in range(7)]
    for pp, tp in sorted(itertools.product(pps, tps), key=lambda pair: (pair[0] * pair[1], pair[0])):
        inner = tp * pp * int(given.get("cp", 1))
        if inner > 0 and system.world_size % inner == 0:
            dp = system.world_size // inner
            if int(given.get("dp", dp)) == dp:
                yield {"tp": tp, "pp": pp, "dp": dp}


def _implied(degrees: Mapping[str, int], given: Mapping[str, Any]) -> dict[str, Any]:
    """What goes with degrees: a batch that fills the pipeline, sequence parallelism with tp, a sharded optimizer."""
    microbatches = max(8, MICROBATCHES_PER_STAGE * degrees["pp"])
    return {
        "gbs": degrees["dp"] * int(given.get("mbs", 1)) * microbatches,
        "sequence_parallel": degrees["tp"] > 1,
        "sharding": "zero1" if degrees["dp"] > 1 else "none",
    }


def _no_degrees(given: Mapping[str, Any], system: System) -> str:
    said = " · ".join(f"{name} {given[name]}" for name in ("tp", "pp", "cp", "dp") if name in given)
    return (
        f"$.dp: {said} cannot fill the {system.world_size} devices; their product has to divide it, and with dp to be "
        "equal to it"
    )
