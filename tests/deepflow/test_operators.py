"""What a transformer is made of: work per rank and collectives per split."""

from __future__ import annotations

import math
from collections import Counter

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import FaultsError, Folded, Gemm, Kind, Work
from versim_deepflow.corrections import Corrections
from versim_deepflow.gemm import gemm_flop
from versim_deepflow.model import load_preset
from versim_deepflow.operators import Operators, layer_operators, merged
from versim_deepflow.parallelism import Parallelism, TensorScheme

ALONE = Parallelism(dp=1, pp=1, tensor=TensorScheme.NONE, tp1=1, tp2=1, microbatches=1)
COLUMN_ROW = attrs.evolve(ALONE, tensor=TensorScheme.COLUMN_ROW, tp1=4)
ROW_COLUMN = attrs.evolve(ALONE, tensor=TensorScheme.ROW_COLUMN, tp1=2, tp2=4)
SHAPE = (2048, 4096, 8192)


def operators(split: Parallelism, corrections: str = "deepflow") -> Operators:
    """Operators on two-byte elements."""
    return Operators(2, split, Corrections.parse(corrections))


def flop_of(work: Work) -> float:
    """Flop of the products in some work, without the additions saved by the first term of a sum."""
    return math.fsum(count * term.m * term.n * 2 * term.k for term, count in work if isinstance(term, Gemm))


@pytest.mark.parametrize("split", [COLUMN_ROW, ROW_COLUMN])
def test_the_ranks_of_a_split_share_the_work(split: Parallelism) -> None:
    """Forward and backward, nothing is computed twice and nothing left out."""
    whole, part = operators(ALONE), operators(split)
    for pass_ in ("forward", "backward"):
        alone, shared = (flop_of(getattr(one, pass_)(SHAPE).compute) for one in (whole, part))
        assert shared * split.tensor_degree == pytest.approx(alone)


def test_a_column_row_split_reduces_forward_and_gathers_backward() -> None:
    """Both move the whole output of the product."""
    forward, backward = (getattr(operators(COLUMN_ROW), pass_)(SHAPE).collectives for pass_ in ("forward", "backward"))
    size = 2 * SHAPE[0] * SHAPE[2]
    assert [(c.kind, c.size_bytes, c.axis, c.participants) for c in (*forward, *backward)] == [
        (Kind.REDUCE_SCATTER, size, "tp", 4),
        (Kind.ALL_GATHER, size, "tp", 4),
    ]
    assert (forward[0].local_bytes, backward[0].local_bytes) == (0, 3 * size)


def test_a_row_column_split_gathers_along_both_axes() -> None:
    """The first and last of the four backward gathers count half."""
    collectives = operators(ROW_COLUMN).backward(SHAPE).collectives
    assert [(c.axis, c.count) for c in collectives] == [("tp1", 0.5), ("tp1", 1.0), ("tp2", 1.0), ("tp2", 0.5)]


def test_an_axis_of_one_rank_has_no_collective() -> None:
    """Nobody to exchange anything with."""
    narrow = attrs.evolve(ROW_COLUMN, tp1=1)
    assert {c.axis for c in operators(narrow).backward(SHAPE).collectives} == {"tp2"}


@pytest.mark.parametrize(
    ("split", "shape"), [(COLUMN_ROW, (8, 3, 8)), (ROW_COLUMN, (1, 8, 8)), (ROW_COLUMN, (8, 8, 3))]
)
def test_a_rank_without_work_is_refused(split: Parallelism, shape: tuple[int, int, int]) -> None:
    """7 // 8 would be a product of nothing."""
    with pytest.raises(FaultsError, match="nothing to compute"):
        operators(split).forward(shape)


def test_merged_work_counts_equal_terms_together() -> None:
    """A node of a thousand operators has as many terms as there are different ones."""
    part = operators(ALONE).residual(SHAPE)
    both = merged(part, part, operators(ALONE).layer_norm_forward(SHAPE))
    assert [count for _, count in both] == [2.0, 1.0]


@given(st.integers(1, 8), st.sampled_from([ALONE, COLUMN_ROW, ROW_COLUMN]))
def test_a_layer_has_its_operators_in_order(batch: int, split: Parallelism) -> None:
    """Attention, then the feed-forward layers, each with a residual and a normalisation behind it."""
    model = load_preset("small")
    layer = layer_operators(model, batch, operators(split))
    assert [operator.name for operator in layer] == [
        "qkv_projection",
        "attention_score",
        "attention_softmax",
        "attention_output",
        "output_projection",
        "residual1",
        "layer_norm1",
        "ffn1",
        "ffn2",
        "residual2",
        "layer_norm2",
    ]
    folded = Counter(type(term) for operator in layer for term, _ in operator.forward)[Folded]
    assert folded == (0 if split is ALONE else 6)


def test_backward_products_cost_twice_the_forward_ones() -> None:
    """One gradient for the activations and one for the weights."""
    forward, backward = (getattr(operators(ALONE), pass_)(SHAPE).compute for pass_ in ("forward", "backward"))
    assert flop_of(backward) == 2 * flop_of(forward)
    assert gemm_flop(*SHAPE) < flop_of(forward)


def test_corrections_change_what_they_name_only() -> None:
    """The softmax over the vocabulary and the transfer of embeddings."""
    measured, mended = operators(ALONE), operators(ALONE, "softmax_backward_bytes")
    assert measured.vocabulary_forward(SHAPE) == mended.vocabulary_forward(SHAPE)
    assert measured.vocabulary_backward(SHAPE)[-1][0].access_bytes == 2 * SHAPE[0] * 11  # type: ignore[union-attr]
    assert mended.vocabulary_backward(SHAPE)[-1][0].access_bytes == 2 * SHAPE[0] * SHAPE[2] * 11  # type: ignore[union-attr]
    transfers = [
        operators(ALONE, name).embedding_forward(512, 1024)[1][0].size_bytes  # type: ignore[union-attr]
        for name in ("deepflow", "embedding_transfer_bytes")
    ]
    assert transfers == [2 * 2 * 512 * 1024, 2 * 512 * 1024]
