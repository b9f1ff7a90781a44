"""Proof on tables of DeepFlow's own answers: every case is computed again and held against what was measured."""

from versim_deepflow.verification.tables import verify_table

__all__ = ["verify_table"]
