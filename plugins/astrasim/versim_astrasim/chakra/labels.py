"""What versim writes into a trace beside what simulators read, so that a graph comes back as it was.

Simulators skip attributes they do not know. Nothing here changes what they simulate.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

PREFIX = "versim."


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
    """

    phase: str = ""
    layer: int | None = None
    microbatch: int | None = None
    algorithm: str = ""
    size_bytes: int | None = None
    free_tag: bool = False
    placeholder: bool = False
    beyond: bool = False

    def written(self) -> Iterator[tuple[str, str | int | bool]]:
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
}


def labelled(labels: Labels, attribute: str, value: object) -> Labels:
    """Labels with one more attribute of a node; one that is not versim's, or of another type, changes nothing."""
    name = attribute.removeprefix(PREFIX)
    wanted = _TYPES.get(name)
    if wanted is None or type(value) is not wanted:
        return labels
    return attrs.evolve(labels, **{name: value})  # type: ignore[arg-type]
