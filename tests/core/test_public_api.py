"""``import versim`` is the whole public API, and costs little."""

from __future__ import annotations

import subprocess
import sys

import pytest
import versim


@pytest.mark.parametrize("name", versim.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """Names load on first use, so a wrong one would show only at a plugin author's."""
    assert getattr(versim, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    """``hasattr`` and ``from versim import x`` rely on it."""
    with pytest.raises(AttributeError, match="no attribute 'Predicton'"):
        versim.Predicton  # noqa: B018


def test_importing_versim_loads_nothing_heavy() -> None:
    """``versim --help`` must not wait for numpy."""
    code = "import sys, versim; print(sorted({'numpy', 'attr', 'yaml'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_name_that_goes_warns_for_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plugins written for the old name keep working, and are told what to use."""
    monkeypatch.setitem(versim._DEPRECATED, "Ring", ("Topology", "0.3"))
    with pytest.warns(DeprecationWarning, match=r"versim\.Ring goes with versim 0\.3; use versim\.Topology"):
        assert versim.Ring is versim.Topology
