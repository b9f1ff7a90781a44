"""Our own hardware files: one device each, units in the names, the source of the figures cited.

A file with a bare name, ``a100-80gb``, is a preset that ships with this package; see ``presets/hardware``.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path

from versim import UnknownNameError
from versim.plain import parse_yaml, read_yaml

from versim_deepflow.documents import Document, one_of
from versim_deepflow.hardware.spec import CoreSpec, DramSpec, HardwareSpec, SramSpec, SubnetworkSpec, VoltageSpec

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
    document = Document(content, subject)
    levels = document.get(("memory",))
    if not isinstance(levels, list) or len(levels) != MEMORY_LEVELS:
        document.fault(("memory",), f"must be a list of {MEMORY_LEVELS} levels, innermost first")
        levels = []
    spec = document.structure(
        HardwareSpec,
        core=document.structure(CoreSpec, ("core",), voltage=document.structure(VoltageSpec, ("core", "voltage"))),
        memory=tuple(_memory(document, level) for level in range(len(levels))),
        intra_node=_subnetwork(document, "intra_node"),
        inter_node=_subnetwork(document, "inter_node"),
    )
    document.report_unknown()
    document.raise_faults()
    return spec


def _memory(document: Document, level: int) -> SramSpec | DramSpec:
    at = ("memory", level)
    if document.take((*at, "kind"), one_of("sram", "dram")) == "dram":
        return document.structure(DramSpec, at, voltage=document.structure(VoltageSpec, (*at, "voltage")))
    return document.structure(SramSpec, at)


def _subnetwork(document: Document, name: str) -> SubnetworkSpec:
    return document.structure(SubnetworkSpec, (name,), voltage=document.structure(VoltageSpec, (name, "voltage")))
