"""YAML from people nobody vouches for: safe types, no surprises, bounded, and errors with line and column.

Scalars follow YAML 1.2 (``1e9`` is a number; ``no``, ``12:30`` and ``2024-01-01`` are words), duplicate keys are
refused, and a document may not unfold to more than it could have been written out as.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from versim.errors import VersimError

LARGEST_FILE_BYTES = 4 * 2**20
LARGEST_NODES = 200_000
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


_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("map", "seq", "str", "int", "float", "bool", "null", "merge")}


class YamlError(VersimError):
    """A file that is not the YAML it should be.

    Attributes:
        source: The file, or where the text came from.
        problem: What is wrong and what to do.
        line: Counted from 1; None where the whole file is meant.
        column: Counted from 1; None likewise.
    """

    def __init__(self, source: str, problem: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(source, problem, line, column)
        self.source, self.problem, self.line, self.column = source, problem, line, column

    def __str__(self) -> str:
        place = "" if self.line is None else f", line {self.line}, column {self.column}"
        return f"{self.source}{place}: {self.problem}"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2."""


def _construct_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))  # YAML 1.2 has no octal numbers with a leading zero


def _construct_float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    text = loader.construct_scalar(node).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


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
_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _construct_float)


def read_yaml(path: Path) -> Any:
    """The plain data in a YAML file.

    Raises:
        YamlError: It cannot be read, is not UTF-8, too large, or not valid YAML.
    """
    source = str(path)
    if path.is_dir():
        raise YamlError(source, "is a folder; name a YAML file in it")
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
    except FileNotFoundError:
        raise YamlError(source, "no such file") from None
    except (OSError, ValueError) as error:
        raise YamlError(source, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > LARGEST_FILE_BYTES:
        raise YamlError(source, f"is larger than {LARGEST_FILE_BYTES // 2**20} MiB, which no scenario needs to be")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise YamlError(source, "is not UTF-8 text; save it as UTF-8", line, column) from None
    return parse_yaml(text, source)


def parse_yaml(text: str, source: str = "text") -> Any:
    """The plain data in a YAML text.

    Args:
        text: One document.
        source: Where it came from, for messages.

    Raises:
        YamlError: Not valid YAML, a duplicate key, or more nodes or nesting than a scenario can have.
    """
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                raise YamlError(source, "is empty; `versim init` writes a scenario to start from")
            _Inspection(source).size(node, 0)
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
        raise YamlError(source, f"is nested deeper than {DEEPEST} levels") from None
    except ValueError as error:  # a number with too many digits
        raise YamlError(source, str(error)) from None


def _place(mark: yaml.Mark | None) -> tuple[int | None, int | None]:
    return (mark.line + 1, mark.column + 1) if mark else (None, None)


class _Inspection:
    """A walk over the nodes of a document before anything is made from them."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._sizes: dict[int, int] = {}
        self._open: set[int] = set()

    def size(self, node: yaml.Node, depth: int) -> int:
        """How many values a node unfolds to; refuses what is too many, too deep or endless."""
        if id(node) in self._sizes:
            return self._sizes[id(node)]
        if id(node) in self._open:
            raise self._fault(node, "contains itself")
        if depth > DEEPEST:
            raise self._fault(node, f"is nested deeper than {DEEPEST} levels")
        if node.tag not in _TAGS:
            raise self._fault(node, f"the tag {node.tag!r} has no place in a scenario; write plain data")
        self._open.add(id(node))
        total = 1
        if isinstance(node, yaml.MappingNode):
            self._refuse_duplicates(node)
            total += sum(self.size(key, depth + 1) + self.size(value, depth + 1) for key, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            total += sum(self.size(item, depth + 1) for item in node.value)
        if total > LARGEST_NODES:
            raise self._fault(node, f"unfolds to more than {LARGEST_NODES} values; write fewer or smaller aliases")
        self._open.remove(id(node))
        self._sizes[id(node)] = total
        return total

    def _refuse_duplicates(self, node: yaml.MappingNode) -> None:
        seen: dict[tuple[str, str], yaml.Node] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._fault(key, "a key has to be a word")
            first = seen.setdefault((key.tag, key.value), key)
            if first is not key and key.tag != "tag:yaml.org,2002:merge":
                raise self._fault(
                    key,
                    f"the key {key.value!r} was already given in line {first.start_mark.line + 1}; keep one of them",
                )

    def _fault(self, node: yaml.Node, problem: str) -> YamlError:
        return YamlError(self._source, problem, *_place(node.start_mark))
