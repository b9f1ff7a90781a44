"""The backend ``lattice``: every rank runs its nodes in program order."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import (
    NO_TIME,
    NONE,
    PS_PER_NS,
    PS_PER_S,
    Instances,
    Prediction,
    Schedule,
    SimulationRequest,
    VersimError,
    communication_s,
    instances_of,
    option,
    prediction_of,
)


@attrs.frozen(kw_only=True)
class LatticeOptions:
    """Options of the backend ``lattice``."""

    overlap: bool = option(True, help="a rank goes on while its messages are under way; false: it waits for each")


@attrs.frozen
class Lattice:
    """A rank starts a node when the one before has been started and its own dependencies have ended."""

    name: str = "lattice"
    options: type[LatticeOptions] = LatticeOptions
    network_timing: str = "lattice-links"

    def simulate(self, request: SimulationRequest) -> Prediction:
        """Run every rank from its first node to its last, as far as its partners let it."""
        if request.network is None:
            raise VersimError("lattice needs a network timing; name one with network: …")
        graph = request.inputs.graph
        instances = instances_of(graph)
        seconds = communication_s(graph, request.inputs.system, request.network)
        lasts_ps = np.rint(seconds * PS_PER_S).astype(np.int64)[instances.meeting_match]
        schedule = _in_order(instances, request.inputs.compute_ns * PS_PER_NS, lasts_ps, request.options.overlap)
        return prediction_of(
            request.inputs,
            instances,
            schedule,
            simulator=self.name,
            engine="versim-lattice 0.3",
            provenance={"overlap": str(request.options.overlap).lower()},
        )


def _in_order(
    instances: Instances, compute_ps: NDArray[np.int64], meeting_ps: NDArray[np.int64], overlap: bool
) -> Schedule:
    """Sweep over the ranks until none gets further."""
    ready, start, end = (np.full(instances.count, NO_TIME, dtype=np.int64) for _ in range(3))
    programs = [np.flatnonzero(instances.rank_class == place).tolist() for place in range(instances.classes.count)]
    position = [0] * len(programs)
    clock_ps = [0] * len(programs)
    part_start, parts = instances.parts()

    def posted_all(meeting: int) -> list[int] | None:
        members = parts[part_start[meeting] : part_start[meeting + 1]].tolist()
        return members if all(start[row] != NO_TIME for row in members) else None

    moved = True
    while moved:
        moved = False
        for place, program in enumerate(programs):
            while position[place] < len(program):
                row = program[position[place]]
                waits = instances.dependency[instances.dependency_start[row] : instances.dependency_start[row + 1]]
                if (end[waits] == NO_TIME).any():
                    break
                meeting = int(instances.meeting[row])
                if start[row] == NO_TIME:
                    ready[row] = end[waits].max(initial=0)
                    start[row] = max(clock_ps[place], ready[row])
                    moved = True
                if meeting == NONE:
                    end[row] = clock_ps[place] = start[row] + compute_ps[instances.node[row]]
                else:
                    members = posted_all(meeting)
                    if members is not None:
                        end[members] = start[members].max() + meeting_ps[meeting]
                    if not overlap:
                        if end[row] == NO_TIME:
                            break
                        clock_ps[place] = int(end[row])
                position[place] += 1
                moved = True
    return Schedule(ready_ps=ready, start_ps=start, end_ps=end)
