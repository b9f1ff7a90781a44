"""Finding and loading the shared library."""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

import attrs

from versim.kernel.sources import digest_of, library_name

KERNEL_VARIABLE = "VERSIM_KERNEL"
"""Environment variable: ``off`` leaves the kernel out."""


@attrs.frozen(kw_only=True)
class KernelPart:
    """One part of the kernel, or why it is not there.

    Attributes:
        library: The shared library, None where Python has to do; its functions have no declared types yet.
        reason: Why there is none and what to do about it; "" where there is one.
    """

    library: ctypes.CDLL | None
    reason: str = ""


def kernel_part(name: str, sources: Path) -> KernelPart:
    """A part of the kernel, if it was built from the sources that lie in a folder.

    Args:
        name: The part's; its function ``<name>_digest`` tells what it was built from.
        sources: Its folder.
    """
    if os.environ.get(KERNEL_VARIABLE, "").lower() == "off":
        return KernelPart(library=None, reason=f"switched off by {KERNEL_VARIABLE}=off")
    return _loaded(name, sources)


@functools.cache
def _loaded(name: str, sources: Path) -> KernelPart:
    path = Path(__file__).parent / library_name()
    if not path.exists():
        reason = "not built; with a C++17 compiler (g++ or clang++) on the path, install versim again"
        return KernelPart(library=None, reason=reason)
    try:
        library = ctypes.CDLL(str(path))
        digest = library[f"{name}_digest"]
        digest.restype = ctypes.c_char_p
        built_from = digest()
    except (OSError, AttributeError) as error:
        return KernelPart(library=None, reason=f"{path} cannot be loaded ({error}); install versim again")
    if built_from != digest_of(sources).encode():
        return KernelPart(library=None, reason=f"{path} was built from other sources; install versim again")
    return KernelPart(library=library)
