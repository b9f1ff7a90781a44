"""The pages of the scenarios that are shipped, as people make them first."""

from __future__ import annotations

import pytest
import versim
from versim import Destination
from versim_reporters.html import HtmlOptions, HtmlReporter

MOST_BYTES = 1_500_000


@pytest.mark.parametrize("scenario", ["bundled", "modes", "degraded"])
def test_a_page_is_small_enough_to_be_sent(scenario: str) -> None:
    """Also of several pins, and where links are degraded; the default comparison's is held with README."""
    page = HtmlReporter().render(versim.compare(scenario, sweep=True), HtmlOptions(), Destination(to_file=True))
    assert isinstance(page.content, bytes)
    assert len(page.content) < MOST_BYTES
