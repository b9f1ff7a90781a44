"""What the commands of one run of ``versim`` share: the plugins, found when first needed."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from versim.cli.streams import give_up_stdout

if TYPE_CHECKING:
    from versim.registry import Registry

Progress = Callable[[str], None]


TYPED = "versim.typed"
"""In the meta of a click context: the arguments as they were typed."""


class Session:
    """Shared by the commands of one run; the object of the click context.

    Attributes:
        modules: Plugins named with ``-p``.
    """

    def __init__(self, modules: Sequence[str] = ()) -> None:
        self.modules = tuple(modules)
        self._registry: Registry | None = None
        self._warned = False

    def registry(self, *, warn: bool = True) -> Registry:
        """The plugins; installed ones that are broken are named on stderr, once, unless ``warn`` is false."""
        from versim.registry import load_registry  # noqa: PLC0415 - `versim --version` needs no plugins

        if self._registry is None:
            self._registry = load_registry(self.modules)
        if warn and not self._warned:
            self._warned = True
            for error in self._registry.broken():
                tell(f"Warning: {error}; going on without it")
        return self._registry


def session_of(context: click.Context) -> Session:
    """What a context shares; new where a command is run outside the group."""
    return context.find_object(Session) or Session()


@contextlib.contextmanager
def progress() -> Iterator[Progress | None]:
    """Says on stderr what is being done, if somebody is looking; None if stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only for people at a terminal

    with Console(stderr=True).status("starting") as status:
        yield lambda message: status.update(for_people(message).replace("[", "\\["))


def line_width() -> int:
    """Columns of the lines that a command prints: those of the terminal, and no more than read well."""
    from versim.terminal import WIDTH, columns_of_stdout  # noqa: PLC0415 - not for the list of commands

    return min(WIDTH, columns_of_stdout() or WIDTH)


def typed(context: click.Context) -> str:
    """The command line of this run, for whoever wants to repeat it."""
    return shlex.join(["versim", *context.meta.get(TYPED, ())])


def fitted(lines: Iterable[str]) -> str:
    """Indented lines as text, broken where the terminal ends; whole where there is none, for other programs to read."""
    from versim.terminal import columns_of_stdout, printable, wrapped  # noqa: PLC0415 - see line_width

    width = columns_of_stdout()
    made = []
    for line in (part for text in lines for part in text.split("\n")):
        words = line.lstrip(" ")
        indent = line[: len(line) - len(words)]
        made += [line] if width is None else wrapped(printable(words), width, first=indent, rest=f"{indent}  ")
    return "\n".join(made) + "\n"


def for_people(text: str) -> str:
    """Text with everything that is not visible escaped but the ends of its lines.

    The one door for text that people read: names come from files, and a terminal obeys what they hold.
    """
    from versim.terminal import printable  # noqa: PLC0415 - not for the list of commands

    # An export has a hundred thousand lines, and nearly always nothing to escape.
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "\n".join(map(printable, text.split("\n")))


def tell(text: str) -> None:
    """Tell people something beside the answer, on stderr."""
    click.echo(for_people(text), err=True)


def write_output(text: str, output: Path | None, *, as_it_is: bool = False) -> None:
    """Write a command's answer to a file, whole or not at all, or to stdout.

    Args:
        text: The answer.
        output: The file; None for stdout.
        as_it_is: It is a document whose maker has escaped names, and may hold colours.

    Raises:
        UnwritableError: The file, or what stdout leads to, cannot be written.
    """
    from versim.atomic import UnwritableError, writing  # noqa: PLC0415 - nothing else of a command needs it

    if not as_it_is:
        text = for_people(text)
    if output is not None:
        with writing(output) as stream:
            stream.write(text)
        return
    from versim.terminal import for_encoding  # noqa: PLC0415 - not for the list of commands

    try:
        click.echo(for_encoding(text, getattr(sys.stdout, "encoding", None)), nl=False)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up_stdout()
        raise UnwritableError(Path("standard output"), error.strerror or str(error)) from error
