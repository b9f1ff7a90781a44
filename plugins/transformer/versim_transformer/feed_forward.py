"""The feed-forward part of a layer: dense, or a mixture of experts."""

from __future__ import annotations

import math

from versim import GroupedGemm, Kind, Pass, Pointwise, Work

from versim_transformer.architecture import Experts
from versim_transformer.attention import element_wise, norm, residual
from versim_transformer.pieces import Beside, Collective, Compute, Module, Piece, collective, joined
from versim_transformer.pointwise import pointwise, quantize, sized
from versim_transformer.products import Arrival, accumulation, column_parallel, product, row_parallel
from versim_transformer.settings import Settings


def feed_forward_part(settings: Settings, *, experts: bool) -> Module:
    """Normalisation, the feed-forward part and the residual; a mixture of experts where ``experts``."""
    model = settings.architecture
    chosen = model.experts if experts else None
    inner = _dense(settings, model.ffn, "mlp", Arrival.NORMED) if chosen is None else _mixture(settings, chosen)
    # Experts and their router take what is normalised in 16 bits.
    return joined((norm(settings, "mlp norm", converts=chosen is None), inner, residual(settings, "mlp residual")))


def _dense(settings: Settings, ffn: int, name: str, operand: Arrival) -> Module:
    model = settings.architecture
    width = ffn / settings.parallelism.tp
    columns = width * (2 if model.gated else 1)
    into = product(settings, f"{name} up", settings.tokens, model.hidden, columns, bias=model.biases, operand=operand)
    back = product(
        settings, f"{name} down", settings.tokens, width, model.hidden, bias=model.biases, gradient=Arrival.CUT
    )
    operation = "gated" if model.gated else "activation"
    return joined(
        (
            column_parallel(settings, (into,), model.hidden),
            element_wise(settings, f"{name} activation", operation, settings.tokens * width, cheap=True),
            row_parallel(settings, back, model.hidden),
        )
    )


def _mixture(settings: Settings, experts: Experts) -> Module:
    """Router, tokens to their experts and back, and beside that the experts that every token visits."""
    model, parallel = settings.architecture, settings.parallelism
    tokens = settings.shard_tokens
    visits = tokens * experts.per_token * settings.capacity_factor
    router = product(settings, "router", tokens, model.hidden, experts.count, high=True)
    chosen = element_wise(settings, "router choice", "router", tokens * experts.count)
    routed = joined(
        (Module(forward=(router.forward,), backward=(router.data, router.weights)), chosen),
    )
    out, home = _dispatch(settings, experts, visits)
    permuted = _moved(settings, "permute", visits, model.hidden)
    parts = [routed, permuted]
    # A rank's experts get the tokens that all ranks of the group send them: as many as it sends, on average.
    rows = visits * parallel.etp
    inner = _expert_products(settings, experts, rows)
    shared = _dense(settings, experts.shared_ffn, "shared experts", Arrival.CUT) if experts.shared_ffn else None
    if shared is not None and settings.overlap_ep and out and not _communicates(shared):
        parts += [_dispatched_beside(shared, out, home), inner, Module(forward=home, backward=out)]
    else:
        parts += [shared] if shared is not None else []
        parts += [Module(forward=out, backward=home), inner, Module(forward=home, backward=out)]
    parts.append(_moved(settings, "unpermute", visits, model.hidden))
    return joined(parts)


def _communicates(module: Module) -> bool:
    return not all(isinstance(piece, Compute) for piece in (*module.forward, *module.backward))


def _dispatched_beside(shared: Module, out: tuple[Collective, ...], home: tuple[Collective, ...]) -> Module:
    """Shared experts while tokens travel to the others; backward, while their gradients travel home."""

    def together(pieces: tuple[Piece, ...], collectives: tuple[Collective, ...]) -> tuple[Piece, ...]:
        return (Beside(tuple(piece for piece in pieces if isinstance(piece, Compute)), collectives),)

    return Module(forward=together(shared.forward, out), backward=together(shared.backward, home))


def _moved(settings: Settings, name: str, visits: float, width: int) -> Module:
    """Tokens sorted by expert, or put back and summed."""
    work = pointwise(settings, name, visits * width)
    return Module(forward=(Compute(f"{name} forward", work),), backward=(Compute(f"{name} backward", work),))


def _dispatch(
    settings: Settings, experts: Experts, visits: float
) -> tuple[tuple[Collective, ...], tuple[Collective, ...]]:
    """Tokens on their way to experts, and home."""
    parallel, layout, hidden = settings.parallelism, settings.layout, settings.architecture.hidden
    whole = visits * hidden * settings.ep_bytes * parallel.etp
    if settings.gather_tokens:
        # All tokens to everyone in the group; each keeps what its experts want.
        ranks = parallel.ep * parallel.etp
        axes = tuple(axis for axis in layout.mesh.names if axis in {*layout.ep, *layout.etp})
        size = settings.shard_tokens * ranks * hidden * settings.ep_bytes
        return (
            collective("gather tokens", Kind.ALL_GATHER, size, axes, ranks),
            collective("scatter tokens", Kind.REDUCE_SCATTER, size, axes, ranks),
        )
    sent = visits * hidden * settings.ep_bytes * _share_of_copies(settings, experts)
    out = collective("dispatch tokens", Kind.ALL_TO_ALL, sent, layout.ep, parallel.ep)
    home = collective("combine tokens", Kind.ALL_TO_ALL, sent, layout.ep, parallel.ep)
    gathered = collective("gather tokens", Kind.ALL_GATHER, whole, layout.etp, parallel.etp)
    scattered = collective("scatter tokens", Kind.REDUCE_SCATTER, whole, layout.etp, parallel.etp)
    return (*out, *gathered), (*scattered, *home)


def _share_of_copies(settings: Settings, experts: Experts) -> float:
    """Copies of a token that travel over those that its experts want.

    One for each node that has any of its experts: of d nodes, d · (1 − (1 − 1/d)^k) have one of k drawn evenly.
    Inside a node they are passed on (DeepSeek's DeepEP, NVIDIA's HybridEP).
    """
    if settings.dispatch_node is None:
        return 1.0
    parallel = settings.parallelism
    nodes = max(1.0, parallel.ep * parallel.etp / settings.dispatch_node)
    return 1.0 if nodes == 1 else nodes * (1 - (1 - 1 / nodes) ** experts.per_token) / experts.per_token


def _biases(settings: Settings, rows: float, groups: int) -> Module:
    """The second products' biases, which Megatron-LM adds outside of them, expert by expert (``_apply_bias``).

    The first products' are added by the products themselves.
    """
    elements = rows * settings.architecture.hidden
    each = 0 if settings.cuda_graphs else groups

    def node(direction: str, kernels: int) -> tuple[Compute, ...]:
        launched: Work = ((Pointwise(0, 0, kernels * each, "launches of experts"), 1),) if each else ()
        name = f"expert biases {direction}"
        return (Compute(name, (*pointwise(settings, name, elements), *launched)),)

    return Module(forward=node("forward", 2), backward=node("backward", 6))


def _expert_products(settings: Settings, experts: Experts, rows: float) -> Module:
    """The grouped products of a rank's experts with the activation between them."""
    model, precision = settings.architecture, settings.precision
    groups = math.ceil(experts.count / settings.parallelism.ep)
    width = experts.ffn / settings.parallelism.etp
    inner = width * (2 if model.gated else 1)

    # A product per expert is launched, and a conversion each, where no kernel does all of them.
    launched: Work = ()
    if settings.expert_launches and not settings.cuda_graphs:
        more = (2 if precision.quantized else 1) * (groups - 1)
        launched = ((Pointwise(0, 0, more, "launches of experts"), 1),) if more else ()

    def converted(elements: float) -> Work:
        return () if settings.fused_experts else quantize(settings, elements)

    def grouped(name: str, k: float, n: float) -> Module:
        def term(m: float, inner: float, columns: float, of_pass: Pass) -> GroupedGemm:
            return GroupedGemm(m, inner, columns, groups, precision.product_bytes, precision.products, of_pass)

        weights = (
            (term(rows, k, n, Pass.WEIGHT_GRADIENT), 1),
            *launched,
            *accumulation(settings, groups * k * n),
        )
        taken = (*converted(rows * k), (term(rows, k, n, Pass.FORWARD), 1), *launched)
        return Module(
            forward=(Compute(f"{name} forward", taken),),
            backward=(
                Compute(
                    f"{name} data gradient",
                    (*converted(rows * n), (term(rows, n, k, Pass.DATA_GRADIENT), 1), *launched),
                ),
                Compute(f"{name} weight gradient", weights, weights=True),
            ),
        )

    operation = "gated" if model.gated else "activation"
    # Tokens arrive sorted by sender; a rank with several experts sorts them by expert.
    sort = sized(settings, "permute", 2 * rows * model.hidden * precision.activation_bytes) if groups > 1 else ()
    sorting = Module(forward=(Compute("sort tokens forward", sort),), backward=(Compute("sort tokens backward", sort),))
    unsorting = Module(
        forward=(Compute("unsort tokens forward", sort),), backward=(Compute("unsort tokens backward", sort),)
    )
    activated = element_wise(settings, "experts activation", operation, rows * width, cheap=True)
    parts = [
        grouped("experts up", model.hidden, inner),
        *([] if settings.fused_experts else [activated]),
        grouped("experts down", width, model.hidden),
        *([_biases(settings, rows, groups)] if experts.biases and not settings.fused_experts else []),
    ]
    if sort and settings.parallelism.ep > 1:
        parts = [sorting, *parts, unsorting]
    return joined(parts)
