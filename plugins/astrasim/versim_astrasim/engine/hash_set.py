"""The iteration order of the original's hash sets, which decides the issue order in trace-described collectives.

Modelled after the published behaviour of the GNU C++ library's hash containers for unsigned 64-bit keys: the hash is
the key itself and the bucket the key modulo the bucket count. All elements are on one list, those of a bucket next to
one another. A new element goes before the first one of its bucket, or to the front of the list if its bucket is empty.
When the set would outgrow its buckets it takes the next larger count and re-inserts everything in list order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

_BUCKET_COUNTS = (1, 13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043, 85229, 172933, 351061, 712697)


class OrderedHashSet:
    """A set of unsigned integers that iterates like the original's."""

    def __init__(self, keys: Iterable[int] = ()) -> None:
        self._bucket_count = 1
        self._order: list[int] = []
        self._members: set[int] = set()
        for key in keys:
            self.add(key)

    def __iter__(self) -> Iterator[int]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, key: int) -> bool:
        return key in self._members

    def add(self, key: int) -> None:
        """Insert a key; one that is there already changes nothing."""
        if key in self._members:
            return
        self._members.add(key)
        if len(self._members) > self._bucket_count:
            index = bisect_left(_BUCKET_COUNTS, len(self._members))
            self._bucket_count = _BUCKET_COUNTS[index] if index < len(_BUCKET_COUNTS) else 2 * len(self._members) + 1
            old, self._order = self._order, []
            for other in old:
                self._place(other)
        self._place(key)

    def remove(self, key: int) -> None:
        """Take a key out; the others keep their order."""
        self._members.remove(key)
        self._order.remove(key)

    def _place(self, key: int) -> None:
        bucket = key % self._bucket_count
        for index, other in enumerate(self._order):
            if other % self._bucket_count == bucket:
                self._order.insert(index, key)
                return
        self._order.insert(0, key)
