"""``versim presets``: everything that is shipped under a name, with its figures, and what one of them is made of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from versim.cli.session import fitted, session_of, write_output

if TYPE_CHECKING:
    from versim.components import PresetInfo
    from versim.fabric import Cluster, DataSheet
    from versim.registry import Registry


@click.command()
@click.argument("name", required=False)
@click.option("-n", "--nodes", type=click.IntRange(min=1), default=2, show_default=True, help="Nodes of the cluster.")
@click.option("--picture", is_flag=True, help="Draw it, as SVG; of clusters.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file instead of standard output.")
@click.pass_context
def presets(ctx: click.Context, name: str | None, nodes: int, picture: bool, output: Path | None) -> None:
    """List scenarios, clusters, devices and models by name with their figures, or show the one called NAME.

    Whatever bears that name is shown, with the source of its figures. If nothing does, whatever has it as a part of its
    name is listed.
    """
    from versim.atomic import check_writable  # noqa: PLC0415 - not for the list of commands
    from versim.errors import UnknownNameError  # noqa: PLC0415
    from versim.fabric import CLUSTERS, DATA_SHEETS, ClusterChoice  # noqa: PLC0415 - brings numpy

    if output is not None:
        check_writable(output)
    registry = session_of(ctx).registry()
    if picture:
        if name is None or name not in CLUSTERS:
            raise UnknownNameError("cluster", name or "", CLUSTERS)
        from versim.fabric.picture import system_svg  # noqa: PLC0415 - only for pictures

        write_output(system_svg(ClusterChoice(preset=name, nodes=nodes).system()), output)
        return
    lines = [] if name is None else list(_shown(registry, name, nodes))
    if lines:
        write_output("\n".join(lines) + "\n", output)
        return
    lines = list(_listed(registry, name or ""))
    if not lines:
        offered = [preset.name for _, preset in _offered(registry)]
        raise UnknownNameError("preset", name or "", {*CLUSTERS, *DATA_SHEETS, *registry.scenarios(), *offered})
    write_output("\n".join(lines) + "\n" if output else fitted(lines), output)


def _offered(registry: Registry) -> Iterator[tuple[str, PresetInfo]]:
    """What components offer by name: (component, preset)."""
    from versim.components import OffersPresets  # noqa: PLC0415 - see presets
    from versim.containment import held_responsible  # noqa: PLC0415

    for component in (*registry.producers(), *registry.timings(), *registry.backends()):
        if isinstance(component, OffersPresets):
            with held_responsible("component", component.name):
                offered = list(component.presets())
            yield from ((component.name, preset) for preset in offered)


def _listed(registry: Registry, part: str) -> Iterator[str]:
    """Everything that has a part in its name, by what it is; nothing if nothing has."""
    from versim.fabric import CLUSTERS, DATA_SHEETS  # noqa: PLC0415 - brings numpy

    sections: dict[str, list[tuple[str, str]]] = {
        "scenarios (versim compare NAME)": [(name, _sentence(registry, name)) for name in registry.scenarios()],
        "clusters (system: {preset: NAME, nodes: N})": [
            (name, _cluster_figures(cluster)) for name, cluster in CLUSTERS.items()
        ],
        "devices (system: {device: NAME})": [(name, _device_figures(sheet)) for name, sheet in DATA_SHEETS.items()],
    }
    for component, preset in _offered(registry):
        heading = f"{preset.family} (producer: {component}, options: {{{preset.used}: NAME}})"
        sections.setdefault(heading, []).append((preset.name, preset.figures))
    having = {
        heading: [(name, figures) for name, figures in rows if part.casefold() in name.casefold()]
        for heading, rows in sections.items()
    }
    for heading, rows in having.items():
        wide = max((len(name) for name, _ in rows), default=0)
        yield from (f"{heading}:" for _ in rows[:1])
        yield from (f"  {name:<{wide}}  {figures}" for name, figures in rows)
    if any(having.values()):
        yield "versim presets NAME shows one, and where its figures are from."


def _shown(registry: Registry, name: str, nodes: int) -> Iterator[str]:
    from versim.fabric import CLUSTERS, DATA_SHEETS, ClusterChoice  # noqa: PLC0415 - brings numpy
    from versim.fabric.description import system_lines  # noqa: PLC0415 - only where it is shown

    if name in CLUSTERS:
        system = ClusterChoice(preset=name, nodes=nodes).system()
        yield f"{name}, {nodes} nodes"
        yield from (f"  {line}" for line in system_lines(system))
        yield f"  source      {CLUSTERS[name].source}"
    if name in DATA_SHEETS:
        yield from _device(name, DATA_SHEETS[name])
    for component, preset in _offered(registry):
        if preset.name == name:
            yield f"{name}, of the {preset.family} of {component} ({preset.used}: {name})"
            yield f"  figures     {preset.figures}"
            yield f"  source      {preset.source}"
    for plugin, file in registry.scenarios().get(name, ()):
        yield f"{name}, a scenario of {plugin} (versim compare {name})"
        yield f"  {_sentence(registry, name)}"
        yield f"  file        {file}"


def _sentence(registry: Registry, name: str) -> str:
    """What a shipped scenario says of itself."""
    from versim.errors import VersimError  # noqa: PLC0415 - see presets
    from versim.plain import read_yaml  # noqa: PLC0415 - brings YAML

    try:
        content = read_yaml(registry.scenarios()[name][0][1])
    except VersimError as error:
        return f"cannot be read: {error}"
    text = content.get("description", "") if isinstance(content, dict) else ""
    return " ".join(str(text).split())


def _cluster_figures(cluster: Cluster) -> str:
    from versim.units import GB  # noqa: PLC0415

    inner = cluster.inner.bandwidth_bytes_per_s / GB
    outer = cluster.nics_per_node * cluster.nic_bytes_per_s / cluster.gpus_per_node / GB
    per = " per pair" if cluster.topology.value == "fully_connected" else ""
    return (
        f"{cluster.gpus_per_node} × {cluster.device} a node; each device {inner:g} GB/s{per} within {cluster.domain}, "
        f"{outer:g} GB/s beyond"
    )


def _device_figures(sheet: DataSheet) -> str:
    from versim.units import GIB  # noqa: PLC0415

    device = sheet.device
    peaks = device.peak_flop_per_s
    usual = [dtype for dtype in ("bf16", "fp16", "fp8", "fp4") if dtype in peaks]
    shown = ", ".join(f"{peaks[dtype] / 1e12:,.0f} {dtype}" for dtype in usual)
    memory = f"{device.memory_bytes / GIB:.0f} GiB at {device.memory_bandwidth_bytes_per_s / 1e12:g} TB/s"
    return f"{memory}; dense TFLOP/s: {shown}"


def _device(name: str, sheet: DataSheet) -> Iterator[str]:
    from versim.units import GIB  # noqa: PLC0415

    device = sheet.device
    yield f"{name}: {device.name}"
    yield from (f"  {dtype:<11} {peak / 1e12:g} TFLOP/s, dense" for dtype, peak in device.peak_flop_per_s.items())
    yield f"  memory      {device.memory_bytes / GIB:g} GiB at {device.memory_bandwidth_bytes_per_s / 1e12:g} TB/s"
    yield f"  launch      {device.kernel_launch_overhead_s * 1e6:g} µs between dependent kernels"
    yield f"  source      {sheet.source}"
