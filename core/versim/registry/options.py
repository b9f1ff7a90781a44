"""The options of a component: an attrs class says what may be given, here plain data is held against it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import attrs

from versim.containment import held_responsible
from versim.errors import FaultsError
from versim.plain.faults import Fault, MisfitError, place

if TYPE_CHECKING:
    from versim.components import Component


def structure_options(component: Component, mapping: Any, path: str = "$.options") -> Any:
    """An instance of a component's options class, from plain data.

    Args:
        component: Whose options.
        mapping: Option names to values; an instance of the options class is returned as it is.
        path: Where the mapping stands, for messages: ``$.backends[0].options``.

    Raises:
        FaultsError: Every fault of the options by its path.
        ComponentError: The options class itself breaks.
    """
    instance, faults = try_options(component, mapping)
    if faults:
        raise FaultsError(f"options of {component.name}", [place(path, *fault) for fault in faults])
    return instance


def try_options(component: Component, mapping: Any) -> tuple[Any, tuple[Fault, ...]]:
    """What :func:`structure_options` does, with the faults returned instead of raised: (instance or None, faults).

    A fault is the keys below the mapping and what is wrong there.
    """
    # Here, because it brings cattrs, which `versim --help` must not wait for.
    from versim.plain import structure  # noqa: PLC0415

    # Defaults, converters and validators are the plugin's code.
    with held_responsible("options of", component.name):
        try:
            return structure.structured(structure.plain_converter(), mapping or {}, component.options), ()
        except MisfitError as error:
            return None, error.faults


def resolve_paths(options: type, mapping: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The mapping with relative file names made absolute, as seen from ``folder``.

    An option that names files says so: ``attrs.field(metadata={"path": True})``. If it may also name something that a
    plugin ships (``"shipped": True``), a bare word that is no file in ``folder`` is left alone.
    """
    marked = {
        field.alias or field.name: bool(field.metadata.get("shipped"))
        for field in attrs.fields(options)
        if field.metadata.get("path")
    }
    return {
        key: _resolved(value, folder, shipped=marked[key]) if key in marked else value for key, value in mapping.items()
    }


def _resolved(value: Any, folder: Path, *, shipped: bool) -> Any:
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, str):
        if not value or "\0" in value:
            return value  # refused where it is structured
        try:
            path = folder / Path(value).expanduser()
            there = path.exists()
        except (OSError, RuntimeError):  # a name longer than any file's, a home of nobody's: told where it is read
            return value
        bare = path.name == value and not path.suffix
        return value if shipped and bare and not there else str(path)
    if isinstance(value, Sequence):
        return [_resolved(item, folder, shipped=shipped) for item in value]
    return value


_MODULES = re.compile(r"\b(?:typing|pathlib(?:\._local)?)\.")
"""Where names in types come from, which readers need not see; Python 3.13 has a private room in pathlib."""


@attrs.frozen
class OptionInfo:
    """One option of a component, for people.

    Attributes:
        name: The key in a scenario.
        type: Its type as written in Python.
        required: Whether it has no default.
        default: The default; None if there is none.
        help: What it means and in which unit.
        flag: The option of ``versim compare`` that sets it, "" if none.
    """

    name: str
    type: str
    required: bool
    default: Any
    help: str
    flag: str


def describe_options(options: type) -> tuple[OptionInfo, ...]:
    """The options that an attrs class declares, in its order."""
    attrs.resolve_types(options)
    return tuple(_described(field) for field in attrs.fields(options) if field.init)


def _described(field: attrs.Attribute[Any]) -> OptionInfo:
    default: Any = field.default
    factory = getattr(default, "factory", None)
    if factory is not None:
        default = None if default.takes_self else factory()
    kind = field.type.__name__ if isinstance(field.type, type) and not get_args(field.type) else field.type or "any"
    return OptionInfo(
        name=field.alias or field.name,
        type=_MODULES.sub("", str(kind)),
        required=default is attrs.NOTHING,
        default=None if default is attrs.NOTHING else default,
        help=str(field.metadata.get("help", "")),
        flag=str(field.metadata.get("cli", "")),
    )
