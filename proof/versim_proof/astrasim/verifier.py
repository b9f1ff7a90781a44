"""The verifier ``astrasim``, cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from versim import FaultsError, NoOptions, TableResult, UnknownNameError


@attrs.frozen
class AstraSimTables:
    """Tables of the real ASTRA-sim's answers."""

    name: str = "astrasim"
    options: type = NoOptions

    def verify(self, table: Mapping[str, Any], options: Mapping[str, str]) -> TableResult:
        """Hold every case of a table of the real program's answers against the embedded engine.

        A table's ``program`` says which one answered: where it names a repository of the fork's owner it is the fork,
        else ASTRA-sim.

        Options: ``exactness`` (``auto``, ``plain``) as for simulating; ``only``, a part of the names of cases to look
        at.

        Raises:
            FaultsError: The table has no cases, or cases without what they need.
        """
        from versim_proof.astrasim.cases import variant_of, verify_case  # noqa: PLC0415 - loads numpy and the engine
        from versim_proof.astrasim.table_faults import case_faults  # noqa: PLC0415

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
        variant = variant_of(table)
        mismatches = []
        total = 0
        for case in cases:
            if options.get("only", "") not in case["name"]:
                continue
            total += 1
            result = verify_case(case, "plain" if exactness == "plain" else "auto", variant=variant)
            if not result.matched:
                mismatches.append(f"{result.name}: {'; '.join(result.details)}")
        return TableResult(matched=total - len(mismatches), total=total, mismatches=tuple(mismatches))
