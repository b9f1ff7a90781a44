"""The compiled kernel: one shared library that does in C++ what Python does readably, and that nobody needs.

Building versim compiles it where a C++ compiler is found (``tools/build_kernel.py``); elsewhere, with
``VERSIM_KERNEL=off``, or where it does not fit the sources any more, there is none and everything runs in Python, with
the same answers. Both are held to every reference table.

The library has *parts*, one per folder of C++ sources, each used by one Python module beside it.
"""

from versim.kernel.library import KERNEL_VARIABLE, KernelPart, kernel_part

__all__ = ["KERNEL_VARIABLE", "KernelPart", "kernel_part"]
