"""``versim collectives``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Versim = Callable[..., Any]

QUICK = ("--kinds", "all_reduce", "--sizes", "1KiB,1MiB")


def test_it_prints_times_bandwidths_fits_and_crossings(versim: Versim) -> None:
    """A ring of 8 at 100 GB/s: a bus bandwidth near 100 GB/s where latency hardly counts."""
    result = versim("collectives", *QUICK, "--latency", "1 ns", "-t", "alpha-beta", "-t", "constant")
    assert result.exit_code == 0, result.stderr
    assert "all_reduce over 8 ranks, each model's own choice of algorithm" in result.stdout
    (row,) = [line.split() for line in result.stdout.splitlines() if line.strip().startswith("1 MiB")]
    # 14 rounds of 1 ns, and 1.75 MiB at 100 GB/s.
    assert row[2:] == ["alpha-beta", "18.36", "µs", "57.1", "99.92", "1"]
    assert "t ≈ α + β·S" in result.stdout
    assert "none between these sizes" in result.stdout


def test_json_has_everything(versim: Versim) -> None:
    """Labels, options of timings and backends, what drives a backend, and the reference."""
    swept = [
        "--kinds",
        "all_gather,broadcast",
        "--sizes",
        "1KiB:64KiB:8",
        "--ranks",
        "2,4",
        "--algorithms",
        "auto,ring",
    ]
    asked = [
        "--algorithms",
        "auto,ring",
        "-t",
        "slow=alpha-beta:bandwidth=1 GB/s",
        "-b",
        "ideal:network=alpha-beta,factor=2",
    ]
    result = versim("collectives", *swept, *asked, "--reference", "ideal", "-f", "json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["range"]["sizes_bytes"] == [1024, 8192, 65536]
    assert document["models"] == {
        "slow": "timing alpha-beta (bandwidth=1 GB/s)",
        "ideal": "backend ideal on alpha-beta",
    }
    assert len(document["curves"]) == 2 * 2 * 2 * 2
    gathered = document["curves"][1]
    assert (gathered["model"], gathered["ratio"]) == ("ideal", [1.0, 1.0, 1.0])
    assert gathered["times_s"][0] == pytest.approx(2 * (1e-6 + 512 / 100e9))


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (("--kinds", "all_reduse"), "'all_reduse' is none of", 2),
        (("--sizes", "1KiB:1MiB"), "is not FROM:TO:FACTOR", 2),
        (("--sizes", "1KiB:1MiB:1"), "factor above 1", 2),
        (("--sizes", "1:1GiB:1.0001"), "more than 200 sizes", 2),
        (("--sizes", "1 parsec"), "unknown unit", 2),
        (("--ranks", "four"), "not a list of whole numbers", 2),
        (("--ranks", "1"), "at least 2", 1),
        (("--bandwidth", "0 GB/s"), "finite number above 0", 1),
        (("-t", "alpha-bet"), "alpha-beta", 1),
        (("-b", "nobody"), "no backend named 'nobody'", 1),
        (("-t", "alpha-beta", "-t", "alpha-beta"), "is given twice", 1),
    ],
)
def test_what_cannot_be_asked_is_refused(versim: Versim, arguments: tuple[str, ...], said: str, status: int) -> None:
    """By what is wrong."""
    result = versim("collectives", *arguments)
    assert said in result.stderr
    assert result.exit_code == status


def test_a_cluster_is_asked_as_many_ranks_as_take_part(versim: Versim) -> None:
    """Eight fit into a node of H100, sixteen need two; the measured reference declines these."""
    asked = ("--preset", "dgx-h100", "--ranks", "8,16", *QUICK, "-t", "silicon", "-t", "nccl")
    result = versim("collectives", *asked)
    assert result.exit_code == 0, result.stderr
    assert "Each collective alone on dgx-h100" in result.stdout
    assert "error against silicon" in result.stdout
    assert "measured again" in result.stdout
    assert result.stdout.count("error against silicon") == 1
    assert "declines all_reduce of 1024 bytes over 16 ranks: groups that leave the node were not" in " ".join(
        result.stdout.split()
    )


def test_fit_prints_systems_to_paste(versim: Versim) -> None:
    """One per kind and number of ranks, of the reference."""
    asked = ("--preset", "dgx-a100", "--ranks", "2,8", "--kinds", "all_reduce", "--sizes", "1KiB:64MiB:4")
    result = versim("collectives", *asked, "-t", "silicon", "-t", "nccl", "--fit")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("system:") == 2
    assert "all_reduce over 8 ranks by silicon" in result.stdout
    assert "nccl" not in result.stdout
