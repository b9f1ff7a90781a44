"""Our own hardware files: one device each, units in the names, the source of the figures cited.

A file with a bare name, ``a100-80gb``, is a preset that ships with this package; see ``presets/hardware``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path

from versim import FaultsError, UnknownNameError
from versim.plain import Fault, MisfitError, parse_yaml, place, read_yaml, structured

from versim_deepflow.hardware.spec import HardwareSpec
from versim_deepflow.ranges import CONVERTER

MEMORY_LEVELS = 4
"""DeepFlow's GEMM model is written for registers, shared memory, cache and DRAM."""


def preset_names() -> tuple[str, ...]:
    """Names of the hardware presets that ship with this package."""
    folder = resources.files("versim_deepflow").joinpath("presets", "hardware")
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


@lru_cache(maxsize=64)
def load_preset(name: str) -> HardwareSpec:
    """A hardware preset by name.

    Raises:
        UnknownNameError: There is none of that name.
        FaultsError: The preset is faulty.
    """
    return read_spec(preset_content(name), name)


def preset_content(name: str) -> object:
    """A hardware preset as plain data; :class:`versim.UnknownNameError` if there is none of that name."""
    if name not in preset_names():
        raise UnknownNameError("hardware preset", name, preset_names())
    entry = resources.files("versim_deepflow").joinpath("presets", "hardware", f"{name}.yaml")
    return parse_yaml(entry.read_text(encoding="utf-8"), name)


def load_file(path: Path) -> HardwareSpec:
    """A hardware file of our own structure; :class:`versim.FaultsError` with everything wrong with it."""
    return read_spec(read_yaml(path), str(path))


def read_spec(content: object, subject: str) -> HardwareSpec:
    """The hardware described by plain data of our own structure.

    Args:
        content: Plain data, as YAML gives it.
        subject: What it is, for the error.

    Raises:
        FaultsError: Fields that are missing, mistyped, out of range or unknown, each by its path.
    """
    levels = content.get("memory") if isinstance(content, Mapping) else None
    faults: list[Fault] = []
    if isinstance(content, Mapping) and not (isinstance(levels, list) and len(levels) == MEMORY_LEVELS):
        faults.append((("memory",), f"must be a list of {MEMORY_LEVELS} levels, innermost first"))
        content = {**content, "memory": []}
    try:
        spec: HardwareSpec = structured(CONVERTER, content, HardwareSpec)
    except MisfitError as error:
        faults += error.faults
    if faults:
        raise FaultsError(subject, [place("$", *fault) for fault in faults])
    return spec
