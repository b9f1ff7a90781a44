"""500 scenarios, traces, reports and records that are nearly right; ``make fuzz`` tries twenty thousand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

import kills
import structured


@pytest.mark.parametrize("kind", structured.KINDS)
def test_what_is_wrong_is_said_and_what_is_accepted_makes_sense(kind: str) -> None:
    """Within limits of time and memory; what is legal is never refused."""
    figures = structured.run(125, 11, (kind,))
    accepted = sum(count for name, count in figures.items() if name.endswith("accepted"))
    assert accepted > 12, figures


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes through /proc")
def test_kills_at_random_moments_leave_nothing_in_the_way() -> None:
    """Four of the hundred that ``tests/fuzz/kills.py`` tries."""
    assert kills.main(4, 3, say=lambda _: None) == 0
