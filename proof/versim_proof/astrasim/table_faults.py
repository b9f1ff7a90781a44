"""What is wrong with the form of a case of a reference table, before anything of it is run.

What a case's files hold may be as odd as the real program was given; how the program ends on it is part of what was
measured. Its workload and its expectation are the table's own and have to be sound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from versim import FaultsError
from versim_astrasim.engine.configuration_faults import shown
from versim_astrasim.engine.trace import RankTrace

NEEDED = frozenset({"name", "network", "system", "workload", "expected"})
SIMULATORS = ("congestion_aware", "congestion_unaware")
MOST_GENERATED_NODES = 1 << 20


def case_faults(case: object, place: str) -> Iterator[str]:
    """What is wrong with a case.

    Args:
        case: The case.
        place: Where it is in the table.
    """
    if not isinstance(case, Mapping):
        yield f"{place}: {shown(case)} is not a case"
        return
    missing = NEEDED - set(case)
    if missing:
        yield f"{place}: {', '.join(sorted(missing))} missing"
        return
    if not isinstance(case["name"], str):
        yield f"{place}.name: {shown(case['name'])} is not a text"
    if case.get("simulator", SIMULATORS[0]) not in SIMULATORS:
        yield f"{place}.simulator: {shown(case['simulator'])} is none of {', '.join(SIMULATORS)}"
    for key in ("options", "files"):
        if not isinstance(case.get(key) or {}, Mapping):
            yield f"{place}.{key}: {shown(case[key])} is not an object of keys and values"
            return
    for path, content in (case.get("files") or {}).items():
        if not isinstance(content, Mapping):
            yield from _node_faults(content, f"{place}.files[{shown(path)}]")
    yield from _workload_faults(case["workload"], f"{place}.workload")
    yield from _expectation_faults(case["expected"], f"{place}.expected")


def _workload_faults(workload: object, place: str) -> Iterator[str]:
    form = workload.get("form") if isinstance(workload, Mapping) else None
    if not isinstance(workload, Mapping) or form not in ("generated", "explicit"):
        yield f"{place}: {shown(workload)} is not an object whose form is generated or explicit"
    elif form == "explicit":
        ranks = workload.get("ranks")
        if not isinstance(ranks, list) or (workload.get("same_on_all_ranks") and not ranks):
            yield f"{place}.ranks: {shown(ranks)} is not a list of the nodes of each rank"
            return
        for rank, nodes in enumerate(ranks):
            yield from _node_faults(nodes, f"{place}.ranks[{rank}]")
    else:
        for key, most in (("count", MOST_GENERATED_NODES), ("comm_size_bytes", None)):
            number = workload.get(key)
            if type(number) is not int or number < 0 or (most is not None and number > most):
                limit = "" if most is None else f" and at most {most}"
                yield f"{place}.{key}: {shown(number)} is not a whole number of at least 0{limit}"
        if not isinstance(workload.get("comm_type"), str | int):
            yield f"{place}.comm_type: {shown(workload.get('comm_type'))} is not the type of a collective"


def _node_faults(nodes: object, place: str) -> Iterator[str]:
    if not isinstance(nodes, list) or not all(isinstance(node, Mapping) for node in nodes):
        yield f"{place}: {shown(nodes)} is not a list of nodes"
        return
    sound = True
    for index, node in enumerate(nodes):
        for key in ("ctrl_deps", "data_deps"):
            if not _is_list_of_numbers(node.get(key) or []):
                sound = False
                yield f"{place}[{index}].{key}: {shown(node[key])} is not a list of ids"
        if not isinstance(node.get("type"), str) or not isinstance(node.get("attr") or {}, Mapping):
            sound = False
            yield f"{place}[{index}]: a node needs a type, and its attr are keys and values"
    if sound:
        try:
            RankTrace.from_nodes(nodes)
        except FaultsError as error:
            yield from (f"{place}: {fault}" for fault in error.faults)


def _is_list_of_numbers(value: object) -> bool:
    return isinstance(value, list) and all(type(entry) is int for entry in value)


def _expectation_faults(expected: object, place: str) -> Iterator[str]:
    if not isinstance(expected, Mapping):
        yield f"{place}: {shown(expected)} is not what was measured"
        return
    if "error" in expected:
        if not isinstance(expected["error"], str):
            yield f"{place}.error: {shown(expected['error'])} is not a text"
        ranks = expected.get("unfinished_ranks", "all")
        if ranks != "all" and not _is_list_of_numbers(ranks):
            yield f"{place}.unfinished_ranks: {shown(ranks)} is neither a list of ranks nor 'all'"
        partial = expected.get("partial", {})
        if not isinstance(partial, Mapping):
            yield f"{place}.partial: {shown(partial)} is not an object of figures"
            return
        figures: Mapping[str, Any] = partial
    else:
        if "rank_ns" not in expected:
            yield f"{place}: has neither rank_ns nor an error"
        figures = expected
    for name, value in figures.items():
        if name.endswith(("_ns", "_pct", "_intensity")) and not _is_figure(value):
            yield f'{place}.{name}: {shown(value)} is neither a list, one entry per rank, nor {{"all": value}}'


def _is_figure(value: object) -> bool:
    if isinstance(value, Mapping):
        return set(value) == {"all"}
    return value is None or (isinstance(value, Sequence) and not isinstance(value, str))
