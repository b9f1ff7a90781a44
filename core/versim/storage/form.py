"""Forms: what a value of a document is, stated once; how it is written, read and described follows from that.

A :class:`Record` states an object key by key. Its keys are written in the order in which they stand; those that follow
from others (``kept=False``) are written for people, and computed again when a document is read. Documents come from
anywhere: nothing is believed before its type, length and range are checked, and a fault names its place.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, NoReturn, Protocol

import attrs

from versim.inputs import Inputs
from versim.labels import Label
from versim.plain.values import Value
from versim.storage.columns import COLUMNS, ColumnWriter
from versim.storage.text import number, plain

Schema = dict[str, Any]

LEAST, MOST = -(2**63), 2**63 - 1


class Writing:
    """What is at hand while a document is written.

    Attributes:
        columns: Where long columns go.
        inputs: Of the comparison that is being written.
    """

    def __init__(self, columns: ColumnWriter, inputs: Inputs | None = None) -> None:
        self.columns = columns
        self._inputs = inputs

    @property
    def inputs(self) -> Inputs:
        """Of the comparison that is being written."""
        if self._inputs is None:
            raise ValueError("no comparison is being written")
        return self._inputs

    def of(self, inputs: Inputs) -> Writing:
        """The same within a comparison."""
        return Writing(self.columns, inputs)

    @cached_property
    def archive(self) -> bytes | None:
        """The columns that go beside the document, once all are written."""
        return self.columns.archive()


class Form(Protocol):
    """How one value is written, read and described."""

    def write(self, value: Any, to: Writing) -> Any:
        """As JSON has it."""
        ...

    def read(self, value: Value) -> Any:
        """Back from JSON; ``VersimError`` with file and place where it is not as stated."""
        ...

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """Its JSON Schema; what has a name goes among the definitions."""
        ...


@attrs.frozen
class Text:
    """A text."""

    pattern: str = ""

    def write(self, value: str, to: Writing) -> str:  # noqa: ARG002 - as all forms
        """As it is."""
        return str(value)

    def read(self, value: Value) -> str:
        """A string."""
        return value.text()

    def schema(self, definitions: dict[str, Schema]) -> Schema:  # noqa: ARG002 - as all forms
        """A string, of a pattern if one is given."""
        return {"type": "string", **({"pattern": self.pattern} if self.pattern else {})}


@attrs.frozen
class Open:
    """A label, which is open text."""

    label: type[Label]

    def write(self, value: Label, to: Writing) -> str:  # noqa: ARG002 - as all forms
        """Its text."""
        return value.value

    def read(self, value: Value) -> Label:
        """The label of that text."""
        if not self.label.allows(value.text()):
            value.wrong(f"is no {self.label.__name__.lower()}")
        return self.label(value.text())

    def schema(self, definitions: dict[str, Schema]) -> Schema:  # noqa: ARG002 - as all forms
        """A string."""
        return {"type": "string"}


@attrs.frozen
class Choice:
    """One of a few texts: the values of an enumeration, or those given."""

    known: type[enum.Enum] | tuple[str, ...]

    def _texts(self) -> list[str]:
        return [str(one.value) if isinstance(one, enum.Enum) else one for one in self.known]

    def write(self, value: Any, to: Writing) -> str:  # noqa: ARG002 - as all forms
        """Its text."""
        return str(value.value) if isinstance(value, enum.Enum) else str(value)

    def read(self, value: Value) -> Any:
        """The member of the enumeration, or the text."""
        text = value.one_of(self._texts())
        return text if isinstance(self.known, tuple) else self.known(text)

    def schema(self, definitions: dict[str, Schema]) -> Schema:  # noqa: ARG002 - as all forms
        """An enumeration."""
        return {"enum": self._texts()}


@attrs.frozen
class Exactly:
    """One value that documents of this format have."""

    value: Any

    def write(self, value: Any, to: Writing) -> Any:  # noqa: ARG002 - as all forms
        """Always that."""
        return self.value

    def read(self, value: Value) -> Any:
        """As it is; whoever reads knows older ones, too."""
        return value.content

    def schema(self, definitions: dict[str, Schema]) -> Schema:  # noqa: ARG002 - as all forms
        """A constant."""
        return {"const": self.value}


@attrs.frozen
class Integer:
    """A whole number of 64 bits."""

    lowest: int = 0

    def write(self, value: Any, to: Writing) -> int:  # noqa: ARG002 - as all forms
        """Numpy's are Python's."""
        return int(value)

    def read(self, value: Value) -> int:
        """Within its range."""
        return value.integer(self.lowest, MOST)

    def schema(self, definitions: dict[str, Schema]) -> Schema:  # noqa: ARG002 - as all forms
        """An integer."""
        return {"type": "integer", **({"minimum": self.lowest} if self.lowest != LEAST else {})}


SIGNED = Integer(LEAST)


@attrs.frozen
class Number:
    """A finite number."""

    lowest: float = -math.inf
    highest: float = math.inf

    def write(self, value: Any, to: Writing) -> float:  # noqa: ARG002 - as all forms
        """As a float."""
        return float(value)

    def read(self, value: Value) -> float:
        """Finite and within its range."""
        if self.lowest == 0:
            return value.amount(self.highest)
        found = value.number()
        if not math.isfinite(found) or not self.lowest <= found <= self.highest:
            span = f" from {self.lowest:g} to {self.highest:g}" if self.lowest > -math.inf else ""
            value.wrong(f"expected a finite number{span}, got {found:g}")
        return found

    def schema(self, definitions: dict[str, Schema]) -> Schema:  # noqa: ARG002 - as all forms
        """A number."""
        limits = {"minimum": self.lowest, "maximum": self.highest}
        return {"type": "number", **{key: limit for key, limit in limits.items() if math.isfinite(limit)}}


@attrs.frozen
class Spelt:
    """A number that need not be finite, or null; what is kept may have to be at least ``lowest`` and finite."""

    lowest: float = -math.inf

    def write(self, value: float | None, to: Writing) -> float | str | None:  # noqa: ARG002 - as all forms
        """What is not finite is spelt."""
        return number(value)

    def read(self, value: Value) -> float | None:
        """Spellings become numbers again."""
        if self.lowest > -math.inf:
            return None if value.missing else Number(self.lowest).read(value)
        return value.optional_number()

    def schema(self, definitions: dict[str, Schema]) -> Schema:  # noqa: ARG002 - as all forms
        """A number, null, or a spelling."""
        return {"oneOf": [{"type": ["number", "null"]}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}


@attrs.frozen
class Flag:
    """A truth value."""

    def write(self, value: Any, to: Writing) -> bool:  # noqa: ARG002 - as all forms
        """As it is."""
        return bool(value)

    def read(self, value: Value) -> bool:
        """True or false."""
        return value.flag()

    def schema(self, definitions: dict[str, Schema]) -> Schema:  # noqa: ARG002 - as all forms
        """A boolean."""
        return {"type": "boolean"}


@attrs.frozen
class Maybe:
    """A value, or null."""

    form: Form

    def write(self, value: Any, to: Writing) -> Any:
        """None is null."""
        return None if value is None else self.form.write(value, to)

    def read(self, value: Value) -> Any:
        """Null is None."""
        return None if value.missing else self.form.read(value)

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """Either."""
        inner = self.form.schema(definitions)
        if set(inner) <= {"type", "minimum", "maximum"}:
            return {**inner, "type": [inner["type"], "null"]}
        return {"oneOf": [inner, {"type": "null"}]}


@attrs.frozen
class Many:
    """A list of values of one form; ``check`` raises ``ValueError`` for what it cannot be as a whole."""

    form: Form
    check: Callable[[tuple[Any, ...]], None] | None = None

    def write(self, value: Iterable[Any], to: Writing) -> list[Any]:
        """In its order."""
        return [self.form.write(item, to) for item in value]

    def read(self, value: Value) -> tuple[Any, ...]:
        """In its order."""
        found = tuple(self.form.read(item) for item in value)
        if self.check is not None:
            try:
                self.check(found)
            except ValueError as error:
                value.wrong(str(error))
        return found

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """An array."""
        return {"type": "array", "items": self.form.schema(definitions)}


@attrs.frozen
class Named:
    """Values of one form by name, names sorted."""

    form: Form
    says: str = "For people."

    def write(self, value: Mapping[Any, Any], to: Writing) -> dict[str, Any]:
        """Sorted."""
        return {str(name): self.form.write(value[name], to) for name in sorted(value, key=str)}

    def read(self, value: Value) -> dict[str, Any]:
        """In the document's order."""
        return {name: self.form.read(value[name]) for name in value.keys()}  # noqa: SIM118 - a Value is no mapping

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """An object whose values are alike."""
        return {"type": "object", "description": self.says, "additionalProperties": self.form.schema(definitions)}


@attrs.frozen
class Free:
    """An object of a plugin's own, of which nothing is stated."""

    def write(self, value: Mapping[str, Any], to: Writing) -> dict[str, Any]:  # noqa: ARG002 - as all forms
        """As plain data."""
        found: dict[str, Any] = plain(value)
        return found

    def read(self, value: Value) -> dict[str, Any]:
        """Whatever it holds."""
        value.keys()
        found: dict[str, Any] = value.content
        return found

    def schema(self, definitions: dict[str, Schema]) -> Schema:  # noqa: ARG002 - as all forms
        """An object."""
        return {"type": "object"}


@attrs.frozen
class Columns:
    """A set of columns, see :data:`versim.storage.columns.COLUMNS`; read by who knows how many rows it has to have."""

    kind: str
    says: str

    def write(self, value: Mapping[str, Any], to: Writing) -> dict[str, Any]:
        """In the document or beside it."""
        return to.columns.write(self.kind, value)

    def read(self, value: Value) -> Value:
        """Where it stands."""
        return value

    def schema(self, definitions: dict[str, Schema]) -> Schema:  # noqa: ARG002 - as all forms
        """Rows, and where they are."""
        columns = {
            name: {"type": "array", "description": column.says, "items": {"type": [column.json_type, "null"]}}
            for name, column in COLUMNS[self.kind].items()
        }
        attached = "Where columns.place is attached: the columns are <attached>.<name>.npy in the archive, -1 for null."
        return {
            "type": "object",
            "description": f"{self.says} Null is: has none, did not happen, or is not modelled.",
            **_closed(
                {
                    "rows": {"type": "integer", "minimum": 0, "description": "Length of every column."},
                    "attached": {"type": ["string", "null"], "description": attached},
                    "inline": {
                        "type": ["object", "null"],
                        "description": "One list per column, all of length rows.",
                        **_closed(columns),
                    },
                }
            ),
        }


def _closed(properties: Mapping[str, Schema]) -> Schema:
    """All of these keys, and no others."""
    return {"additionalProperties": False, "required": list(properties), "properties": dict(properties)}


_ALWAYS = object()


@attrs.frozen
class Key:
    """One key of a record.

    Attributes:
        form: Of its value.
        says: What it is, for people.
        get: What is written, given the record's value and what is at hand; the attribute or item of that name if None.
        kept: False if it follows from others: then nobody reads it.
        before: What documents that lack it, or have null there, mean; every document has it unless that is given.
        last: True if it is written when all others have been, wherever it stands.
    """

    form: Form
    says: str = ""
    get: Callable[[Any, Writing], Any] | None = None
    kept: bool = attrs.field(default=True, kw_only=True)
    before: Any = attrs.field(default=_ALWAYS, kw_only=True)
    last: bool = attrs.field(default=False, kw_only=True)


class Record:
    """An object, key by key.

    Args:
        says: What it is, for people.
        make: Makes the value of those keys that are kept, by their names; ``ValueError`` is a fault of the document.
            None leaves them to whoever reads it, see :class:`Opened`.
        name: Among the definitions of the schema; "" if it stands in one place only.
        keys: In the order in which they are written.
    """

    def __init__(
        self, says: str, make: Callable[..., Any] | None = None, *, name: str = "", keys: Mapping[str, Key]
    ) -> None:
        self.says, self.make, self.name = says, make, name
        self.keys = dict(keys)
        self._in_turn = sorted(self.keys.items(), key=lambda item: item[1].last)

    def write(self, value: Any, to: Writing) -> dict[str, Any]:
        """Every key, in order."""
        written: dict[str, Any] = dict.fromkeys(self.keys)
        for name, key in self._in_turn:
            given = key.get(value, to) if key.get is not None else _own(value, name)
            written[name] = key.form.write(given, to)
        return written

    def read(self, value: Value) -> Any:
        """The value it is made to, or the record opened."""
        if self.make is None:
            return Opened(value, self)
        parts = {name: self.part(value, name) for name, key in self.keys.items() if key.kept}
        try:
            return self.make(**parts)
        except ValueError as error:
            value.wrong(str(error))

    def part(self, value: Value, name: str) -> Any:
        """One key of a document."""
        key = self._stated(name)
        if key.before is not _ALWAYS and value.optional(name).missing:
            return key.before
        return key.form.read(value[name])

    def _stated(self, name: str) -> Key:
        if name not in self.keys or not self.keys[name].kept:
            raise AttributeError(f"{self.says!r} states no {name} that is read")
        return self.keys[name]

    def schema(self, definitions: dict[str, Schema]) -> Schema:
        """An object with these keys and no others."""
        if self.name in definitions:
            return {"$ref": f"#/$defs/{self.name}"}
        if self.name:
            definitions[self.name] = {}  # stands before what it is made of
        properties = {}
        for name, key in self.keys.items():
            properties[name] = {**key.form.schema(definitions), **({"description": key.says} if key.says else {})}
        found = {"type": "object", "description": self.says, **_closed(properties)}
        if not self.name:
            return found
        definitions[self.name] = found
        return {"$ref": f"#/$defs/{self.name}"}


def _own(value: Any, name: str) -> Any:
    return value[name] if isinstance(value, Mapping) else getattr(value, name)


class Opened:
    """A record of a document, each key of which is read when it is asked for."""

    def __init__(self, value: Value, record: Record) -> None:
        self._value, self._record = value, record

    def __getattr__(self, name: str) -> Any:
        """The value of a key that the record states."""
        return self._record.part(self._value, name)

    def at(self, name: str) -> Value:
        """Where a key stands."""
        self._record._stated(name)  # noqa: SLF001 - they are one thing in two classes
        return self._value[name]

    def wrong(self, name: str, message: str) -> NoReturn:
        """Refuse the value of a key; of all of them where the name is empty."""
        (self.at(name) if name else self._value).wrong(message)
