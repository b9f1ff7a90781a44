"""The producer ``lattice-stencil``: a one-dimensional domain, its halos exchanged, its residual reduced."""

from __future__ import annotations

import attrs
from versim import ExecutionGraph, Fixed, GraphBuilder, Mesh, option


@attrs.frozen(kw_only=True)
class StencilOptions:
    """Options of the producer ``lattice-stencil``."""

    ranks: int = option(4, validator=attrs.validators.ge(2), help="pieces of the domain, one per rank")
    iterations: int = option(3, validator=attrs.validators.ge(1), help="sweeps over the domain")
    halo_bytes: int = option(1 << 20, validator=attrs.validators.ge(1), help="what neighbours exchange, in bytes")
    sweep_s: float = option(1e-3, validator=attrs.validators.gt(0), help="seconds a sweep takes on one rank")


@attrs.frozen
class LatticeStencil:
    """Sweeps with an exchange of halos beside the interior's work."""

    name: str = "lattice-stencil"
    options: type[StencilOptions] = StencilOptions

    def produce(self, options: StencilOptions) -> ExecutionGraph:
        """Per iteration: the border, its exchange beside the interior, and the residual's all-reduce."""
        builder = GraphBuilder(Mesh.of(x=options.ranks))
        before: list[int] = []
        for iteration in range(options.iterations):
            border = builder.compute("border", [(Fixed(options.sweep_s), 0.25)], after=before, microbatch=iteration)
            # Even pairs first, then odd ones, so that ranks in program order never wait in a circle.
            halos = [
                builder.transfer(
                    f"halo {source} to {target}",
                    options.halo_bytes,
                    source={"x": source},
                    target={"x": target},
                    after=[border],
                    microbatch=iteration,
                )
                for parity in (0, 1)
                for left in range(parity, options.ranks - 1, 2)
                for source, target in ((left, left + 1), (left + 1, left))
            ]
            interior = builder.compute(
                "interior", [(Fixed(options.sweep_s), 0.75)], after=[border], microbatch=iteration
            )
            received = [recv for _, recv in halos]
            residual = builder.collective(
                "residual",
                "all_reduce",
                8 * options.ranks,
                axes=("x",),
                after=[interior, *received],
                microbatch=iteration,
            )
            before = [residual]
        return builder.build("stencil")
