"""Phases and kinds are open text: a new one is equal to itself everywhere, and known ones stay what they were."""

from __future__ import annotations

import copy
import pickle

import pytest
from versim import FaultsError, Fixed, GraphBuilder, Kind, Mesh, Phase, VersimError, collective_rounds
from versim.plain import plain_converter, structured
from versim.plain.faults import MisfitError


def test_a_known_label_is_one_object() -> None:
    """However it is made: code compares it with ``is``."""
    assert Kind("all_reduce") is Kind.ALL_REDUCE
    assert Kind(Kind.ALL_REDUCE) is Kind.ALL_REDUCE
    assert pickle.loads(pickle.dumps(Kind.ALL_REDUCE)) is Kind.ALL_REDUCE
    assert copy.deepcopy(Phase.NONE) is Phase.NONE
    assert [kind.value for kind in Kind][:2] == ["all_reduce", "all_gather"]
    assert (f"{Kind.ALL_REDUCE}", str(Kind.ALL_REDUCE), Kind.ALL_REDUCE) == ("all_reduce",) * 3
    assert repr(Phase.FORWARD) == "Phase('forward')"


def test_a_new_label_is_its_text() -> None:
    """Equal to the same text and a key like it, in another process, too."""
    new = Kind("gossip")
    assert new == Kind("gossip") == "gossip"
    assert {new: 1}[Kind("gossip")] == 1
    assert pickle.loads(pickle.dumps(new)) == new
    assert isinstance(pickle.loads(pickle.dumps(new)), Kind)
    assert new not in set(Kind)


@pytest.mark.parametrize("text", ["\x1b[31m", "x" * 61, "a\nb", 3, None])
def test_what_cannot_be_shown_is_no_label(text: str) -> None:
    """Labels stand in tables beside figures."""
    with pytest.raises(ValueError, match="is no kind: at most 60 printable letters"):
        Kind(text)


def test_plain_data_becomes_a_label() -> None:
    """In options of any component; what is no text or no label is a fault of the user's."""
    assert structured(plain_converter(), "gossip", Kind) == Kind("gossip")
    for wrong in (3, "\x1b"):
        with pytest.raises(MisfitError):
            structured(plain_converter(), wrong, Kind)


def test_a_graph_has_the_labels_it_uses() -> None:
    """In its own tables, in order of first use; nothing that it does not use is in them."""
    builder = GraphBuilder(Mesh.of(rank=2))
    builder.compute("a", [(Fixed(1e-6), 1)], phase=Phase("recompute"))
    builder.collective("b", "gossip", 8, axes=["rank"], phase=Phase.FORWARD)
    builder.collective("c", Kind.ALL_REDUCE, 8, axes=["rank"], phase=Phase("recompute"))
    graph = builder.build()
    assert (graph.phases, graph.kinds) == (("recompute", "forward"), ("gossip", "all_reduce"))
    assert (graph.phase_of(2), graph.kind_of(1)) == ("recompute", "all_reduce")
    assert graph.is_kind(Kind.ALL_REDUCE).tolist() == [False, True]
    assert graph.is_kind(Kind.BROADCAST).tolist() == [False, False]
    unrolled = graph.unrolled()
    assert (unrolled.phases, unrolled.kinds) == (graph.phases, graph.kinds)


def test_parts_of_one_communication_are_of_one_kind() -> None:
    """Also of kinds that nobody has seen before."""
    builder = GraphBuilder(Mesh.of(rank=2))
    for rank, kind in enumerate(("gossip", "gossipe")):
        builder.collective("b", kind, 8, ranks=(0, 1), match="m", on={"rank": rank})
    with pytest.raises(FaultsError, match="its kind gossipe differs from gossip"):
        builder.build()


def test_an_unknown_kind_has_no_rounds() -> None:
    """The algorithms are written for the kinds they know, and say so."""
    with pytest.raises(VersimError, match="no kind of collective named 'gossip'"):
        collective_rounds("ring", "gossip", 8, 2)
