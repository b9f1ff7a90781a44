"""``versim init``: a commented scenario to start from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from versim.cli.drafting import DraftCommand, draft, refuse_without_model
from versim.cli.scenario_command import FLAGS
from versim.cli.session import session_of, tell

if TYPE_CHECKING:
    from versim.components import Component
    from versim.registry import Registry
    from versim.scenario import Scenario

HEADER = """\
# A scenario: which graphs, timed how, are given to which simulators. Compare them with
#
#   versim compare {file}
#
# `versim graph {file}` shows the graphs alone, `versim plugins` lists everything that may be named here.
# A key that ends in a unit takes a number in that unit (latency_s: 5e-6) or a text with any other (latency: 5 us);
# GB is 10**9 bytes, GiB is 2**30. File names are relative to this file. What every option means stands at the end.
"""

SYSTEM = """\
# What the workloads run on, where it shall not be what the producer proposes. Each part may be given alone, here or in
# one workload.
# system:
#   dimensions:                       # of the network, innermost first; ring, fully_connected or switch
#     - {topology: ring, size: 8, bandwidth: 166.60458 GiB/s, latency: 5 us}
#   device: {name: my device, kernel_launch_overhead: 5 us}
#   axis_links:                       # links that one axis of parallelism sees
#     dp: {bandwidth: 25 GB/s, latency: 10 us}
"""


@click.command(cls=DraftCommand)
@click.argument("file", default="scenario.yaml", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "source",
    default="bundled",
    show_default=True,
    metavar="NAME|FOLDER",
    help="The shipped scenario to vary, or a folder of files that a scenario is made of.",
)
@click.option(
    "--model",
    metavar="NAME",
    help="Draft the training step of this model instead, a preset or a config.json, on a cluster: --system NAME "
    "--nodes N, and any option of the producer, such as --tp 8.",
)
@click.option("--nodes", type=click.IntRange(min=1), metavar="N", help="With --model: nodes of the cluster.")
@click.option("--run", metavar="FILE:ID", help="Write the scenario of a measured run instead, see versim measured.")
@click.option("--force", is_flag=True, help="Replace the file if it is there already.")
@click.pass_context
def init(
    ctx: click.Context, file: Path, source: str, model: str | None, nodes: int | None, run: str | None, force: bool
) -> None:
    """Write a commented scenario to FILE, ready to be run and changed.

    It is a shipped scenario, or what a folder of a simulator's own files amounts to, or a model's training step on a
    cluster, or a run that was measured, with every option of what it uses explained at the end.
    """
    from versim.atomic import UnwritableError, check_writable, writing  # noqa: PLC0415 - not for the list of commands
    from versim.plain.files import read_text  # noqa: PLC0415
    from versim.plain.yaml_text import LARGEST_FILE_BYTES, parse_yaml  # noqa: PLC0415
    from versim.scenario import load_scenario  # noqa: PLC0415
    from versim.scenario.load import dump_document, find_scenario, structure_scenario  # noqa: PLC0415
    from versim.scenario.makers import document_of_files  # noqa: PLC0415

    check_writable(file)
    if file.exists() and not force:
        raise UnwritableError(file, "it is there already; --force replaces it")
    registry = session_of(ctx).registry()
    if run is not None:
        if model is not None:
            raise click.UsageError("--run and --model each say what is written; give one of them")
        refuse_without_model(ctx, nodes)
        from versim.league.drafting import scenario_of_record  # noqa: PLC0415

        text = scenario_of_record(run)
        scenario = structure_scenario(parse_yaml(text, str(file)), registry, str(file), file.parent)
    elif model is None:
        refuse_without_model(ctx, nodes)
        flags = ctx.meta.get(FLAGS, {})
        scenario = load_scenario(source, registry, flags)
        path = find_scenario(source, registry)
        made = None if path.is_file() else document_of_files(path, registry, flags)
        text = read_text(path, LARGEST_FILE_BYTES) if made is None else dump_document(made)
    else:
        text = draft(ctx, registry, model, nodes)
        scenario = structure_scenario(parse_yaml(text, str(file)), registry, str(file), file.parent)
    text = re.sub(r"^name:.*$", lambda _: f"name: {_quoted(file.stem)}", text, count=1, flags=re.MULTILINE)
    parts = [HEADER.format(file=file), text.rstrip() + "\n", "\n".join(_explanations(scenario, registry)) + "\n"]
    if scenario.system is None:
        parts.insert(2, SYSTEM)
    with writing(file) as stream:
        stream.write("\n".join(parts))
    tell(f"Wrote {file}. Compare with: versim compare {file}")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _explanations(scenario: Scenario, registry: Registry) -> Iterator[str]:
    """Comment lines on the options of every component a scenario uses."""
    yield "# The options of what this scenario uses. An option with a default may be left out."
    for producer in dict.fromkeys(workload.producer for workload in scenario.workloads):
        yield from _explained("producer", registry.producer(producer))
    for backend in dict.fromkeys(instance.backend for instance in scenario.backends):
        yield from _explained("backend", registry.backend(backend))
    choices = [choice for pin in scenario.pins for choice in (pin.compute, pin.folded)]
    choices += [instance.network for instance in scenario.backends]
    for timing in dict.fromkeys(choice.timing for choice in choices if choice):
        yield from _explained("timing", registry.timing(timing))


def _explained(kind: str, component: Component) -> Iterator[str]:
    import textwrap  # noqa: PLC0415 - not for the list of commands

    from versim.cli.plugins import shown  # noqa: PLC0415
    from versim.registry import describe_options  # noqa: PLC0415

    infos = describe_options(component.options)
    yield "#"
    yield f"# {kind} {component.name}{'' if infos else ': none'}"
    for info in infos:
        yield f"#   {info.name}: {'(required)' if info.required else shown(info.default)}"
        yield from textwrap.wrap(info.help, 112, initial_indent="#       ", subsequent_indent="#       ")
