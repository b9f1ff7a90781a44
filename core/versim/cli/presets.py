"""``versim presets``: clusters and devices by name, and what one of them is made of."""

from __future__ import annotations

from pathlib import Path

import click

from versim.cli.session import write_output


@click.command()
@click.argument("name", required=False)
@click.option("-n", "--nodes", type=click.IntRange(min=1), default=2, show_default=True, help="Nodes of the cluster.")
@click.option("--picture", is_flag=True, help="Draw it, as SVG.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file instead of standard output.")
def presets(name: str | None, nodes: int, picture: bool, output: Path | None) -> None:
    """List the clusters and devices that scenarios can name, or show the one called NAME."""
    from versim.atomic import check_writable  # noqa: PLC0415 - not for the list of commands
    from versim.errors import UnknownNameError  # noqa: PLC0415
    from versim.fabric import CLUSTERS, DATA_SHEETS, ClusterChoice  # noqa: PLC0415 - brings numpy

    if output is not None:
        check_writable(output)
    if name is None:
        lines = ["clusters (system: {preset: NAME, nodes: N}):"]
        lines += [f"  {known:<16} {cluster.source}" for known, cluster in CLUSTERS.items()]
        lines += ["devices (system: {device: NAME}):"]
        lines += [f"  {known:<16} {sheet.source}" for known, sheet in DATA_SHEETS.items()]
        write_output("\n".join(lines) + "\n", output)
        return
    if name in DATA_SHEETS and not picture:
        write_output("\n".join(_device(name)) + "\n", output)
        return
    if name not in CLUSTERS:
        raise UnknownNameError("preset", name, [*CLUSTERS, *DATA_SHEETS])
    system = ClusterChoice(preset=name, nodes=nodes).system()
    if picture:
        from versim.fabric.picture import system_svg  # noqa: PLC0415 - only for pictures

        write_output(system_svg(system), output)
        return
    from versim.fabric.description import system_lines  # noqa: PLC0415 - only where it is shown

    lines = [f"{name}, {nodes} nodes", *(f"  {line}" for line in system_lines(system))]
    write_output("\n".join([*lines, f"  source      {CLUSTERS[name].source}"]) + "\n", output)


def _device(name: str) -> list[str]:
    from versim.fabric import DATA_SHEETS  # noqa: PLC0415 - brings numpy
    from versim.units import GIB  # noqa: PLC0415

    sheet = DATA_SHEETS[name]
    device = sheet.device
    peaks = [f"  {dtype:<11} {peak / 1e12:g} TFLOP/s, dense" for dtype, peak in device.peak_flop_per_s.items()]
    memory = f"{device.memory_bytes / GIB:g} GiB at {device.memory_bandwidth_bytes_per_s / 1e12:g} TB/s"
    launch = f"{device.kernel_launch_overhead_s * 1e6:g} µs between dependent kernels"
    return [
        f"{name}: {device.name}",
        *peaks,
        f"  memory      {memory}",
        f"  launch      {launch}",
        f"  source      {sheet.source}",
    ]
