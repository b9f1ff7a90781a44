"""Random cases for the fork of ASTRA-sim that RAPID-LLM drives: its networks, faults and algorithms under any step.

Steps and settings are those of :mod:`engine_cases`. Left out is what the fork does with memory it never set, and
collectives described by traces, which are not re-created.
"""

from __future__ import annotations

import math
import random
from typing import Any

import engine_cases

KINDS = ("collective", "dimensions", "groups", "messages", "programs", "step")
PROGRAM = {
    "name": "fork of ASTRA-sim by gkarfakis19",
    "astra_sim": "gkarfakis19/astra-sim 32bec13",
    "astra_network_analytical": "gkarfakis19/astra-network-analytical 0691320",
}
"""What a table of such cases says of the program."""

_LINES = ("Ring", "FullyConnected", "Mesh")
_SQUARES = ("Torus2D", "Mesh2D")
_ALONE = ("KingMesh2D", "BinaryTree", "DoubleBinaryTree", "Switch", "Bus", "HyperCube")
_ALGORITHMS = (
    "ring",
    "ring",
    "direct",
    "direct",
    "direct2",
    "halvingDoubling",
    "mesh",
    "hypercube",
    "torus2d",
    "mesh2d",
)
_OVER_ALL = ("oneRing", "oneDirect", "oneHalvingDoubling")
_HEALTHS = (0.0, 0.0, 0.1, 0.25, 0.5, 0.9, 1.0, 2.0)
_MOST_RANKS = 27


def case(source: random.Random) -> engine_cases.Case:
    """A case of any kind."""
    while True:
        found = engine_cases.case(source.choice(KINDS), source)
        ranks = math.prod(found["network"]["npus_count"])
        if ranks <= _MOST_RANKS:
            break
    sizes = _factors(source, ranks)
    found["simulator"] = "congestion_aware"
    found["network"] = _network(source, sizes)
    for key in engine_cases.KEYS:
        found["system"][key] = _algorithms(source, len(sizes))
    return found


def _factors(source: random.Random, ranks: int) -> list[int]:
    """Up to three sizes whose product is the number of ranks."""
    sizes = []
    for _ in range(source.choice([0, 0, 1, 1, 2])):
        divisors = [divisor for divisor in range(2, ranks) if ranks % divisor == 0]
        if not divisors:
            break
        sizes.append(source.choice(divisors))
        ranks //= sizes[-1]
    return [*sizes, ranks]


def _topology(source: random.Random, size: int, *, alone: bool) -> str:
    names = list(_LINES) * 3
    if math.isqrt(size) ** 2 == size or source.random() < 0.02:
        names += list(_SQUARES) * (2 if alone else 1)
    if alone or source.random() < 0.1:
        names += [name for name in _ALONE if name != "KingMesh2D" or math.isqrt(size) ** 2 == size]
    return source.choice(names)


def _network(source: random.Random, sizes: list[int]) -> dict[str, Any]:
    network: dict[str, Any] = {
        "topology": [_topology(source, size, alone=len(sizes) == 1) for size in sizes],
        "npus_count": sizes,
        "bandwidth": [source.choice([50.0, 100.0, 12.5, 400.0, 37.3, 7.77]) for _ in sizes],
        "latency": [source.choice([500.0, 0, 1.5, 0.4, 123.7, 936.25, 2000]) for _ in sizes],
    }
    if source.random() < 0.4:
        network["faulty_links"] = [_faulty_link(source, sizes) for _ in range(source.choice([1, 1, 2, 3]))]
    return network


def _faulty_link(source: random.Random, sizes: list[int]) -> list[float]:
    """Two neighbours mostly, in a line or in a column of a square."""
    ranks = math.prod(sizes)
    one = source.randrange(ranks)
    dimension = source.randrange(len(sizes))
    step = math.prod(sizes[:dimension]) * source.choice([1, 1, math.isqrt(sizes[dimension])])
    other = (one + step) % ranks if source.random() < 0.9 else source.randrange(ranks)
    return [one, other, source.choice(_HEALTHS)]


def _algorithms(source: random.Random, dimensions: int) -> list[str]:
    if source.random() < 0.15:
        return [source.choice(_OVER_ALL)]
    return source.choices(_ALGORITHMS, k=dimensions)
