"""How the axes of a mesh are laid over the endpoints of a network.

Rank is endpoint, so another layout is another order of the mesh's axes: the graph stays the same step, its ranks are
numbered differently. Axes are named fastest first here, as frameworks state it; a mesh lists them the other way round.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from versim.errors import VersimError, did_you_mean
from versim.graph.columns import ExecutionGraph, Scope
from versim.mesh import Mesh, Placement

LAYOUTS = {
    # Megatron-LM's parallel_state: order "tp-cp-ep-dp-pp"; axes that experts cut are in pieces, etp's innermost.
    "megatron": (
        *("tp_etp", "tp_ep", "tp_edp", "tp", "cp_etp", "cp_ep", "cp_edp", "cp"),
        *("dp_etp", "ep", "dp_ep", "dp", "edp", "pp"),
    ),
    "deepflow": ("tp", "pp", "dp"),
}
"""Layouts by name: axes, the one whose neighbours lie closest together first."""


def laid_out(graph: ExecutionGraph, layout: str | Sequence[str]) -> ExecutionGraph:
    """The same step with its axes laid over the endpoints in another order.

    Args:
        graph: The step.
        layout: A name of :data:`LAYOUTS`, or axes, fastest first. Axes of the mesh that it does not name follow in the
            graph's own order; a named layout's axes that the mesh lacks are passed over.

    Returns:
        A graph whose explicit groups name the new ranks; the given one where nothing changes.

    Raises:
        VersimError: No layout of that name, or listed axes that are not the mesh's or stand there twice.
    """
    order = _order(graph.mesh, layout)
    if order == tuple(range(len(order))):
        return graph
    mesh = Mesh(
        tuple(graph.mesh.names[position] for position in order),
        tuple(graph.mesh.sizes[position] for position in order),
    )
    numbers = np.arange(graph.mesh.world_size).reshape(graph.mesh.sizes).transpose(order).ravel()
    moved = np.empty_like(numbers)
    moved[numbers] = np.arange(len(numbers))
    return attrs.evolve(
        graph,
        mesh=mesh,
        placements=tuple(Placement(tuple(place.indices[axis] for axis in order)) for place in graph.placements),
        scopes=tuple(
            Scope(axes=tuple(sorted(scope.axes, key=mesh.axis)), ranks=tuple(int(moved[rank]) for rank in scope.ranks))
            for scope in graph.scopes
        ),
    )


def _order(mesh: Mesh, layout: str | Sequence[str]) -> tuple[int, ...]:
    """Positions of the mesh's axes, outermost first, as they are to stand."""
    if isinstance(layout, str):
        if layout not in LAYOUTS:
            hint = did_you_mean(layout, LAYOUTS)
            raise VersimError(f"no layout named {layout!r}{hint}; or list the axes of the mesh {mesh}, fastest first")
        fastest = [axis for axis in LAYOUTS[layout] if axis in mesh.names]
    else:
        fastest = list(layout)
        for axis in fastest:
            if axis not in mesh.names:
                raise VersimError(f"layout: the mesh {mesh} has no axis {axis!r}{did_you_mean(axis, mesh.names)}")
        if len(set(fastest)) != len(fastest):
            raise VersimError(f"layout: {', '.join(fastest)} names an axis twice")
    outer = [axis for axis in mesh.names if axis not in fastest]
    return tuple(mesh.axis(axis) for axis in (*outer, *reversed(fastest)))
