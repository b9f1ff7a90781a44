"""Doing what a page says, block by block, in a folder of its own.

``python`` runs, all blocks of a page in one namespace; a ``text`` block right below shows what it prints. A block with
a title is a file: it is written, and the page has to use it. ``console`` is typed: ``versim`` and a few harmless
programs run, their output is compared, and their exit status has to
be 0 unless the page shows an error or types ``echo $?``; what would change the machine is not
run. A ``yaml`` block is loaded, as a scenario if it is one. ``json`` and ``toml`` have to be just that. Lines
of ``versim …`` in a block without a language have to succeed.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner
from fences import ELISION, Fence, Shown, commands_of, fences_of, matches, renewed
from versim import load_registry, load_scenario
from versim.cli.group import cli

NOT_RUN = {"apt-get", "git", "make", "pip", "pytest"}
"""Programs that install something or run a suite: continuous integration does, a page's test does not."""

HARMLESS = {"cat", "head", "ls"}

DIRECTIVES = frozenset({"{toctree}", "{eval-rst}"})
"""What Sphinx is told between blocks of code; it complains itself."""

PLAIN = {"", "text", "mermaid"}
"""Languages of blocks that show something and do nothing."""


LONG = {"verification.md"}
"""Pages whose commands go through whole tables, which the plugins' tests do."""


class PageError(AssertionError):
    """A page says something that is not so."""


class Reader:
    """Somebody who types what a page says.

    Args:
        page: The page.
        folder: Where to do it; the working directory, too.
    """

    def __init__(self, page: Path, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.text = page.read_text("utf-8")
        self.renewed: list[tuple[int, int, str]] = []
        self._namespace: dict[str, Any] = {"__name__": "__page__"}
        self._printed: str | None = None
        self._status = 0
        self._unused: set[str] = set()

    def follow(self, *, update: bool = False) -> None:
        """Do all that the page says, in its order.

        Args:
            update: Note what differs in ``renewed`` instead of failing.

        Raises:
            PageError: Something is not as the page says.
        """
        for fence in fences_of(self.text):
            if fence.title:
                self._write(fence)
            elif fence.language == "python":
                self._run(fence)
            elif fence.language == "console":
                self._type(fence, update=update)
            elif not fence.language and fence.body.startswith("versim ") and self.page.name not in LONG:
                self._type_bare(fence)
            elif fence.language == "text" and fence.follows and self._printed is not None:
                self._compare_printed(fence, update=update)
            if fence.language == "yaml":
                self._load(fence)
            elif fence.language == "json":
                json.loads(fence.body)
            elif fence.language == "toml":
                tomllib.loads(fence.body)
            elif fence.language not in PLAIN | DIRECTIVES | {"python", "console"}:
                raise self._error(fence, f"nobody knows how to check a block of {fence.language!r}")
            if fence.title or fence.language != "python":
                self._printed = None
        if self._unused:
            raise PageError(f"{self.page.name}: writes {', '.join(sorted(self._unused))} and never uses it")

    def updated(self) -> str:
        """The page with what differed replaced."""
        text = self.text
        for start, end, body in reversed(self.renewed):
            text = text[:start] + body + text[end:]
        return text

    def _error(self, fence: Fence, what: str) -> PageError:
        return PageError(f"{self.page.name}, line {fence.line}: {what}")

    def _write(self, fence: Fence) -> None:
        path = self.folder / fence.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(fence.body, "utf-8")
        if fence.language == "python":
            compile(fence.body, str(path), "exec")
        self._unused.add(fence.title)

    def _use(self, text: str) -> None:
        self._unused = {title for title in self._unused if title not in text}

    def _run(self, fence: Fence) -> None:
        self._use(fence.body)
        # As many empty lines before it as in the page, so that a traceback names the page's line.
        code = compile("\n" * fence.line + fence.body, str(self.page), "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, self._namespace)
        self._printed = printed.getvalue()

    def _load(self, fence: Fence) -> None:
        content = yaml.safe_load(fence.body)
        if isinstance(content, dict) and "workloads" in content:
            file = self.folder / (fence.title or "block.yaml")
            file.write_text(fence.body, "utf-8")
            plugins = [str(path) for path in sorted(self.folder.glob("*.py"))]
            load_scenario(file, load_registry(plugins))

    def _compare_printed(self, fence: Fence, *, update: bool) -> None:
        shown, printed = fence.body.rstrip("\n").split("\n"), (self._printed or "").rstrip("\n").split("\n")
        if matches(shown, printed):
            return
        if not update:
            raise self._error(fence, _difference(shown, printed))
        self._renew(fence, renewed(shown, printed))

    def _type(self, fence: Fence, *, update: bool) -> None:
        lines: list[str] = []
        differs = False
        commands = list(commands_of(fence.body))
        for shown, after in itertools.zip_longest(commands, commands[1:]):
            self._use(shown.command)
            printed = self._executed(fence, shown)
            fails = shown.output[:1] and shown.output[0].startswith("Error:")
            if self._status and not fails and "echo $?" not in (shown.command, after.command if after else ""):
                report = "\n".join(printed or ())
                raise self._error(fence, f"$ {shown.command}\nexit status {self._status}:\n{report}")
            lines += shown.typed
            if printed is None or not shown.output or matches(shown.output, printed):
                lines += shown.output
            elif update:
                differs = True
                lines += renewed(shown.output, printed)
            else:
                raise self._error(fence, f"$ {shown.command}\n{_difference(shown.output, printed)}")
        if differs:
            self._renew(fence, lines)

    def _type_bare(self, fence: Fence) -> None:
        """Commands without output, one after the other; each has to succeed."""
        for line in fence.body.replace("\\\n", " ").splitlines():
            printed = self._executed(fence, Shown(" ".join(line.split()), (line,), ()))
            if self._status:
                raise self._error(fence, f"{line}\nexit status {self._status}:\n" + "\n".join(printed or ()))

    def _renew(self, fence: Fence, lines: Sequence[str]) -> None:
        body = "".join(f"{fence.indent}{line}".rstrip() + "\n" for line in lines)
        self.renewed.append((fence.start, fence.end, body))

    def _executed(self, fence: Fence, shown: Shown) -> list[str] | None:
        """The lines a command prints; None if it is not one to be run here."""
        words = shlex.split(shown.command)
        if words[0] in NOT_RUN:
            return None
        if words == ["echo", "$?"]:
            return [str(self._status)]
        if words[0] == "versim":
            result = CliRunner().invoke(cli, words[1:], prog_name="versim")
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                raise result.exception
            self._status, output = result.exit_code, result.output
        elif words[0] in HARMLESS | {"python"}:
            program = sys.executable if words[0] == "python" else words[0]
            run = subprocess.run(
                [program, *words[1:]], capture_output=True, text=True, cwd=self.folder, timeout=120, check=False
            )
            self._status, output = run.returncode, run.stdout + run.stderr
        else:
            raise self._error(fence, f"nobody knows whether {words[0]!r} may be run")
        return output.rstrip("\n").split("\n")


def _difference(shown: Sequence[str], printed: Sequence[str]) -> str:
    return "\n".join(
        ["the page shows", *(f"  {line}" for line in shown), "but this was printed", *(f"  {line}" for line in printed)]
    ) + (f"\n(a line {ELISION} stands for any lines; VERSIM_UPDATE_DOCS=1 rewrites the page)")
