"""``versim graph``: what the simulators of a scenario would be given."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from versim.cli.scenario_command import ScenarioCommand, load, scenario_parameters
from versim.cli.session import progress, write_output
from versim.units import GIB

if TYPE_CHECKING:
    from versim.asking.preparation import Prepared
    from versim.inputs import Inputs
    from versim.sizes import StepSizes

SHOWN_PARTS = 4
"""Of a model in many parts, so many of the first and of the last are shown."""


@click.command(cls=ScenarioCommand)
@scenario_parameters
@click.option("--workload", metavar="LABEL", help="Only this workload.")
@click.option("--pin", metavar="LABEL", help="Only under this pin.")
@click.option("--nodes", is_flag=True, help="List every node.")
@click.option("--fabric", is_flag=True, help="Show the system, and what each parallelism crosses.")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["table", "json", "svg"]),
    default="table",
    show_default=True,
    help="svg is a picture of the system, with --fabric.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to this file instead of standard output.")
@click.pass_context
def graph(
    ctx: click.Context,
    scenario: str,
    options: tuple[str, ...],
    workload: str | None,
    pin: str | None,
    nodes: bool,
    fabric: bool,
    form: str,
    output: Path | None,
) -> None:
    """Produce and pin the graphs of SCENARIO: size, digest and nodes, without simulating.

    Predictions may be compared only where the digest is the same.
    """
    from versim.atomic import check_writable  # noqa: PLC0415 - not for the list of commands

    if (form == "svg") > fabric or (form == "json" and fabric):
        raise click.UsageError("--fabric is shown as table or svg, and svg shows nothing else", ctx)
    if output is not None:
        check_writable(output)
    chosen, registry = load(ctx, scenario, options)
    workloads = chosen.workloads if workload is None else (chosen.workload(workload),)
    if pin is not None:
        chosen.pin(pin)
    cases = [(w.label, p.label) for w in workloads for p in chosen.pins_of(w) if pin in (None, p.label)]
    if not cases:
        raise click.UsageError(f"pin {pin!r} does not apply to workload {workload!r}", ctx)

    from versim.run import prepare  # noqa: PLC0415 - brings numpy

    parts = []
    with progress() as say:
        for workload_label, pin_label in cases:
            if say:
                say(f"{workload_label}: producing and pinning ({pin_label})")
            prepared = prepare(chosen, registry, workload_label, pin_label)
            if form == "svg":
                from versim.fabric.picture import system_svg  # noqa: PLC0415 - only for pictures

                write_output(system_svg(prepared.inputs.system), output)
                return
            shown = _json(prepared, nodes) if form == "json" else _table(prepared, nodes)
            parts.append(shown + _fabric(prepared) if fabric else shown)
    write_output("[\n" + ",\n".join(parts) + "\n]\n" if form == "json" else "\n".join(parts), output)


def _fabric(prepared: Prepared) -> str:
    """What the step runs on, and what each parallelism crosses."""
    from versim.fabric.description import crossing_lines, system_lines  # noqa: PLC0415 - only where it is shown
    from versim.pinning import messages_of  # noqa: PLC0415

    system = prepared.inputs.system
    lines = [*system_lines(system), *crossing_lines(messages_of(prepared.inputs.graph), system)]
    return "".join(f"  {line}\n" for line in lines)


def _summary(prepared: Prepared) -> dict[str, Any]:
    from versim.graph import Op  # noqa: PLC0415 - brings numpy

    pinned, step = prepared.inputs, prepared.inputs.graph
    return {
        "workload": prepared.workload.label,
        "pin": prepared.pin.label,
        "producer": prepared.workload.producer,
        "mesh": dict(zip(step.mesh.names, step.mesh.sizes, strict=True)),
        "ranks": step.mesh.world_size,
        "nodes": step.node_count,
        "compute_nodes": int((step.op == Op.COMPUTE).sum()),
        "communications": step.communication_count,
        "dependencies": len(step.dependency),
        "digest": pinned.digest,
        "timed_by": dict(pinned.provenance),
        "notes": list(step.notes),
        "sizes": None if pinned.sizes is None else _sizes(pinned.sizes, pinned.system.device.memory_bytes),
    }


PARTS = ("weights", "gradients", "optimizer", "activations", "logits", "buffers")
"""Of the memory of a rank, as columns."""


def _sizes(sizes: StepSizes, memory_bytes: float | None) -> dict[str, Any]:
    return {
        "tokens": sizes.tokens,
        "model_flop": dict(sizes.model_flop),
        "device_memory_bytes": memory_bytes,
        "fits": sizes.fits(memory_bytes) if memory_bytes else None,
        "memory": [
            {
                "label": part.label,
                **{f"{name}_bytes": getattr(part, f"{name}_bytes") for name in PARTS},
                "persistent_bytes": part.persistent_bytes,
                "peak_bytes": part.peak_bytes,
            }
            for part in sizes.memory
        ],
    }


def _memory_lines(sizes: Mapping[str, Any]) -> list[str]:
    """The memory of each part as a table in GiB; of many parts, the first and the last few."""
    rows = sizes["memory"]
    if not rows:
        return []
    columns = {
        "weights": "weights",
        "gradients": "grads",
        "optimizer": "optim.",
        "activations": "activ.",
        "logits": "logits",
        "buffers": "buffers",
        "persistent": "kept",
        "peak": "peak",
    }
    table = [
        f"  {row['label']:<14}  " + " ".join(f"{row[f'{name}_bytes'] / GIB:>8.2f}" for name in columns) for row in rows
    ]
    if len(table) > 2 * SHOWN_PARTS:
        left_out = f"  … {len(table) - 2 * SHOWN_PARTS} more"
        table = [*table[:SHOWN_PARTS], left_out, *table[-SHOWN_PARTS:]]
    fits = {True: "; fits", False: "; does not fit", None: ""}[sizes["fits"]]
    device = sizes["device_memory_bytes"]
    of_device = [f"  device          {device / GIB:.0f} GiB{fits}"] if device else []
    head = f"  {'memory, GiB':<14}  " + " ".join(f"{name:>8}" for name in columns.values())
    return [f"  tokens          {sizes['tokens']:,} per step", *of_device, head, *table]


def _node_rows(pinned: Inputs) -> Iterator[dict[str, Any]]:
    step = pinned.graph
    for row in range(step.node_count):
        node = step.node(row)
        match = node.match
        yield {
            "row": row,
            "name": node.name,
            "op": node.op.name.lower(),
            "phase": node.phase.value,
            "layer": node.layer,
            "microbatch": node.microbatch,
            "placement": _placement(pinned, row),
            "compute_ns": int(pinned.compute_ns[row]) if match is None else None,
            "communication": match,
            "kind": None if match is None else _kind(pinned, match),
            "size_bytes": None if match is None else int(step.size_bytes[match]),
            "dependencies": list(node.dependencies),
        }


def _kind(pinned: Inputs, match: int) -> str:

    kind: str = pinned.graph.kind_of(match).value
    return kind


def _placement(pinned: Inputs, row: int) -> dict[str, list[int] | str]:
    step = pinned.graph
    indices = step.placements[step.placement[row]].indices
    return {name: "all" if here is None else list(here) for name, here in zip(step.mesh.names, indices, strict=True)}


def _json(prepared: Prepared, nodes: bool) -> str:
    document = _summary(prepared)
    if nodes:
        document["node_list"] = list(_node_rows(prepared.inputs))
    return json.dumps(document, indent=2)


def _table(prepared: Prepared, nodes: bool) -> str:
    summary = _summary(prepared)
    mesh = " × ".join(f"{name} {size}" for name, size in summary["mesh"].items())
    lines = [
        f"{summary['workload']} / {summary['pin']}",
        f"  producer        {summary['producer']}",
        f"  mesh            {mesh} = {summary['ranks']:,} ranks",
        f"  nodes           {summary['nodes']:,}, of which {summary['compute_nodes']:,} compute",
        f"  communications  {summary['communications']:,}",
        f"  dependencies    {summary['dependencies']:,}",
        f"  digest          {summary['digest']}",
        *(f"  {role:<15} {who}" for role, who in summary["timed_by"].items()),
        *(f"  note            {note}" for note in summary["notes"]),
        *([] if summary["sizes"] is None else _memory_lines(summary["sizes"])),
    ]
    if nodes:
        lines.append(f"  {'row':>7}  {'op':<10} {'compute, ns':>16} {'size, bytes':>16}  name, where, waits for")
        lines += [f"  {_line(row)}" for row in _node_rows(prepared.inputs)]
    return "\n".join(lines) + "\n"


def _line(row: dict[str, Any]) -> str:
    compute = "" if row["compute_ns"] is None else f"{row['compute_ns']:,}"
    size = "" if row["size_bytes"] is None else f"{row['size_bytes']:,}"
    where = " ".join(
        f"{axis}={here if here == 'all' else ','.join(map(str, here))}" for axis, here in row["placement"].items()
    )
    what = f" {row['kind']} #{row['communication']}" if row["kind"] else ""
    waits = f" after {','.join(map(str, row['dependencies']))}" if row["dependencies"] else ""
    return f"{row['row']:>7}  {row['op']:<10} {compute:>16} {size:>16}  {row['name']}{what} [{where}]{waits}"
