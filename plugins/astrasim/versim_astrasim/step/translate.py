"""A pinned graph, a system and options ─▶ everything ASTRA-sim is given, in memory.

The traces are the embedded engine's own, so that it runs without files; ``program/export`` writes the same object for
the real program.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    HOST,
    NO_TIME,
    Consumed,
    ExecutionGraph,
    Inputs,
    Instances,
    Kind,
    Op,
    RankClasses,
    System,
    UnsupportedGraphError,
    VersimError,
    hold_instances_to_memory,
    instances_of,
    participants_of,
)

from versim_astrasim.options import NO_MEMORY, BackendOptions, SystemOptions
from versim_astrasim.step.clock import refuse_wrapping
from versim_astrasim.step.configuration import (
    COLLECTIVE_STEMS,
    CollectiveUse,
    Network,
    algorithms_of,
    given_bytes,
    memory_mapping,
    network_of,
    system_mapping,
)
from versim_astrasim.step.custom_collectives import kinds_of, per_node_of, system_keys
from versim_astrasim.step.encoding import ComputeEncoding, encode
from versim_astrasim.step.folding import Foldable, Folding
from versim_astrasim.step.losses import moved_sizes
from versim_astrasim.step.numbering import Numbering, number
from versim_astrasim.step.origin import origin_of
from versim_astrasim.step.programs import StepTraces
from versim_astrasim.step.simulator_input import SimulatorInput
from versim_astrasim.step.traces import Meetings, meetings_of


@attrs.frozen(eq=False, kw_only=True)
class Translation:
    """A translated graph, and the way back from its traces.

    Attributes:
        given: What the simulator is given.
        options: What the user chose.
        instances: The graph with one row per node and rank.
        kept: Which instances stand in a trace.
        numbering: Their ids.
        meetings: Sizes, tags and groups of communications.
        compute_ns: int64 (nodes,), what was pinned.
        consumed: What is left of compute times and sizes.
        folding: Which ranks one stands for; None if every rank has its instances.
    """

    given: SimulatorInput
    options: BackendOptions
    instances: Instances
    kept: NDArray[np.bool_]
    numbering: Numbering
    meetings: Meetings
    compute_ns: NDArray[np.int64]
    consumed: Consumed
    folding: Folding | None = None

    def instance_of(self, ranks: NDArray[np.int64], node_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Instances behind trace nodes; -1 for a placeholder."""
        if self.folding is not None:
            ranks = self.folding.fold.stands_in[ranks]
        return self.numbering.instance_of(ranks, node_ids)


def translate(
    pinned: Inputs, system: System, options: BackendOptions, *, fold: bool = False, most_members: int | None = None
) -> Translation:
    """Translate a graph.

    Args:
        pinned: The graph and its times.
        system: What it runs on.
        options: What the user chose.
        fold: Let one rank stand for all that run alike, as far as can be told beforehand. Only the compiled engine
            takes that.
        most_members: For how many ranks one may stand at most, to the end; None is any number, until ranks part.

    Raises:
        UnsupportedGraphError: Something ASTRA-sim cannot express, with its node and a remedy.
    """
    graph = pinned.graph
    if system.world_size != graph.mesh.world_size:
        sizes = " × ".join(str(dimension.size) for dimension in system.dimensions)
        raise UnsupportedGraphError(
            f"the graph stands on {graph.mesh.world_size} ranks {graph.mesh}, but the network has "
            f"{system.world_size} ({sizes}); make the product of the system's dimensions {graph.mesh.world_size}"
        )
    network = network_of(system.dimensions, options, system.degraded, system.endpoints)
    participants = participants_of(graph)
    refuse_wrapping(graph.size_bytes, participants, network, graph.communication_name, int(pinned.compute_ns.sum()))
    chosen = chosen_algorithms(graph, network, options)
    algorithms = {kind: names for kind, (names, _) in chosen.items()}
    encoding = encode(
        pinned.compute_ns,
        graph.op == Op.COMPUTE,
        options.compute_encoding,
        options.local_mem_bw_gb_per_s,
        graph.node_attributes[HOST] != 0 if HOST in graph.node_attributes else None,
    )
    origin = origin_of(graph)
    per_node = per_node_of(options)
    system_json = {
        **system_mapping(algorithms, options, roofline=encoding.roofline),
        **system_keys(options, per_node),
    }
    foldable = Foldable.of(graph, network, system_json, options, origin) if fold else None
    folding = None if foldable is None else foldable.to_the_end(most_members)
    single = RankClasses.single(graph.mesh)
    try:
        hold_instances_to_memory(graph, single if folding is None else folding.classes)
    except VersimError as error:
        if not fold or most_members is not None:
            raise
        way_out = _folded_by_rings(pinned, network, options, folding)
        raise VersimError(f"{error}{way_out}") from error
    if foldable is not None and most_members is None:
        folding = foldable.until_contact(folding) or folding
    instances = instances_of(graph, single if folding is None else folding.classes)
    kept = ~encoding.elided[instances.node]
    memory = origin.memory if options.remote_memory != NO_MEMORY else None
    numbering = number(instances, kept, options.node_order, origin.node_id)
    groups = None if folding is None else folding.groups
    meetings = meetings_of(instances, network.rank_count, origin, groups)
    size_bytes, size_notes = moved_sizes(graph, network, algorithms, options)
    unsized, unsized_notes = _unsized(instances, numbering, options, per_node)
    size_bytes = np.where(unsized, NO_TIME, size_bytes)
    notes = (
        *network.notes,
        *_link_notes(graph, system),
        *(note for _, notes in chosen.values() for note in notes),
        *encoding.notes,
        *size_notes,
        *unsized_notes,
        *meetings.notes,
        *_idle_notes(numbering, instances),
    )
    return Translation(
        given=SimulatorInput(
            traces=StepTraces(
                instances=instances,
                encoding=encoding,
                kept=kept,
                numbering=numbering,
                meetings=meetings,
                rank_count=network.rank_count,
                memory=memory,
                folding=folding,
            ),
            network=network.mapping(),
            variant=network.variant,
            ways=network.ways,
            system=system_json,
            memory=memory_mapping(options),
            groups=meetings.groups,
            options=options,
            per_node=per_node,
        ),
        options=options,
        instances=instances,
        kept=kept,
        numbering=numbering,
        meetings=meetings,
        compute_ns=pinned.compute_ns,
        consumed=Consumed(compute_ns=_consumed_ns(graph, encoding), size_bytes=size_bytes, notes=notes),
        folding=folding,
    )


def _folded_by_rings(pinned: Inputs, network: Network, options: BackendOptions, folding: Folding | None) -> str:
    """In words, which collectives one rank could stand for more others with, if they ran on rings; "" if none."""
    graph, origin = pinned.graph, origin_of(pinned.graph)
    reached = 1 if folding is None else folding.fold.members
    kinds = [kind.value for kind in COLLECTIVE_STEMS if kind is not Kind.ALL_TO_ALL]
    for names in (*((kind,) for kind in kinds), tuple(kinds)):
        changed = attrs.evolve(options, **dict.fromkeys(names, "ring"))  # type: ignore[arg-type]
        try:
            chosen = chosen_algorithms(graph, network, changed)
        except UnsupportedGraphError:
            continue
        system = system_mapping({kind: found for kind, (found, _) in chosen.items()}, changed, roofline=False)
        foldable = Foldable.of(graph, network, system, changed, origin)
        found = None if foldable is None else foldable.to_the_end()
        if found is not None and found.fold.members > reached:
            asked = ", ".join(f"{name}: ring" for name in names)
            return f"; or have ASTRA-sim use rings ({asked}), with which one rank stands for {found.fold.members}"
    return ""


class Translations:
    """The translation that was made last, so that looking at a step and simulating it translate it once.

    It is kept until it is taken, or until another step is looked at.
    """

    def __init__(self) -> None:
        self._made: tuple[Inputs, BackendOptions, Translation] | None = None

    def make(self, inputs: Inputs, options: BackendOptions, *, fold: bool = False) -> Translation:
        """Translate, and keep the translation for who takes it.

        Raises:
            UnsupportedGraphError: As :func:`translate`.
        """
        translation = translate(inputs, inputs.system, options, fold=fold)
        self._made = (inputs, options, translation)
        return translation

    def take(self, inputs: Inputs, options: BackendOptions, *, fold: bool = False) -> Translation:
        """The translation of these very inputs, made now unless it is kept; one that is kept may be less folded.

        Raises:
            UnsupportedGraphError: As :func:`translate`.
        """
        made, self._made = self._made, None
        if made is not None and made[0] is inputs and made[1] == options and (fold or made[2].folding is None):
            return made[2]
        return translate(inputs, inputs.system, options, fold=fold)


TRANSLATIONS = Translations()
"""Of the backend, which is asked about a step before it is asked to simulate it."""


def chosen_algorithms(
    graph: ExecutionGraph, network: Network, options: SystemOptions
) -> dict[Kind, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Algorithms of every kind of collective, one per dimension, and notes.

    Raises:
        UnsupportedGraphError: See :func:`versim_astrasim.step.configuration.algorithms_of`.
    """
    uses = _uses(graph, participants_of(graph))
    return {kind: algorithms_of(kind, uses.get(kind), network, options) for kind in COLLECTIVE_STEMS}


def _unsized(
    instances: Instances, numbering: Numbering, options: BackendOptions, per_node: Mapping[int, str]
) -> tuple[NDArray[np.bool_], list[str]]:
    """Communications whose size does not matter, shape (communications,), and notes that say why."""
    graph = instances.graph
    if options.replay_only:
        note = "replay_only: every communication lasts 1 ns, for a trace of versim records no duration of any"
        return np.ones(graph.communication_count, dtype=bool), [note]
    unsized = np.zeros(graph.communication_count, dtype=bool)
    notes = []
    for kind, prefix in kinds_of(options).items():
        unsized |= graph.is_kind(Kind(kind))
        notes.append(f"{kind}: carried out as the traces {prefix}.*.et say, whatever its size")
    if per_node:
        ranks = np.repeat(np.arange(graph.mesh.world_size), len(per_node))
        rows = numbering.instance_of(ranks, np.tile(np.array(list(per_node), dtype=np.int64), graph.mesh.world_size))
        named = instances.node[rows[rows >= 0]]
        unsized[graph.match[named[graph.op[named] == Op.COLLECTIVE]]] = True
        notes.append("per_node_custom: collectives of the nodes it names are carried out as traces say")
    return unsized, notes


def _consumed_ns(graph: ExecutionGraph, encoding: ComputeEncoding) -> NDArray[np.int64]:
    return np.where(graph.op == Op.COMPUTE, encoding.consumed_ns, 0)


def _uses(graph: ExecutionGraph, participants: NDArray[np.int64]) -> dict[Kind, CollectiveUse]:
    """How each kind of collective in the graph is used."""
    uses = {}
    for code in np.unique(graph.kind).tolist():
        kind = graph.kinds[code]
        if kind not in COLLECTIVE_STEMS:
            continue
        of_kind = graph.kind == code
        asked = sorted({graph.algorithms[index] for index in np.unique(graph.algorithm[of_kind]).tolist()} - {""})
        # The node named in messages is one that asks, if any does.
        asking = of_kind & (graph.algorithm != 0) if asked else of_kind
        node = int(np.argmax(graph.match == np.argmax(asking)))
        smallest: dict[int, int] = {}
        for count in np.unique(participants[of_kind]).tolist():
            size_bytes = int(graph.size_bytes[of_kind & (participants == count)].min())
            smallest[count] = given_bytes(kind, size_bytes, count)
        uses[kind] = CollectiveUse(
            node=f"node {node} ({graph.node_name(node)!r})",
            algorithms=frozenset(asked),
            smallest_bytes=smallest,
        )
    return uses


def _link_notes(graph: ExecutionGraph, system: System) -> list[str]:
    """Axes whose link is not that of any dimension: ASTRA-sim knows links per dimension only."""
    used = {axis for code in np.unique(graph.scope).tolist() for axis in graph.scopes[code].axes}
    links = {dimension.link for dimension in system.dimensions if dimension.size > 1}
    return [
        f"axis {axis}: its own link ({link.bandwidth_bytes_per_s:g} bytes/s, {link.latency_s:g} s) is not used; "
        "ASTRA-sim knows links per network dimension"
        for axis, link in system.axis_links.items()
        if axis in used and link not in links
    ]


def _idle_notes(numbering: Numbering, instances: Instances) -> list[str]:
    idle = np.flatnonzero((np.diff(numbering.start) == 0)[instances.classes.of_rank()])
    if not len(idle):
        return []
    return [f"{len(idle)} ranks have nothing to do (the first is {idle[0]}); ASTRA-sim needs a node there, of 1 ns"]
