"""Proof: what versim computes, held against tables of the real programs' own answers."""
