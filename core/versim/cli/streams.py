"""The streams of a command: standard output is its answer's, and nobody else writes to it."""

from __future__ import annotations

import contextlib
import io
import os
import sys

import click

STDOUT = 1


def own_stdout() -> None:
    """Keep standard output for what the command itself writes; whatever else goes there goes to standard error.

    A plugin's compiled code, or a program that it starts, writes to the file and not to ``sys.stdout``; one line of
    theirs would make a JSON document unreadable. So ``sys.stdout`` becomes a copy of the file, and the file itself
    leads to standard error.

    Raises:
        ClickException: Standard output is closed: whatever is asked, nobody would see the answer.
    """
    if sys.stderr is None:  # closed: what would be said there is said to nobody
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open for as long as the process
    if sys.stdout is None:
        raise click.ClickException("standard output is closed; write to a file with -o, or to /dev/null")
    if sys.stdout is not sys.__stdout__ or not isinstance(sys.stdout, io.TextIOWrapper):
        return  # somebody is listening who knows what he does: a test, a notebook
    with contextlib.suppress(OSError, ValueError):
        if sys.stdout.fileno() != STDOUT:
            return
        sys.stdout.flush()
        copy = os.fdopen(os.dup(STDOUT), "wb")
        stream = io.TextIOWrapper(
            copy,
            encoding=sys.stdout.encoding,
            errors=sys.stdout.errors,
            newline=None,
            line_buffering=sys.stdout.line_buffering,
        )
        os.dup2(sys.stderr.fileno(), STDOUT)
        sys.stdout = sys.__stdout__ = stream  # type: ignore[misc]


def give_up_stdout() -> None:
    """Let nobody write any more to where standard output leads, a closed pipe or a full disk: not Python when it ends.

    What waits to be written would be tried again, and its failure told again.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
