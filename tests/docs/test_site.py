"""The site builds without a warning and loads nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module", name="site")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("furo", reason="the site needs the extra docs")
    folder = tmp_path_factory.mktemp("site")
    made = tmp_path_factory.mktemp("doctrees")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-d", str(made), "-b", "html"]
    run = subprocess.run(
        [*command, "docs", str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


def test_every_page_is_built(site: Path) -> None:
    """One HTML page per source."""
    sources = {str(path.relative_to(ROOT / "docs").with_suffix(".html")) for path in (ROOT / "docs").rglob("*.md")}
    assert sources <= {str(path.relative_to(site)) for path in site.rglob("*.html")}


def test_links_into_the_repository_name_files_that_exist() -> None:
    """The site shows them as paths, so building it does not notice one that leads nowhere."""
    for page in (ROOT / "docs").rglob("*.md"):
        for target in re.findall(r"\]\((\.\./[^)#\s]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    """They can be read without a network: links lead out, but nothing is loaded from there."""
    loaded = re.compile(
        r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="(?:https?:)?//|<link\b[^>]*\bhref="https?://[^>]*"""
    )
    for page in site.rglob("*.html"):
        found = [match for match in loaded.findall(page.read_text("utf-8")) if 'rel="canonical"' not in match]
        assert found == [], page


def test_no_link_leads_nowhere(site: Path) -> None:
    """Links between pages, and those into the repository, which the site shows as paths."""
    for page in site.rglob("*.html"):
        if page.name == "404.html":
            continue
        for target in re.findall(r'<a\b[^>]*\bhref="([^"#:]+)(?:#[^"]*)?"', page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.relative_to(site)}: {target}"


def test_the_library_reference_comes_from_the_code(site: Path) -> None:
    """What docstrings say of the public names stands on its page."""
    page = (site / "api.html").read_text("utf-8")
    assert all(f'id="versim.{name}"' in page for name in ("compare", "Report", "Report.save", "System", "Gemm"))
    assert "Compare simulators on a scenario." in page
