"""Reading YAML from people nobody vouches for: YAML 1.2 scalars, no duplicate keys, bounded.

DeepFlow's files are YAML 1.2 (``9e-6`` is a number, ``off`` is a word), which PyYAML's own resolvers get wrong.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from versim import FaultsError

LARGEST_FILE_BYTES = 2**20
LARGEST_NODES = 100_000
"""Values a file may unfold to, aliases counted each time they are used."""

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
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                raise FaultsError(subject, ["is empty"])
            _unfolded(node, subject, {})
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError:
        raise FaultsError(subject, ["is nested too deeply"]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise FaultsError(subject, [f"is not readable as YAML: {' '.join(str(error).split())}"]) from None


def _unfolded(node: yaml.Node, subject: str, seen: dict[int, int]) -> int:
    """How many values a node unfolds to; refuses too many, and a node that contains itself."""
    if id(node) in seen:
        if not seen[id(node)]:
            raise FaultsError(subject, [f"line {node.start_mark.line + 1}: a value contains itself"])
        return seen[id(node)]
    seen[id(node)] = 0
    inner: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        inner = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        inner = node.value
    total = 1 + sum(_unfolded(part, subject, seen) for part in inner)
    if total > LARGEST_NODES:
        raise FaultsError(subject, [f"unfolds to more than {LARGEST_NODES} values"])
    seen[id(node)] = total
    return total


def read_yaml(path: Path) -> object:
    """The plain data in a YAML file.

    Raises:
        FaultsError: The file cannot be read, is not UTF-8, or is not YAML.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE_BYTES + 1)
        if len(content) > LARGEST_FILE_BYTES:
            raise FaultsError(str(path), [f"is larger than {LARGEST_FILE_BYTES} bytes"])
        text = content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise FaultsError(str(path), [f"cannot be read: {error}"]) from None
    return parse_yaml(text, str(path))
