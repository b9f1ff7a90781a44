"""A Dask cluster as the executor of a sweep. Its workers need nothing but versim and the plugins, installed.

Answers come back to who asked and are kept there; a worker that is lost is replaced by the scheduler, and its batch is
answered by another.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from importlib import import_module
from typing import Any

import attrs

from versim.errors import VersimError

LOCAL = "local"
"""Instead of an address: a cluster on this machine, for as long as the sweep takes."""

WAIT_S = 10.0
"""For the scheduler to answer."""


@attrs.frozen(eq=False)
class Cluster:
    """A cluster that can be given batches.

    Attributes:
        make: A new executor, as a plan asks for, which shuts it down.
        workers: Threads of all its workers.
    """

    make: Callable[[], Executor]
    workers: int


@contextlib.contextmanager
def cluster(address: str, count: int) -> Iterator[Cluster]:
    """A cluster, for as long as the block lasts.

    Args:
        address: Of a scheduler, ``tcp://host:8786``; or ``local``.
        count: Workers of a local one.

    Raises:
        VersimError: dask.distributed is not installed, or no scheduler answers there.
    """
    try:
        distributed: Any = import_module("distributed")  # an extra; by name, since it is typed in part only
    except ImportError:
        raise VersimError("--dask needs dask.distributed: pip install 'versim[cluster]'") from None
    with contextlib.ExitStack() as stack:
        where = address
        if address == LOCAL:
            where = stack.enter_context(
                distributed.LocalCluster(n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None)
            )
        try:
            client = stack.enter_context(distributed.Client(where, timeout=WAIT_S, set_as_default=False))
        except (OSError, TimeoutError, ValueError) as error:
            raise VersimError(f"--dask {address}: no scheduler answers there ({error})") from error
        workers = sum(client.nthreads().values())
        if not workers:
            raise VersimError(f"--dask {address}: its scheduler has no workers; start some (dask worker {address})")
        yield Cluster(make=lambda: client.get_executor(pure=False), workers=workers)
