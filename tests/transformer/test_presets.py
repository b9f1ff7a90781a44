"""Published models have the parameters that were published."""

from __future__ import annotations

import pytest
from transformer_steps import settings
from versim import UnknownNameError
from versim_transformer.architecture import model_parameters
from versim_transformer.presets import PRESETS, preset

ROUNDED = 0.021
"""Names such as GPT3-20B round: the farthest is 2.01 % from what its layers hold (mpt-3b, "2.7 B")."""


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_parameters_are_those_published(name: str) -> None:
    """Every time and every byte follows from the parameters; one wrong size shows here first."""
    published = PRESETS[name].parameters
    counted = model_parameters(PRESETS[name].architecture).total
    exact = float(published) % 1e6 != 0
    assert counted == published if exact else counted == pytest.approx(published, rel=ROUNDED)


def test_published_counts_are_mostly_exact() -> None:
    """A tolerance for rounded names must not hide the models whose weights anyone can count."""
    exact = [name for name, found in PRESETS.items() if float(found.parameters) % 1e6 != 0]
    assert len(exact) >= 12


def test_an_unknown_model_names_the_known() -> None:
    """A slip of the pen should cost one look."""
    with pytest.raises(UnknownNameError, match="llama3-8b"):
        preset("lama3-8b")


def test_sizes_replace_those_of_a_preset() -> None:
    """A model cut to a few layers is how single nodes are measured."""
    cut = settings(model="llama3-70b", layers=12).architecture
    assert (cut.layers, cut.hidden, cut.kv_heads) == (12, 8192, 8)
