"""The timing model ``silicon``."""
# Without `from __future__ import annotations`: the option classes' types are resolved when options are structured.

from collections.abc import Mapping
from pathlib import Path

import attrs
from versim import ComputeTiming, NetworkTiming, option

from versim_silicon.store import BUNDLED_COLLECTOR, COLLECTORS, collective_noise, imported_folder

BEYOND = ("hold", "decline")
CONVERSIONS = ("apart", "included")
CLOCKS = ("burst", "sustained")


@attrs.frozen(kw_only=True)
class SiliconOptions:
    """Options of the timing model ``silicon``."""

    collector: str = option(
        BUNDLED_COLLECTOR,
        validator=attrs.validators.in_(COLLECTORS),
        help="whose measurements of products, attention and experts: trtllm (bundled), or sglang or vllm once imported",
    )
    beyond: str = option(
        "hold",
        validator=attrs.validators.in_(BEYOND),
        help="above the largest measured shape: hold its efficiency (the origin says saturated), or decline",
    )
    conversion: str = option(
        CONVERSIONS[0],
        validator=attrs.validators.in_(CONVERSIONS),
        help="products in 8 and 4 bits, which trtllm collected with the conversion of an operand from 16 bits: apart: "
        "without it, for training converts in kernels of its own; included: as collected",
    )
    clocks: str = option(
        CLOCKS[0],
        validator=attrs.validators.in_(CLOCKS),
        help="burst: products and attention as measured, in bursts of milliseconds; sustained: as in runs of minutes, "
        "where warm GPUs of Hopper and Blackwell clock lower",
    )
    nccl_version: str = option("", help="measurements with this version of NCCL; the newest of each GPU unless given")
    tables: str = option(
        "bundled",
        help="bundled: the excerpt that versim ships; imported: what versim silicon import wrote to the user's data "
        "folder; or a folder",
        path=True,
        shipped=True,
    )


@attrs.frozen
class Silicon:
    """What was measured: products, attention and experts on a GPU, and NCCL within a node."""

    name: str = "silicon"
    options: type[SiliconOptions] = SiliconOptions

    def compute(self, options: SiliconOptions) -> ComputeTiming:
        """Measured operators."""
        from versim_silicon.compute import MeasuredCompute  # noqa: PLC0415 - only for who asks

        return MeasuredCompute(
            options.collector,
            beyond=options.beyond == "hold",
            folder=_folder(options),
            converting=options.conversion == "included",
            sustained=options.clocks == "sustained",
        )

    def network(self, options: SiliconOptions) -> NetworkTiming:
        """Measured collectives."""
        from versim_silicon.collectives import MeasuredNetwork  # noqa: PLC0415 - only for who asks

        return MeasuredNetwork(options.nccl_version, options.collector, _folder(options))

    def network_noise(self) -> Mapping[str, float]:
        """How far two measurements of one collective are apart, by band of sizes."""
        return collective_noise()


def _folder(options: SiliconOptions) -> Path | None:
    """Where to look; None is the excerpt, and the user's data folder for other collectors."""
    if options.tables == "bundled":
        return None
    return imported_folder() if options.tables == "imported" else Path(options.tables)
