"""Where seconds come from, in words."""

from __future__ import annotations

from versim import Origin, OriginShare, Source, origins_in_words


def share(seconds: float, source: Source, by: str, detail: str = "", role: str = "compute") -> OriginShare:
    """So many seconds of one origin."""
    return OriginShare(role, Origin(source, by, detail), seconds)


def test_firm_ground_comes_first_and_what_was_not_measured_is_listed() -> None:
    """A reader wants to know how much of a step anybody has measured, and what the rest is."""
    shares = (
        share(55, Source.INTERPOLATED, "silicon", "products"),
        share(18, Source.MODELLED, "roofline", "element-wise work"),
        share(9, Source.MEASURED, "silicon", "products"),
        share(8, Source.MODELLED, "silicon", "attention, backward"),
        share(7, Source.SATURATED, "silicon", "products"),
        share(3, Source.MODELLED, "roofline", "copies"),
    )
    assert list(origins_in_words(shares)) == [
        (
            "64 % of compute time measured (9 % exact), 7 % saturated beyond silicon, 21 % modelled by roofline, "
            "8 % modelled by silicon"
        ),
        "not measured: element-wise work 18 %; attention, backward 8 %; copies 3 %",
    ]


def test_one_model_alone_needs_no_sentence() -> None:
    """The report already says who timed compute."""
    assert list(origins_in_words((share(5, Source.MODELLED, "deepflow", "products"),))) == []
    assert list(origins_in_words(())) == []


def test_roles_are_told_apart_and_what_is_there_is_never_nothing() -> None:
    """Folded communication is not compute; a thousandth is less than 1 %, not 0."""
    shares = (
        share(999, Source.MODELLED, "deepflow", "products"),
        share(1, Source.MODELLED, "roofline", "element-wise work"),
        share(4, Source.MEASURED, "silicon", "all_reduce", role="folded"),
    )
    assert list(origins_in_words(shares)) == [
        "100 % of compute time modelled by deepflow, < 1 % modelled by roofline",
        "100 % of folded communication measured (100 % exact)",
    ]


def test_a_long_list_is_cut() -> None:
    """Five kinds of work are enough to see what is missing."""
    shares = [share(10, Source.MODELLED, "roofline", f"kind {number}") for number in range(7)]
    sentences = list(origins_in_words([*shares, share(30, Source.MEASURED, "silicon")]))
    assert sentences[1].endswith("kind 4 10 %; …")
