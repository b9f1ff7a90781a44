"""Names and plain options resolved to components and typed options, each set of options parsed once.

A scenario is checked, placed, pinned, simulated, asked for what its communications take alone and for causes: every
one of these needs the same few sets of options. So what a set was parsed to is kept as long as the registry lives, for
whoever asks next, and made anew where somebody has written to it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from versim.errors import FaultsError
from versim.plain.faults import Fault, place
from versim.registry.options import try_options

if TYPE_CHECKING:
    from versim.components import Component

MOST_KEPT = 4096
"""Sets of options; a sweep looks at each of its configurations several times."""


@attrs.frozen(eq=False)
class Resolved:
    """A component and options of its class.

    Attributes:
        component: Of the registry.
        options: An instance of its options class.
    """

    component: Any
    options: Any


@attrs.frozen(eq=False)
class _Kept:
    options: Any
    said: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "said", repr(self.options))


class Resolution:
    """What sets of options of components were parsed to."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], _Kept] = {}

    def attempt(self, kind: str, component: Component, given: Any) -> tuple[Resolved, tuple[Fault, ...]]:
        """The options that ``given`` are, or None as options and every fault: keys below ``given``, what is wrong."""
        if given is not None and not isinstance(given, Mapping):
            options, faults = try_options(component, given)
            return Resolved(component, options), faults
        key = (kind, component.name, repr(dict(given or {})))
        kept = self._kept.get(key)
        # A component that wrote to its options has them to itself: the next question starts anew.
        if kept is None or repr(kept.options) != kept.said:
            # A copy: options that hold on to a mapping are not to change with the scenario.
            options, faults = try_options(component, copy.deepcopy(dict(given or {})))
            if faults:
                return Resolved(component, None), faults
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            kept = self._kept[key] = _Kept(options)
        return Resolved(component, kept.options), ()

    def resolve(self, kind: str, component: Component, given: Any, path: str) -> Resolved:
        """The same where faults are errors.

        Raises:
            FaultsError: Every fault by its path below ``path``.
        """
        found, faults = self.attempt(kind, component, given)
        if faults:
            raise FaultsError(f"options of {component.name}", [place(path, *fault) for fault in faults])
        return found
