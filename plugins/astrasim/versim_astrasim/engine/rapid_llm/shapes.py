"""Shapes of one dimension: which devices are joined, and the way from one to another.

A shape is a line of devices 0…size-1, whatever its picture. Ways that end before their destination are the program's
own: a message whose route breaks off is taken for delivered where it does.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from versim_astrasim.engine.failures import Abort, EndlessLoop
from versim_astrasim.engine.rapid_llm.faults import NO_FAULTS, Faults


class Shape(ABC):
    """One dimension.

    Attributes:
        size: Devices along it.
        faults: Faulty links the shape's routes know.
    """

    def __init__(self, size: int, faults: Faults = NO_FAULTS) -> None:
        self.size = size
        self.faults = faults

    @abstractmethod
    def joined(self, here: int, there: int) -> bool:
        """Whether two devices have wires between them; none has one to itself."""

    @abstractmethod
    def path(self, source: int, destination: int) -> list[int]:
        """The devices from one to another, both included.

        Raises:
            EndlessLoop: The program never comes to an end looking for it.
        """


class Ring(Shape):
    """Neighbours in a circle; a tie between the two ways goes upwards. A ring of 2 has one wire each way."""

    def joined(self, here: int, there: int) -> bool:
        """Neighbours."""
        return here != there and (here - there) % self.size in (1, self.size - 1)

    def path(self, source: int, destination: int) -> list[int]:
        """The shorter way round, whatever is broken."""
        upwards = (destination - source) % self.size
        if upwards <= self.size - upwards:
            return [(source + step) % self.size for step in range(upwards + 1)]
        return [(source - step) % self.size for step in range(self.size - upwards + 1)]


class FullyConnected(Shape):
    """A wire from each to each."""

    def joined(self, here: int, there: int) -> bool:
        """Always."""
        return here != there

    def path(self, source: int, destination: int) -> list[int]:
        """Straight."""
        return [source, destination]


class Mesh(Shape):
    """A line. Of one dimension, a broken link has no wires."""

    def joined(self, here: int, there: int) -> bool:
        """Neighbours, unless their link is broken."""
        return abs(here - there) == 1 and not self.faults.is_broken(here, there)

    def path(self, source: int, destination: int) -> list[int]:
        """Along the line."""
        step = 1 if destination > source else -1
        return list(range(source, destination + step, step))


class Grid(Shape):
    """A square of devices, row by row.

    Attributes:
        side: Devices along a row.
    """

    def __init__(self, size: int, faults: Faults = NO_FAULTS) -> None:
        super().__init__(size, faults)
        self.side = math.isqrt(size)
        if self.side * self.side != size:
            raise Abort(f"{type(self).__name__} of {size} devices is no square")

    def path(self, source: int, destination: int) -> list[int]:
        """Step by step; where a step comes back to a device, the program goes round for ever."""
        path = [source]
        here: int | None = source
        seen = {source}
        while here != destination:
            here = self._step(*self._place(path[-1]), *self._place(destination))
            if here is None:
                break
            if here in seen:
                raise EndlessLoop(
                    f"the route from device {source} to device {destination} avoids a broken link and comes back to "
                    f"device {here} for ever"
                )
            seen.add(here)
            path.append(here)
        return path

    @abstractmethod
    def _step(self, column: int, row: int, to_column: int, to_row: int) -> int | None:
        """The next device on the way; None where the way breaks off."""

    def _place(self, device: int) -> tuple[int, int]:
        return device % self.side, device // self.side

    def _apart(self, here: int, there: int) -> tuple[int, int]:
        """Columns and rows between two devices."""
        (column, row), (other_column, other_row) = self._place(here), self._place(there)
        return abs(column - other_column), abs(row - other_row)

    def _device(self, column: int, row: int) -> int | None:
        """The device at a place, None outside the square."""
        inside = 0 <= column < self.side and 0 <= row < self.side
        return row * self.side + column if inside else None

    def _first_whole(self, here: int, *ways: int | None) -> int | None:
        """The first of some next devices that is there and not behind a broken link."""
        return next((way for way in ways if way is not None and not self.faults.is_broken(here, way)), None)


class Torus2D(Grid):
    """Rows and columns are rings. A broken link is gone round over the next row below, or column to the right."""

    def joined(self, here: int, there: int) -> bool:
        """Neighbours in a row or a column."""
        apart = self._apart(here, there)
        return 0 in apart and max(apart) in (1, self.side - 1)

    def _step(self, column: int, row: int, to_column: int, to_row: int) -> int | None:
        side = self.side
        here = row * side + column
        if column != to_column:
            onward = row * side + (column + self._way(column, to_column)) % side
            around = (row + 1) % side * side + column
        else:
            onward = (row + self._way(row, to_row)) % side * side + column
            around = row * side + (column + 1) % side
        return around if self.faults.is_broken(here, onward) else onward

    def _way(self, here: int, there: int) -> int:
        return -1 if (there - here) % self.side > self.side // 2 else 1


class Mesh2D(Grid):
    """Rows and columns are lines; columns are corrected first. A broken link is gone round where there is a way."""

    def joined(self, here: int, there: int) -> bool:
        """Neighbours in a row or a column."""
        return sum(self._apart(here, there)) == 1

    def _step(self, column: int, row: int, to_column: int, to_row: int) -> int | None:
        here = row * self.side + column
        if column != to_column:
            onward = self._device(column + (1 if to_column > column else -1), row)
            around = (self._device(column, row + 1), self._device(column, row - 1))
        else:
            onward = self._device(column, row + (1 if to_row > row else -1))
            around = (self._device(column + 1, row), self._device(column - 1, row))
        return None if onward is None else self._first_whole(here, onward, *around)


class KingMesh2D(Grid):
    """A square in which diagonal neighbours are joined, too. Its links are never faulty."""

    def joined(self, here: int, there: int) -> bool:
        """Neighbours, diagonal ones included."""
        return max(self._apart(here, there)) == 1

    def _step(self, column: int, row: int, to_column: int, to_row: int) -> int | None:
        return self._device(column + _towards(column, to_column), row + _towards(row, to_row))


def _towards(here: int, there: int) -> int:
    return (there > here) - (there < here)
