"""The backend: translate, run the embedded engine or the real program, and say when each node ran."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from versim import Diagnostic, SimulationRequest, VersimError

from versim_astrasim.options import BackendOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from versim import Finding, Message, Prediction
    from versim.testing import Claims


@attrs.frozen
class AstraSimBackend:
    """ASTRA-sim's analytical simulators: re-created in the embedded engine, or the real programs."""

    name: str = "astrasim"
    options: type = BackendOptions

    @property
    def claims(self) -> Claims:
        """What it models, for versim's conformance kit."""
        from versim_astrasim.claims import claims  # noqa: PLC0415 - not needed to simulate

        return claims()

    def simulate(self, request: SimulationRequest) -> Prediction:
        """Simulate one step.

        Raises:
            UnsupportedGraphError: The graph has something ASTRA-sim cannot express.
            ProgramNotFoundError: The real program was asked for and is not there, or another one is.
        """
        from versim_astrasim.program import launch  # noqa: PLC0415 - numpy and the schema load when used
        from versim_astrasim.step import engine  # noqa: PLC0415 - numpy and the schema load when used
        from versim_astrasim.step.configuration import check_program_has, network_of  # noqa: PLC0415
        from versim_astrasim.step.translate import TRANSLATIONS  # noqa: PLC0415

        options: BackendOptions = request.options
        if _runs_the_program(options):
            from versim_astrasim.program import capabilities, running  # noqa: PLC0415

            system = request.inputs.system
            check_program_has(network_of(system.dimensions, options, system.degraded, system.endpoints))
            path = launch.find_program(options.binary, options.congestion, os.environ)
            capabilities.check_congestion(path, options)
            return running.predict(path, TRANSLATIONS.take(request.inputs, options, fold=False), request.inputs)
        return engine.predict(TRANSLATIONS.take(request.inputs, options, fold=True), request.inputs)

    def preflight(self, request: SimulationRequest) -> Iterable[Finding]:
        """What would make the simulation hang or lie, found without running it; see ``versim lint``.

        A deadlock that only the order of issue reveals is looked for where the real program is to run; the embedded
        engine finds it itself.

        Raises:
            UnsupportedGraphError: The graph has something ASTRA-sim cannot express.
        """
        from versim_astrasim.lint.preflight import preflight  # noqa: PLC0415 - numpy loads when used
        from versim_astrasim.step.translate import TRANSLATIONS, translate  # noqa: PLC0415

        run = _runs_the_program(request.options)
        translation = TRANSLATIONS.make(request.inputs, request.options, fold=not run)
        return preflight(
            translation,
            run=run,
            every_rank=lambda: translate(request.inputs, request.inputs.system, request.options),
        )

    def isolated_s(self, request: SimulationRequest) -> NDArray[np.float64]:
        """Seconds of each communication alone, shape (communications,)."""
        from versim_astrasim.isolation.communications import isolated_s  # noqa: PLC0415 - loads the engine

        return isolated_s(request)

    def network_limits(self, messages: Sequence[Message], request: SimulationRequest) -> list[str]:
        """What ASTRA-sim does not model of each message's network; "" where it models it all."""
        from versim_astrasim.limits import network_limit  # noqa: PLC0415 - loads when used

        return [network_limit(message, request.inputs.system, request.options) for message in messages]

    def export(self, request: SimulationRequest, folder: Path) -> Iterable[Path]:
        """Write traces and configuration files for the real program.

        Raises:
            UnsupportedGraphError: The graph or the network has something the real program cannot express.
        """
        from versim_astrasim.program.export import write_input  # noqa: PLC0415
        from versim_astrasim.program.trace_labels import labels_of  # noqa: PLC0415
        from versim_astrasim.step.configuration import check_program_has, network_of  # noqa: PLC0415
        from versim_astrasim.step.translate import translate  # noqa: PLC0415

        system = request.inputs.system
        check_program_has(network_of(system.dimensions, request.options, system.degraded, system.endpoints))
        translation = translate(request.inputs, request.inputs.system, request.options)
        return write_input(translation.given, folder, translation.consumed.notes, labels_of(translation))

    def diagnose(self) -> Iterable[Diagnostic]:
        """Whether the real programs are there, and what they can do, by running tiny cases."""
        from versim_astrasim.engine.kernel import kernel_reason  # noqa: PLC0415
        from versim_astrasim.program import capabilities, launch  # noqa: PLC0415
        from versim_astrasim.step.engine import embedded_engine  # noqa: PLC0415

        yield Diagnostic("ASTRA-sim, embedded", found=True, detail=embedded_engine())
        missing = kernel_reason()
        detail = f"everything runs in Python, many times slower: {missing}" if missing else "steps run in it"
        yield Diagnostic("ASTRA-sim, embedded, compiled kernel", found=not missing, detail=detail)
        for congestion in launch.PROGRAM_NAMES:
            subject = f"ASTRA-sim, real program, congestion-{congestion}"
            try:
                program = launch.find_program("", congestion, os.environ)
            except VersimError as error:
                yield Diagnostic(subject, found=False, detail=f"{error}; {launch.INSTRUCTIONS}")
            else:
                yield from capabilities.of_program(program, congestion)


def _runs_the_program(options: BackendOptions) -> bool:
    """Whether the real program is to run, not the embedded engine."""
    from versim_astrasim.program import launch  # noqa: PLC0415 - loads subprocess

    asked_for = launch.program_asked_for(options.binary, os.environ)
    return options.engine == "binary" or (options.engine == "auto" and asked_for)
