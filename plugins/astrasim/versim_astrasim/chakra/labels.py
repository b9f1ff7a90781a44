"""What versim writes into a trace beside what simulators read, so that a graph comes back as it was.

Simulators skip attributes they do not know. Nothing here changes what they simulate.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

PREFIX = "versim."

LabelValue = str | int | bool | tuple[int, ...] | tuple[bytes, ...]


@attrs.frozen(kw_only=True)
class Labels:
    """Labels of one node.

    Attributes:
        phase: Part of the step, as :class:`versim.Phase` spells it.
        layer: Layer, None where not said.
        microbatch: Microbatch, None where not said.
        algorithm: Asked for of a collective.
        size_bytes: The full tensor, where the trace's size does not say it exactly.
        free_tag: Whether a message's tag was chosen by versim.
        placeholder: Whether the node stands for nothing: a rank without work needs one.
        beyond: Whether its rank is beyond those of the graph: a network needs two.
        ranks: The group of a collective in its own order, where simulators are told another one.
        compute_ns: Nanoseconds of compute, where what simulators are told is rounded.
        waits: Ids that the node waits for, where some of them are of nodes that were left out.
        left_out: Compute of no time that simulators cannot run, as messages of the same format, kept by a node nearby.
    """

    phase: str = ""
    layer: int | None = None
    microbatch: int | None = None
    algorithm: str = ""
    size_bytes: int | None = None
    free_tag: bool = False
    placeholder: bool = False
    beyond: bool = False
    ranks: tuple[int, ...] = ()
    compute_ns: int | None = None
    waits: tuple[int, ...] | None = None
    left_out: tuple[bytes, ...] = ()

    def written(self) -> Iterator[tuple[str, LabelValue]]:
        """Names and values of the attributes that say it; nothing for what is not said."""
        for field in attrs.fields(Labels):
            value = getattr(self, field.name)
            if value != field.default:
                yield PREFIX + field.name, value


NO_LABELS = Labels()

_TYPES: dict[str, type] = {
    "phase": str,
    "layer": int,
    "microbatch": int,
    "algorithm": str,
    "size_bytes": int,
    "free_tag": bool,
    "placeholder": bool,
    "beyond": bool,
    "ranks": tuple,
    "compute_ns": int,
    "waits": tuple,
    "left_out": tuple,
}
_ITEMS: dict[str, type] = {"ranks": int, "waits": int, "left_out": bytes}


def labelled(labels: Labels, attribute: str, value: object) -> Labels:
    """Labels with one more attribute of a node; one that is not versim's, or of another type, changes nothing."""
    name = attribute.removeprefix(PREFIX)
    wanted = _TYPES.get(name)
    if wanted is None or type(value) is not wanted:
        return labels
    if isinstance(value, tuple) and not all(type(item) is _ITEMS[name] for item in value):
        return labels
    return attrs.evolve(labels, **{name: value})  # type: ignore[arg-type]
