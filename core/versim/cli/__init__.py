"""The command line. It parses and delegates: what it does can be done from Python too.

``group`` holds the group and its exit statuses, each command is a module of its own, imported when it is used.
"""

import gc
import os

_BLAS_THREADS = "OPENBLAS_NUM_THREADS"
"""Nothing here multiplies matrices, and starting OpenBLAS' threads takes 0.03 to 0.07 s of processor time."""

_NEW_OBJECTS = 50_000
"""After so many, Python looks for circles; after 700, as it comes, it goes through every imported class many times."""


def main() -> None:
    """The ``versim`` command."""
    os.environ.setdefault(_BLAS_THREADS, "1")
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
    try:
        from versim.cli.ending import Ending  # noqa: PLC0415 - so that importing versim.cli costs nothing
        from versim.cli.group import cli  # noqa: PLC0415
    except KeyboardInterrupt:  # somebody was faster than the imports
        raise SystemExit(130) from None
    ending = Ending()
    status = 1
    try:
        cli(prog_name="versim")
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        raise
    finally:
        ending.with_status(status)
