"""The graph producer ``chakra``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from versim_astrasim.importing.options import ImportOptions, SimulatorFiles

if TYPE_CHECKING:
    from versim import ExecutionGraph


@attrs.frozen
class ChakraProducer:
    """Reads Chakra execution traces, one file per rank."""

    name: str = "chakra"
    options: type = ImportOptions
    scenario_options: type = SimulatorFiles

    def scenario(self, place: Path, options: SimulatorFiles) -> Mapping[str, Any] | None:
        """The scenario that traces and ASTRA-sim's own files beside them amount to; None if there are no traces.

        Raises:
            VersimError: Traces are there, and a file is missing or malformed.
        """
        from versim_astrasim.importing.simulator_files import scenario_of  # noqa: PLC0415 - loads the engine

        return scenario_of(place, options)

    def produce(self, options: ImportOptions) -> ExecutionGraph:
        """The graph of a trace.

        Raises:
            VersimError: Files that are missing or malformed, or a trace that a graph cannot hold.
        """
        from versim_astrasim.importing.reading import graph_of  # noqa: PLC0415 - loads numpy and the schema

        return graph_of(options)
