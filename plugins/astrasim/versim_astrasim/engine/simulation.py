"""The entry point: traces and configurations in, an outcome out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from versim_astrasim.engine.columns import ProgramSource
from versim_astrasim.engine.fold import Head
from versim_astrasim.engine.kernel import Progress
from versim_astrasim.engine.kernel_answers import simulate_compiled
from versim_astrasim.engine.kernel_limits import Incapable
from versim_astrasim.engine.memory_config import RemoteMemoryConfig
from versim_astrasim.engine.network_config import NetworkConfig
from versim_astrasim.engine.outcome import Outcome
from versim_astrasim.engine.system_config import SystemConfig
from versim_astrasim.engine.trace import RankTrace

Exactness = Literal["auto", "plain"]

Engine = Literal["auto", "kernel", "python"]


def simulate(
    traces: Sequence[RankTrace],
    network: NetworkConfig,
    system: SystemConfig,
    *,
    groups: Mapping[int, tuple[int, ...]] | None = None,
    memory: RemoteMemoryConfig | None = None,
    per_node_custom: Mapping[int, str] | None = None,
    read_trace: Callable[[str], RankTrace] | None = None,
    exactness: Exactness = "auto",
    record_spans: bool = True,
    statistics: bool = True,
    max_ticks: int | None = None,
    engine: Engine = "auto",
    progress: Progress | None = None,
    head: Head | None = None,
) -> Outcome:
    """Simulate one run of a trace on every rank.

    Args:
        traces: One trace per rank; ranks may share one object.
        network: The network.
        system: The system layer's settings.
        groups: Communicator groups: id to ranks, whose order matters.
        memory: Remote memory; none by default.
        per_node_custom: Path prefixes of trace-described collectives by node id.
        read_trace: Reads the trace file at a path, for trace-described collectives.
        exactness: ``"plain"`` simulates every message; ``"auto"`` may use shortcuts that give the same figures.
        record_spans: Whether to report when each node ran.
        statistics: Whether to report what the original prints per rank.
        max_ticks: Give up after this many distinct times at which something happens.
        engine: ``"kernel"`` is the compiled one, ``"python"`` the readable one; ``"auto"`` takes the first where it
            can, and goes through the second what went wrong in it. Both give the same figures.
        progress: Told now and then which share of all nodes has ended, by the compiled engine.
        head: For which ranks more one may stand up to when, of a run that found this out.

    Returns:
        The outcome; a run that hangs, aborts, is refused or never ends has a status and a diagnosis.

    Raises:
        Incapable: Of traces that are folded: ranks are not alike after all, or something is for the Python engine.
        SimulationError: If ``max_ticks`` was not enough.
        ValueError: If ``engine`` is ``"kernel"`` and that is not there or cannot simulate this.
    """
    if engine != "python" and max_ticks is None:
        try:
            outcome = simulate_compiled(
                traces,
                network,
                system,
                groups=dict(groups or {}),
                memory=memory or RemoteMemoryConfig(),
                per_node_custom=per_node_custom,
                record_spans=record_spans,
                statistics=statistics,
                waves=engine == "auto" and exactness == "auto",
                progress=progress,
                head=head,
            )
        except Incapable as incapable:
            if isinstance(traces, ProgramSource) and traces.fold is not None:
                raise
            if engine == "kernel":
                raise ValueError(f"the compiled engine cannot simulate this: {incapable.what}") from incapable
            outcome = None
        if outcome is not None:
            return outcome

    # What the compiled engine answers needs nothing of the Python engine.
    from versim_astrasim.engine.run import run  # noqa: PLC0415

    return run(
        traces,
        network,
        system,
        groups=dict(groups or {}),
        memory=memory or RemoteMemoryConfig(),
        per_node_custom=per_node_custom,
        read_trace=read_trace,
        waves=exactness == "auto",
        record_spans=record_spans,
        statistics=statistics,
        max_ticks=max_ticks,
    )
