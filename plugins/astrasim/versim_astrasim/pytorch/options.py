"""What may be chosen about a conversion of PyTorch's traces."""

from __future__ import annotations

from typing import Literal

import attrs

Uneven = Literal["largest", "mean", "pairs"]
Host = Literal["auto", "keep", "fold"]
Durations = Literal["recorded", "stream"]
Shards = Literal["cut", "keep"]


@attrs.frozen(kw_only=True)
class ConversionOptions:
    """Choices.

    Attributes:
        uneven: All-to-alls to which ranks bring different sizes: all as large as the ``largest``, as the ``mean``, or
            ``pairs``, messages of what each rank sends to each other one.
        host: Calls on the host: ``keep`` them as CPU nodes, ``fold`` them into dependencies of what they launched, or
            ``auto``: fold them where the real program would abort on them, because a rank sends or receives.
        durations: Of kernels: as ``recorded``, or at most what their ``stream`` leaves until the next one begins.
        ranks: How many ranks the traces are to stand for; None for those there are.
        along: With ``ranks``, the axis along which they repeat, or names of the groups that grow.
        shards: With ``ranks``, whether shards gathered in groups that grow are ``cut`` or ``keep`` their size.
    """

    uneven: Uneven = "largest"
    host: Host = "auto"
    durations: Durations = "recorded"
    ranks: int | None = None
    along: str = "dp"
    shards: Shards = "cut"
