"""What holds for some runs of a framework: by release, device, format and note."""

from __future__ import annotations

import pytest
from league_samples import record
from versim.league.column import defaults
from versim.league.convention import cases_of, convention_of, group_of
from versim.league.profile import groups_of
from versim.league.recipe import recipe_of
from versim.league.record import STALLING_PIPELINES

EXPERTS = {"framework": "megatron-bridge", "gpu": "gb300", "gpus": 64, "ep": 8, "model": "qwen3-30b-a3b"}


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        ({"release": "26.06", "precision": "mxfp8"}, True),
        ({"release": "26.06.01", "precision": "mxfp8"}, True),
        ({"release": "26.04.01", "precision": "mxfp8"}, False),
        ({"release": "", "precision": "mxfp8"}, False),
        ({"release": "26.08", "precision": "bf16"}, False),
        ({"release": "26.08", "precision": "mxfp8", "gpu": "h100-sxm"}, False),
    ],
)
def test_a_release_captures_experts_in_one_graph(values: dict[str, str], *, holds: bool) -> None:
    """From the release on that brought it, in the format and on the devices that it was made for."""
    assert (group_of(record(**(EXPERTS | values))) == "experts in one graph") is holds


def test_gradients_of_eight_bits_are_exact_on_hopper_only() -> None:
    """Products of other devices accumulate in full precision at the same rate."""
    for gpu, expected in (("h100-sxm", "fp8_block"), ("b200", None)):
        run = record(framework="nemo", gpu=gpu, precision="fp8")
        found = [case.options.get("gradient_products") for case in cases_of(run)]
        assert [options for options in found if options] == ([expected] if expected else [])


@pytest.mark.parametrize(("submitter", "current"), [("NVIDIA theia_ngpu72", True), ("Cisco hpf_n8", False)])
def test_a_source_tells_what_its_submitter_ran(submitter: str, *, current: bool) -> None:
    """Configurations are published beside MLPerf's logs, submitter by submitter."""
    source = f'"github.com/mlcommons/training_results_v5.1 at 441d65f4, {submitter}; read from logs"'
    run = record(framework="mlperf-nemo", gpu="gb300", precision="fp8", source=source)
    assert any(case.options.get("current_scaling") for case in cases_of(run)) is current


@pytest.mark.parametrize(("model", "dropout"), [("gpt3-5b", 0.1), ("llama2-7b", None)])
def test_models_of_nemo_differ_in_dropout(model: str, dropout: float | None) -> None:
    """Its launcher's files say so."""
    found = [case.options.get("dropout") for case in cases_of(record(framework="nemo", model=model))]
    assert [one for one in found if one] == ([] if dropout is None else [dropout])


@pytest.mark.parametrize(
    ("values", "kernel"),
    [
        ({"framework": "nemo", "release": "24.07 final"}, "flash-2"),
        ({"framework": "nemo", "release": "24.09"}, None),
        ({"framework": "nemo", "release": "24.07", "model": "gpt3-175b"}, None),
        ({"framework": "nemo", "gpu": "a100-80gb"}, None),
        ({"framework": "nanotron"}, "flash-2"),
        ({"framework": "mlperf-nemo"}, None),
    ],
)
def test_attention_is_the_one_that_the_software_ran(values: dict[str, str], kernel: str | None) -> None:
    """NeMo's launcher turned cuDNN's off until August 2024, but for one model; on other devices nobody published it."""
    run = record(**({"gpu": "h100-sxm"} | values))
    attention = recipe_of(run, defaults()).attention
    assert (attention.name if attention else None) == kernel


def test_a_fault_of_the_software_is_a_group_of_its_own() -> None:
    """If the source says so; what was only seen in the times is no reason."""
    before = record(framework="nanotron", note="before the sweep's fix of pipelines")
    suspect = record(framework="nanotron", note="suspect: stalls like the rows before the sweep's fix of pipelines")
    assert groups_of(before) == (STALLING_PIPELINES,)
    assert groups_of(suspect) == ("dense", "ampere")


@pytest.mark.parametrize("name", ["", "cases", "any", "frameworks", "nobody's"])
def test_frameworks_that_nobody_knows_have_what_all_have(name: str) -> None:
    """Whatever they are called."""
    assert convention_of(name, "h100") == convention_of("unknown")
