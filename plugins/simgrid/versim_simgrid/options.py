"""What a user may choose: collective algorithms, and what SimGrid models of TCP.

By default nothing of TCP is modelled: a message of n bytes over an idle route takes its latency plus n over its
bandwidth, and messages that share a link get equal parts of it. SimGrid's own default, the model LV08 that was fitted
to TCP, is ``fairness: rtt, bandwidth_factor: 0.97, latency_factor: 13.01, weight_s: 20537, tcp_window_bytes: 4194304,
crosstraffic: true`` (Velho, Legrand, "Accuracy study and improvement of network simulation in the SimGrid framework",
SIMUTools 2009).
"""

from __future__ import annotations

import math
from typing import Any, Literal

import attrs
from versim import option

AUTO = "auto"
MAX_MIN = "max_min"
RTT = "rtt"


def _number(least: float, *, above: bool = False) -> Any:
    def check(_: object, attribute: attrs.Attribute[float], value: float) -> None:
        good = not isinstance(value, bool) and math.isfinite(value) and (value > least if above else value >= least)
        if not good:
            bound = "above" if above else "of at least"
            raise ValueError(f"{attribute.name} must be a finite number {bound} {least:g}, got {value!r}")

    return check


@attrs.frozen(kw_only=True)
class SimGridOptions:
    """Options of the backend ``simgrid``.

    Attributes:
        algorithm: Of collectives that name none.
        window: Messages a rank sends side by side in the direct algorithm, 0 for all.
        fairness: ``max_min`` gives messages on a shared link equal parts of it; ``rtt`` weighs them by the inverse of
            their latency, as TCP does.
        bandwidth_factor: Multiplies what a link can carry.
        latency_factor: Multiplies latencies.
        weight_s: Bytes that, over a link's bandwidth, add to the latency which ``rtt`` weighs by.
        tcp_window_bytes: With ``rtt``, no message is faster than this over twice its latency; 0 is no limit.
        crosstraffic: Messages also load the way back, by a twentieth.
        fold: Simulate ranks that behave alike once, where that gives the same answer.
        time_limit_s: Seconds after which SimGrid is stopped.
    """

    algorithm: Literal["auto", "ring", "direct", "halving_doubling", "double_binary_tree"] = option(
        AUTO,
        validator=attrs.validators.in_((AUTO, "ring", "direct", "halving_doubling", "double_binary_tree")),
        help="of collectives that name none; auto: ring on rings, direct on fully connected dimensions, "
        "halving_doubling on switches where it is defined and ring or direct elsewhere",
    )
    window: int = option(
        0,
        validator=[attrs.validators.instance_of(int), attrs.validators.ge(0)],
        help="messages a rank sends side by side in the direct algorithm; 0: all",
    )
    fairness: Literal["max_min", "rtt"] = option(
        MAX_MIN,
        validator=attrs.validators.in_((MAX_MIN, RTT)),
        help="max_min: messages on a link get equal parts of it; rtt: the longer the latency the smaller the part, "
        "as with TCP",
    )
    bandwidth_factor: float = option(1.0, validator=_number(0.0, above=True), help="multiplies bandwidths (LV08: 0.97)")
    latency_factor: float = option(1.0, validator=_number(0.0), help="multiplies latencies (LV08: 13.01)")
    weight_s: float = option(
        0.0,
        validator=_number(0.0),
        help="bytes that, over a link's bandwidth, count as latency in fairness: rtt (LV08: 20537)",
    )
    tcp_window_bytes: float = option(
        0.0,
        validator=_number(0.0),
        help="TCP's window: limits a message to window over twice its latency; needs fairness: rtt; 0: no limit",
    )
    crosstraffic: bool = option(
        False,
        validator=attrs.validators.instance_of(bool),
        help="messages also load the way back by a twentieth, for acknowledgements",
    )
    fold: bool = option(
        True,
        validator=attrs.validators.instance_of(bool),
        help="simulate ranks that behave alike once, where the answer is provably the same; false: every rank",
    )
    time_limit_s: float = option(600.0, validator=_number(0.0, above=True), help="seconds after which it is stopped")

    @property
    def folds(self) -> bool:
        """Whether ranks may be folded: TCP's shares and its way back have not been shown to allow it."""
        return self.fold and self.fairness == MAX_MIN and not self.crosstraffic

    def __attrs_post_init__(self) -> None:
        for name in ("weight_s", "tcp_window_bytes"):
            if getattr(self, name) and self.fairness != RTT:
                raise ValueError(f"{name} is a part of TCP's sharing; set fairness: rtt, or leave it out")
