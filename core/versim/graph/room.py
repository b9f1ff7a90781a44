"""How much memory this process may still take: what the machine has free, less where a limit is set."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_MACHINE = Path("/proc/meminfo")
_TAKEN = Path("/proc/self/statm")
_GROUPS = Path("/proc/self/cgroup")
_GROUP_FILES = Path("/sys/fs/cgroup")

_NO_LIMIT = 1 << 62
"""What control groups of version 1 say where there is none is the largest number of bytes in whole pages."""


def available_bytes() -> int | None:
    """Memory that can be had without swapping, in bytes; None where nothing says.

    The least of what the machine has free, what limits of the process (``ulimit -v`` and ``-d``) leave, and what those
    of its control groups do, which containers and batch jobs have.
    """
    return min((*_free_in_machine(), *_left_by_process(), *_left_by_groups()), default=None)


def _free_in_machine() -> Iterator[int]:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in _MACHINE.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 1024
                return
    with contextlib.suppress(AttributeError, OSError, ValueError):
        yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")


def _left_by_process() -> Iterator[int]:
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    if all(limit == resource.RLIM_INFINITY for limit in limits):
        return
    pages = ["0"] * 6
    with contextlib.suppress(OSError):
        pages = _TAKEN.read_text(encoding="ascii").split()
    for limit, taken in zip(limits, (pages[0], pages[5]), strict=True):
        if limit != resource.RLIM_INFINITY:
            yield max(0, limit - int(taken) * resource.getpagesize())


def _left_by_groups() -> Iterator[int]:
    """Of every group that this process is in and that says; a group is held to the limits of those around it, too."""
    try:
        lines = _GROUPS.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            root, names = _GROUP_FILES, ("memory.max", "memory.current", "")
        elif "memory" in controllers.split(","):
            root, names = _GROUP_FILES / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_")
        else:
            continue
        # Within a container its own group may be the root, and the path one that only the machine around it knows.
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            left = _left_by_group(folder, *names)
            if left is not None:
                yield left
            if folder == root:
                break


def _left_by_group(folder: Path, limit_name: str, taken_name: str, prefix: str) -> int | None:
    try:
        limit = (folder / limit_name).read_text(encoding="ascii").strip()
        if limit == "max" or int(limit) >= _NO_LIMIT:
            return None
        taken = int((folder / taken_name).read_text(encoding="ascii"))
        # What was read from files is given up first.
        kept = (f"{prefix}inactive_file", f"{prefix}active_file")
        figures = (line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        taken -= sum(int(figure[1]) for figure in figures if figure[0] in kept)
    except (OSError, ValueError, IndexError):
        return None
    return max(0, int(limit) - taken)
