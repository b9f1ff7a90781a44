"""``versim doctor`` asks every component that can say, and survives those that cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from versim import Diagnostic, NoOptions, Registry, hookimpl
from versim.cli.group import cli
from versim.cli.session import Session


class Backend:
    """Depends on a program."""

    name = "outside"
    options = NoOptions

    def simulate(self, request: object) -> object:
        """Never called."""
        raise AssertionError(request)

    def diagnose(self) -> Iterator[Diagnostic]:
        """One thing found, then trouble."""
        yield Diagnostic("the program", found=True, detail="/usr/bin/program 1.2")
        yield Diagnostic("its data", found=False, detail="set DATA to its folder")
        raise RuntimeError("broke down")


class Plugin:
    """Offers the backend."""

    VERSIM_API_VERSION = 1

    @hookimpl
    def versim_backends(self) -> list[Backend]:
        """The backend."""
        return [Backend()]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """The command with that plugin only."""
    monkeypatch.setattr(Session, "registry", lambda self, *, warn=True: Registry.of({"outside": Plugin()}))  # noqa: ARG005
    result = CliRunner().invoke(cli, ["doctor", *arguments], standalone_mode=True)
    return result.exit_code, result.output


def test_everything_found_and_missing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A component that breaks down is a line, and what is missing says what to do."""
    status, text = run(monkeypatch)
    assert status == 0, text
    assert "ok       the program\n         /usr/bin/program 1.2" in text
    assert "missing  its data\n         set DATA to its folder" in text
    assert "its diagnosis failed: RuntimeError: broke down" in text


def test_the_answer_can_be_read_by_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON, one entry per line."""
    document = json.loads(run(monkeypatch, "-f", "json")[1])
    assert [line["found"] for line in document["diagnostics"]] == [True, False, False]
    assert document["diagnostics"][0] == {
        "component": "outside",
        "subject": "the program",
        "found": True,
        "detail": "/usr/bin/program 1.2",
    }
    assert document["broken"] == []
