"""The page on the command line is what the commands say."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import click
import pytest
from versim.cli.group import COMMANDS

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module", name="generator")
def _generator() -> ModuleType:
    specification = importlib.util.spec_from_file_location("cli_page", ROOT / "tools" / "cli_page.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(generator: ModuleType) -> None:
    """Whoever changes a command or an option writes the page again."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert page == generator.page(), "run python tools/cli_page.py"


def test_every_command_and_component_has_a_section(generator: ModuleType) -> None:
    """Nothing is left out, not even what plugins contribute."""
    page, session = generator.page(), generator.OwnSession()
    registry = session.registry()
    commands = [*COMMANDS, *(command.name for command in registry.commands())]
    assert all(f"\n## `versim {name}`\n" in page for name in commands)
    for kind in ("producers", "timings", "backends", "reporters"):
        for component in getattr(registry, kind)():
            assert f"\n#### {kind.removesuffix('s')} `{component.name}`\n" in page


def test_a_command_of_a_plugin_and_its_subcommands_get_sections(generator: ModuleType) -> None:
    """Groups are walked; the plugin is named."""

    @click.group()
    def tools() -> None:
        """Look after tools."""

    @tools.command()
    @click.option("--size", help="How many | at most.")
    def sharpen(size: str) -> None:
        """Sharpen them."""

    context = click.Context(generator.cli, info_name="versim")
    text = "".join(generator._section(tools, context, "tools", "shed"))
    assert "## `versim tools`\n\n*Contributed by the plugin `shed`.*" in text
    assert "## `versim tools sharpen`" in text
    assert "| `--size TEXT` | How many \\| at most. |" in text
