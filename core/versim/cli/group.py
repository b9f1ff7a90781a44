"""The group ``versim``: commands imported when used, and one place that turns errors into exit statuses.

0 is success, 1 an error that the user can mend, 2 a wrong command line, 3 a threshold that was exceeded, 4 a simulation
that did not complete, 5 a check that failed, 130 an interrupt. A broken invariant is a bug and keeps its traceback.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from versim.cli.session import TYPED, Session, for_people, session_of, tell
from versim.cli.streams import give_up_stdout, own_stdout
from versim.containment import TRACEBACK_VARIABLE, kept_apart, show_traceback
from versim.errors import legible

if TYPE_CHECKING:
    from versim.registry import Command

COMMANDS = {
    "compare": "Run a scenario through simulators and show where and why they differ.",
    "report": "Show a saved comparison again, in any form.",
    "graph": "Show the graphs of a scenario: size, digest and nodes.",
    "presets": "List scenarios, clusters, devices and models with figures, or show one.",
    "export": "Write a simulator's own input files.",
    "collectives": "Time collectives alone in every network timing and simulator, by size.",
    "measured": "Predict training runs that somebody measured, and rank who is right.",
    "sweep": "Vary a scenario and ask about every configuration; keep and resume.",
    "results": "List, filter and export what sweeps have kept.",
    "decide": "Ask whether simulators rank configurations alike.",
    "verify": "Check a re-created program against its recorded answers.",
    "plugins": "List plugins, what they offer, and why broken ones are.",
    "doctor": "Say what was found outside Python, what is missing and what to do.",
    "init": "Write a commented scenario to start from.",
    "new-plugin": "Write a plugin of your own: a project that works as it stands.",
}
"""Commands of versim itself with their line in the help; each is the module of that name beside this one, and the
command of that name in it. The lines stand here so that the help imports none of them."""

INTERRUPTED = 130
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What a disk says that takes no more."""


class VersimGroup(click.Group):
    """Commands of versim and of its plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Versim's own commands, then those of plugins."""
        return [*COMMANDS, *_contributed(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name, or None."""
        if cmd_name in COMMANDS:
            name = cmd_name.replace("-", "_")
            return _click_command(getattr(importlib.import_module(f"versim.cli.{name}"), name))
        command = _contributed(ctx).get(cmd_name)
        return None if command is None else _imported(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with."""
        name = args[0]
        if not name.startswith("-") and name not in COMMANDS:
            known = _contributed(ctx)
            if name not in known:
                from versim.errors import did_you_mean  # noqa: PLC0415 - the usual run does not fail

                broken = "".join(f"\n  not available: {error}" for error in session_of(ctx).registry().broken())
                raise click.UsageError(
                    f"no command named {name!r}{did_you_mean(name, (*COMMANDS, *known))}{broken}", ctx
                )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The two lists of commands in ``versim --help``; plugins' commands are listed without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        try:
            contributed = _contributed(ctx)
        except _versim_error() as error:
            formatter.write_paragraph()
            formatter.write_text(f"Commands of plugins cannot be listed: {error}")
            return
        if contributed:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(command.name, command.help) for command in contributed.values()])

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The context of a command line, which remembers it."""
        typed = tuple(args)
        context = super().make_context(info_name, args, parent, **extra)
        context.meta[TYPED] = typed
        return context

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line and exit with its status."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        _replace_unprintable()
        try:
            own_stdout()
            status = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except click.ClickException as error:
            said = for_people(legible(error.format_message()))
            error.format_message = lambda: said  # type: ignore[method-assign]
            error.show()
            status = error.exit_code
        except (click.Abort, KeyboardInterrupt) as error:
            interrupt = error.__cause__ or error  # click makes its own of it
            whose = f" in {interrupt.args[0]}" if interrupt.args else ""
            tell(f"Interrupted{whose}; nothing was left half-written.")
            status = INTERRUPTED
        except BrokenPipeError:
            give_up_stdout()
            status = 1
        except _versim_error() as error:
            show_traceback(error)
            tell(f"Error: {error}")
            status = error.exit_status
        except MemoryError as error:
            show_traceback(error)
            tell("Error: versim ran out of memory; give it a smaller step, or this process more")
            status = 1
        except OSError as error:
            # Of what a command reads and writes by name it tells itself; this is where its answer goes.
            if error.filename is not None or error.errno not in _FULL:
                raise
            give_up_stdout()
            tell(f"Error: cannot write standard output: {error.strerror}")
            status = 1
        except ValueError:
            if not sys.stdout.closed:
                raise
            tell("Error: a plugin closed standard output; write to a file with -o")
            status = 1
        try:
            sys.stdout.flush()
        except (OSError, ValueError, AttributeError):
            give_up_stdout()  # told already; Python would try again when it ends
        sys.exit(status if isinstance(status, int) else 0)


def _versim_error() -> Any:
    from versim.errors import VersimError  # noqa: PLC0415 - evaluated only when something was raised

    return VersimError


def _contributed(ctx: click.Context) -> Mapping[str, Command]:
    """Commands of plugins by name.

    Raises:
        PluginError: A plugin answers with nonsense, or offers a command that versim has itself.
    """
    from versim.registry import PluginError  # noqa: PLC0415 - versim's own commands do not wait for it

    commands = {command.name: command for command in session_of(ctx).registry(warn=False).commands()}
    for name in COMMANDS:
        if name in commands:
            raise PluginError(commands[name].plugin, f"offers a command {name!r}, which versim has itself")
    return commands


def _imported(command: Command) -> click.Command:
    from versim.registry import PluginError  # noqa: PLC0415 - see above

    try:
        with kept_apart(f"plugin {command.plugin!r}"):
            found: Any = importlib.import_module(command.module)
            for part in command.attribute.split("."):
                found = getattr(found, part)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(
            command.plugin, f"its command {command.name!r} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(found, click.Command):
        place = f"{command.module}:{command.attribute}"
        raise PluginError(command.plugin, f"its command {command.name!r} is not a click command ({place})")
    return found


def _click_command(command: Any) -> click.Command:
    if not isinstance(command, click.Command):
        raise TypeError(f"{command!r} is not a click command")
    return command


def _replace_unprintable() -> None:
    """A terminal that cannot show × shows ? instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _show_tracebacks(_: click.Context, __: click.Parameter, wanted: bool) -> None:
    if wanted:
        os.environ[TRACEBACK_VARIABLE] = "1"


def _remember_modules(ctx: click.Context, _: click.Parameter, modules: tuple[str, ...]) -> None:
    ctx.obj = Session(modules)


@click.group(cls=VersimGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "-p",
    "--plugin",
    multiple=True,
    metavar="MODULE",
    is_eager=True,
    expose_value=False,
    callback=_remember_modules,
    help="Load a plugin that is not installed: a module or a .py file. May be repeated; VERSIM_PLUGINS names more.",
)
@click.option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_tracebacks,
    help="Show where errors were raised, those of plugins included; VERSIM_TRACEBACK=1 does the same.",
)
@click.version_option(package_name="versim", message="versim %(version)s")
def cli() -> None:
    """Run one distributed-LLM execution graph through several simulators and explain where they differ."""
