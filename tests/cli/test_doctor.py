"""``versim doctor`` asks every component that can say, and survives those that cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import metadata

import pytest
from click.testing import CliRunner
from versim import Diagnostic, NoOptions, Registry, hookimpl
from versim.cli import requirements
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
    assert status == 1, "a component that cannot even say what it lacks is broken"
    assert "ok       the program\n         /usr/bin/program 1.2" in text
    assert "missing  its data\n         set DATA to its folder" in text
    assert "its diagnosis failed: RuntimeError: broke down" in text


def test_the_answer_can_be_read_by_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON, one entry per line."""
    document = json.loads(run(monkeypatch, "-f", "json")[1])
    assert [line["found"] for line in document["diagnostics"]] == [True, False]
    assert document["diagnostics"][0] == {
        "component": "outside",
        "subject": "the program",
        "found": True,
        "detail": "/usr/bin/program 1.2",
    }
    (broken,) = document["broken"]
    assert broken.startswith("outside: its diagnosis failed: RuntimeError: broke down (at cli/test_doctor.py:")


def test_packages_that_are_missing_or_too_old_are_told_by_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ImportError among the lines, and status 0, told nobody; the line says what to install."""
    needed = ["protobuf>=6.31.1", "perfetto >= 0.13", "attrs (>=23.2)", "nowhere>=1", "scipy>=1.11; extra == 'fit'"]
    installed = {"protobuf": "5.29.3", "perfetto": "0.13.0rc1", "attrs": "26.1"}

    def version(name: str) -> str:
        if name not in installed:
            raise metadata.PackageNotFoundError(name)
        return installed[name]

    monkeypatch.setattr(requirements.metadata, "requires", lambda _: needed)
    monkeypatch.setattr(requirements.metadata, "version", version)
    assert list(requirements.unmet(["versim", "versim"])) == [
        "versim needs protobuf>=6.31.1, 5.29.3 is installed; pip install 'protobuf>=6.31.1'",
        "versim needs nowhere, which is not installed; pip install 'nowhere'",
    ]
    monkeypatch.setattr("versim.cli.doctor.unmet", lambda _: iter(["versim needs nowhere"]))
    result = CliRunner().invoke(cli, ["doctor"])
    assert result.exit_code == 1
    assert "broken   versim needs nowhere" in result.output


def test_what_is_installed_here_is_as_declared() -> None:
    """Else nothing that the tests say is worth much."""
    assert list(requirements.unmet(["versim"])) == []
