"""The graph producer ``chakra``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from versim_astrasim.importing.options import ImportOptions

if TYPE_CHECKING:
    from versim import ExecutionGraph


@attrs.frozen
class ChakraProducer:
    """Reads Chakra execution traces, one file per rank."""

    name: str = "chakra"
    options: type = ImportOptions

    def produce(self, options: ImportOptions) -> ExecutionGraph:
        """The graph of a trace.

        Raises:
            VersimError: Files that are missing or malformed, or a trace that a graph cannot hold.
        """
        from versim_astrasim.importing.reading import graph_of  # noqa: PLC0415 - loads numpy and the schema

        return graph_of(options)
