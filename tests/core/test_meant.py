"""What is suggested to somebody whose name does not exist."""

from __future__ import annotations

import pytest
from versim import did_you_mean

DEVICES = ("a100-80gb", "a100-80gb-tp", "h100-sxm5", "v100")


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("h100", DEVICES, "'h100-sxm5'"),  # written alike is v100
        ("h100-80gb", DEVICES, "'h100-sxm5'"),  # written alike is a100-80gb
        ("H100", DEVICES, "'h100-sxm5'"),
        ("a100", DEVICES, "'a100-80gb' or 'a100-80gb-tp'"),
        ("llama", ("llama3-8b", "gpt3-5b"), "'llama3-8b'"),
        ("bandwidth", ("bandwidth_bytes_per_s", "latency_s"), "'bandwidth_bytes_per_s'"),
        ("comprae", ("compare", "report"), "'compare'"),
        ("astra", ("alpha-beta", "astrasim"), "'astrasim'"),
    ],
)
def test_a_part_of_a_name_goes_before_letters(name: str, known: tuple[str, ...], meant: str) -> None:
    """People write the beginning of what they know; only where that leads nowhere do letters count."""
    assert did_you_mean(name, known).startswith(f"; did you mean {meant}?")


def test_what_is_like_nothing_suggests_nothing() -> None:
    """A wild guess sends people the wrong way."""
    assert did_you_mean("xyz", DEVICES).startswith(" (known: a100-80gb")
    assert did_you_mean("", DEVICES).startswith(" (known: ")
