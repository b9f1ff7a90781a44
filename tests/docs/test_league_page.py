"""The page on the league shows the profiles that ship."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_shows_the_profiles_that_ship() -> None:
    """Every constant with its evidence; `make league` writes them."""
    spec = importlib.util.spec_from_file_location("league_page", ROOT / "tools" / "league_page.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = (ROOT / "docs" / "measured.md").read_text(encoding="utf-8")
    assert tool.replaced(page, "profiles", "\n".join(tool.profile_lines())) == page
