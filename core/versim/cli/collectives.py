"""``versim collectives``: how every model times communication, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from versim.cli.rendering import check_output, destination, write_rendering
from versim.cli.session import line_width, progress, session_of, typed, write_output

if TYPE_CHECKING:
    from versim.asking.contestants import Contestant
    from versim.registry import Registry
    from versim.scenario import TimingChoice

AUTO = "auto"
"""As an algorithm: each model's own choice."""

_MOST_SIZES = 200


def _sizes(_: click.Context, __: click.Parameter, text: str) -> tuple[int, ...]:
    """``1KiB,1MiB`` or ``FROM:TO:FACTOR``."""
    if ":" not in text:
        return tuple(_size(part) for part in text.split(","))
    parts = text.split(":")
    try:
        first, last, factor = _size(parts[0]), _size(parts[1]), float(parts[2])
    except (IndexError, ValueError):
        raise click.BadParameter(f"{text!r} is not FROM:TO:FACTOR, such as 1KiB:1GiB:4") from None
    if len(parts) > 3 or not factor > 1:
        raise click.BadParameter(f"{text!r} is not FROM:TO:FACTOR with a factor above 1")
    sizes = [first]
    while round(sizes[-1] * factor) <= last:
        sizes.append(max(sizes[-1] + 1, round(sizes[-1] * factor)))
        if len(sizes) > _MOST_SIZES:
            raise click.BadParameter(f"{text!r} is more than {_MOST_SIZES} sizes; take a larger factor")
    return tuple(sizes)


def _size(text: str) -> int:
    from versim.plain.quantities import parse_quantity  # noqa: PLC0415 - see group

    try:
        size = parse_quantity(text, "size_bytes")
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if size.denominator != 1 or not 1 <= size < 2**63:
        raise click.BadParameter(f"{text!r} is not a whole number of bytes above 0")
    return int(size)


def _numbers(_: click.Context, __: click.Parameter, text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a list of whole numbers, such as 4,8") from None


def _words(_: click.Context, __: click.Parameter, text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",")))


@click.command()
@click.option(
    "--kinds",
    default="all_reduce,all_gather,reduce_scatter,all_to_all",
    show_default=True,
    callback=_words,
    help="What is done; also broadcast and point_to_point.",
)
@click.option(
    "--sizes",
    default="1KiB:1GiB:16",
    show_default=True,
    callback=_sizes,
    metavar="LIST|FROM:TO:FACTOR",
    help="Bytes of the full tensor.",
)
@click.option("--ranks", default="8", show_default=True, callback=_numbers, metavar="LIST", help="How many take part.")
@click.option(
    "--algorithms",
    default=AUTO,
    show_default=True,
    callback=_words,
    metavar="LIST",
    help="ring, direct, halving_doubling, … or auto: each model's own choice.",
)
@click.option(
    "--preset",
    metavar="CLUSTER",
    help="Ranks of this cluster, e.g. dgx-h100, instead of --topology, --bandwidth, --latency and --device.",
)
@click.option("--topology", type=click.Choice(["ring", "fully_connected", "switch"]), default="ring", show_default=True)
@click.option("--bandwidth", default="100 GB/s", show_default=True, help="Of each link, in one direction.")
@click.option("--latency", default="1 us", show_default=True, help="Of each link.")
@click.option(
    "--device",
    metavar="PRODUCER[:KEY=VALUE,…]",
    help="Take the device that this producer proposes, for models that charge local memory; the first that proposes "
    "one unless given.",
)
@click.option(
    "-t", "--timing", "timings", multiple=True, metavar="[LABEL=]NAME[:KEY=VALUE,…]", help="Ask this network timing."
)
@click.option(
    "-b",
    "--backend",
    "backends",
    multiple=True,
    metavar="[LABEL=]NAME[:KEY=VALUE,…]",
    help="Ask this backend; network=TIMING names what drives it. Without -t and -b everybody is asked.",
)
@click.option("--reference", metavar="LABEL", help="Ratios refer to this one; the first unless given.")
@click.option(
    "--fit",
    is_flag=True,
    help="Print the latency and bandwidth that fit the reference best, as systems to paste into a scenario.",
)
@click.option(
    "-f",
    "--format",
    "form",
    default="table",
    show_default=True,
    metavar="table|json|REPORTER[:KEY=VALUE,…]",
    help="How to show it: as a table, as JSON, or by a reporter that shows collectives, such as html.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to this file instead of standard output; it is replaced whole or not at all.",
)
@click.pass_context
def collectives(
    ctx: click.Context,
    kinds: tuple[str, ...],
    sizes: tuple[int, ...],
    ranks: tuple[int, ...],
    algorithms: tuple[str, ...],
    preset: str | None,
    topology: str,
    bandwidth: str,
    latency: str,
    device: str | None,
    timings: tuple[str, ...],
    backends: tuple[str, ...],
    reference: str | None,
    fit: bool,
    form: str,
    output: Path | None,
) -> None:
    """Time collectives alone in every network timing and simulator, by size.

    Shown are time, algorithm and bus bandwidth as NCCL's tests define them, the ratio to a reference, the latency α and
    bandwidth 1/β that each model implies, and the sizes at which two models, or two algorithms of one, cross over.
    Where the reference was measured, such as silicon, also each model's error by size, and what it misses.
    """
    from versim.asking.contestants import proposed_device  # noqa: PLC0415
    from versim.containment import held_responsible  # noqa: PLC0415
    from versim.curves import SweepRange  # noqa: PLC0415
    from versim.errors import VersimError  # noqa: PLC0415 - see group
    from versim.fabric import ClusterChoice, Link  # noqa: PLC0415
    from versim.plain.quantities import parse_quantity  # noqa: PLC0415
    from versim.run import provenance_of  # noqa: PLC0415
    from versim.sweeps import collective_report  # noqa: PLC0415
    from versim.sweeps.collectives import sweep_collectives  # noqa: PLC0415
    from versim.terminal import WIDTH  # noqa: PLC0415
    from versim.work import Kind  # noqa: PLC0415

    registry = session_of(ctx).registry()
    known = [kind.value for kind in Kind]
    for kind in kinds:
        if kind not in known:
            raise click.UsageError(f"--kinds: {kind!r} is none of {', '.join(known)}")
    try:
        swept = SweepRange(
            kinds=tuple(Kind(kind) for kind in kinds),
            sizes_bytes=sizes,
            ranks=ranks,
            algorithms=tuple("" if algorithm == AUTO else algorithm for algorithm in algorithms),
            topology=topology,
            link=Link(
                bandwidth_bytes_per_s=float(parse_quantity(bandwidth, "bandwidth_bytes_per_s")),
                latency_s=float(parse_quantity(latency, "latency_s")),
            ),
            device=proposed_device(registry, None if device is None else _choice(device)[1]),
            cluster=None if preset is None else ClusterChoice(preset=preset),
        )
    except ValueError as error:
        raise VersimError(str(error)) from error
    asked = _contestants(registry, timings, backends)
    shown = None if form in ("table", "json") else _reporter(registry, form)
    check_output(output)
    with progress() as say:
        sweep = sweep_collectives(swept, asked, reference, say)
    if fit:
        write_output(collective_report.as_systems(sweep), output)
        return
    if shown is None:
        width = WIDTH if output else line_width()
        text = collective_report.as_text(sweep, width) if form == "table" else collective_report.as_json(sweep)
        write_output(text, output)
        return
    reporter, settings = shown
    with held_responsible("reporter", reporter.name):
        rendering = reporter.render_collectives(
            sweep, provenance_of(registry, typed(ctx)), settings, destination(output)
        )
    write_rendering(rendering, output, reporter.name)


def _reporter(registry: Registry, form: str) -> tuple[Any, object]:
    """The reporter that is meant, and its options.

    Raises:
        click.UsageError: It shows no collectives.
    """
    from versim.components import ShowsCollectives  # noqa: PLC0415 - see group
    from versim.registry import structure_options  # noqa: PLC0415
    from versim.scenario.overrides import parse_component  # noqa: PLC0415

    name, settings = parse_component(form)
    reporter = registry.reporter(name)
    if not isinstance(reporter, ShowsCollectives):
        able = ["table", "json", *(known.name for known in registry.reporters() if isinstance(known, ShowsCollectives))]
        raise click.UsageError(f"-f {name}: it shows no collectives; choose among {', '.join(able)}")
    return reporter, structure_options(reporter, settings, "$")


def _contestants(registry: Registry, timings: tuple[str, ...], backends: tuple[str, ...]) -> tuple[Contestant, ...]:
    from versim.asking.contestants import backend_contestant, contestants_of, timing_contestant  # noqa: PLC0415
    from versim.scenario import Instance, TimingChoice  # noqa: PLC0415 - see group

    if not timings and not backends:
        return contestants_of(registry)
    found = [timing_contestant(*_choice(text), registry) for text in timings]
    for text in backends:
        label, choice = _choice(text)
        own = {key: value for key, value in choice.options.items() if key.partition(".")[0] != "network"}
        driven = {key.partition(".")[2]: value for key, value in choice.options.items() if key not in own}
        network: TimingChoice | None = None
        if driven:
            name: Any = driven.pop("", None) or getattr(registry.backend(choice.timing), "network_timing", None)
            network = TimingChoice(timing=str(name), options=driven)
        instance = Instance(label=label, backend=choice.timing, options=own, network=network)
        found.append(backend_contestant(instance, registry))
    return tuple(found)


def _choice(text: str) -> tuple[str, TimingChoice]:
    """``[LABEL=]NAME[:KEY=VALUE,…]`` as the label, and the name with its options."""
    from versim.scenario import TimingChoice  # noqa: PLC0415 - see group
    from versim.scenario.overrides import parse_component  # noqa: PLC0415

    label, equals, _ = text.partition(":")[0].partition("=")
    name, options = parse_component(text[len(label) + 1 :] if equals else text)
    return label if equals else name, TimingChoice(timing=name, options=options)
