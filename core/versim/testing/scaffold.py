"""A new plugin as files: a complete project that installs and passes its own tests as it stands.

The files are templates beside this module, with ``${name}`` and the like to be filled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from string import Template

import attrs

from versim.errors import UnknownNameError, VersimError

KINDS = ("producer", "timing", "backend", "reporter")
"""What a plugin may offer."""

_TEMPLATES = Path(__file__).parent / "template"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@attrs.frozen
class _Part:
    """One kind of component: its protocol, its hook, and how it is spoken of."""

    protocol: str
    hook: str
    suffix: str
    says: str
    plural: str


_PARTS = {
    "producer": _Part("GraphProducer", "versim_graph_producers", "Producer", "graphs of a step", "Graphs"),
    "timing": _Part("TimingModel", "versim_timing_models", "Timing", "times of communication", "Timing"),
    "backend": _Part("SimulatorBackend", "versim_backends", "", "a simulator", "Simulator"),
    "reporter": _Part("Reporter", "versim_reporters", "Reporter", "a form of report", "Report"),
}

_HOOK = '''

@hookimpl
def {hook}() -> list[{protocol}]:
    """{says}."""
    from {package}.{kind} import {name}  # noqa: PLC0415

    return [{name}()]
'''


def checked_name(name: str) -> str:
    """A plugin's name without ``versim-`` in front.

    Raises:
        VersimError: It cannot be the name of a distribution and of its components.
    """
    bare = name.removeprefix("versim-")
    if not _NAME.fullmatch(bare):
        raise VersimError(
            f"{name!r} cannot be a plugin's name; use small letters, digits and single hyphens, e.g. my-network"
        )
    return bare


def project(name: str, kinds: Iterable[str] = KINDS) -> dict[str, str]:
    """The files of a plugin, by their place in its folder.

    Args:
        name: The plugin's, see :func:`checked_name`; its components have the same.
        kinds: What it offers, of :data:`KINDS`.

    Raises:
        UnknownNameError: A kind that there is not.
        VersimError: No kind at all, or an impossible name.
    """
    asked = set(kinds)
    for kind in asked - set(KINDS):
        raise UnknownNameError("kind of component", kind, KINDS)
    if not asked:
        raise VersimError(f"a plugin has to offer something: {', '.join(KINDS)}")
    chosen = [kind for kind in KINDS if kind in asked]
    name = checked_name(name)
    package = f"versim_{name.replace('-', '_')}"
    values = _values(name, package, chosen)
    places = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"{package}/__init__.py": "__init__.py",
        f"{package}/plugin.py": "plugin.py",
        f"{package}/scenarios/{name}.yaml": "scenario.yaml",
        "tests/test_plugin.py": "test_plugin.py",
    }
    for kind in chosen:
        places[f"{package}/{kind}.py"] = f"{kind}.py"
        test = "conformance" if kind == "backend" else kind
        places[f"tests/test_{test}.py"] = f"test_{test}.py"
    if asked & {"timing", "backend"}:
        places[f"{package}/network.py"] = "network.py"
        places["tests/test_network.py"] = "test_network.py"
    filled = {place: _filled(template, values) for place, template in places.items()}
    return {**filled, f"{package}/py.typed": ""}


def _filled(template: str, values: dict[str, str]) -> str:
    return Template((_TEMPLATES / f"{template}.in").read_text(encoding="utf-8")).substitute(values)


def _values(name: str, package: str, chosen: list[str]) -> dict[str, str]:
    camel = "".join(part.capitalize() for part in name.split("-"))
    parts = {kind: _PARTS[kind] for kind in chosen}
    hooks = [
        _HOOK.format(
            hook=part.hook,
            protocol=part.protocol,
            says=part.says.capitalize(),
            package=package,
            kind=kind,
            name=camel + part.suffix,
        )
        for kind, part in parts.items()
    ]
    spoken = [part.plural if number == 0 else part.plural.lower() for number, part in enumerate(parts.values())]
    return {
        "name": name,
        "package": package,
        "camel": camel,
        "kinds": " and ".join([", ".join(spoken[:-1]), spoken[-1]] if len(spoken) > 1 else spoken),
        "offers": "\n".join(f"- {kind} `{name}`: {part.says}" for kind, part in parts.items()),
        "protocols": ", ".join(sorted(part.protocol for part in parts.values())),
        "hooks": "".join(hooks).rstrip("\n"),
        "offered": "{" + ", ".join(f'"{kind}"' for kind in chosen) + "}",
        "workload": _workload(name, chosen),
        "backends": _backends(name, chosen),
    }


def _workload(name: str, chosen: list[str]) -> str:
    if "producer" in chosen:
        return f"  - {{label: step, producer: {name}, options: {{layers: 4}}}}"
    options = "{kind: all_reduce, size_bytes: 16000000, participants: 4, count: 4}"
    return f"  - {{label: step, producer: collective, options: {options}}}"


def _backends(name: str, chosen: list[str]) -> str:
    lines = []
    if "backend" in chosen:
        lines.append(f"  - {{label: {name}, backend: {name}}}")
    if "timing" in chosen:
        lines.append(f"  - {{label: deepflow on {name}, backend: deepflow, network: {name}}}")
    lines.append("  - {label: deepflow on alpha-beta, backend: deepflow, network: alpha-beta}")
    return "\n".join(lines)
