"""What the commands that take a scenario have in common: the argument, ``-O`` and options that plugins give a flag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from versim.cli.session import session_of

if TYPE_CHECKING:
    from versim.registry import Registry
    from versim.scenario import Scenario

Function = TypeVar("Function", bound=Callable[..., Any])

INJECTED = "versim.cli.injected"
"""Where the context keeps what is to be degraded or slow."""

FLAGS = "versim.cli.flags"
"""Where the context keeps the values of producers' options, by flag."""

OWN_ONLY = "versim.cli.own_only"
"""In the meta of a context: no flag of a plugin is on the command line."""


def _names(parameters: Sequence[click.Parameter]) -> set[str]:
    return {name for parameter in parameters for name in (*parameter.opts, *parameter.secondary_opts)}


class ScenarioCommand(click.Command):
    """A command with the options that producers and backends give a flag: ``option(…, flag="--hardware")``."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters and the flags of plugins."""
        own = super().get_params(ctx)
        if ctx.meta.get(OWN_ONLY):
            return own
        return [*own, *self._flags(ctx, _names(own))]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; the help is shown even where plugins are at fault, and who writes no flag of theirs waits for none."""
        ctx.meta["versim.cli.help"] = any(name in args for name in ctx.help_option_names)
        own = _names(super().get_params(ctx))
        flags = {written.partition("=")[0] for written in args if written.startswith("--")}
        ctx.meta[OWN_ONLY] = flags <= own and not ctx.meta["versim.cli.help"] and not ctx.resilient_parsing
        return super().parse_args(ctx, args)

    def _flags(self, ctx: click.Context, taken: set[str]) -> list[click.Parameter]:
        from versim.errors import VersimError  # noqa: PLC0415 - with the registry, not for the list of commands
        from versim.registry import PluginError, describe_options  # noqa: PLC0415
        from versim.scenario.makers import file_flags  # noqa: PLC0415

        texts: dict[str, list[str]] = {}
        switches: set[str] = set()
        try:
            registry = session_of(ctx).registry(warn=False)
            for component in (*registry.producers(), *registry.backends()):
                for info in describe_options(component.options):
                    if info.flag in taken or (info.flag and not info.flag.startswith("--")):
                        raise PluginError(component.name, f"its option {info.flag} is not one it can have; rename it")
                    if info.flag:
                        texts.setdefault(info.flag, []).append(f"{info.help} [{component.name}]")
                        switches |= {info.flag} if info.type == "bool" else set()
            for flag, text in file_flags(registry).items():
                texts.setdefault(flag, []).append(text)
        except VersimError:
            if ctx.meta.get("versim.cli.help") or ctx.resilient_parsing:
                return []
            raise
        return [
            click.Option(
                [flag],
                expose_value=False,
                callback=remember_flag,
                help=f"Plugins: {'; '.join(help_)}",
                **({"is_flag": True, "default": None} if flag in switches else {"metavar": "VALUE"}),
            )
            for flag, help_ in texts.items()
        ]


class FilesCommand(click.Command):
    """A command with the flags that name files of which a scenario is made."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters and the flags."""
        from versim.errors import VersimError  # noqa: PLC0415 - see ScenarioCommand
        from versim.scenario.makers import file_flags  # noqa: PLC0415

        try:
            texts = file_flags(session_of(ctx).registry(warn=False))
        except VersimError:
            texts = {}
        return [
            *super().get_params(ctx),
            *(
                click.Option(
                    [flag], expose_value=False, callback=remember_flag, help=f"Plugins: {text}", metavar="VALUE"
                )
                for flag, text in texts.items()
            ),
        ]


def remember_flag(ctx: click.Context, parameter: click.Parameter, value: str | bool | None) -> None:
    """Keeps the value of a plugin's flag; a click callback."""
    if value is not None:
        ctx.meta.setdefault(FLAGS, {})[parameter.opts[0]] = "true" if value is True else value


def scenario_parameters(function: Function) -> Function:
    """The argument SCENARIO and the option ``-O`` of a command."""
    option = click.option(
        "-O",
        "--option",
        "options",
        multiple=True,
        metavar="LABEL.KEY=VALUE",
        help="Set an option of a backend instance, or of a workload's producer. May be repeated.",
    )
    injection = click.option(
        "--inject",
        "injected",
        multiple=True,
        metavar="WHAT",
        expose_value=False,
        callback=_remember_injected,
        help="What if: degrade links ('dimension: 1, ranks: [3], bandwidth_factor: 0.1', or down: true) or slow "
        "devices ('ranks: [5], factor: 1.5'). May be repeated.",
    )
    return click.argument("scenario", default="llama3-8b")(option(injection(function)))


def _remember_injected(ctx: click.Context, _: click.Parameter, value: tuple[str, ...]) -> None:
    ctx.meta[INJECTED] = value


def load(
    ctx: click.Context,
    scenario: str,
    options: Sequence[str],
    *,
    backends: Sequence[str] = (),
    reference: str | None = None,
) -> tuple[Scenario, Registry]:
    """The scenario that a command line describes, and the plugins.

    Raises:
        VersimError: No such scenario, a fault in it, or in what the command line changes.
    """
    from versim.cli.allocation import keep_freed_memory  # noqa: PLC0415 - as below
    from versim.scenario import load_scenario, override  # noqa: PLC0415 - brings YAML and cattrs
    from versim.scenario.makers import file_flags  # noqa: PLC0415

    keep_freed_memory()
    registry = session_of(ctx).registry()
    given = ctx.meta.get(FLAGS, {})
    of_files = file_flags(registry) if given else {}
    flags = {flag: value for flag, value in given.items() if flag not in of_files}
    loaded = load_scenario(scenario, registry, {flag: given[flag] for flag in given if flag in of_files})
    if backends or options or flags or reference is not None:
        loaded = override(loaded, registry, backends=backends, options=options, flags=flags, reference=reference)
    if ctx.meta.get(INJECTED):
        from versim.scenario.injection import inject  # noqa: PLC0415 - only where something is

        loaded = inject(loaded, ctx.meta[INJECTED])
    return loaded, registry
