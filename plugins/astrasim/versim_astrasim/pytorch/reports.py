"""What the packages log: errors are kept, the rest is dropped."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator

SYNCHRONISATION = "Critical path analysis"
"""How the linker's report begins when it has lost which work of the device the host waited for."""

_REMEDY = "; which kernels the host waited for is lost by that. HolisticTraceAnalysis needs pandas below 3"


class _Collector(logging.Handler):
    """Keeps the errors that are logged."""

    def __init__(self, who: str, kept: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._who, self._kept = who, kept

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one, shortened."""
        text = record.getMessage()
        remedy = _REMEDY if text.startswith(SYNCHRONISATION) else ""
        self._kept.append(f"mlc-chakra's {self._who} reports: {text[:500]}{remedy}")


@contextlib.contextmanager
def reported(who: str) -> Iterator[list[str]]:
    """Errors that the converter or linker logs while it goes on; the rest of what it logs is dropped.

    The packages log to the root logger and to their own, which they let through to it; HTA's prints as well.
    """
    kept: list[str] = []
    collector = _Collector(who, kept)
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, [collector]
    hushed = [
        (logger, logger.handlers)
        for logger in logging.Logger.manager.loggerDict.values()
        if isinstance(logger, logging.Logger) and logger.handlers
    ]
    for logger, _ in hushed:
        logger.handlers = []
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield kept
    finally:
        root.handlers = handlers
        for logger, before in hushed:
            logger.handlers = before
