"""LogGP's parameters, and what messages take under them.

Latency L, overhead o, gap g and gap per byte G, all in seconds. A processor is busy for o when it sends or receives; a
message's bytes follow one another G apart; after a message's last byte g passes before the next message's first, or o
where that is longer; every byte is on its way for L (Alexandrov, Ionescu, Schauser, Scheiman, "LogGP: Incorporating
long messages into the LogP model", SPAA 1995).
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs


@attrs.frozen(kw_only=True)
class Parameters:
    """A network in LogGP's terms.

    Attributes:
        latency_s: L.
        overhead_s: o.
        gap_s: g.
        gap_per_byte_s: G.
    """

    latency_s: float
    overhead_s: float
    gap_s: float
    gap_per_byte_s: float

    def messages_s(self, sizes_bytes: Sequence[int]) -> float:
        """Seconds until the last of several messages, sent one after the other, has been received.

        o + Σ (k−1) G + (n−1) max(g, o) + L + o for n messages of k bytes.
        """
        streaming_s = sum(size_bytes - 1 for size_bytes in sizes_bytes) * self.gap_per_byte_s
        between_s = (len(sizes_bytes) - 1) * max(self.gap_s, self.overhead_s)
        return 2 * self.overhead_s + self.latency_s + streaming_s + between_s
