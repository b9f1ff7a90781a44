"""What graphs of one form have in common: what follows from their columns, made once for all of them.

Of a thousand configurations, most differ in nothing but work, sizes, and the lengths of axes. They share their columns
(:func:`versim.checked`), and with them whatever is kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from versim.graph.columns import ExecutionGraph

T = TypeVar("T")

_KEPT: WeakKeyDictionary[ExecutionGraph, dict[Hashable, Any]] = WeakKeyDictionary()


def of_form(graph: ExecutionGraph, what: Hashable, make: Callable[[], T]) -> T:
    """What follows from a graph's form, made once as long as one graph of this form is there.

    Args:
        graph: The graph.
        what: Its name, of the module that makes it.
        make: Makes it, out of nothing but columns without sizes, placements, scopes and kinds; nobody may write to it.
    """
    kept = _KEPT.setdefault(graph, {})
    if what not in kept:
        kept[what] = make()
    found: T = kept[what]
    return found


def share_form(graph: ExecutionGraph, like: ExecutionGraph) -> None:
    """Let a graph have what is kept of one that has its form."""
    _KEPT[graph] = _KEPT.setdefault(like, {})
