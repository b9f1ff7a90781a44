"""Untrusted data to values: files, YAML, JSON, scalars, quantities and attrs classes, every fault with its place.

Plugins may use this, too. Names load on first use: YAML and structuring bring packages that ``versim --help`` must
not wait for.

Reading order: ``faults`` (where something is wrong), ``files`` (regular ones, bounded), ``archives``,
``yaml_text``, ``json_text`` and ``table``, ``values`` (a document taken apart value by value), ``scalars`` and
``quantities``, ``structure`` (plain data to instances of classes).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from versim.plain.archives import BROKEN_ARCHIVE as BROKEN_ARCHIVE
    from versim.plain.faults import Fault as Fault
    from versim.plain.faults import MisfitError as MisfitError
    from versim.plain.faults import misfit as misfit
    from versim.plain.faults import path_of as path_of
    from versim.plain.faults import place as place
    from versim.plain.files import UnreadableError as UnreadableError
    from versim.plain.files import opened as opened
    from versim.plain.files import read_bytes as read_bytes
    from versim.plain.files import read_text as read_text
    from versim.plain.files import size_of as size_of
    from versim.plain.json_text import parse_json as parse_json
    from versim.plain.json_text import read_json as read_json
    from versim.plain.quantities import parse_quantity as parse_quantity
    from versim.plain.quantities import unit_suffix as unit_suffix
    from versim.plain.structure import class_hook as class_hook
    from versim.plain.structure import make_converter as make_converter
    from versim.plain.structure import plain_converter as plain_converter
    from versim.plain.structure import structured as structured
    from versim.plain.table import Table as Table
    from versim.plain.table import parse_table as parse_table
    from versim.plain.table import read_table as read_table
    from versim.plain.values import Value as Value
    from versim.plain.values import read_values as read_values
    from versim.plain.yaml_text import YamlDocument as YamlDocument
    from versim.plain.yaml_text import YamlError as YamlError
    from versim.plain.yaml_text import parse_yaml as parse_yaml
    from versim.plain.yaml_text import read_document as read_document
    from versim.plain.yaml_text import read_yaml as read_yaml

_HOMES = {
    "archives": "BROKEN_ARCHIVE",
    "faults": "Fault MisfitError misfit path_of place",
    "files": "UnreadableError opened read_bytes read_text size_of",
    "json_text": "parse_json read_json",
    "quantities": "parse_quantity unit_suffix",
    "structure": "class_hook make_converter plain_converter structured",
    "table": "Table parse_table read_table",
    "values": "Value read_values",
    "yaml_text": "YamlDocument YamlError parse_yaml read_document read_yaml",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - derived, so that it cannot disagree


def __getattr__(name: str) -> Any:
    """Load a public name from its home on first use."""
    try:
        home = _HOME_OF[name]
    except KeyError:
        raise AttributeError(f"module 'versim.plain' has no attribute {name!r}") from None
    value = getattr(import_module(f"versim.plain.{home}"), name)
    globals()[name] = value
    return value
