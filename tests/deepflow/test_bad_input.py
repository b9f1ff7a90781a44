"""Whatever is wrong with files and options is said at once, each fault by its path, and never as a traceback."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from hardware_files import deepflow_file, leaves, put, take_away
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_model import deepflow_model
from versim import FaultsError
from versim.cli.group import cli
from versim_deepflow.hardware import derive, load_preset
from versim_deepflow.options import LlmOptions, step_of

MISSING = object()
WRONG = [MISSING, -1, "words", [], math.nan, {}]
HARDWARE_LEAVES, MODEL_LEAVES = leaves(deepflow_file()), leaves(deepflow_model())
UNREAD = {"n_tokens", "communication_time", "N_PP"}
UNREAD_PATHS = {("tech_param", "DRAM", "area_per_bit")}
"""DeepFlow's files may hold more than a step depends on."""

OPTIONAL = {"h2d_bandwidth", "ffn_mult", "kp1", "kp2", "mb", "t", "size", "bandwidth"}
"""May be left out; and a negative host bandwidth leaves copies out."""

ZERO_IS_FINE = OPTIONAL | UNREAD | {
    "kernel_launch_overhead", "latency", "overhead", "controller_area_per_link", "static_power_per_bit",
    "threshold_voltage", "margin_voltage", "DRAM", "L2", "L1", "reg_mem", "intra_node", "inter_node",
    "network_topology", "intra_derate",
}  # fmt: skip


def written(path: tuple[Any, ...]) -> str:
    """A path as faults spell it."""
    return ".".join(["$", *map(str, path)])


def spoil(content: dict[str, Any], path: tuple[Any, ...], value: object) -> None:
    """Changes or removes one value."""
    if value is MISSING:
        take_away(content, path)
    else:
        put(content, path, value)


def files(folder: Path, hardware: dict[str, Any], model: dict[str, Any]) -> tuple[str, str]:
    """Both files as YAML."""
    paths = folder / "hardware.yaml", folder / "model.yaml"
    for path, content in zip(paths, (hardware, model), strict=True):
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(paths[0]), str(paths[1])


def refusal(folder: Path, hardware: dict[str, Any], model: dict[str, Any]) -> FaultsError | None:
    """What a step with such files is refused with."""
    first, second = files(folder, hardware, model)
    try:
        step_of(LlmOptions(hardware=first, model=second))
    except FaultsError as error:
        return error
    return None


def run(folder: Path, hardware: dict[str, Any], model: dict[str, Any]) -> Result:
    """The command line on such files."""
    first, second = files(folder, hardware, model)
    return CliRunner().invoke(cli, ["graph", "bundled", "--hardware", first, "--model", second])


def is_required(path: tuple[Any, ...], value: object) -> bool:
    """Whether a spoilt value has to be a fault at its own path."""
    name = path[-1]
    if path[0] == "network_topology" or name in UNREAD or path in UNREAD_PATHS:
        return False
    if value is MISSING:
        return name not in OPTIONAL and not str(name).startswith("nominal_frequency")
    return not (name == "h2d_bandwidth" and value == -1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([*HARDWARE_LEAVES, *MODEL_LEAVES]), st.sampled_from(WRONG)),
        min_size=1,
        max_size=4,
        unique_by=lambda pair: pair[0],
    )
)
def test_every_spoilt_field_of_both_files_is_named(tmp_path: Path, spoilt: list[tuple[Any, object]]) -> None:
    """Missing, negative, mistyped, not a number: all of them in one answer, however many and in whichever file."""
    hardware, model = deepflow_file(), deepflow_model()
    required = []
    for path, value in spoilt:
        spoil(model if path in MODEL_LEAVES else hardware, path, value)
        if is_required(path, value):
            required.append(written(path))
    # A model that is no longer known to be one is not read on; nor is a hierarchy that lacks a level.
    stopping = [path for path, _ in spoilt if path[-1] == "mode"]
    error = refusal(tmp_path, hardware, model)
    if required:
        assert error is not None
        for path in required:
            if stopping and path.startswith("$.model_param") and not path.endswith("mode"):
                continue
            named = any(path in fault or parent_is_missing(path, fault) for fault in error.faults)
            assert named, (path, error.faults)
    if error is not None:
        assert all("$" in fault for fault in error.faults)


def parent_is_missing(path: str, fault: str) -> bool:
    """A section of which nothing is left is one fault."""
    place, _, what = fault.rpartition(": ")
    return what == "is missing" and path.startswith(place.rsplit(" ", 1)[-1])


def zero_is_a_fault(path: tuple[Any, ...]) -> bool:
    """Whether 0 neither means "not given" nor is a value like any other."""
    optional = path[-1] == "nominal_frequency" and path[1] != "network"
    return not (optional or path[-1] in ZERO_IS_FINE or path[0] == "network_topology" or path in UNREAD_PATHS)


@pytest.mark.parametrize("path", [path for path in HARDWARE_LEAVES if zero_is_a_fault(path)], ids=written)
def test_a_zero_is_a_fault_where_it_has_no_meaning(path: tuple[Any, ...], tmp_path: Path) -> None:
    """A device of no area, no links or no operations per cycle cannot be timed."""
    hardware = deepflow_file()
    put(hardware, path, 0)
    error = refusal(tmp_path, hardware, deepflow_model())
    assert error is not None
    assert any(fault.startswith(written(path) + ":") for fault in error.faults)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking runs the whole command again and again
)
@given(st.sampled_from([*HARDWARE_LEAVES, *MODEL_LEAVES]), st.sampled_from(WRONG))
def test_the_command_line_names_the_field_and_shows_no_traceback(
    tmp_path: Path, path: tuple[Any, ...], value: object
) -> None:
    """With DeepFlow's own files given by --hardware and --model."""
    hardware, model = deepflow_file(), deepflow_model()
    spoil(model if path in MODEL_LEAVES else hardware, path, value)
    result = run(tmp_path, hardware, model)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    if is_required(path, value):
        assert result.exit_code == 1
        assert any(part in result.output for part in (written(path), written(path[:-1]) + ": is missing"))


@pytest.mark.parametrize(
    ("options", "paths"),
    [
        ({"pp": 6, "microbatches": 2}, ["$.pp"]),
        ({"tp": 3}, ["$.heads"]),
        ({"tensor": "row_column", "tp1": 4, "tp2": 8}, ["$.heads"]),
        ({"dp": 4, "microbatches": 3}, ["$.batch_size"]),
        ({"dp": 3, "pp": 5, "tp": 3}, ["$.batch_size", "$.pp", "$.heads"]),
        ({"heads": 7, "dp": 3, "pp": 8}, ["$.heads", "$.batch_size", "$.pp"]),
    ],
    ids=str,
)
def test_every_fault_of_an_impossible_layout_is_named(options: dict[str, Any], paths: list[str]) -> None:
    """Stages without layers, parts of heads, parts of sequences."""
    with pytest.raises(FaultsError) as raised:
        step_of(LlmOptions(**options))
    assert [fault.split(":")[0] for fault in raised.value.faults] == paths


@pytest.mark.parametrize(("first", "second"), [("l0", "l1"), ("l1", "l2"), ("l2", "l3"), ("l0", "l3")])
def test_memory_levels_out_of_order_are_named(first: str, second: str, tmp_path: Path) -> None:
    """Innermost first: registers, shared memory, cache, DRAM."""
    hardware = deepflow_file()
    levels = hardware["memory_hierarchy"]
    levels[first], levels[second] = levels[second], levels[first]
    error = refusal(tmp_path, hardware, deepflow_model())
    assert error is not None
    named = [fault.split(":")[0] for fault in error.faults]
    assert named == [f"$.memory_hierarchy.{level}.type" for level in (first, second)]


def test_a_level_faster_than_the_one_inside_it_is_named_by_the_path_of_the_file(tmp_path: Path) -> None:
    """Figures that are derived carry the file's paths, too."""
    hardware = deepflow_file()
    hardware["tech_param"]["DRAM"]["bandwidth"] = "900 TB"
    error = refusal(tmp_path, hardware, deepflow_model())
    assert error is not None
    assert error.faults[0].startswith("$.memory_hierarchy.l3: its ")
    hardware = deepflow_file()
    hardware["area_breakdown"]["core"] = 0.1
    error = refusal(tmp_path, hardware, deepflow_model())
    assert error is not None
    assert error.faults[0].startswith("$.area_breakdown.core: 0.1 has no room")


@pytest.mark.parametrize("name", ["v100", "a100-80gb", "a100-80gb-tp", "h100-sxm5"])
def test_levels_of_presets_are_in_order(name: str) -> None:
    """Each is slower than the one inside it."""
    speeds = [level.throughput_bytes_per_s for level in derive(load_preset(name)).device.memory]
    assert speeds == sorted(speeds, reverse=True)


def test_faults_of_both_files_come_together(tmp_path: Path) -> None:
    """Mending takes one run, not one per file."""
    hardware, model = deepflow_file(), deepflow_model()
    del hardware["sw_param"]["precision"]
    model["model_param"]["num_heads"] = 0
    error = refusal(tmp_path, hardware, model)
    assert error is not None
    assert len(error.faults) == 2
    assert "hardware.yaml: $.sw_param.precision" in error.faults[0]
    assert "model.yaml: $.model_param.num_heads" in error.faults[1]
