"""Plain data from YAML or a command line becomes instances of attrs classes, strictly, with every fault by its path.

cattrs finds the hook for a type; the hooks here are stricter than its own (``"4"`` is not a number, ``4.5`` not an
integer, a text not a list of letters) and collect all faults instead of stopping at the first.
"""

from __future__ import annotations

import difflib
import enum
import functools
import types
import typing
from collections.abc import Collection, Mapping
from typing import Any, Literal, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import StructureHandlerNotFoundError

from versim.errors import did_you_mean
from versim.plain.faults import Fault, MisfitError, misfit
from versim.plain.quantities import customary_units, parse_quantity, unit_suffix
from versim.plain.scalars import EXACT, Hook, as_enum, as_kind_of_text, as_literal, described


def make_converter() -> cattrs.Converter:
    """A converter with the strict hooks; further hooks may be registered on top."""
    converter = cattrs.Converter()
    converter.register_structure_hook_func(_is_literal, as_literal)
    converter.register_structure_hook_factory(_is_mapping, _mapping_hook)
    converter.register_structure_hook_factory(_is_sequence, _sequence_hook)
    converter.register_structure_hook_factory(_is_union, _union_hook)
    converter.register_structure_hook_factory(_is_attrs, class_hook)
    return converter


@functools.cache
def plain_converter() -> cattrs.Converter:
    """The converter with the strict hooks and no others, made once: it remembers the hooks of each type it has met."""
    return make_converter()


def structured(converter: cattrs.Converter, value: Any, type_: Any) -> Any:
    """``value`` as ``type_``.

    Raises:
        MisfitError: Every fault of the value.
    """
    return _hook(converter, type_)(value, type_)


def _hook(converter: cattrs.Converter, type_: Any) -> Hook:
    # Not registered with cattrs, for which an enumeration of texts would be a text.
    if type_ in EXACT:
        return EXACT[type_]
    if isinstance(type_, type) and issubclass(type_, enum.Enum):
        return as_enum
    if isinstance(type_, type) and issubclass(type_, str):
        return as_kind_of_text
    try:
        return converter.get_structure_hook(type_)
    except StructureHandlerNotFoundError:
        name = getattr(type_, "__name__", str(type_))
        message = f"a value of type {name} cannot be written as plain data; use versim from Python"

        def refuse(value: Any, _: Any) -> Any:
            if isinstance(type_, type) and isinstance(value, type_):
                return value
            raise misfit(message)

        return refuse


def _is_literal(type_: Any) -> bool:
    origin: Any = get_origin(type_)
    return origin is Literal


def _is_attrs(type_: Any) -> bool:
    return isinstance(type_, type) and attrs.has(type_)


def _is_union(type_: Any) -> bool:
    return get_origin(type_) in {typing.Union, types.UnionType}


def _is_mapping(type_: Any) -> bool:
    origin = get_origin(type_) or type_
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _is_sequence(type_: Any) -> bool:
    origin = get_origin(type_) or type_
    return (
        isinstance(origin, type)
        and issubclass(origin, Collection)
        and not issubclass(origin, str | bytes | Mapping | enum.Enum)
        and not attrs.has(origin)
    )


def _union_hook(type_: Any, converter: cattrs.Converter) -> Hook:
    optional = type(None) in get_args(type_)
    members = [member for member in get_args(type_) if member is not type(None)]
    # A number is tried before text, so that ``4`` for ``str | int`` is the number; texts are never numbers.
    members.sort(key=lambda member: (bool, int, float).index(member) if member in (bool, int, float) else 3)

    def structure(value: Any, _: Any) -> Any:
        if value is None and optional:
            return None
        errors = []
        for member in members:
            try:
                return structured(converter, value, member)
            except MisfitError as error:
                errors.append(error)
        if len(errors) == 1:
            raise errors[0]
        # The member that got deepest is the one that was meant.
        deepest = [error for error in errors if any(path for path, _ in error.faults)]
        if len(deepest) == 1:
            raise deepest[0]
        raise misfit(", or ".join(dict.fromkeys(message for error in errors for _, message in error.faults)))

    return structure


def _mapping_hook(type_: Any, converter: cattrs.Converter) -> Hook:
    key_type, value_type = get_args(type_) or (Any, Any)

    def structure(value: Any, _: Any) -> dict[Any, Any]:
        if not isinstance(value, Mapping):
            raise misfit(f"expected a mapping, got {described(value)}")
        faults: list[Fault] = []
        result = {}
        for key, item in value.items():
            try:
                result[structured(converter, key, key_type)] = structured(converter, item, value_type)
            except MisfitError as error:
                faults += [((key if isinstance(key, int) else str(key), *path), text) for path, text in error.faults]
        if faults:
            raise MisfitError(faults)
        return result

    return structure


def _sequence_hook(type_: Any, converter: cattrs.Converter) -> Hook:
    origin = get_origin(type_) or type_
    arguments = get_args(type_)
    fixed = origin is tuple and bool(arguments) and arguments[-1] is not Ellipsis
    build = origin if origin in (list, set, frozenset) else tuple

    def structure(value: Any, _: Any) -> Any:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Collection):
            raise misfit(f"expected a list, got {described(value)}")
        if fixed and len(value) != len(arguments):
            raise misfit(f"expected a list of {len(arguments)}, got one of {len(value)}")
        item_types = arguments if fixed else (arguments[:1] or (Any,)) * len(value)
        faults: list[Fault] = []
        result = []
        for index, (item, item_type) in enumerate(zip(value, item_types, strict=True)):
            try:
                result.append(structured(converter, item, item_type))
            except MisfitError as error:
                faults += [((index, *path), message) for path, message in error.faults]
        if faults:
            raise MisfitError(faults)
        return build(result)

    return structure


def class_hook(type_: Any, converter: cattrs.Converter) -> Hook:
    """The hook that makes an attrs class from a mapping of its fields.

    A field whose name ends in a unit may be written as text with a unit, also under its name without the unit:
    ``latency: 5 us`` is ``latency_s: 0.000005``. One with the metadata ``written: False`` may not be given.
    """
    attrs.resolve_types(type_)
    fields = {field.alias or field.name: field for field in attrs.fields(type_) if _is_written(field)}
    bare = {name.removesuffix(unit_suffix(name)): name for name in fields if unit_suffix(name)}
    bare = {short: name for short, name in bare.items() if short not in fields}

    def structure(value: Any, _: Any) -> Any:
        if isinstance(value, type_):
            return value
        if not isinstance(value, Mapping):
            raise misfit(f"expected a mapping with {', '.join(fields) or 'nothing in it'}; got {described(value)}")
        faults: list[Fault] = []
        given: dict[str, Any] = {}
        written: dict[str, str] = {}
        for key, item in value.items():
            name = bare.get(key, key) if isinstance(key, str) else key
            if not isinstance(key, str) or name not in fields:
                close = difflib.get_close_matches(str(key), bare, n=1)
                faults.append(((str(key),), f"no such key{did_you_mean(str(key), (*fields, *close))}"))
            elif name in written:
                faults.append(((key,), f"says the same as {written[name]!r}; keep one of them"))
            else:
                written[name] = key
                field = fields[name]
                if item is None and field.default is not attrs.NOTHING and _is_collection(field.type):
                    continue  # a key with nothing behind it is an empty list or mapping
                try:
                    given[name] = _field_value(converter, field, key, item)
                except MisfitError as error:
                    faults += [((key, *path), message) for path, message in error.faults]
        faults += [
            ((name,), "is missing")
            for name, field in fields.items()
            if field.default is attrs.NOTHING and name not in written
        ]
        if faults:
            raise MisfitError(faults)
        return _constructed(type_, given, written)

    return structure


def _is_written(field: attrs.Attribute[Any]) -> bool:
    return field.init and field.metadata.get("written", True) is not False


def _is_collection(type_: Any) -> bool:
    return _is_mapping(type_) or _is_sequence(type_)


def _field_value(converter: cattrs.Converter, field: attrs.Attribute[Any], key: str, item: Any) -> Any:
    name = field.name
    if isinstance(item, Mapping) and unit_suffix(name) and _is_mapping(field.type):
        # Of a mapping, each value is such a quantity.
        one = field.evolve(type=(get_args(field.type) or (Any, Any))[1])
        return structured(converter, _quantities(converter, one, key, item), field.type)
    if isinstance(item, str) and unit_suffix(name) and not _takes_text(field.type):
        try:
            exact = parse_quantity(item, name)
            item = int(exact) if exact.denominator == 1 else float(exact)
        except (ValueError, OverflowError) as error:
            raise misfit(str(error)) from None
    elif key not in {name, field.alias}:
        unit = unit_suffix(name)
        units = customary_units(name)
        if isinstance(item, bool) or not isinstance(item, int | float) or not units:
            raise misfit(f"write {key}{unit}, or text with a unit; got {described(item)}")
        asked = ", ".join(f"{item} {unit}" for unit in units[:-1]) + f" or {item} {units[-1]}"
        raise misfit(f"say the unit: is it {asked}? Write, for example, {key}: {item} {units[0]}")
    return structured(converter, item, field.type)


def _quantities(
    converter: cattrs.Converter, field: attrs.Attribute[Any], key: str, items: Mapping[Any, Any]
) -> dict[Any, Any]:
    """A mapping whose values are quantities in a field's unit."""
    faults: list[Fault] = []
    result = {}
    for name, item in items.items():
        try:
            result[name] = _field_value(converter, field, key, item)
        except MisfitError as error:
            faults += [((str(name), *path), message) for path, message in error.faults]
    if faults:
        raise MisfitError(faults)
    return result


def _takes_text(type_: Any) -> bool:
    return type_ is str or (_is_union(type_) and str in get_args(type_))


def _constructed(type_: Any, given: Mapping[str, Any], written: Mapping[str, str]) -> Any:
    """An instance; what its validators refuse, all of it, by field."""
    try:
        return type_(**given)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        first = error
    # attrs stops at the first validator that refuses: make the instance without them, then ask each.
    faults: list[Fault] = []
    try:
        with attrs.validators.disabled():
            unchecked = type_(**given)
    except (ValueError, TypeError, ArithmeticError, LookupError):
        raise misfit(_message(first)) from None
    for field in attrs.fields(type_):
        if field.validator is not None:
            try:
                field.validator(unchecked, field, getattr(unchecked, field.name))
            except (ValueError, TypeError, ArithmeticError, LookupError) as error:
                name = field.alias or field.name
                faults.append(((written.get(name, name),), _message(error)))
    raise MisfitError(faults or [((), _message(first))]) from None


def _message(error: Exception) -> str:
    """What an error says in one line: attrs' own validators raise with the attribute and value as further arguments."""
    return str(error.args[0]) if error.args else type(error).__name__
