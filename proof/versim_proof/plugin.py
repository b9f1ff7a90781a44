"""What proof offers to versim: a verifier for each of the two programs that are re-created."""

from __future__ import annotations

from typing import TYPE_CHECKING

from versim import hookimpl

if TYPE_CHECKING:
    from versim import Verifier

VERSIM_API_VERSION = 1


@hookimpl
def versim_verifiers() -> list[Verifier]:
    """Tables of DeepFlow's and of ASTRA-sim's answers."""
    from versim_proof.astrasim.verifier import AstraSimTables  # noqa: PLC0415 - `versim --help` need not wait
    from versim_proof.deepflow.verifier import DeepFlowTables  # noqa: PLC0415

    return [AstraSimTables(), DeepFlowTables()]
