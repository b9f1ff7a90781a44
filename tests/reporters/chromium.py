"""A headless Chromium that loads a file without a network and says what came of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import attrs
import pytest

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: chromium)")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # Whatever the page asked for would fail, and say so on its console.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr",
    "--virtual-time-budget=6000",
)


@attrs.frozen
class Loaded:
    """A page after its scripts ran.

    Attributes:
        dom: The document as HTML.
        console: Lines that went to the console: errors, warnings, messages.
    """

    dom: str
    console: tuple[str, ...]


def load(path: Path, *flags: str) -> Loaded:
    """Load a file and wait until it is drawn."""
    if CHROMIUM is None:
        pytest.skip("no Chromium")
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", *flags, "--dump-dom", path.as_uri()],
            capture_output=True,
            text=True,
            check=True,
            timeout=100,
        )
    return Loaded(done.stdout, tuple(line for line in done.stderr.splitlines() if "CONSOLE" in line))


@attrs.frozen
class Places:
    """Where things stand on a page, in pixels.

    Attributes:
        scroll_width: How wide the page is, with what one would have to scroll to.
        rectangles: Of the first element of each selector: left, top, right, bottom.
    """

    scroll_width: float
    rectangles: tuple[tuple[float, float, float, float], ...]


def measured(page: str, folder: Path, width: int, height: int, selectors: tuple[str, ...]) -> Places:
    """Lay a page out on a screen of a size, which may be narrower than any window that Chromium opens."""
    asking = f"""<script>new MutationObserver(() => requestAnimationFrame(() => parent.postMessage(JSON.stringify({{
      scroll_width: document.documentElement.scrollWidth,
      rectangles: {json.dumps(selectors)}.map((selector) => {{
        const found = document.querySelector(selector).getBoundingClientRect();
        return [found.left, found.top, found.right, found.bottom];
      }}),
    }}), "*"))).observe(document.documentElement, {{attributes: true, attributeFilter: ["data-drawn"]}});</script>"""
    # Without its policy, which would not let this script run.
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    (folder / "inner.html").write_text(page.replace("<body>", f"<body>{asking}"))
    outer = folder / "outer.html"
    outer.write_text(
        f"""<!doctype html><pre></pre><iframe src="inner.html" style="border:0;width:{width}px;height:{height}px">
        </iframe><script>
          // Virtual time leaps over idle moments, while the page's data is unpacked beside it: a busy clock holds it.
          const clock = setInterval(() => 0, 1);
          addEventListener("message", (event) => {{
            clearInterval(clock);
            document.querySelector("pre").textContent = event.data;
          }});
        </script>"""
    )
    found = re.search(r"<pre>(.+?)</pre>", load(outer, "--window-size=1600,1200", "--virtual-time-budget=60000").dom)
    if found is None:
        raise AssertionError("the page was not drawn")
    places = json.loads(found.group(1))
    return Places(places["scroll_width"], tuple(map(tuple, places["rectangles"])))
