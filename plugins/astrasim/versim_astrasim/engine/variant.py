"""Which program the engine re-creates."""

from __future__ import annotations

from enum import StrEnum


class Variant(StrEnum):
    """Programs that differ in their networks and in their system layer.

    ``ASTRA_SIM`` is ASTRA-sim 518bd51. ``RAPID_LLM`` is the fork that RAPID-LLM drives, see :mod:`.rapid_llm`.
    ``EXTENDED`` is no program: networks that ASTRA-sim refuses, see :mod:`.ways`, under its own system layer.
    """

    ASTRA_SIM = "astra-sim"
    RAPID_LLM = "rapid-llm"
    EXTENDED = "extended"
