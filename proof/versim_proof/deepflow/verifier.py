"""The verifier ``deepflow``, cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from versim import NoOptions, TableResult


@attrs.frozen
class DeepFlowTables:
    """Tables of DeepFlow's answers."""

    name: str = "deepflow"
    options: type = NoOptions

    def verify(self, table: Mapping[str, Any], options: Mapping[str, str]) -> TableResult:  # noqa: ARG002 - the protocol's
        """Hold every case of a table of DeepFlow's answers against what is computed here."""
        from versim_proof.deepflow.tables import verify_table  # noqa: PLC0415 - loads numpy and the plugin

        return verify_table(table)
