"""Tasks and options as the document the worker reads; the format is described in ``docs/simgrid.md``."""

from __future__ import annotations

import itertools

from versim_simgrid.fabric import Fabric
from versim_simgrid.folding import FoldedFabric
from versim_simgrid.options import RTT, SimGridOptions
from versim_simgrid.tasks import Tasks
from versim_simgrid.worker import ASKED, FORMAT, VERSION, packed

PRECISION_S = 1e-12
"""Events closer than this are one to SimGrid; versim's times are whole picoseconds."""

SHARING_PRECISION = 1e-12
"""Relative error of the shares of a link, small against the 1e-9 to which closed forms are met."""


def document_of(tasks: Tasks, fabric: Fabric | FoldedFabric, ranks: int, options: SimGridOptions) -> bytes:
    """What the worker reads.

    With ``fairness: max_min`` the worker lets a message's latency pass before SimGrid sends it over links without any,
    because SimGrid weighs the messages on a link by the inverse of their latencies.
    """
    simgrids = options.fairness == RTT
    routes = [list(route) for route in fabric.routes]
    if options.crosstraffic and isinstance(fabric, Fabric):
        known = {(source, target) for source, target, _ in fabric.routes}
        for source, target in sorted(known):
            if (target, source) not in known:
                fabric.route(target, source)
        routes = [list(route) for route in fabric.routes]
    head = {
        "format": FORMAT,
        "version": VERSION,
        "settings": settings_of(options),
        "ranks": fabric.hosts if isinstance(fabric, FoldedFabric) else ranks,
        "links": [[link.bandwidth_bytes_per_s, link.latency_s if simgrids else 0.0] for link in fabric.links],
        "routes": routes,
        "latency_s": [
            0.0 if simgrids else fabric.latency_s(route) * options.latency_factor for route in range(len(routes))
        ],
    }
    columns = {
        "kind": tasks.kind,
        "amount": tasks.amount,
        "place": tasks.place,
        "dependency_start": [0, *itertools.accumulate(map(len, tasks.waits_for))],
        "dependency": list(itertools.chain.from_iterable(tasks.waits_for)),
    }
    return packed(head, ASKED, columns)


def settings_of(options: SimGridOptions) -> list[str]:
    """SimGrid's settings, see its manual, "Configuring SimGrid"."""
    simgrids = options.fairness == RTT
    return [
        "network/model:CM02",
        f"surf/precision:{PRECISION_S!r}",
        f"maxmin/precision:{SHARING_PRECISION!r}",
        f"network/bandwidth-factor:{options.bandwidth_factor!r}",
        f"network/latency-factor:{options.latency_factor if simgrids else 1.0!r}",
        f"network/weight-S:{options.weight_s!r}",
        f"network/TCP-gamma:{options.tcp_window_bytes!r}",
        f"network/crosstraffic:{int(options.crosstraffic)}",
    ]
