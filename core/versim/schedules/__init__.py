"""Collectives as messages: algorithm ─▶ rounds of transfers between the ranks of one group."""

from versim.schedules.rounds import ALGORITHMS, collective_rounds
from versim.schedules.transfers import Round, Transfer

__all__ = ["ALGORITHMS", "Round", "Transfer", "collective_rounds"]
