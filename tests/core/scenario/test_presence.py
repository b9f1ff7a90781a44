"""Optional instances: asked where they are installed, left out with a line where they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attrs
import pytest
from versim import Diagnostic, FaultsError, UnknownNameError, VersimError, hookimpl, load_registry
from versim import compare as compared
from versim.registry import Registry
from versim.scenario import Scenario, dump_scenario, structure_scenario
from versim.scenario.overrides import override
from versim.storage.files import save_report
from versim.storage.load_report import load_report

Document = dict[str, Any]


@attrs.frozen
class NoOptions:
    """None."""


@attrs.frozen
class Outside:
    """A backend that runs a program, or would."""

    name: str
    lines: tuple[Diagnostic, ...]
    options: type = NoOptions

    def simulate(self, request: object) -> Any:
        """Never asked."""
        raise NotImplementedError

    def diagnose(self) -> Iterable[Diagnostic]:
        """What was found, each line once: nobody looks further than the first that is there."""
        yield from self.lines


class Programs:
    """A plugin with one program that is there, one of which a part is, and one that is not."""

    @hookimpl
    def versim_backends(self) -> list[Outside]:
        """All three."""
        there = Diagnostic("program", found=True, detail="version 3")
        missing = Diagnostic("program", found=False, detail="no such program; install it")
        return [
            Outside("present", (there,)),
            Outside("partly", (missing, there)),
            Outside("missing", (missing, Diagnostic("library", found=False, detail="nor that"))),
        ]


@pytest.fixture
def there() -> Registry:
    """The plugins that ship, and the one above."""
    registry = load_registry(environ={})
    return Registry.of(
        {plugin.name: registry._manager.get_plugin(plugin.name) for plugin in registry.plugins() if not plugin.error}
        | {"programs": Programs()}
    )


@pytest.fixture
def scenario(there: Registry) -> Callable[..., Scenario]:
    """A scenario with a simulator that is there, and others."""

    def made(*backends: Document, **more: Any) -> Scenario:
        return structure_scenario(document_of(*backends, **more), there, "test")

    return made


def document_of(*backends: Document, **more: Any) -> Document:
    """A small collective through DeepFlow's event loop and others."""
    workload = {
        "label": "sum",
        "producer": "collective",
        "options": {"kind": "all_reduce", "participants": 4, "size": "1 MB"},
    }
    always = {"label": "deepflow", "backend": "deepflow", "network": "alpha-beta"}
    network = {"topology": "ring", "size": 4, "bandwidth": "1 GB/s", "latency": "1 us"}
    more = {"system": {"dimensions": [network]}, **more}
    return {"name": "test", "workloads": [workload], "backends": [always, *backends], **more}


@pytest.mark.parametrize("backend", ["present", "partly", "deepflow"])
def test_who_is_there_is_asked_and_is_optional_no_more(scenario: Callable[..., Scenario], backend: str) -> None:
    """Whose program is there in part, too, and who needs none: nothing looks again, for every step of a sweep."""
    made = scenario({"label": "other", "backend": backend, "if_installed": True})
    assert [instance.label for instance in made.backends] == ["deepflow", "other"]
    assert not any(instance.if_installed for instance in made.backends)
    assert not made.left_out


@pytest.mark.parametrize(
    ("backend", "why"),
    [("missing", "no such program; install it"), ("nobody's", "no plugin that is installed offers the backend")],
)
def test_who_is_not_there_is_left_out_and_it_is_known_why(
    scenario: Callable[..., Scenario], backend: str, why: str
) -> None:
    """Neither the plugin that is missing nor its options, which nobody can check, are a fault."""
    options = {"any": 1} if backend == "nobody's" else {}
    made = scenario({"label": "other", "backend": backend, "options": options, "if_installed": True})
    assert [instance.label for instance in made.backends] == ["deepflow"]
    assert why in made.left_out["other"]


def test_what_only_they_simulate_goes_with_them(scenario: Callable[..., Scenario]) -> None:
    """And the first that stays is the reference, if they were it."""
    made = scenario(
        {"label": "other", "backend": "missing", "if_installed": True},
        pins=[
            {"label": "all"},
            {"label": "its", "backends": ["other"]},
            {"label": "both", "backends": ["other", "deepflow"]},
        ],
        reference="other",
    )
    assert [pin.label for pin in made.pins] == ["all", "both"]
    assert made.pin("both").backends == ("deepflow",)
    assert made.reference is None


def test_what_is_found_is_not_written(scenario: Callable[..., Scenario], there: Registry) -> None:
    """A scenario's text is the same wherever it is loaded from it, and nobody can write what only loading finds."""
    made = scenario({"label": "other", "backend": "missing", "if_installed": True})
    assert "left_out" not in dump_scenario(made)
    with pytest.raises(FaultsError, match=r"\$\.left_out: no such key"):
        structure_scenario(document_of(left_out={"other": "because"}), there, "test")


def test_who_is_not_optional_has_to_be_there(scenario: Callable[..., Scenario], there: Registry) -> None:
    """In the file, and on the command line."""
    with pytest.raises(FaultsError, match='no backend named "nobody\'s"'):
        scenario({"label": "other", "backend": "nobody's", "if_installed": False})
    made = scenario({"label": "other", "backend": "nobody's", "if_installed": True})
    with pytest.raises(VersimError, match="no backend named 'other'"):
        override(made, there, backends=["deepflow", "other"])
    assert not override(made, there, backends=["deepflow"]).left_out


def test_a_scenario_of_which_nothing_is_left_is_refused(there: Registry) -> None:
    """With what is missing, and so is one that borrows durations from who is not there."""
    alone = document_of()
    alone["backends"] = [{"label": "other", "backend": "missing", "if_installed": True}]
    with pytest.raises(VersimError, match=r"none of its simulators is installed \(other: no such program"):
        structure_scenario(alone, there, "test")
    borrowing = document_of({"label": "other", "backend": "missing", "if_installed": True})
    lender, borrowed = {**borrowing["workloads"][0], "label": "lender", "pins": ["given"]}, borrowing["workloads"][0]
    borrowing["workloads"] = [lender, {**borrowed, "pins": ["borrowed"]}]
    source = {"nodes": "*", "workload": "lender", "backend": "other"}
    borrowing["pins"] = [{"label": "given"}, {"label": "borrowed", "durations": [source]}]
    with pytest.raises(FaultsError, match="no backend instance is labelled 'other'"):
        structure_scenario(borrowing, there, "test")


def test_a_report_says_who_was_left_out(there: Registry, tmp_path: Path) -> None:
    """In the summary in a line, in full with the reason, in JSON, and when it is read again."""
    report = compared(document_of({"label": "other", "backend": "missing", "if_installed": True}), registry=there)
    assert report.left_out == {"other": "no such program; install it"}
    (tmp_path / "whole").mkdir()
    save_report(report, tmp_path / "report.json")
    again = load_report(tmp_path / "report.json")
    assert again.left_out == report.left_out
    for name, said in (("table", "left out other: not installed here"), ("markdown", "no such program; install it")):
        again.save(tmp_path / "shown.txt", name)
        assert said in (tmp_path / "shown.txt").read_text("utf-8")


def test_a_scenario_made_in_python_is_treated_alike(there: Registry, scenario: Callable[..., Scenario]) -> None:
    """Whoever gives it to ``compare`` has not loaded it."""
    made = scenario()
    optional = attrs.evolve(made.backends[0], label="other", backend="missing", network=None, if_installed=True)
    report = compared(attrs.evolve(made, backends=(*made.backends, optional)), registry=there)
    assert list(report.left_out) == ["other"]
    with pytest.raises(UnknownNameError):
        attrs.evolve(made, backends=(*made.backends, optional)).instance("third")
