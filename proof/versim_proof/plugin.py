"""What proof offers to versim: a verifier for each of the two programs that are re-created."""

from __future__ import annotations

from versim import hookimpl

VERSIM_API_VERSION = 1


@hookimpl
def versim_verifiers() -> dict[str, str]:
    """Tables of DeepFlow's and of ASTRA-sim's answers."""
    return {
        "astrasim": "versim_proof.astrasim.verifier:AstraSimTables",
        "deepflow": "versim_proof.deepflow.verifier:DeepFlowTables",
    }
