"""Labels: open text, some of which versim knows by name.

A producer may use a label nobody has used before, and files that hold it stay readable: a label is the text it is
written with, never the number of a member of an enumeration. ``Kind("all_reduce")`` is the one object
``Kind.ALL_REDUCE``; a text that is not known by name is equal to others of the same text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Self

LONGEST = 60
"""Letters of a label; it stands in tables beside figures."""


class _Iterable(type):
    """Lets a class of labels be walked through: its known ones, in the order of their naming."""

    known: dict[str, Any]

    def __iter__(cls) -> Iterator[Any]:
        return iter(tuple(cls.known.values()))

    def __len__(cls) -> int:
        return len(cls.known)


class Label(str, metaclass=_Iterable):
    """A text that labels nodes or communications.

    Raises:
        ValueError: It is no text, cannot be printed, or is longer than :data:`LONGEST` letters.
    """

    __slots__ = ()
    known: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        cls.known = {}

    def __new__(cls, text: str) -> Self:
        """The label of that text; the one object, if it is known by name."""
        found = cls.known.get(text) if isinstance(text, str) else None
        if found is not None:
            label: Self = found
            return label
        if not cls.allows(text):
            raise ValueError(f"{text!r:.80} is no {cls.__name__.lower()}: at most {LONGEST} printable letters")
        return super().__new__(cls, text)

    @staticmethod
    def allows(text: object) -> bool:
        """Whether a text may be a label."""
        return isinstance(text, str) and len(text) <= LONGEST and text.isprintable()

    @property
    def value(self) -> str:
        """The text alone."""
        return str.__str__(self)

    def __str__(self) -> str:
        return str.__str__(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str.__str__(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str.__str__(self),)


def name_labels(labels: type[Label], **named: str) -> None:
    """Make labels known by name: attributes of their class, and what walking through the class gives."""
    for name, text in named.items():
        label = str.__new__(labels, text)
        labels.known[text] = label
        setattr(labels, name, label)
