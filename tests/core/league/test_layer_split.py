"""How frameworks deal layers out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim.league.layer_split import SPLITS, Sizes, deepspeed, megatron, nanotron


def test_megatron_counts_embedding_and_head_where_layers_do_not_divide() -> None:
    """126 layers on 8 stages of 8 chunks: 128 places, the first and the last one short."""
    split = megatron(Sizes(layers=126, pp=8, vp=8))
    assert split[0] == (1, 2, 2, 2, 2, 2, 2, 2)
    assert split[-1] == (2, 2, 2, 2, 2, 2, 2, 1)
    assert megatron(Sizes(layers=128, pp=8, vp=8)) == ((2,) * 8,) * 8


@pytest.mark.parametrize(
    ("layers", "pp", "split"),
    [(70, 12, (5, *[6] * 10, 5)), (72, 6, (12,) * 6), (78, 12, (*[7] * 11, 1)), (106, 12, (8, *[9] * 10, 8))],
)
def test_deepspeed_weighs_embeddings_where_only_that_is_even(layers: int, pp: int, split: tuple[int, ...]) -> None:
    """BLOOM's trials, as their chronicles tell: "the last stage has 1 block, while the rest have 7"."""
    assert deepspeed(Sizes(layers=layers, pp=pp, vp=1)) == (split,)


@pytest.mark.parametrize(
    ("layers", "hidden", "ffn", "pp", "first"),
    [(16, 2048, 8192, 2, 10), (28, 3072, 8192, 4, 8), (32, 4096, 14336, 8, 5), (80, 8192, 28672, 16, 6)],
)
def test_nanotron_weighs_the_head(layers: int, hidden: int, ffn: int, pp: int, first: int) -> None:
    """The layers of stage 0, as the memory of published runs has them."""
    sizes = Sizes(layers=layers, pp=pp, vp=1, hidden=hidden, ffn=ffn, vocab=131072)
    assert nanotron(sizes)[0][0] == first


@given(st.integers(1, 200), st.integers(1, 32), st.integers(1, 4), st.sampled_from(sorted(SPLITS)))
def test_no_layer_is_lost(layers: int, pp: int, vp: int, name: str) -> None:
    """Whatever does not divide."""
    chunks = vp if name in ("megatron", "remainder first") else 1
    sizes = Sizes(layers=layers, pp=pp, vp=chunks, hidden=1024, ffn=4096, vocab=50000)
    split = SPLITS[name](sizes)
    assert len(split) == chunks
    assert all(len(stages) == pp and min(stages) >= -1 for stages in split)
    assert sum(map(sum, split)) == layers
