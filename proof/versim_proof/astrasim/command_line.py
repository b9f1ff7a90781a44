"""The original's command line, as far as it changes figures: what each option's text is read as."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs
from versim_astrasim.engine.configuration_faults import INT32_MAX, INT32_MIN, Faults, finite, shown

_INTEGER = re.compile(r"(?P<minus>-?)(0x(?P<hex>[0-9a-fA-F]+)|(?P<decimal>[0-9]+))")
_DOUBLE = re.compile(r"\s*([+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?)")
_TRUE, _FALSE = re.compile("(t|T)(rue)?|1"), re.compile("(f|F)(alse)?|0")


@attrs.frozen(kw_only=True)
class CommandLine:
    """Options that change figures.

    Attributes:
        num_queues_per_dim: Queues (lanes) per dimension.
        injection_scale: Multiplies the endpoint delay if that is given.
        rendezvous: Precede every message by a handshake.
    """

    num_queues_per_dim: int = 1
    injection_scale: float = 1.0
    rendezvous: bool = False


def command_line(options: Mapping[str, Any]) -> CommandLine:
    """Read options by their names without dashes; True is an option without a value.

    Options of other names are ignored, as the original does.

    Raises:
        ConfigurationError: Naming every option whose value is not of its type; the original refuses it.
    """
    faults = Faults("command line")
    scales = {name: _scale(name, options, faults) for name in ("comm-scale", "compute-scale", "injection-scale")}
    result = CommandLine(
        num_queues_per_dim=_integer("num-queues-per-dim", options, faults),
        injection_scale=scales["injection-scale"],
        rendezvous=_switch("rendezvous-protocol", options, faults),
    )
    faults.check()
    return result


def _text(value: object) -> str:
    """An option's value as it stands on the command line; nothing where it has none."""
    if isinstance(value, bool):
        return "" if value else "false"
    return value if isinstance(value, str) else shown(value)


def _integer(name: str, options: Mapping[str, Any], faults: Faults) -> int:
    match = _INTEGER.fullmatch(_text(options.get(name, 1)))
    if match is None:
        faults.add_value(f"--{name}", options[name], "a whole number")
        return 1
    number = int(match["hex"], 16) if match["hex"] else int(match["decimal"])
    number = -number if match["minus"] else number
    if not INT32_MIN <= number <= INT32_MAX:
        faults.add_value(f"--{name}", options[name], "a whole number of 32 bits")
    return number


def _scale(name: str, options: Mapping[str, Any], faults: Faults) -> float:
    match = _DOUBLE.match(_text(options.get(name, 1)))  # whatever follows a number is not looked at
    number = None if match is None else finite(float(match[1]))
    if number is None:
        faults.add_value(f"--{name}", options[name], "a finite number")
        return 1.0
    return number


def _switch(name: str, options: Mapping[str, Any], faults: Faults) -> bool:
    value = options.get(name, False)
    text = "true" if value is True else _text(value)
    if not _TRUE.fullmatch(text) and not _FALSE.fullmatch(text):
        faults.add_value(f"--{name}", value, "true or false")
    return _TRUE.fullmatch(text) is not None
