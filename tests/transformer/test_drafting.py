"""``versim init --model``: the scenario that is meant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from versim import ClusterChoice, FaultsError, UnknownNameError, VersimError, load_registry, load_scenario
from versim_transformer.drafting import drafted
from versim_transformer.producer import TransformerProducer

CLUSTER = ClusterChoice(preset="dgx-h100", nodes=8)


def _options(cluster: ClusterChoice, tmp_path: Path, **given: Any) -> dict[str, Any]:
    """The options of a drafted scenario, read as a scenario."""
    file = tmp_path / "draft.yaml"
    file.write_text(drafted(TransformerProducer(), cluster, given))
    scenario = load_scenario(file, load_registry())
    return dict(scenario.workloads[0].options)


def test_what_is_given_is_kept_and_the_rest_follows(tmp_path: Path) -> None:
    """Replicas fill the cluster, and what usually goes with the degrees goes with them."""
    found = _options(CLUSTER, tmp_path, model="llama3-8b", tp=8, pp=2, gbs=128, seq_len=8192)
    assert found == {
        "model": "llama3-8b", "seq_len": 8192, "mbs": 1, "gbs": 128, "tp": 8, "sequence_parallel": True, "pp": 2,
        "dp": 4, "sharding": "zero1",
    }  # fmt: skip


def test_degrees_that_fit_are_found(tmp_path: Path) -> None:
    """The least that fits: an 8B model needs no pipeline, a 405B model does."""
    small = _options(CLUSTER, tmp_path, model="llama2-7b")
    large = _options(ClusterChoice(preset="dgx-h100", nodes=64), tmp_path, model="llama3-405b")
    assert (small["pp"], large["tp"]) == (1, 8)
    assert large["pp"] > 1
    assert large["tp"] * large["pp"] * large["dp"] == 512


def test_a_step_that_does_not_fit_says_so() -> None:
    """It is written all the same: whoever asked may want to see why."""
    text = drafted(TransformerProducer(), ClusterChoice(preset="dgx-h100", nodes=1), {"model": "megatron-530b"})
    assert "# DOES NOT FIT: peak memory" in text


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"model": "llama3-8b", "tp": 3}, FaultsError, "cannot fill the 64 devices"),
        ({"model": "llama3-8b", "tp": 64}, FaultsError, r"\$\.tp: 32 heads cannot be dealt to 64 ranks"),
        ({"model": "llama4-8b"}, UnknownNameError, "did you mean"),
        ({"model": "llama3-8b", "tpp": 2}, VersimError, "tpp"),
    ],
)
def test_bad_input_is_told(given: dict[str, Any], error: type[Exception], message: str) -> None:
    """Before anything is written."""
    with pytest.raises(error, match=message):
        drafted(TransformerProducer(), CLUSTER, given)


def test_the_command_writes_what_runs(tmp_path: Path) -> None:
    """The line of the documentation, in a process of its own."""
    file = tmp_path / "llama.yaml"
    versim = [sys.executable, "-m", "versim.cli"]
    if subprocess.run([*versim, "--version"], capture_output=True, check=False).returncode:
        versim = [str(Path(sys.executable).with_name("versim"))]
    words = ["--model", "llama3-8b", "--system", "dgx-h100", "--nodes", "8", "--tp", "8", "--pp", "2"]
    done = subprocess.run([*versim, "init", str(file), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "tp: 8" in file.read_text()
    shown = subprocess.run([*versim, "graph", str(file)], capture_output=True, text=True, check=False)
    assert "64 ranks" in shown.stdout, shown.stderr
    assert "80 GiB; fits" in shown.stdout
    assert "stage 1 " in shown.stdout
    refused = subprocess.run([*versim, "init", "--tp", "8"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert refused.returncode == 2
    assert "--tp: only with --model" in refused.stderr
