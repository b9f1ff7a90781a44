"""What ASTRA-sim does not model of a network, in words: versim names it where an answer shows it."""

from __future__ import annotations

from versim import Kind, Message, System

from versim_astrasim.options import RAPID_LLM, SystemOptions

UNAWARE = (
    "without congestion ASTRA-sim charges a message for the first dimension only in which its ends differ, and lets "
    "messages pass one another on a link"
)
HALF_ROUND = (
    "RAPID-LLM's program sends half of the bytes of ring and direct all-reduces and all-gathers, one way round, as if "
    "the other half went the other way on links of its own"
)
OTHER_NETWORK = "the options topology and faulty_links describe another network than the system"
DEGRADED = "of ASTRA-sim's networks only the engine's congestion-aware ones have links that are degraded or down"
ISOLATED = (
    "each communication has a network of its own, its ranks on one dimension with the slowest link of those they cross"
)
OWN_LINK = "ASTRA-sim knows the links of dimensions, not those of single axes"


def network_limit(message: Message, system: System, options: SystemOptions, *, isolated: bool = False) -> str:
    """What is not modelled of a message's network; "" if nothing.

    Args:
        message: The communication.
        system: What it runs on.
        options: Of the backend or the timing.
        isolated: True if each communication has a network of its own, with the link of its axis.
    """
    limits = []
    if options.congestion == "unaware":
        limits.append(UNAWARE)
    if options.program == RAPID_LLM and message.kind in (Kind.ALL_REDUCE, Kind.ALL_GATHER):
        limits.append(HALF_ROUND)
    if options.topology or options.faulty_links:
        limits.append(OTHER_NETWORK)
    if message.axis in system.axis_links and not isolated:
        limits.append(OWN_LINK)
    if isolated and len(system.fabric.spread(message.ranks).levels) > 1:
        limits.append(ISOLATED)
    if system.degraded and not isolated and (options.congestion == "unaware" or options.program == RAPID_LLM):
        limits.append(DEGRADED)
    return "; ".join(limits)
