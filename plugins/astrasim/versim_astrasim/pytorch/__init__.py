"""PyTorch's execution traces ─▶ Chakra traces, by the linker and the converter of ``mlc-chakra``.

Both are run as they are. What they leave out although PyTorch recorded it is added to the result, what they lose is
counted, and their failures are put in words. Reading order: ``documents`` (files), ``rank_trace`` (what PyTorch wrote
down), ``reports`` (what the packages log), ``linking`` (host trace + Kineto trace ─▶ linked trace), ``groups``,
``options``, ``traffic`` (what takes two ranks to know), ``completion`` (what the converter leaves out), ``durations``,
``host_calls``, ``extrapolation``, ``conversion``.
"""

from versim_astrasim.pytorch.conversion import Conversion, Converted, convert
from versim_astrasim.pytorch.documents import ConversionError
from versim_astrasim.pytorch.linking import linked
from versim_astrasim.pytorch.options import ConversionOptions

__all__ = ["Conversion", "ConversionError", "ConversionOptions", "Converted", "convert", "linked"]
