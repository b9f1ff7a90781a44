"""One prediction, analysed, as a document states it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from versim.comparison.checks import Check
from versim.prediction import LinkLoads, Status
from versim.storage.explanation import ATTRIBUTION, CAUSES, PATH_CHANGE
from versim.storage.form import (
    SIGNED,
    Choice,
    Columns,
    Flag,
    Integer,
    Key,
    Many,
    Maybe,
    Named,
    Number,
    Record,
    Spelt,
    Text,
)
from versim.storage.loss import CONSUMED, losses
from versim.storage.sizes import SANITY
from versim.units import PS_PER_S


def _in_seconds(says: str, of: str) -> Key:
    """A time in seconds, for people, beside the one in picoseconds."""

    def get(value: Any, _: object) -> float | None:
        time_ps = getattr(value, of)
        return None if time_ps is None else time_ps / PS_PER_S

    return Key(Maybe(Number()), says, get, kept=False)


def _both(**times: str) -> Iterator[tuple[str, Key]]:
    """Times in picoseconds, and all of them in seconds, for people."""
    yield from ((f"{name}_ps", Key(Integer(), says)) for name, says in times.items())
    yield from ((f"{name}_s", _in_seconds(says, f"{name}_ps")) for name, says in times.items())


_TOTALS = Record(
    "Where the time of the rank that finishes last goes. Compute, exposed communication and idle time add up to the "
    "makespan.",
    name="totals",
    keys={
        "rank": Key(Integer(), "The rank that finishes last, the lowest of several."),
        **dict(
            _both(
                compute="Time with a compute node running.",
                communication="Time with a communication making progress; waiting for a partner is not communicating.",
                exposed_communication="Time with a communication making progress and no compute node running.",
                idle="Time with neither.",
            )
        ),
        "communication_ratio": Key(
            Number(0, 1), "Communication over communication plus compute; 0 if there is neither."
        ),
    },
)

_BREAKDOWN = Record(
    "One row of a breakdown.",
    name="breakdown",
    keys={
        "key": Key(Text(), "Kind and axes of a group, or name of an operation."),
        "phase": Key(Text(), "Part of the step, empty if not said."),
        "count": Key(Integer(), "Executions over all ranks."),
        "missing": Key(Integer(), "Of these, executions that never ended."),
        "total_ps": Key(Integer(), "Active time summed over all ranks."),
        "total_s": _in_seconds("The same.", "total_ps"),
        "mean_s": _in_seconds("Active time of one execution that ended.", "mean_ps"),
    },
)

_STEP = Record(
    "One step.",
    keys={
        "node": Key(Integer(), "Row of the graph; of a communication, the part posted last."),
        "name": Key(Text(), "Its name.", lambda step, to: to.inputs.graph.node_name(step.node)),
        "rank": Key(Integer(), "The rank it ran on, as a representative."),
        "start_ps": Key(Integer(), "When it began to make progress."),
        "end_ps": Key(Integer(), "When it ended, or was taken over by the next."),
        "waited_for": Key(Choice(("dependency", "resource", "start")), "Why it did not start earlier."),
    },
)

_PATH = Record(
    "The chain of work and waiting that decides when the step ends.",
    name="path",
    keys={
        **dict(_both(compute="Time in compute nodes.", communication="Time in communication.", gap="Time in neither.")),
        "steps": Key(Many(_STEP), "Earliest first."),
    },
)

CHECK = Record(
    "One check.",
    Check,
    name="check",
    keys={
        "name": Key(Text(), "What was checked."),
        "passed": Key(Maybe(Flag()), "Null where there was nothing to check."),
        "detail": Key(Text(), "What was found."),
        "declared": Key(Text(), "Why a deviation is meant or known; empty where nobody says so.", before=""),
    },
)

_WAITING = Record(
    "A node that never finished.",
    lambda rank, node: (rank, node),
    keys={
        "rank": Key(Integer(), "A representative rank.", lambda pair, _: pair[0]),
        "node": Key(Integer(), "Row.", lambda pair, _: pair[1]),
        "name": Key(Text(), "Its name.", lambda pair, to: to.inputs.graph.node_name(int(pair[1])), kept=False),
    },
)


def _loads(links: LinkLoads, _: object) -> dict[str, Any]:
    return {name: getattr(links, name) for name in ("carried_bytes", "messages", "busy_ps", "queueing_ps")}


_LINKS = Record(
    "What the links carried, one row per directed link that carried anything.",
    keys={"name": Key(Many(Text()), "Which link."), "loads": Key(Columns("links", "One row per name."), get=_loads)},
)

_SPANS = ("node", "rank", "ready_ps", "start_ps", "end_ps", "resource")

RESULT = Record(
    "One prediction, analysed.",
    name="result",
    keys={
        "label": Key(Text(), "The instance's name in the scenario."),
        "simulator": Key(Text(), "The backend.", lambda result, _: result.prediction.simulator),
        "engine": Key(Text(), "What really ran, with its version.", lambda result, _: result.prediction.engine),
        "network": Key(Text(), "The network timing that drove it."),
        "provenance": Key(
            Named(Text()), "Options, versions and files.", lambda result, _: result.prediction.provenance
        ),
        "measured": Key(
            Flag(),
            "True if a machine took these times. Absent in documents of before there was such a key: false.",
            lambda result, _: result.prediction.measured,
            before=False,
        ),
        "status": Key(Choice(Status), "How the simulation ended.", lambda result, _: result.prediction.status),
        "makespan_ps": Key(
            Maybe(Integer()),
            "First start to last end over all ranks; null unless completed.",
            lambda result, _: result.prediction.makespan_ps,
        ),
        "makespan_s": Key(
            Maybe(Number()),
            "The same.",
            lambda result, _: (
                None if result.prediction.makespan_ps is None else result.prediction.makespan_ps / PS_PER_S
            ),
            kept=False,
        ),
        "difference_ps": Key(Maybe(SIGNED), "Makespan minus the reference's; null if either did not complete."),
        "difference_s": _in_seconds("The same.", "difference_ps"),
        "difference_percent": Key(
            Spelt(), "The same in percent of the reference's makespan; null also if that is 0.", kept=False
        ),
        "totals": Key(Maybe(_TOTALS), "Null unless completed.", kept=False),
        "sanity": Key(
            Maybe(SANITY),
            "MFU, tokens/s per GPU and memory; null where the producer does not say what the step amounts to.",
            kept=False,
        ),
        "wall_s": Key(
            Spelt(0),
            "Seconds the simulation itself took; null if not measured.",
            lambda result, _: result.prediction.wall_s,
        ),
        "reported_s": Key(
            Spelt(),
            "Seconds the original program would have printed, where that differs from a sound answer.",
            lambda result, _: result.prediction.reported_s,
        ),
        "checks": Key(Many(CHECK), "What was checked, and found."),
        "diagnosis": Key(
            Many(Text()),
            "Why it did not complete, or what surprised on the way.",
            lambda result, _: result.prediction.diagnosis,
        ),
        "waiting": Key(
            Many(_WAITING),
            "If not completed: what never finished, as far as known.",
            lambda result, _: result.prediction.waiting,
        ),
        "groups": Key(Many(_BREAKDOWN), "By kind of communication, axes and phase.", kept=False),
        "operations": Key(Many(_BREAKDOWN), "By node name and phase.", kept=False),
        "critical_path": Key(Maybe(_PATH), "Null unless completed.", kept=False),
        "shared_path_ps": Key(
            Maybe(Integer()), "Time of the reference's critical path spent in nodes on this one's.", kept=False
        ),
        "shared_path_s": _in_seconds("The same.", "shared_path_ps"),
        "shared_path_percent": Key(Spelt(), "The same in percent of the time in the reference's steps.", kept=False),
        "attribution": Key(
            Maybe(ATTRIBUTION),
            "What the difference to the reference is made of; null for the reference, or if either did not complete.",
        ),
        "causes": Key(
            Many(CAUSES),
            "What the largest terms of communication are made of, as far as the simulators can say.",
            before=(),
        ),
        "path_change": Key(Maybe(PATH_CHANGE), "How the critical path changed against the reference's; null likewise."),
        "consumed": Key(CONSUMED, get=lambda result, to: losses(result.prediction, to.inputs)),
        "ranks": Key(
            Columns("ranks", "One row per rank."),
            get=lambda result, _: {
                "finish_ps": result.prediction.finish_ps,
                "representative": result.prediction.representative,
            },
        ),
        "spans": Key(
            Columns("spans", "When each node ran; what is not listed did not run."),
            get=lambda result, _: {name: getattr(result.prediction.spans, name) for name in _SPANS},
        ),
        "slack": Key(
            Maybe(
                Columns(
                    "slack",
                    "How much later each instance of the comparison could end, everything else kept, without a later "
                    "end of the step.",
                )
            ),
            "One row per row of the comparison's instances. Null unless completed, and of a prediction that does not "
            "say when every node ran.",
            lambda result, _: None if result.slack_ps is None else {"slack_ps": result.slack_ps},
            kept=False,
        ),
        "links": Key(
            Maybe(_LINKS),
            "Null where the simulator does not model links, or does not say.",
            lambda result, _: result.prediction.links,
            before=None,
        ),
    },
)
