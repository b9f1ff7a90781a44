"""Options that every producer of this plugin has: the device, how devices are joined, how work is spread."""

# ruff: noqa: RUF009 - option() and its likes are attrs.field() with a help text
from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import attrs
from versim import FaultsError, Topology, option
from versim.plain import read_yaml

from versim_deepflow import hardware
from versim_deepflow.corrections import Corrections, compat_option
from versim_deepflow.hardware import ClusterSpec, Derived, HardwareSpec, derive, in_file, refuse_disorder
from versim_deepflow.parallelism import Parallelism, TensorScheme
from versim_deepflow.step import Platform

Axis = Literal["dp", "pp", "tp1", "tp2"]

_LARGEST_COUNT = 10**12
_SMALLEST_NUMBER = 1e-6


def choice_option(default: enum.StrEnum, help: str) -> Any:  # noqa: A002  # reads as what it is
    """An option with the choices of an enumeration."""
    return option(default, converter=type(default), help=help)


def file_option(default: str | None, help: str, flag: str) -> Any:  # noqa: A002
    """An option that takes the name of a preset or the path of a file, with a flag of its own on the command line."""
    return option(default, help=help, path=True, shipped=True, flag=flag)


def count_option(help: str) -> Any:  # noqa: A002
    """An option that takes a whole number of at least 1, or nothing."""
    return option(None, validator=attrs.validators.optional(_countable), help=help)


def number_option(help: str, *, zero: bool = False) -> Any:  # noqa: A002
    """An option that takes a finite number above 0, or of at least 0, or nothing."""
    return option(None, validator=attrs.validators.optional(_measurable(zero=zero)), help=help)


def _countable(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _LARGEST_COUNT:
        raise ValueError(f"{attribute.name} must be a whole number from 1 to {_LARGEST_COUNT}, got {value!r}")


def _measurable(*, zero: bool) -> Any:
    bound = "of at least 0" if zero else "above 0"

    def check(_: object, attribute: attrs.Attribute[float], value: float) -> None:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not (number and (_SMALLEST_NUMBER <= value <= _LARGEST_COUNT or (zero and value == 0))):
            raise ValueError(f"{attribute.name} must be a finite number {bound}, got {value!r}")

    return check


@attrs.frozen(kw_only=True)
class PlatformOptions:
    """Options about devices and how work is spread over them; what is not given comes from the hardware file."""

    hardware: str = file_option(
        "a100-80gb-tp", "a hardware preset, or the path of a hardware file, DeepFlow's or our own", "--hardware"
    )
    dp: int | None = count_option("data-parallel replicas")
    tensor: TensorScheme | None = option(
        None,
        converter=attrs.converters.optional(TensorScheme),
        help="how GEMMs are split: none, column_row (over tp1 devices) or row_column (over tp1 x tp2)",
    )
    tp: int | None = count_option(
        "tensor-parallel devices of a column-row split; the same as tensor: column_row with tp1"
    )
    tp1: int | None = count_option("tensor-parallel devices along the first dimension")
    tp2: int | None = count_option("tensor-parallel devices along the second dimension, for a row-column split")
    element_bytes: float | None = number_option("bytes per element")
    nodes: int | None = count_option("nodes the devices are joined to")
    crosses_nodes: tuple[Axis, ...] | None = option(
        None,
        converter=attrs.converters.optional(tuple),
        validator=attrs.validators.optional(attrs.validators.deep_iterable(attrs.validators.in_(get_args(Axis)))),
        help="parallelism whose traffic leaves the node: any of dp, pp, tp1, tp2",
    )
    inter_derate: float | None = number_option("divides the bandwidth between nodes")
    intra_derate: float | None = number_option(
        "divides the bandwidth within a node; 0 takes these links away", zero=True
    )
    compat: str = compat_option()


def given(options: object, *names: str) -> dict[str, Any]:
    """The options among some names that were given."""
    values = {name: getattr(options, name, None) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def platform_of(options: PlatformOptions) -> Platform:
    """The platform that options describe.

    Raises:
        FaultsError: The hardware file is faulty, or its parts do not fit together.
        UnknownNameError: A preset that does not exist.
    """
    spec, cluster, split = _hardware(options.hardware)
    parallelism = _overridden_parallelism(split, options)
    return Platform(
        parallelism=parallelism,
        element_bytes=spec.element_bytes if options.element_bytes is None else options.element_bytes,
        corrections=Corrections.parse(options.compat),
        hardware=_derived(options.hardware, spec),
        cluster=_overridden_cluster(cluster, parallelism, options),
    )


def is_path(name: str) -> bool:
    """Whether an option names a file instead of a preset."""
    return "/" in name or name.endswith((".yaml", ".yml"))


def _hardware(name: str) -> tuple[HardwareSpec, ClusterSpec | None, Parallelism]:
    alone = Parallelism(dp=1, pp=1, tensor=TensorScheme.NONE, tp1=1, tp2=1, microbatches=1)
    if not is_path(name):
        return hardware.load_preset(name), None, alone
    content = read_yaml(Path(name))
    if isinstance(content, Mapping) and "tech_param" in content:
        file = hardware.read_deepflow_hardware(content, name)
        return file.hardware, file.cluster, file.parallelism
    return hardware.read_spec(content, name), None, alone


def _derived(name: str, spec: HardwareSpec) -> Derived:
    """What a device can do; faults carry the paths of the file."""
    try:
        derived = derive(spec)
        refuse_disorder(derived)
    except FaultsError as error:
        content = read_yaml(Path(name)) if is_path(name) else None
        if isinstance(content, Mapping) and "tech_param" in content:
            raise FaultsError(name, [in_file(fault, content) for fault in error.faults]) from None
        raise
    return derived


def _overridden_parallelism(base: Parallelism, options: PlatformOptions) -> Parallelism:
    chosen = given(options, "dp", "pp", "tensor", "tp1", "tp2", "microbatches")
    if options.tp is not None:
        for name, value in (("tp1", options.tp), ("tensor", TensorScheme.COLUMN_ROW)):
            if chosen.get(name, value) != value:
                raise FaultsError("options", [f"$.tp: {options.tp} contradicts {name}: {chosen[name]}"])
            chosen[name] = value
    return attrs.evolve(base, **chosen)


def _overridden_cluster(base: ClusterSpec | None, parallelism: Parallelism, options: PlatformOptions) -> ClusterSpec:
    chosen = given(options, "nodes", "inter_derate", "intra_derate")
    if options.crosses_nodes is not None:
        chosen |= {f"{axis}_crosses_nodes": axis in options.crosses_nodes for axis in get_args(Axis)}
    spread = given(options, "dp", "pp", "tp", "tp1", "tp2", "nodes")
    if base is None:
        base = ClusterSpec(
            nodes=1,
            devices_per_node=1,
            inter_derate=1.0,
            intra_derate=1.0,
            dp_crosses_nodes=False,
            pp_crosses_nodes=False,
            tp1_crosses_nodes=False,
            tp2_crosses_nodes=False,
            topology=Topology.RING,
        )
        spread = spread or {"dp": 1}
    cluster = attrs.evolve(base, **chosen)
    if not spread:
        return cluster
    # A degree was chosen here, so the number of devices follows from it instead of the file.
    per_node, rest = divmod(parallelism.world_size, cluster.nodes)
    if rest:
        raise FaultsError(
            "options", [f"$.nodes: {parallelism.world_size} devices cannot be dealt evenly to {cluster.nodes} nodes"]
        )
    return attrs.evolve(cluster, devices_per_node=per_node)
