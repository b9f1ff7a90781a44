"""YAML from people nobody vouches for: safe types, no surprises, bounded, and errors with line and column.

Scalars follow YAML 1.2 (``1e9`` is a number; ``no``, ``off``, ``12:30`` and ``2024-01-01`` are words), duplicate keys
are refused, and a document may not unfold to more than it could have been written out as.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs
import yaml

from versim.errors import FaultsError
from versim.plain.faults import Fault, place
from versim.plain.files import UnreadableError, read_text

LARGEST_FILE_BYTES = 4 * 2**20
LARGEST_NODES = 100_000
"""Values a document may unfold to; aliases count each time they are used."""
DEEPEST = 100

_RESOLVED = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
}


_TOO_MANY = f"unfolds to more than {LARGEST_NODES} values; write fewer or smaller aliases"
_TOO_DEEP = f"is nested deeper than {DEEPEST} levels"

_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null", "merge")}


class YamlError(UnreadableError):
    """A file that is not the YAML it should be."""


@attrs.frozen
class YamlDocument:
    """One document, and where its values stand.

    Attributes:
        content: The plain data.
        source: The file, or where the text came from.
        text: What was read.
    """

    content: Any
    source: str
    text: str = attrs.field(repr=False)

    def line(self, keys: Iterable[str | int]) -> int:
        """The line of the value at a path, counted from 1; of what is nearest around it where there is none."""
        loader = _Loader(self.text)
        try:
            return _line(loader.get_single_node(), keys)
        finally:
            loader.dispose()

    def refuse(self, faults: Sequence[Fault]) -> None:
        """Raise ``FaultsError`` with every fault by line and path, if there is any."""
        if faults:
            raise FaultsError(self.source, self.placed(faults))

    def placed(self, faults: Sequence[Fault]) -> tuple[str, ...]:
        """Faults as people read them: ``line 3, $.pins[0].label: expected text``; each said once."""
        if not faults:
            return ()
        loader = _Loader(self.text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
        said = (f"line {_line(root, keys)}, {place('$', keys, message)}" for keys, message in faults)
        return tuple(dict.fromkeys(said))


def _line(node: Any, keys: Iterable[str | int]) -> int:
    line = 1 if node is None else node.start_mark.line + 1
    for key in keys:
        if isinstance(node, yaml.MappingNode):
            found = next(((name, item) for name, item in node.value if str(name.value) == str(key)), None)
            if found is None:
                break
            name, node = found
            line = name.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1
        else:
            break
    return int(line)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2, which stops at too many values instead of filling memory."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._count = self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next value, counted as it is met."""
        self._count += 1
        problem = _TOO_MANY if self._count > LARGEST_NODES else _TOO_DEEP if self._depth > DEEPEST else ""
        if problem:
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def _scalar(kind: str, convert: Callable[[str], Any]) -> Callable[[yaml.SafeLoader, yaml.ScalarNode], Any]:
    def construct(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
        text = loader.construct_scalar(node)
        try:
            return convert(text)
        except (ValueError, KeyError):
            problem = f"{text[:60]!r} is not {kind}"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None

    return construct


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _bool(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _resolvers() -> dict[str | None, list[tuple[str, re.Pattern[str]]]]:
    dropped = {f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "timestamp", "value")}
    resolvers = {
        first: [pair for pair in pairs if pair[0] not in dropped]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    for name, (pattern, firsts) in _RESOLVED.items():
        for first in firsts:
            resolvers.setdefault(first, []).append((f"tag:yaml.org,2002:{name}", re.compile(f"^(?:{pattern})$")))
    return resolvers


RESOLVERS = _resolvers()
"""First letter of a plain scalar ─▶ what it may be, as YAML 1.2 has it."""

_Loader.yaml_implicit_resolvers = RESOLVERS
# YAML 1.2 has no octal numbers with a leading zero, and of a number with thousands of digits Python makes none.
_Loader.add_constructor("tag:yaml.org,2002:int", _scalar("a whole number of at most some thousand digits", int))
_Loader.add_constructor("tag:yaml.org,2002:float", _scalar("a number", _float))
_Loader.add_constructor("tag:yaml.org,2002:bool", _scalar("true or false", _bool))


def read_yaml(path: Path) -> Any:
    """The plain data in a YAML file.

    Raises:
        UnreadableError: It cannot be read, is not UTF-8, or too large.
        YamlError: It is not valid YAML.
    """
    return read_document(path).content


def read_document(path: Path) -> YamlDocument:
    """What :func:`read_yaml` reads, and where in the file its values stand."""
    text = read_text(path, LARGEST_FILE_BYTES)
    return YamlDocument(parse_yaml(text, str(path)), str(path), text)


def parse_yaml(text: str, source: str = "text") -> Any:
    """The plain data in a YAML text.

    Args:
        text: One document.
        source: Where it came from, for messages.

    Raises:
        YamlError: Not valid YAML, a duplicate key, or more values or nesting than anybody means.
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                raise YamlError(source, "is empty")
            _Inspection(source, loader).size(node, 0)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(part for part in (error.context, error.problem) if part) or "is not valid YAML"
        if "'\\t'" in problem:
            problem += "; indent with spaces, not tabs"
        raise YamlError(source, problem, *_place(mark)) from None
    except yaml.YAMLError as error:
        raise YamlError(source, " ".join(str(error).split())) from None
    except RecursionError:
        raise YamlError(source, _TOO_DEEP) from None


def _place(mark: yaml.Mark | None) -> tuple[int | None, int | None]:
    return (mark.line + 1, mark.column + 1) if mark else (None, None)


class _Inspection:
    """A walk over the nodes of a document before anything is made from them."""

    def __init__(self, source: str, loader: _Loader) -> None:
        self._source = source
        self._loader = loader
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def size(self, node: yaml.Node, depth: int) -> int:
        """How many values a node unfolds to; refuses what is too many, too deep or endless."""
        if id(node) in self._sizes:
            return self._sizes[id(node)]
        if id(node) in self._open:
            raise self._fault(node, "contains itself")
        if depth > DEEPEST:
            raise self._fault(node, _TOO_DEEP)
        if node.tag not in _TAGS:
            raise self._fault(node, f"the tag {node.tag!r} has no place here; write plain data")
        self._open.add(id(node))
        total = 1
        if isinstance(node, yaml.MappingNode):
            self._refuse_duplicates(node)
            total += sum(self.size(key, depth + 1) + self.size(value, depth + 1) for key, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            total += sum(self.size(item, depth + 1) for item in node.value)
        if total > LARGEST_NODES:
            raise self._fault(node, _TOO_MANY)
        self._open.remove(id(node))
        self._sizes[id(node)] = total
        return total

    def _refuse_duplicates(self, node: yaml.MappingNode) -> None:
        seen: dict[Any, yaml.Node] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._fault(key, "a key has to be a word")
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            # By value, as a mapping of Python holds them: 1, 01 and 1.0 are one key.
            first = seen.setdefault(self._loader.construct_object(key), key)
            if first is not key:
                raise self._fault(
                    key,
                    f"the key {key.value!r} was already given in line {first.start_mark.line + 1}; keep one of them",
                )

    def _fault(self, node: yaml.Node, problem: str) -> YamlError:
        return YamlError(self._source, problem, *_place(node.start_mark))
