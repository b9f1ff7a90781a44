"""The backend: translate, run the embedded engine or the real program, and say when each node ran."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from versim import Diagnostic, FaultsError, SimulationRequest, TableResult, UnknownNameError, VersimError

from versim_astrasim.options import BackendOptions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from versim import Finding, Prediction
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
        from versim_astrasim import embedded, launch  # noqa: PLC0415 - numpy and the schema load when used
        from versim_astrasim.translate import translate  # noqa: PLC0415

        options: BackendOptions = request.options
        if _runs_the_program(options):
            from versim_astrasim import capabilities, program  # noqa: PLC0415

            path = launch.find_program(options.binary, options.congestion, os.environ)
            capabilities.check_congestion(path, options.congestion)
            return program.predict(path, translate(request.pinned, request.system, options), request.pinned)
        return embedded.predict(translate(request.pinned, request.system, options), request.pinned)

    def preflight(self, request: SimulationRequest) -> Iterable[Finding]:
        """What would make the simulation hang or lie, found without running it; see ``versim lint``.

        A deadlock that only the order of issue reveals is looked for where the real program is to run; the embedded
        engine finds it itself.

        Raises:
            UnsupportedGraphError: The graph has something ASTRA-sim cannot express.
        """
        from versim_astrasim.lint.preflight import preflight  # noqa: PLC0415 - numpy loads when used
        from versim_astrasim.translate import translate  # noqa: PLC0415

        translation = translate(request.pinned, request.system, request.options)
        return preflight(translation, run=_runs_the_program(request.options))

    def isolated_s(self, request: SimulationRequest) -> NDArray[np.float64]:
        """Seconds of each communication alone, shape (communications,); see :mod:`versim_astrasim.isolating`."""
        from versim_astrasim.isolating import isolated_s  # noqa: PLC0415 - loads the engine

        return isolated_s(request)

    def export(self, request: SimulationRequest, folder: Path) -> Iterable[Path]:
        """Write traces and configuration files for the real program."""
        from versim_astrasim.export import write_input  # noqa: PLC0415
        from versim_astrasim.labelling import labels_of  # noqa: PLC0415
        from versim_astrasim.translate import translate  # noqa: PLC0415

        translation = translate(request.pinned, request.system, request.options)
        return write_input(translation.given, folder, translation.consumed.notes, labels_of(translation))

    def diagnose(self) -> Iterable[Diagnostic]:
        """Whether the real programs are there, and what they can do, by running tiny cases."""
        from versim_astrasim import capabilities, launch  # noqa: PLC0415
        from versim_astrasim.embedded import embedded_engine  # noqa: PLC0415

        yield Diagnostic("ASTRA-sim, embedded", found=True, detail=embedded_engine())
        for congestion in launch.PROGRAM_NAMES:
            subject = f"ASTRA-sim, real program, congestion-{congestion}"
            try:
                program = launch.find_program("", congestion, os.environ)
            except VersimError as error:
                yield Diagnostic(subject, found=False, detail=f"{error}; {launch.INSTRUCTIONS}")
            else:
                yield from capabilities.of_program(program, congestion)

    def verify(self, table: Mapping[str, Any], options: Mapping[str, str]) -> TableResult:
        """Hold every case of a table of the real program's answers against the embedded engine.

        Options: ``exactness`` (``auto``, ``plain``) as for simulating; ``only``, a part of the names of cases to look
        at.

        Raises:
            FaultsError: The table has no cases, or cases without what they need.
        """
        from versim_astrasim.engine.cases import verify_case  # noqa: PLC0415
        from versim_astrasim.engine.table_faults import case_faults  # noqa: PLC0415

        for name in options:
            if name not in ("exactness", "only"):
                raise UnknownNameError("option of verify", name, ("exactness", "only"))
        exactness = options.get("exactness", "auto")
        if exactness not in ("auto", "plain"):
            raise UnknownNameError("exactness", exactness, ("auto", "plain"))
        cases = table.get("cases")
        if not isinstance(cases, list):
            raise FaultsError("table", ["cases: a list of cases is missing"])
        faults = [fault for index, case in enumerate(cases) for fault in case_faults(case, f"cases[{index}]")]
        if faults:
            raise FaultsError("table", faults)
        mismatches = []
        total = 0
        for case in cases:
            if options.get("only", "") not in case["name"]:
                continue
            total += 1
            result = verify_case(case, "plain" if exactness == "plain" else "auto")
            if not result.matched:
                mismatches.append(f"{result.name}: {'; '.join(result.details)}")
        return TableResult(matched=total - len(mismatches), total=total, mismatches=tuple(mismatches))


def _runs_the_program(options: BackendOptions) -> bool:
    """Whether the real program is to run, not the embedded engine."""
    from versim_astrasim import launch  # noqa: PLC0415 - loads subprocess

    asked_for = launch.program_asked_for(options.binary, os.environ)
    return options.engine == "binary" or (options.engine == "auto" and asked_for)
