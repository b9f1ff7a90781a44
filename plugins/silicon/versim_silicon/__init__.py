"""Measured operators and collectives, and NCCL's own model, as timings of versim."""
