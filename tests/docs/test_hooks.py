"""Every hook has a page with its contract and an example that runs."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from fences import fences_of
from versim import components, hookspecs
from versim.registry.contracts import KINDS
from versim.registry.plugins import hook_names

FOLDER = Path(__file__).parent.parent.parent / "docs" / "hooks"

COMPONENTS = {
    "versim_graph_producers": components.GraphProducer,
    "versim_timing_models": components.TimingModel,
    "versim_backends": components.SimulatorBackend,
    "versim_reporters": components.Reporter,
    "versim_verifiers": components.Verifier,
}


def text_of(hook: str) -> str:
    """The page of a hook."""
    return (FOLDER / f"{hook}.md").read_text("utf-8")


def test_every_hook_has_a_page_and_every_page_a_hook() -> None:
    """A hook that is added, renamed or removed takes its page along."""
    pages = {path.stem for path in FOLDER.glob("*.md")} - {"index"}
    assert pages == set(hook_names())


@pytest.mark.parametrize("hook", hook_names())
def test_the_overview_links_the_hook(hook: str) -> None:
    """The list of hooks is complete."""
    assert f"[`{hook}`]({hook}.md)" in (FOLDER / "index.md").read_text("utf-8")


@pytest.mark.parametrize("hook", hook_names())
def test_the_example_of_a_page_implements_its_hook_and_is_run(hook: str) -> None:
    """The example is a plugin of that hook, and the page loads it; that it works is the test of all pages."""
    fences = fences_of(text_of(hook))
    plugins = [fence for fence in fences if fence.title.endswith(".py") and f"def {hook}(" in fence.body]
    assert plugins
    assert all("VERSIM_API_VERSION = " in fence.body for fence in plugins)
    typed = "".join(fence.body for fence in fences if fence.language == "console")
    assert all(f"-p {fence.title}" in typed for fence in plugins)


@pytest.mark.parametrize("hook", sorted(COMPONENTS))
def test_the_page_names_every_method_of_the_component(hook: str) -> None:
    """A method that is added to the protocol is explained."""
    methods = [name for name in vars(COMPONENTS[hook]) if not name.startswith("_") and name not in {"name", "options"}]
    assert methods
    assert [name for name in methods if f"`{name}(" not in text_of(hook)] == []
    assert {hook for hook, _ in KINDS.values()} == set(COMPONENTS)


def test_the_page_of_backends_names_every_ability() -> None:
    """What a backend may do besides is on its page, with the method that does it."""
    abilities = {
        name: protocol
        for name, protocol in vars(components).items()
        if inspect.isclass(protocol)
        and getattr(protocol, "_is_protocol", False)
        and protocol.__module__ == components.__name__
        and not hasattr(protocol, "options")
        and name
        not in {
            "Protocol",
            "CountsRanks",
            "Drafts",
            "MakesScenarios",
            "MeasuresNetwork",
            "ProposesSystem",
            "Resembles",
            "ShowsCollectives",
            "Sizes",
        }
    }
    assert {"Exports", "Verifies"} <= set(abilities)
    text = text_of("versim_backends")
    for name, protocol in abilities.items():
        assert f"`{name}`" in text
        assert all(f"`{method}(" in text for method in vars(protocol) if not method.startswith("_"))


def test_the_page_of_reporters_says_what_else_they_may_show() -> None:
    """Collectives, and the sweep of a step."""
    text = text_of("versim_reporters")
    assert "`ShowsCollectives`" in text
    assert "`render_collectives(" in text
    assert "`shows_sweep`" in text


def test_the_overview_states_the_version_of_the_hooks() -> None:
    """A plugin's author copies that line."""
    assert f"VERSIM_API_VERSION = {hookspecs.API_VERSION}\n" in (FOLDER / "index.md").read_text("utf-8")
