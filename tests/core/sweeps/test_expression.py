"""The language of constraints: what it means, and that nothing else gets in."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim.sweeps.expression import LONGEST, Expression, ExpressionError, conjuncts, parse_expression

NAMES = {"tp": 4, "pp": 2, "recompute": "full", "fits": True, "mfu": None, "system.dimensions[1].size": 8}


def value(text: str) -> Any:
    """What an expression amounts to with the names above."""
    return parse_expression(text).value(NAMES.__getitem__)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tp * pp == 8 and fits", True),
        ("1 < tp <= 4", True),
        ("not fits or tp // 3 == 1", True),
        ("recompute in ['none', 'full']", True),
        ("recompute not in ('full',)", False),
        ("system.dimensions[1].size % tp == 0", True),
        ("max(tp, pp, 3) - min(tp, pp) + abs(-1)", 3),
        ("-tp ** 2 / 2", -8.0),
        ("tp if fits else pp", 4),
        ("mfu > 0.1", False),
        ("mfu <= 0.1", False),
        ("mfu is none", True),
        ("true and not false", True),
    ],
)
def test_it_means_what_it_says(text: str, expected: Any) -> None:
    """Python's meaning; what is not known is neither above nor below anything."""
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "(1).__class__",
        "[x for x in [1]]",
        "lambda: 1",
        "tp := 4",
        "f'{tp}'",
        "open('x')",
        "tp[pp]",
        "max(tp)",
        "abs(1, 2)",
        "b'x' == tp",
        "1j",
        "tp & pp",
        "~tp",
        "'a' * 1000",
        "recompute < 3",
        "tp / 0",
        "2 ** 65",
        "'x' in recompute",
        "tp =",
        "",
        "unknown > 1",
        "1" * (LONGEST + 1),
        "(" * 500 + "1" + ")" * 500,
        "+".join(["1"] * 900),
        "\0",
    ],
)
def test_nothing_else_gets_in(text: str) -> None:
    """No attribute of an object, no call, no text that grows: one clear error."""
    with pytest.raises(ExpressionError):
        value(text)


def test_figures_stay_bounded() -> None:
    """Powers of powers end in infinity, not in memory."""
    assert value("((9 ** 64) ** 64) ** 64 > 1")


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_an_error(text: str) -> None:
    """Never another exception."""
    with contextlib.suppress(ExpressionError):
        parse_expression(text).value(NAMES.__getitem__)


def test_conditions_are_told_apart_where_and_joins_them() -> None:
    """So that each can be counted; ``or`` stays whole."""
    assert [one.text for one in conjuncts("tp == 1 and (pp == 2 or fits) and fits")] == [
        "tp == 1",
        "pp == 2 or fits",
        "fits",
    ]
    (only,) = conjuncts(" tp  ==  1 ")
    assert isinstance(only, Expression)
    assert (only.text, only.names) == ("tp  ==  1", {"tp"})


def test_a_name_that_is_not_known_has_a_suggestion() -> None:
    """Before anything is evaluated."""
    with pytest.raises(ExpressionError, match="nothing is called 'recomptue'; did you mean 'recompute'"):
        parse_expression("recomptue == 'full'", NAMES)
