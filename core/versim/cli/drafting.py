"""``versim init --model``: a producer drafts the scenario of a model's training step on a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from versim.cli.scenario_command import FLAGS, FilesCommand, remember_flag
from versim.cli.session import session_of

if TYPE_CHECKING:
    from versim.registry import Registry

OPTIONS = "versim.cli.drafting.options"
"""Where the context keeps producers' options, by name."""

SYSTEM = "--system"
"""Names a cluster here; elsewhere plugins may read it as a file of theirs."""

DEFAULT_SYSTEM = "dgx-h100"


class DraftCommand(FilesCommand):
    """A command that takes every option of the producers that draft scenarios, as ``--name VALUE``."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters and, unlisted, those of producers."""
        from versim.errors import VersimError  # noqa: PLC0415 - with the registry, not for the list of commands
        from versim.registry import describe_options  # noqa: PLC0415

        own = super().get_params(ctx)
        taken = {name for parameter in own for name in parameter.opts}
        if SYSTEM not in taken:
            own.append(click.Option([SYSTEM], expose_value=False, callback=remember_flag, hidden=True))
        try:
            registry = session_of(ctx).registry(warn=False)
            names = {info.name for producer in _drafting(registry) for info in describe_options(producer.options)}
        except VersimError:
            names = set()
        flags = {name: sorted({f"--{name}", f"--{name.replace('_', '-')}"}) for name in sorted(names)}
        return [
            *own,
            *(
                click.Option(spelt, expose_value=False, callback=_remember, hidden=True, metavar="VALUE")
                for spelt in flags.values()
                if not taken.intersection(spelt)
            ),
        ]


def _remember(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None and parameter.name is not None:
        ctx.meta.setdefault(OPTIONS, {})[parameter.name] = value


def _drafting(registry: Registry) -> list[Any]:
    from versim.components import Drafts  # noqa: PLC0415 - brings numpy

    return [producer for producer in registry.producers() if isinstance(producer, Drafts)]


def draft(ctx: click.Context, registry: Registry, model: str, nodes: int | None) -> str:
    """The text of the scenario that a producer drafts.

    Raises:
        VersimError: No such model or cluster, or options that do not fit together.
    """
    from versim.fabric import ClusterChoice  # noqa: PLC0415 - brings numpy
    from versim.scenario.overrides import scalar  # noqa: PLC0415

    drafting = _drafting(registry)
    if len(drafting) != 1:
        known = ", ".join(producer.name for producer in drafting) or "none"
        raise click.UsageError(f"--model needs one producer that drafts scenarios; installed: {known}", ctx)
    given = {key: scalar(value, f"--{key}") for key, value in ctx.meta.get(OPTIONS, {}).items()}
    path = Path(model)
    named = str(path.absolute()) if path.is_file() else model
    preset = ctx.meta.get(FLAGS, {}).get(SYSTEM, DEFAULT_SYSTEM)
    text: str = drafting[0].draft(ClusterChoice(preset=preset, nodes=nodes or 1), {"model": named, **given})
    return text


def refuse_without_model(ctx: click.Context, nodes: int | None) -> None:
    """Refuses options that only a draft has."""
    given = ["--nodes"] * (nodes is not None) + [f"--{name}" for name in ctx.meta.get(OPTIONS, {})]
    if given:
        raise click.UsageError(f"{', '.join(given)}: only with --model", ctx)
