"""Reading untrusted YAML: numbers as YAML 1.2 writes them, every fault reported by its path, all of them at once.

DeepFlow's files are YAML 1.2 (``9e-6`` is a number, ``off`` is a word), which PyYAML's own resolvers get wrong. A
:class:`Document` takes values out of a parsed file by path, checks each one, and remembers what is wrong instead of
stopping at the first fault.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import attrs
import yaml
from versim import FaultsError, did_you_mean

Key = str | int
Path_ = tuple[Key, ...]
Spec = TypeVar("Spec")

_MISSING = object()
_YAML_1_2_FLOAT = re.compile(
    r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$|^[-+]?\.inf$|^\.nan$", re.IGNORECASE
)
_YAML_1_2_BOOL = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_YAML_1_2_INT = re.compile(r"^[-+]?[0-9]+$")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2 and duplicate keys refused."""


def _resolvers() -> dict[str | None, list[tuple[str, re.Pattern[str]]]]:
    replaced = {f"tag:yaml.org,2002:{name}" for name in ("float", "bool", "int", "timestamp")}
    kept = {
        first: [(tag, pattern) for tag, pattern in pairs if tag not in replaced]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for tag, pattern, firsts in (
        ("tag:yaml.org,2002:int", _YAML_1_2_INT, "-+0123456789"),
        ("tag:yaml.org,2002:float", _YAML_1_2_FLOAT, "-+.0123456789"),
        ("tag:yaml.org,2002:bool", _YAML_1_2_BOOL, "tTfF"),
    ):
        for first in firsts:
            kept.setdefault(first, []).append((tag, pattern))
    return kept


_Loader.yaml_implicit_resolvers = _resolvers()


def _construct_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))  # YAML 1.2 has no leading-zero octals


def _construct_mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, (str, int, float, bool)) and key is not None:
            raise yaml.constructor.ConstructorError(None, None, "a key must be a plain scalar", key_node.start_mark)
        if key in mapping:
            raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key!r}", key_node.start_mark)
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def parse_yaml(text: str, subject: str) -> object:
    """The plain data in a YAML text.

    Raises:
        FaultsError: The text is not YAML, holds a key twice, or nests too deep to be meant.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader
    except RecursionError:
        raise FaultsError(subject, ["is nested too deeply"]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise FaultsError(subject, [f"is not readable as YAML: {' '.join(str(error).split())}"]) from None


def read_yaml(path: Path) -> object:
    """The plain data in a YAML file.

    Raises:
        FaultsError: The file cannot be read, is not UTF-8, or is not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FaultsError(str(path), [f"cannot be read: {error}"]) from None
    return parse_yaml(text, str(path))


Check = Callable[[object], Any]
"""Returns the checked value; raises ``ValueError`` with what was expected."""


def _finite(value: object, expected: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(expected)  # noqa: TRY004  # one kind of answer for one kind of check
    if not -1e300 < value < 1e300:  # also refuses NaN, and whole numbers no float can hold
        raise ValueError(expected)
    return value


def positive(value: object) -> float:
    """A finite number above 0."""
    number = _finite(value, "a finite number above 0")
    if number <= 0:
        raise ValueError("a finite number above 0")
    return number


def not_negative(value: object) -> float:
    """A finite number of at least 0."""
    number = _finite(value, "a finite number of at least 0")
    if number < 0:
        raise ValueError("a finite number of at least 0")
    return number


def share(value: object) -> float:
    """A number above 0 and at most 1."""
    number = _finite(value, "a number above 0 and at most 1")
    if not 0 < number <= 1:
        raise ValueError("a number above 0 and at most 1")
    return number


def share_or_zero(value: object) -> float:
    """A number from 0 to 1."""
    number = _finite(value, "a number from 0 to 1")
    if not 0 <= number <= 1:
        raise ValueError("a number from 0 to 1")
    return number


def count(value: object) -> int:
    """A whole number of at least 1."""
    number = _finite(value, "a whole number of at least 1")
    if number < 1 or number != math.floor(number):
        raise ValueError("a whole number of at least 1")
    return int(number)


def flag(value: object) -> bool:
    """``true`` or ``false``."""
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004  # the message is what the user reads
    return value


def text(value: object) -> str:
    """A non-empty string."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def one_of(*choices: str) -> Check:
    """A check for one of some words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return value

    return check


def checked(check: Check, *, optional: bool = False) -> Any:
    """An attrs field that :meth:`Document.structure` fills; an optional one is ``None`` when not given."""
    metadata = {"check": check, "optional": optional}
    return attrs.field(default=None, metadata=metadata) if optional else attrs.field(metadata=metadata)


def written(path: Path_) -> str:
    """A path as faults spell it: ``$.memory[1].latency_s``."""
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


class Document:
    """Plain data under inspection.

    Attributes:
        content: The data.
        subject: What it is, for the error.
        faults: What is wrong with it so far.
    """

    def __init__(self, content: object, subject: str) -> None:
        self.content = content
        self.subject = subject
        self.faults: list[str] = []
        self._known: dict[Path_, set[Key]] = {}

    def fault(self, path: Path_, message: str) -> None:
        """Remembers a fault, once."""
        entry = f"{written(path)}: {message}"
        if entry not in self.faults:
            self.faults.append(entry)

    def raise_faults(self) -> None:
        """Raises :class:`versim.FaultsError` if anything is wrong."""
        if self.faults:
            raise FaultsError(self.subject, self.faults)

    def get(self, path: Path_) -> object:
        """The value at a path, ``None`` where there is none; a step into anything but a mapping is a fault."""
        value = self._find(path)
        return None if value is _MISSING else value

    def _find(self, path: Path_) -> object:
        here = self.content
        for depth, key in enumerate(path):
            self._known.setdefault(path[:depth], set()).add(key)
            if isinstance(key, int):
                inside = isinstance(here, Sequence) and not isinstance(here, str) and key < len(here)
                here = here[key] if inside else _MISSING  # type: ignore[index]
            elif isinstance(here, Mapping):
                here = here.get(key, _MISSING)
            elif here is not _MISSING:
                self.fault(path[:depth], f"must be a mapping, got {_shown(here)}")
                return _MISSING
            if here is _MISSING:
                return _MISSING
        return here

    def take(self, path: Path_, check: Check, *, optional: bool = False, zero_is_absent: bool = False) -> Any:
        """The checked value at a path.

        A missing or faulty value is remembered and answered with ``None``: build nothing from it before
        :meth:`raise_faults`.
        """
        value = self._find(path)
        if optional and (value is _MISSING or value is None or (zero_is_absent and value == 0)):
            return None
        if value is _MISSING:
            for depth in range(1, len(path)):
                if self._find(path[:depth]) is _MISSING:  # one fault for a missing section, not one per key in it
                    self.fault(path[:depth], "is missing")
                    return None
            self.fault(path, "is missing")
            return None
        try:
            return check(value)
        except ValueError as expected:
            self.fault(path, f"must be {expected}, got {_shown(value)}")
            return None

    def structure(
        self,
        spec: type[Spec],
        at: Path_ = (),
        *,
        names: Mapping[str, Path_] | None = None,
        zero_is_absent: bool = False,
        **given: Any,
    ) -> Spec:
        """An attrs value whose checked fields are read from this document.

        Args:
            spec: The class.
            at: Where its fields stand, each under its own name.
            names: For a file with other names, the path of each field.
            zero_is_absent: Whether 0 stands for "not given" where a field is optional.
            given: Fields that are not read.
        """
        values: dict[str, object] = dict(given)
        fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cast(Any, spec))
        for field in fields:
            if "check" not in field.metadata or field.name in values:
                continue
            path = (*at, field.name) if names is None else names[field.name]
            values[field.name] = self.take(
                path, field.metadata["check"], optional=field.metadata["optional"], zero_is_absent=zero_is_absent
            )
        return spec(**values)

    def report_unknown(self) -> None:
        """Makes a fault of every key that nobody asked for, in mappings that were read from."""
        for path, known in self._known.items():
            here = self._find(path) if path else self.content
            if isinstance(here, Mapping):
                for key in here:
                    if key not in known:
                        self.fault((*path, str(key)), f"is not known{did_you_mean(str(key), map(str, known))}")

    def __repr__(self) -> str:
        return f"Document({self.subject!r}, {len(self.faults)} faults)"


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
