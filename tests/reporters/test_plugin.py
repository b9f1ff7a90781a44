"""The plugin offers its reporters and is cheap to import."""

from __future__ import annotations

import subprocess
import sys

from versim import API_VERSION, Registry, Reporter
from versim_reporters import plugin


def test_the_reporters_keep_the_protocol() -> None:
    """Names scenarios and the command line use."""
    reporters = Registry.of({"reporters": plugin}).reporters()
    assert [reporter.name for reporter in reporters] == ["csv", "html", "json", "markdown", "perfetto", "table"]
    assert all(isinstance(reporter, Reporter) for reporter in reporters)
    assert plugin.VERSIM_API_VERSION == API_VERSION


def test_offering_reporters_loads_nothing_heavy() -> None:
    """``versim --help`` loads every plugin and waits for neither numpy nor tabulate."""
    code = (
        "import sys; from versim_reporters import plugin; plugin.versim_reporters(); "
        "print([name for name in ('numpy', 'tabulate', 'perfetto', 'versim.storage') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
