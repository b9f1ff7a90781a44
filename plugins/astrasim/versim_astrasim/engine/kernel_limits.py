"""What the compiled kernel leaves to the Python engine."""

from __future__ import annotations


class Incapable(Exception):  # noqa: N818 - a reason to go another way, not an error anybody sees
    """The kernel cannot simulate this.

    Attributes:
        what: What it cannot, in a few words.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class NotAlike(Incapable):  # likewise
    """Ranks for which one stands do different things, or see a tie in different order.

    Attributes:
        at_ns: When; before that they are alike.
    """

    def __init__(self, what: str, at_ns: int) -> None:
        super().__init__(what)
        self.at_ns = at_ns
