"""``versim silicon``: what was measured, how well it interpolates, what NCCL would choose, and importing more."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from versim_silicon.crossvalidation import Errors


@click.group()
def silicon() -> None:
    """Measured operators and collectives, and NCCL's own model."""


@silicon.command("import")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to; the user's data folder unless given (VERSIM_SILICON, or versim/silicon in XDG_DATA_HOME).",
)
def import_(source: Path, into: Path | None) -> None:
    """Read every measurement of SOURCE, the wheel aiconfigurator-core or its folder systems/data.

    Needs pyarrow (pip install 'versim[silicon]'). Scenarios use what was imported with the options tables: imported
    and collector: trtllm, sglang or vllm.
    """
    from versim import VersimError  # noqa: PLC0415 - brings numpy

    from versim_silicon.gpus import GPUS  # noqa: PLC0415
    from versim_silicon.importing import Source, read, systems  # noqa: PLC0415
    from versim_silicon.store import COLLECTORS, imported_folder  # noqa: PLC0415
    from versim_silicon.tables import save  # noqa: PLC0415

    target = into or imported_folder()
    held = Source(source)
    found = [name for name in systems(held) if name in GPUS]
    if not found:
        raise VersimError(f"{source}: measures none of {', '.join(GPUS)}")
    target.mkdir(parents=True, exist_ok=True)
    for gpu in found:
        for collector in COLLECTORS:
            tables = read(held, gpu, collector)
            if not any(name.startswith("product/") for name in tables):
                continue
            path = target / f"{gpu}.{collector}.npz"
            unfinished = path.with_suffix(f".{os.getpid()}.part")
            save(tables, unfinished)
            unfinished.replace(path)
            count = sum(table.count() for table in tables.values())
            click.echo(f"{path}: {count} measurements in {len(tables)} tables")


@silicon.command()
@click.argument("gpu", required=False)
def show(gpu: str | None) -> None:
    """List what was measured on GPU, or on all; with how far collectors are apart, the noise floor."""
    from versim.terminal import WIDTH, table  # noqa: PLC0415

    from versim_silicon.store import spread, tables_of  # noqa: PLC0415

    rows = []
    for name in _chosen(gpu):
        floors = spread(name)
        for what, found in tables_of(name).items():
            ranges = ", ".join(f"{axis} {values.min():g}–{values.max():g}" for axis, values in found.axes.items())
            floor = ", ".join(f"{other} {100 * apart:.0f}" for other, apart in floors.get(what, {}).items())
            rows.append([name, what, str(found.count()), floor or "–", ranges])
    headings = ["GPU", "table", "rows", "others off\n[%]", "ranges"]
    click.echo("\n".join(table(headings, rows, "llrll", WIDTH, keys=2)))


@silicon.command()
@click.argument("gpu", required=False)
def check(gpu: str | None) -> None:
    """Predict every measurement of GPU, or of all, from the others, and show the errors.

    Products are left out by (n, k), all m at once; experts by (hidden, inner); collectives by size. NCCL's own model
    is held against all measured collectives.
    """
    from versim.terminal import WIDTH, table  # noqa: PLC0415

    from versim_silicon import crossvalidation  # noqa: PLC0415
    from versim_silicon.conversion import Conversion  # noqa: PLC0415
    from versim_silicon.gpus import GPUS  # noqa: PLC0415
    from versim_silicon.nccl.validation import errors_of  # noqa: PLC0415
    from versim_silicon.store import tables_of  # noqa: PLC0415

    rows: list[list[str]] = []

    def add(name: str, what: str, errors: Errors) -> None:
        figures = (f"{100 * errors.answered:.1f}", f"{100 * errors.mean:.1f}", f"{100 * errors.worst:.0f}")
        rows.append([name, what, str(errors.rows), *figures])

    for name in _chosen(gpu):
        tables = tables_of(name)
        for what, found in tables.items():
            if what.startswith("product/"):
                for included in (True, False):
                    apart = "" if included else "  less conversions: "
                    if not included and Conversion.of(GPUS[name], what[8:], tables) is None:
                        continue
                    held_out = crossvalidation.of_products(GPUS[name], what[8:], tables, included=included)
                    for part, errors in held_out.items():
                        add(name, f"{apart}{what}, {part}", errors)
            elif what.startswith("experts/"):
                add(name, what, crossvalidation.of_experts(GPUS[name], what[8:], found))
            elif what.startswith("collective/"):
                add(name, what, crossvalidation.of_collectives(found))
                add(name, f"  nccl on {what}", errors_of(name, what, found))
    headings = ["GPU", "left out of", "rows", "answered\n[%]", "mean\n[%]", "worst\n[%]"]
    click.echo("\n".join(table(headings, rows, "llrrrr", WIDTH, keys=2)))


@silicon.command()
@click.argument("cluster")
@click.option("--nodes", default=1, show_default=True, type=click.IntRange(1), help="Nodes of the cluster.")
@click.option("--ranks-per-node", type=click.IntRange(1), help="Ranks of the group on each node; all unless given.")
@click.option(
    "--kind",
    type=click.Choice(["all_reduce", "all_gather", "reduce_scatter", "broadcast", "all_to_all"]),
    default="all_reduce",
    show_default=True,
)
@click.option("--nic", default="infiniband", show_default=True, help="Kind of network card: infiniband or efa.")
def nccl(cluster: str, nodes: int, ranks_per_node: int | None, kind: str, nic: str) -> None:
    """Show what NCCL would choose by size on nodes of CLUSTER, such as dgx-h100, and what that takes.

    Sizes and bandwidths are those of nccl-tests.
    """
    from versim_silicon.nccl.size_table import table_of  # noqa: PLC0415 - brings numpy

    click.echo(table_of(cluster, nodes, ranks_per_node, kind, nic))


def _chosen(gpu: str | None) -> list[str]:
    from versim import UnknownNameError  # noqa: PLC0415

    from versim_silicon.gpus import GPUS, gpu_of  # noqa: PLC0415

    if gpu is None:
        return list(GPUS)
    found = gpu_of(gpu)
    if found is None:
        raise UnknownNameError("measured GPU", gpu, GPUS)
    return [found]
