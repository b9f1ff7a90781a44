"""The presets of this package as ``versim presets`` lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

from versim import PresetInfo
from versim.plain import parse_yaml

from versim_deepflow.hardware import preset as hardware
from versim_deepflow.model import preset_names


def shipped_presets() -> Iterator[PresetInfo]:
    """Models and hardware, each with its figures on one line and its source."""
    for name in preset_names():
        content = _content("models", name)
        figures = (
            f"{content['layers']} layers of {content['hidden']}, {content['heads']} heads, "
            f"vocabulary {content['vocabulary']}; batch {content['batch_size']} × {content['sequence_length']}"
        )
        yield PresetInfo(name=name, figures=figures, source=_source(content), used="model", family="models")
    for name in hardware.preset_names():
        spec, content = hardware.load_preset(name), _content("hardware", name)
        figures = (
            f"chip {spec.chip_area_mm2:g} mm², {spec.tdp_w:g} W, elements of {spec.element_bytes:g} bytes, "
            f"{spec.kernel_launch_overhead_s * 1e6:g} µs per launch"
        )
        yield PresetInfo(name=name, figures=figures, source=_source(content), used="hardware", family="hardware")


def _content(folder: str, name: str) -> Mapping[str, Any]:
    entry = resources.files("versim_deepflow").joinpath("presets", folder, f"{name}.yaml")
    content = parse_yaml(entry.read_text(encoding="utf-8"), name)
    if not isinstance(content, Mapping):
        raise TypeError(f"the preset {name} is no mapping")
    return content


def _source(content: Mapping[str, Any]) -> str:
    return " ".join(str(content.get("source", "")).split())
