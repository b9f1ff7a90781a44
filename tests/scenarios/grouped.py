"""An all-reduce of three pairs of ranks, whose groups lie differently on nodes of three."""

import attrs
from versim import ExecutionGraph, GraphBuilder, Mesh, NoOptions, hookimpl


@attrs.frozen
class Grouped:
    """The producer of one communication."""

    name: str = "grouped"
    options: type = NoOptions

    def produce(self, options: object) -> ExecutionGraph:  # noqa: ARG002
        """Its graph."""
        builder = GraphBuilder(Mesh.of(a=3, b=2))
        builder.collective("ar", "all_reduce", 1 << 24, axes=("b",))
        return builder.build()


@hookimpl
def versim_graph_producers() -> list[Grouped]:
    """The one."""
    return [Grouped()]
