"""Stencil codes for versim, and a simulator whose ranks run in program order."""
