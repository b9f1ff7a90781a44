"""The fork's network: one shape, or the product of several that messages cross from the outermost inwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from versim_astrasim.engine.failures import Abort, Refusal
from versim_astrasim.engine.rapid_llm.faults import NO_FAULTS, Faults
from versim_astrasim.engine.rapid_llm.shapes import FullyConnected, KingMesh2D, Mesh, Mesh2D, Ring, Shape, Torus2D
from versim_astrasim.engine.rapid_llm.trees import BinaryTree, DoubleBinaryTree
from versim_astrasim.engine.topologies import READ_AND_NOT_BUILT, SWITCH
from versim_astrasim.engine.wiring import DeviceWiring, Wire, Wiring

if TYPE_CHECKING:
    from versim_astrasim.engine.network_config import NetworkConfig

_SHAPES: Mapping[str, Callable[[int, Faults], Shape]] = {
    "Ring": Ring,
    "FullyConnected": FullyConnected,
    "BinaryTree": BinaryTree,
    "DoubleBinaryTree": DoubleBinaryTree,
    "Mesh": Mesh,
    "Torus2D": Torus2D,
    "Mesh2D": Mesh2D,
    "KingMesh2D": KingMesh2D,
}
_NEVER_FAULTY = ("KingMesh2D", "BinaryTree", "DoubleBinaryTree")
_ALONE_ONLY = ("KingMesh2D",)
_WITHOUT_WIRES_IN_A_PRODUCT = ("BinaryTree", "DoubleBinaryTree")


def wiring_of(config: NetworkConfig) -> Wiring:
    """The network a configuration describes.

    Raises:
        Abort: The fork dies building it.
        Refusal: The fork refuses it.
    """
    if len(config.topology) == 1:
        return _SingleShape(config)
    return _Product(config)


def _shape(name: str, size: int, faults: Faults = NO_FAULTS, *, alone: bool) -> Shape:
    if name == SWITCH:
        raise Abort(f"a switch of {size} ranks joins rank {size - 1} to a device {size} that is not there")
    if name in READ_AND_NOT_BUILT or (name in _ALONE_ONLY and not alone):
        raise Refusal(f"{name} is not supported as {'a network' if alone else 'a dimension among several'}")
    return _SHAPES[name](size, faults)


class _SingleShape(DeviceWiring):
    """One dimension."""

    def __init__(self, config: NetworkConfig) -> None:
        (name,), (size,) = config.topology, config.npus_count
        super().__init__(size)
        self._faults = NO_FAULTS if name in _NEVER_FAULTY else Faults(config.faulty_links)
        self._shape = _shape(name, size, self._faults, alone=True)
        self._whole = Wire(config.bandwidth_gib_per_s[0], config.latency_ns[0])
        for one, other, _ in self._faults.links:
            if 0 <= one < size and 0 <= other < size:
                self.wire(one, other)

    def path(self, source: int, destination: int) -> tuple[int, ...]:
        """The devices a message visits."""
        path = tuple(self._shape.path(source, destination))
        if len(path) == 1:
            raise Abort(f"the way from device {source} to device {destination} breaks off at once", source)
        return path

    def wire(self, here: int, there: int) -> Wire | None:
        """The wire between two devices."""
        return self._faults.wire(here, there, self._whole) if self._shape.joined(here, there) else None


class _Product(DeviceWiring):
    """Several dimensions, dimension 0 fastest. Of the faulty links only the first is looked at."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config.rank_count)
        sizes = config.npus_count
        self._shapes = [_shape(name, size, alone=False) for name, size in zip(config.topology, sizes, strict=True)]
        for name in config.topology:
            if name in _WITHOUT_WIRES_IN_A_PRODUCT:
                raise Abort(f"{name} has no wires as a dimension among several")
        self._sizes = sizes
        self._strides = [math.prod(sizes[:dimension]) for dimension in range(len(sizes))]
        self._faults = Faults(config.faulty_links, looks_at=1)
        self._whole = [Wire(*wire) for wire in zip(config.bandwidth_gib_per_s, config.latency_ns, strict=True)]
        for one, other, _ in self._faults.links[:1]:
            if 0 <= one < self.rank_count and 0 <= other < self.rank_count:
                self.wire(one, other)

    def wire(self, here: int, there: int) -> Wire | None:
        """The wire between two devices, which differ in one dimension."""
        differing = [
            (dimension, mine, others)
            for dimension, (mine, others) in enumerate(zip(self._place(here), self._place(there), strict=True))
            if mine != others
        ]
        if len(differing) != 1:
            return None
        ((dimension, mine, others),) = differing
        if not self._shapes[dimension].joined(mine, others):
            return None
        return self._faults.wire(here, there, self._whole[dimension])

    def _place(self, device: int) -> list[int]:
        return [device // stride % size for stride, size in zip(self._strides, self._sizes, strict=True)]

    def path(self, source: int, destination: int) -> tuple[int, ...]:
        """The devices a message visits."""
        return tuple(self._route(source, destination, list(range(len(self._sizes) - 1, -1, -1)), set()))

    def _route(
        self, source: int, destination: int, order: list[int], seen: set[tuple[int, tuple[int, ...]]]
    ) -> list[int]:
        """Correct one dimension after the other; before a broken link, go on from a neighbour of the next dimension."""
        if (source, tuple(order)) in seen:
            raise Abort(f"the way to device {destination} avoids a broken link in circles until the stack overflows")
        seen.add((source, tuple(order)))
        if source == destination:
            raise Abort(f"avoiding a broken link leads straight to device {destination}, where the route is empty")
        wanted = self._place(destination)
        path: list[int] = [source]
        for dimension in order:
            mine = path[-1] // self._strides[dimension] % self._sizes[dimension]
            if mine == wanted[dimension]:
                continue
            base = path[-1] - mine * self._strides[dimension]
            inside = self._shapes[dimension].path(mine, wanted[dimension])
            stretch = [base + place * self._strides[dimension] for place in inside]
            for here, there in pairwise(stretch):
                if self._faults.is_broken(here, there):
                    return [*path, *self._avoid(here, destination, dimension, order, seen)]
                path.append(there)
        return path

    def _avoid(
        self,
        here: int,
        destination: int,
        dimension: int,
        order: list[int],
        seen: set[tuple[int, tuple[int, ...]]],
    ) -> list[int]:
        """The way on from before a broken link: one step up in the next dimension, then on in another order."""
        count = len(self._sizes)
        aside = (dimension + 1) % count
        stride, size = self._strides[aside], self._sizes[aside]
        place = here // stride % size
        neighbour = here + ((place + 1) % size - place) * stride
        other = list(order)
        swapped = (dimension or count) - 1
        other[dimension], other[swapped] = other[swapped], other[dimension]
        return self._route(neighbour, destination, other, seen)
