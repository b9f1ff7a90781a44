"""A plugin that misbehaves in every way that must not cost others their answers: ``-p rude.py``."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
import time
from typing import Any, Literal

import attrs
from versim import (
    NoOptions,
    Rendering,
    hookimpl,
    instances_of,
    option,
    prediction_of,
    replay,
)

print("imported")  # noqa: T201 - that is the fault


@attrs.frozen
class RudeOptions:
    """What it does."""

    how: Literal[
        "prints",
        "writes",
        "starts",
        "hangs",
        "dies",
        "exits",
        "raises",
        "leaves",
        "registers",
        "lingers",
        "draws",
        "closes",
        "closes ours",
        "moves",
        "forks",
        "interrupts",
    ] = option("prints", help="its fault")


class Rude:
    """A backend that answers in no time, rudely."""

    name = "rude"
    options = RudeOptions

    def simulate(self, request: Any) -> Any:  # noqa: D102
        match request.options.how:
            case "prints":
                print("a line of a plugin's")  # noqa: T201
            case "writes":
                os.write(1, b"a line of compiled code's\n")
            case "starts":
                subprocess.run(["echo", "a line of a child's"], check=True)
            case "hangs":
                time.sleep(600)
            case "dies":
                os.abort()
            case "exits":
                raise SystemExit(0)
            case "raises":
                raise ZeroDivisionError("a \x1b[31mslip")
            case "leaves":
                os._exit(0)
            case "registers":
                atexit.register(os._exit, 0)
            case "lingers":
                threading.Thread(target=time.sleep, args=(600,), name="lingering").start()
            case "draws":
                print("\x1b]0;owned\x07\x1b[2Jprinted\rover")  # noqa: T201
                sys.stderr.write("\x1b[1Awritten\n")
            case "closes":
                sys.stdout.close()
                sys.stderr.close()
            case "closes ours":
                sys.__stdout__.close()
            case "moves":
                os.chdir("/")
            case "forks":
                os.fork()
            case "interrupts":
                raise KeyboardInterrupt
        instances = instances_of(request.inputs.graph)
        schedule = replay(instances, request.inputs.compute_ns * 1000, instances.meeting_match * 0)
        return prediction_of(request.inputs, instances, schedule, simulator="rude", engine="1")


class Failing:
    """A reporter that fails."""

    name = "failing"
    options = NoOptions

    def render(self, *_: Any) -> Rendering:  # noqa: D102
        raise KeyError("column")


@hookimpl
def versim_backends() -> list[Any]:  # noqa: D103
    return [Rude()]


@hookimpl
def versim_reporters() -> list[Any]:  # noqa: D103
    return [Failing()]
