"""What ranks tell one another, in bytes."""

from __future__ import annotations

from typing import Any

import pytest
from transformer_steps import EXPERTS, SMALL, communications, graph, makespan_s
from versim import Folded, Kind, messages_of

TOKENS = SMALL["seq_len"]
HIDDEN = SMALL["hidden"]
WHOLE = TOKENS * HIDDEN * 2
"""Bytes of a microbatch's hidden states in bf16."""
MICROBATCHES = 4
LAYERS = SMALL["layers"]


def _found(**given: Any) -> dict[tuple[str, str, int], int]:
    return communications(graph(granularity="layer", **{"gbs": MICROBATCHES, **given}))


def test_tensor_parallelism_reduces_twice_per_layer_and_pass() -> None:
    """Shoeybi et al. 2019, section 3: two all-reduces of s · b · h forward, two backward, and the ends."""
    found = _found(tp=4)
    assert found["reduce output", "tp", WHOLE] == 2 * LAYERS * MICROBATCHES
    # The head's input takes a reduction, too.
    assert found["reduce data gradient", "tp", WHOLE] == (2 * LAYERS + 1) * MICROBATCHES
    assert found["reduce embedding", "tp", WHOLE] == MICROBATCHES
    assert found["reduce target logit", "tp", TOKENS * 4] == MICROBATCHES


@pytest.mark.parametrize("overlap", ["none", "backward", "matched", "all"])
def test_sequence_parallelism_gathers_and_scatters(overlap: str) -> None:
    """Korthikanti et al. 2022, section 4.2.2: a gather and a scatter in an all-reduce's place; inputs once more."""
    found = _found(tp=4, sequence_parallel=True, overlap_tp=overlap)
    for name in ("scatter output", "gather output gradient"):
        assert found[name, "tp", WHOLE] == 2 * LAYERS * MICROBATCHES
    for name in ("gather input", "scatter data gradient", "gather input again"):
        assert found[name, "tp", WHOLE] == (2 * LAYERS + 1) * MICROBATCHES
    assert not any(name.startswith("reduce data") for name, _, _ in found)


@pytest.mark.parametrize(("precision", "width"), [("fp8", 1), ("mxfp8", 1), ("nvfp4", 0.5), ("fp8_block", 2)])
def test_operands_are_gathered_as_converted(precision: str, width: float) -> None:
    """Transformer Engine's ``gather_along_first_dim``; the head's inputs and all sums stay in 16 bits."""
    found = _found(tp=4, sequence_parallel=True, precision=precision)
    each = 2 * LAYERS * MICROBATCHES
    size = WHOLE * width / 2
    assert found["gather output gradient", "tp", size] == each
    assert found["gather input", "tp", size] == each + (MICROBATCHES if width == 2 else 0)
    assert found["gather input", "tp", WHOLE] == (each if width == 2 else 0) + MICROBATCHES
    assert found["scatter output", "tp", WHOLE] == each
    assert (
        _found(tp=4, sequence_parallel=True, precision=precision, tp_dtype="bf16")["gather input", "tp", WHOLE] > each
    )


def test_sums_may_travel_in_eight_bits() -> None:
    """Of forward passes; those of backward passes do not (user buffers with ``fp8_buf``)."""
    found = _found(tp=4, sequence_parallel=True, precision="fp8", scatter_dtype="fp8")
    assert found["scatter output", "tp", WHOLE // 2] == 2 * LAYERS * MICROBATCHES
    assert found["scatter data gradient", "tp", WHOLE] > 0


def test_inputs_that_are_kept_as_gathered_are_gathered_once() -> None:
    """PyTorch saves what a product takes."""
    assert not any(name == "gather input again" for name, _, _ in _found(tp=4, sequence_parallel=True, memory="fsdp"))


def test_asynchronous_tensor_parallelism_hides_what_one_product_gives_or_takes() -> None:
    """Not the gradient of an input that several products share; all of it is communicated all the same."""
    found = {
        overlap: graph(gbs=1, tp=4, sequence_parallel=True, memory="fsdp", overlap_tp=overlap, granularity="operator")
        for overlap in ("none", "matched", "all")
    }
    assert len({tuple(sorted(communications(step).items())) for step in found.values()}) == 1
    times = [makespan_s(step) for step in found.values()]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == len(times)


def test_full_recomputation_communicates_again() -> None:
    """A layer that is computed again reduces again."""
    found = _found(tp=4, recompute="full")
    assert found["reduce output", "tp", WHOLE] == 4 * LAYERS * MICROBATCHES


@pytest.mark.parametrize(("vp", "sequence_parallel"), [(1, False), (1, True), (2, False), (4, True)])
def test_stages_send_each_microbatch_between_chunks(vp: int, sequence_parallel: bool) -> None:
    """Per boundary between chunks, one message each way and microbatch; cut where the sequence is."""
    found = _found(pp=2, vp=vp, tp=2, sequence_parallel=sequence_parallel)
    size = WHOLE // 2 if sequence_parallel else WHOLE
    assert found["send", "pp", size] == 2 * (2 * vp - 1) * MICROBATCHES


def test_messages_may_be_cut_over_tensor_parallel_ranks() -> None:
    """Each rank sends its share and the other stage gathers them; with sequence parallelism they are cut anyway."""
    found = _found(pp=2, tp=2, scatter_p2p=True)
    assert found["send", "pp", WHOLE // 2] == 2 * MICROBATCHES
    assert found["gather message", "tp", WHOLE] == 2 * MICROBATCHES
    cut = {"pp": 2, "tp": 2, "sequence_parallel": True}
    assert _found(**cut, scatter_p2p=True) == _found(**cut)


def _parameters(**given: Any) -> int:
    """Parameters of the small model on one rank, from bytes that are gathered."""
    found = _found(dp=2, sharding="zero1", overlap_parameters=False, gbs=2 * MICROBATCHES, **given)
    return sum(size // 2 * times for (name, _, size), times in found.items() if name == "gather parameters")


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("bucket_parameters", [1, 300_000, 10**9])
def test_replicas_move_their_parameters_by_sharding(overlap: bool, bucket_parameters: int) -> None:
    """Rajbhandari et al. 2020, section 7: buckets change how often, not how much."""
    parameters = _parameters()
    options = {
        "dp": 4,
        "gbs": 4 * MICROBATCHES,
        "overlap_gradients": overlap,
        "overlap_parameters": overlap,
        "bucket_parameters": bucket_parameters,
    }

    def moved(sharding: str) -> dict[str, int]:
        found = _found(**options, sharding=sharding)
        names = {name for name, _, _ in found}
        return {n: sum(size * times for (name, _, size), times in found.items() if name == n) for n in names}

    assert moved("none")["reduce gradients"] == 4 * parameters
    zero1 = moved("zero1")
    assert (zero1["reduce gradients"], zero1["gather parameters"]) == (4 * parameters, 2 * parameters)
    zero2 = moved("zero2")
    assert zero2["reduce gradients"] == MICROBATCHES * 4 * parameters
    zero3 = moved("zero3")
    assert zero3["gather parameters"] == 2 * MICROBATCHES * 2 * parameters
    assert zero3["reduce gradients"] == MICROBATCHES * 4 * parameters


@pytest.mark.parametrize("exchange", ["ring", "all_gather"])
def test_context_parallelism_exchanges_keys_and_values(exchange: str) -> None:
    """Keys and values of all tokens to everyone, forward and backward, and their gradients home."""
    found = _found(cp=4, cp_exchange=exchange)
    size = TOKENS * 2 * HIDDEN * 2
    assert found["gather keys and values", "cp", size] == 2 * LAYERS * MICROBATCHES
    assert found["scatter gradients of keys and values", "cp", size] == LAYERS * MICROBATCHES


def test_grouped_queries_exchange_fewer_keys() -> None:
    """Keys and values of a quarter of the heads are a quarter of the bytes."""
    found = _found(cp=2, kv_heads=2)
    assert ("gather keys and values", "cp", TOKENS * 2 * HIDDEN * 2 // 4) in found


def test_experts_get_their_tokens_and_send_them_home() -> None:
    """Each of a token's visits travels there and back, forward and backward, in every layer with experts."""
    found = _found(**{**EXPERTS, "gbs": 8 * MICROBATCHES}, dp=8, ep=4)
    visits = TOKENS * EXPERTS["experts_per_token"]
    layers = LAYERS - EXPERTS["dense_layers"]
    for name in ("dispatch tokens", "combine tokens"):
        assert found[name, "ep", visits * HIDDEN * 2] == 2 * layers * MICROBATCHES
    groups = {axes for name, axes, _ in found if name.startswith("reduce gradients")}
    assert groups == {"edp+ep", "edp"}


def test_capacity_and_format_scale_what_experts_are_sent() -> None:
    """Slots that stay empty are sent, too; fp8 halves bf16."""
    step = {**EXPERTS, "gbs": 4, "dp": 4, "ep": 4}
    usual = TOKENS * EXPERTS["experts_per_token"] * HIDDEN * 2
    assert ("dispatch tokens", "dp", usual * 5 // 4) in _found(**step, capacity_factor=1.25)
    assert ("dispatch tokens", "dp", usual // 2) in _found(**step, ep_dtype="fp8")


def test_a_token_travels_once_to_a_node_that_has_several_of_its_experts() -> None:
    """Of two nodes, 2 · (1 − 1/4) have one of two experts that are drawn evenly: three quarters of the copies."""
    step = {**EXPERTS, "gbs": 4, "dp": 4, "ep": 4}
    usual = TOKENS * EXPERTS["experts_per_token"] * HIDDEN * 2
    assert ("dispatch tokens", "dp", usual * 3 // 4) in _found(**step, dispatch_node=2)
    assert ("dispatch tokens", "dp", usual) in _found(**step, dispatch_node=4)


def test_tied_embeddings_are_reduced_between_the_ends() -> None:
    """The first and the last stage hold a copy each (Megatron-LM's embedding group)."""
    embedding = SMALL["vocab"] * HIDDEN * 4
    assert _found(pp=4, tied=True)["reduce tied embedding", "pp", embedding] == 2
    assert not any(name == "reduce tied embedding" for name, _, _ in _found(pp=4))


def test_gradients_that_are_reduced_whole_are_all_reduced() -> None:
    """Although each rank uses its share of them: twice what a reduce-scatter moves, of the same tensors."""
    step = {"dp": 2, "gbs": 2 * MICROBATCHES, "sharding": "zero1", "overlap_gradients": False}
    kinds = []
    for whole in (False, True):
        made = graph(**step, reduce_whole=whole)
        rows = [row for row in messages_of(made) if row.axis == "dp" and row.size_bytes > 10_000]
        kinds.append({row.kind for row in rows})
    assert kinds == [{Kind.REDUCE_SCATTER, Kind.ALL_GATHER}, {Kind.ALL_REDUCE, Kind.ALL_GATHER}]


@pytest.mark.parametrize("granularity", ["layer", "stage"])
def test_communication_takes_a_share_from_computation_beside_it(granularity: str) -> None:
    """Of each bucket but the last that is reduced, and of each but the first that is gathered, nothing else."""
    step = {"dp": 2, "gbs": 2, "sharding": "zero1", "bucket_parameters": 1, "granularity": granularity}
    alone = [row for row in messages_of(graph(**step)) if row.axis == "dp" and row.size_bytes > 10_000]
    folded = sum(
        count * term.size_bytes
        for made in (graph(**step, beside_share=0.25),)
        for row in made.work[made.work >= 0].tolist()
        for term, count in made.works[row]
        if isinstance(term, Folded)
    )
    first = next(row for row in alone if row.kind is Kind.ALL_GATHER)
    last = [row for row in alone if row.kind is Kind.REDUCE_SCATTER][-1]
    assert folded == 0.25 * (sum(row.size_bytes for row in alone) - first.size_bytes - last.size_bytes)
    assert not any(isinstance(term, Folded) for work in graph(**step).works for term, _ in work)
