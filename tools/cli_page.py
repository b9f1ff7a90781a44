"""Writes docs/cli.md, the page on the command line, from the commands themselves.

    python tools/cli_page.py

Commands and components are those of the distribution ``versim``, whatever else is installed, so that the page is the
same everywhere.
"""

# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import importlib.metadata
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click
from versim.cli.group import COMMANDS, cli
from versim.cli.plugins import shown
from versim.cli.session import Session, session_of
from versim.components import Diagnoses, Exports, Isolates, Preflights, ProposesSystem, Verifies
from versim.registry import Registry, describe_options
from versim.registry.plugins import candidates

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"

HEADER = """\
<!-- Written by tools/cli_page.py from the commands themselves; change those. -->

# Command line

`versim` parses and delegates: whatever a command does, the [library](tutorial.md#from-python) does, too. Data goes to
standard output; progress (only to a terminal), warnings and errors to standard error.

| exit status | meaning |
|--:|:--|
| 0 | success |
| 1 | an error; the message says what, where and how to mend it |
| 2 | a wrong command line |
| 3 | `--fail-over PERCENT` was exceeded |
| 4 | a simulation did not complete |
| 5 | a check failed that nobody declared |
| 130 | interrupted |

| variable | meaning |
|:--|:--|
| `VERSIM_PLUGINS` | modules or `.py` files of further plugins, separated by commas; as `-p`, which adds to them |
| `VERSIM_TRACEBACK` | if set, an error also shows where it was raised |
| `ASTRA_SIM_BIN`, `ASTRA_SIM_HOME` | the real ASTRA-sim: a program or a folder; its folder |

## Completion in the shell

Commands and options are completed by the shell once it was told how:

```text
eval "$(_VERSIM_COMPLETE=bash_source versim)"                  # in ~/.bashrc
eval "$(_VERSIM_COMPLETE=zsh_source versim)"                   # in ~/.zshrc
_VERSIM_COMPLETE=fish_source versim | source                   # in ~/.config/fish/completions/versim.fish
```

Where the script `versim` is not on the path, `python -m versim` is the same.

"""

OPTIONS_HEADER = """\
## Components and their options

What the plugins of this distribution offer; `versim plugins` prints the same for everything that is installed. In a
scenario an option is a key under `options`; on the command line it follows the name (`-b astrasim:congestion=unaware`)
or is set with `-O LABEL.KEY=VALUE`.

"""

HOOK_OF = {
    "producers": "versim_graph_producers",
    "timings": "versim_timing_models",
    "backends": "versim_backends",
    "reporters": "versim_reporters",
    "verifiers": "versim_verifiers",
}

ABILITIES = {
    "proposes a system": ProposesSystem,
    "`versim export`": Exports,
    "`versim verify`": Verifies,
    "`versim doctor`": Diagnoses,
    "looks at its input first": Preflights,
    "times a communication alone": Isolates,
}


class OwnSession(Session):
    """A session in which only the distribution's own plugins are installed."""

    def registry(self, *, warn: bool = True) -> Registry:  # noqa: ARG002 - as in Session
        """The plugins of ``versim`` itself."""
        if self._registry is None:
            self._registry = Registry(found for found in candidates((), {}) if found.distribution == "versim")
        return self._registry


def page() -> str:
    """The page."""
    session = OwnSession()
    context = click.Context(cli, info_name="versim", obj=session, **cli.context_settings)
    parts = [HEADER, *_section(cli, context, "versim", "")]
    contributed = {command.name: command.plugin for command in session.registry().commands()}
    with context:
        for name in cli.list_commands(context):
            command = cli.get_command(context, name)
            if command is None:
                raise RuntimeError(f"versim lists a command {name!r} that it does not have")
            parts += _section(command, context, name, contributed.get(name, ""))
    parts += [OPTIONS_HEADER, *_components(session.registry())]
    return "".join(parts).rstrip("\n") + "\n"


def _section(command: click.Command, parent: click.Context, name: str, plugin: str) -> Iterator[str]:
    """One command, and what it consists of."""
    own = command is cli
    context = parent if own else click.Context(command, parent=parent, info_name=name, **command.context_settings)
    path = context.command_path
    yield f"## `{path}`\n\n"
    if plugin:
        yield f"*Contributed by the plugin `{plugin}`.*\n\n"
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{path} {usage}\n```\n\n"
    yield _prose(inspect.cleandoc(command.help or "")) + "\n\n"
    if own:
        lines = COMMANDS | {found.name: found.help for found in session_of(context).registry().commands()}
        yield "| command | |\n|:--|:--|\n"
        for child in cli.list_commands(context):
            yield f"| [`{child}`](#versim-{child}) | {_cell(lines[child])} |\n"
        yield "\n"
    yield from _parameters(command, context)
    if isinstance(command, click.Group) and not own:
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None and not found.hidden:
                yield from _section(found, context, child, "")


def _parameters(command: click.Command, context: click.Context) -> Iterator[str]:
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    # An argument without a help text is in the usage; --help is everywhere.
    rows = [record for record in records if record is not None and record[1] and "--help" not in record[0]]
    if not rows:
        return
    yield "| option | |\n|:--|:--|\n"
    for names, text in rows:
        yield f"| `{names.replace('|', ' / ')}` | {_cell(text)} |\n"
    yield "\n"


def _components(registry: Registry) -> Iterator[str]:
    for kind, hook in HOOK_OF.items():
        yield f"### {kind.capitalize()}\n\nHook: [`{hook}`](hooks/{hook}.md).\n\n"
        for component in getattr(registry, kind)():
            yield f"#### {kind.removesuffix('s')} `{component.name}`\n\n"
            able = [ability for ability, protocol in ABILITIES.items() if isinstance(component, protocol)]
            if able:
                yield f"Besides: {', '.join(able)}.\n\n"
            infos = describe_options(component.options)
            if not infos:
                yield "No options.\n\n"
                continue
            yield "| option | default | meaning |\n|:--|:--|:--|\n"
            for info in infos:
                default = "required" if info.required else f"`{shown(info.default)}`"
                flag = f" (`{info.flag}`)" if info.flag else ""
                yield f"| `{info.name}`{flag} | {default} | {_cell(info.help)} |\n"
            yield "\n"


def _prose(text: str) -> str:
    """Paragraphs of a help text as Markdown; click's marker of paragraphs not to be wrapped becomes a block."""
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", text):
        if paragraph.startswith("\b\n"):
            paragraphs.append("```text\n" + paragraph.removeprefix("\b\n") + "\n```")
        else:
            line = re.sub(r"(?<![\w`])(--[a-z][a-z-]*)(?![\w`])", r"`\1`", " ".join(paragraph.split()))
            paragraphs.append(textwrap.fill(line, 118, break_long_words=False, break_on_hyphens=False))
    return "\n\n".join(paragraphs)


def _cell(text: str) -> str:
    """A text as a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def main() -> None:
    """Write the page."""
    importlib.metadata.version("versim")  # an uninstalled versim has no plugins, and would give an empty page
    PAGE.write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
