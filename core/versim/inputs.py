"""Inputs: what every simulator is given, one value with one digest.

The promise of equal inputs covers all three: the graph, the nanoseconds of its compute, and the system with its
network. Answers may be compared, merged, borrowed, cached and stored only under equal digests.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.distinct import distinct
from versim.fabric import System
from versim.graph import ExecutionGraph
from versim.graph.forms import of_form
from versim.immutable import is_unwritable
from versim.kernel import passes
from versim.kernel.functions import compiled
from versim.sizes import StepSizes
from versim.timing import OriginShare


@attrs.frozen(eq=False, repr=False, kw_only=True)
class Inputs:
    """A graph with fixed compute times on a system. Its arrays cannot be written to.

    Attributes:
        graph: The step.
        compute_s: float64 (nodes,), seconds before rounding; 0 for communication. Never simulated: exact re-creations
            are verified on it.
        compute_ns: int64 (nodes,), the nanoseconds every simulator uses; 0 for communication.
        system: What it runs on: network, device, and how parallelism maps onto links.
        label: The pin's name in the scenario.
        provenance: Who timed what, for people: ``compute`` and ``folded`` with their options.
        origins: How many seconds of compute have which origin, the most first; empty where nobody said.
        sizes: What the step amounts to: tokens, model FLOP, memory; None where the producer does not say.
        digest: sha256 over everything a simulator may consume, as hexadecimal digits.
    """

    graph: ExecutionGraph
    compute_s: NDArray[np.float64]
    compute_ns: NDArray[np.int64]
    system: System
    label: str = ""
    provenance: Mapping[str, str] = attrs.field(factory=dict)
    origins: tuple[OriginShare, ...] = ()
    sizes: StepSizes | None = None
    digest: str = attrs.field(init=False)
    _sums: tuple[object, ...] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        for column in (self.compute_s, self.compute_ns):
            column.flags.writeable = False
        object.__setattr__(self, "digest", digest_of(self.graph, self.compute_ns, self.system))
        object.__setattr__(self, "_sums", self._summed())

    def on(self, system: System) -> Inputs:
        """The same step on another system."""
        return attrs.evolve(self, system=system)

    def unchanged(self) -> bool:
        """True if the content still is what it was made with: nobody has written to it since."""
        return self._summed() == self._sums

    def _summed(self) -> tuple[object, ...]:
        """What is no column, and a number per column that writing to it changes; hashing would take ten times as long.

        Tables are held as they are: to compare what still is the same object costs nothing.
        """
        graph = self.graph
        held = [getattr(graph, field.name) for field in attrs.fields(ExecutionGraph)]
        columns = [column for column in held if isinstance(column, np.ndarray)]
        columns += [*_attributes(graph), self.compute_s, self.compute_ns]
        return (
            repr(_content(self.system)),
            (self.digest, self.label, dict(self.provenance), self.origins, repr(self.sizes)),
            (graph.mesh.names, graph.mesh.sizes, sorted(graph.node_attributes), sorted(graph.communication_attributes)),
            *(table for table in held if isinstance(table, tuple)),
            *(_sum(column) for column in columns),
        )

    def __repr__(self) -> str:
        return f"<Inputs {self.label!r} {self.digest[:12]} of {self.graph!r}>"


def digest_of(graph: ExecutionGraph, compute_ns: NDArray[np.int64], system: System) -> str:
    """sha256 over what a simulator may consume: ranks, nodes, dependencies, communications, nanoseconds, system.

    Kinds count by their texts, so that the digest does not depend on which kinds versim knows; what a system leaves at
    its default does not count, so that a field that comes later changes no digest made before.
    """
    begun = _BEGUN.get(graph)
    if begun is None or begun[0] is not system:
        begun = _BEGUN[graph] = system, _begin(graph, system)
    content = begun[1].copy()
    _add(content, compute_ns)
    for attributes in (graph.node_attributes, graph.communication_attributes):
        for name in sorted(attributes):
            content.update(json.dumps([name, len(attributes[name])]).encode())
            content.update(np.ascontiguousarray(attributes[name], dtype=np.int64).data)
    return str(content.hexdigest())


_BEGUN: WeakKeyDictionary[ExecutionGraph, tuple[System, Any]] = WeakKeyDictionary()
"""Digests as far as pins of one graph share them."""


def _begin(graph: ExecutionGraph, system: System) -> Any:
    content = hashlib.sha256()
    texts, kind = of_form(graph, "inputs.kinds", lambda: _kinds(graph))
    tables = {
        "mesh": [list(graph.mesh.names), list(graph.mesh.sizes)],
        "placements": [[list(i) if i is not None else None for i in p.indices] for p in graph.placements],
        "scopes": [[list(scope.axes), list(scope.ranks)] for scope in graph.scopes],
        "algorithms": list(graph.algorithms),
        "kinds": texts,
        "system": _content(system),
    }
    content.update(json.dumps(tables, sort_keys=True).encode())
    for column in _columns(graph, kind):
        _add(content, column)
    return content


def _kinds(graph: ExecutionGraph) -> tuple[list[str], NDArray[np.int8]]:
    """The texts of the kinds in use, sorted, and the place of each communication's among them."""
    codes, _, kind = distinct(graph.kind, len(graph.kinds))
    texts = [graph.kinds[code].value for code in codes.tolist()]
    places = {text: place for place, text in enumerate(sorted(texts))}
    return sorted(texts), np.array([places[text] for text in texts], dtype=np.int8)[kind]


def _add(content: Any, column: NDArray[Any]) -> None:
    content.update(f"{column.dtype.str}{column.shape}".encode())
    content.update(np.ascontiguousarray(column).data)


def _columns(graph: ExecutionGraph, kind: NDArray[Any] | None = None) -> tuple[NDArray[Any], ...]:
    """The columns that simulators consume, in the order in which they are hashed."""
    return (
        graph.op,
        graph.placement,
        graph.match,
        graph.dependency_start,
        graph.dependency,
        graph.kind if kind is None else kind,
        graph.size_bytes,
        graph.scope,
        graph.algorithm,
        graph.tag,
    )


def _attributes(graph: ExecutionGraph) -> list[NDArray[np.int64]]:
    """The columns of the producer's own, in the order in which they are hashed."""
    both = (graph.node_attributes, graph.communication_attributes)
    return [attributes[name] for attributes in both for name in sorted(attributes)]


_WEIGHTS = np.arange(1, 2**17, 2, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that no change of one word is lost."""


def _sum(column: NDArray[Any]) -> int:
    """The words of a column by weight, modulo 2^64; 0 for one that rests on bytes, which nobody can write to."""
    if is_unwritable(column):
        return 0
    held = np.ascontiguousarray(column).view(np.uint8).ravel()
    words = held[: len(held) // 8 * 8].view(np.uint64)
    total = int.from_bytes(held[len(words) * 8 :].tobytes(), "little")
    if compiled():
        return (total + passes.weighted(words, _WEIGHTS)) % 2**64
    for start in range(0, len(words), len(_WEIGHTS)):
        part = words[start : start + len(_WEIGHTS)]
        # Blocks are told apart by their place.
        total += (2 * start + 1) * int(part @ _WEIGHTS[: len(part)])
    return total % 2**64


def _content(value: Any) -> Any:
    """A value as plain data in one spelling; fields at their defaults are left out."""
    if value is None or isinstance(value, bool | str):
        return value.value if isinstance(value, enum.Enum) else value
    fields = _fields_of(type(value))
    if fields is not None:
        held = ((name, getattr(value, name), default) for name, default in fields)
        return {name: _content(given) for name, given, default in held if default is attrs.NOTHING or given != default}
    if isinstance(value, Mapping):
        return {str(key): _content(item) for key, item in sorted(value.items(), key=lambda pair: str(pair[0]))}
    if isinstance(value, tuple | list):
        return [_content(item) for item in value]
    if isinstance(value, enum.Enum):
        return value.value
    # 1 and 1.0 are one number, and so are Python's and numpy's.
    number = float(value)
    return number if number == value or number != number else int(value)  # noqa: PLR0124 - NaN differs from itself


def _fields_of(kind: type) -> tuple[tuple[str, Any], ...] | None:
    """The fields of an attrs class and their defaults, NOTHING where there is none; None for other classes."""
    if kind not in _FIELDS:
        _FIELDS[kind] = _made_fields(kind) if attrs.has(kind) else None
    return _FIELDS[kind]


_FIELDS: dict[type, tuple[tuple[str, Any], ...] | None] = {}


def _made_fields(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (field.name, field.default.factory() if isinstance(field.default, attrs.Factory) else field.default)  # type: ignore[arg-type]
        for field in attrs.fields(kind)
    )
