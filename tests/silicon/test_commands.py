"""``versim silicon``: listing, checking, importing, and NCCL's choices."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from versim import Device, Gemm, VersimError
from versim_silicon.commands import silicon
from versim_silicon.compute import MeasuredCompute
from versim_silicon.importing import Source, read, systems


def run(*arguments: str) -> Result:
    """The group by itself."""
    return CliRunner().invoke(silicon, arguments)


def test_show_lists_tables_and_the_noise_floor() -> None:
    """How far collectors are apart stands beside what they measured."""
    shown = run("show", "H100").output
    assert "product/bf16" in shown
    assert "sglang" in shown
    assert "a100_sxm" not in shown


def test_check_prints_held_out_errors() -> None:
    """Of products, of collectives, and of NCCL's model on these."""
    shown = run("check", "a100").output
    assert "product/bf16, training" in shown
    assert "nccl on collective/2.27.3/all_reduce" in shown


def test_nccl_prints_what_nccl_tests_would() -> None:
    """With the constants and their sources above the table."""
    shown = run("nccl", "hgx-b200", "--nodes", "4", "--nic", "efa").output
    assert "all_reduce over 32 ranks: 4 × 8 on NVIDIA B200" in shown
    assert "fitted on all-reduces of 64 MiB to 16 GiB over four nodes" in " ".join(shown.split())
    assert "NVLSTree Simple" in shown
    alone = run("nccl", "dgx-h100", "--ranks-per-node", "2", "--kind", "all_gather").output
    assert "all_gather over 2 ranks: 1 × 2" in alone


@pytest.mark.parametrize("arguments", [("dgx-h100", "--ranks-per-node", "9"), ("dgx-h100", "--nic", "smoke")])
def test_groups_and_cards_that_do_not_exist_are_refused(arguments: tuple[str, ...]) -> None:
    """In words, not with a traceback."""
    assert isinstance(run("nccl", *arguments).exception, VersimError)


def parquet(folder: Path) -> Path:
    """A folder as the wheel has it, of one small table in the package's own columns."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    shapes = [(m, n, k) for m in (64, 128) for n in (64, 128) for k in (64, 128)]
    place = folder / "systems" / "data" / "a100_sxm" / "gemm" / "sglang" / "1.0"
    place.mkdir(parents=True)
    columns = {name: [shape[axis] for shape in shapes] for axis, name in enumerate("mnk")}
    table = pa.table(
        columns | {"gemm_dtype": ["bfloat16"] * 8, "latency": [0.01 * (1 + number) for number in range(8)]}
    )
    pq.write_table(table, place / "gemm_perf.parquet")
    return folder


def test_a_folder_of_parquet_is_imported_and_used(tmp_path: Path) -> None:
    """Milliseconds become seconds, and the option that names the folder makes them the scenario's."""
    source = parquet(tmp_path / "source")
    result = run("import", str(source), "--into", str(tmp_path / "into"))
    assert "a100_sxm.sglang.npz: 8 measurements in 1 tables" in result.output
    assert [file.name for file in (tmp_path / "into").iterdir()] == ["a100_sxm.sglang.npz"]
    timing = MeasuredCompute("sglang", folder=tmp_path / "into")
    times_s = timing.times_s([Gemm(64, 64, 128, 2, dtype="bf16")], Device(name="A100"))
    assert times_s.tolist() == [pytest.approx(3e-5)]


def test_a_wheel_is_read_like_its_folder(tmp_path: Path) -> None:
    """It is an archive of the same files."""
    source = parquet(tmp_path / "source")
    wheel = tmp_path / "package.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in source.rglob("*.parquet"):
            archive.write(file, file.relative_to(source))
    assert systems(Source(wheel)) == systems(Source(source)) == ["a100_sxm"]
    assert read(Source(wheel), "a100_sxm", "sglang").keys() == {"product/bf16"}


def test_tables_that_are_not_the_packages_are_named(tmp_path: Path) -> None:
    """By the column that they lack."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    (file,) = parquet(tmp_path).rglob("*.parquet")
    pq.write_table(pa.table({"m": [1], "n": [1], "gemm_dtype": ["bfloat16"], "latency": [1.0]}), file)
    with pytest.raises(VersimError, match="a100_sxm by sglang lacks the column 'k'"):
        read(Source(tmp_path), "a100_sxm", "sglang")


def test_what_holds_no_tables_is_refused(tmp_path: Path) -> None:
    """With what to do instead."""
    assert isinstance(run("import", str(tmp_path), "--into", str(tmp_path / "into")).exception, VersimError)
    assert not (tmp_path / "into").exists()
    with pytest.raises(VersimError, match="pip download"):
        Source(tmp_path).files()
    (tmp_path / "x.txt").write_text("no wheel")
    with pytest.raises(VersimError, match="neither a wheel nor a folder"):
        Source(tmp_path / "x.txt").files()


def test_collectors_that_were_not_imported_are_an_error(tmp_path: Path) -> None:
    """Not another collector's figures."""
    timing = MeasuredCompute("vllm", folder=tmp_path)
    with pytest.raises(VersimError, match="versim silicon import"):
        timing.times_s([Gemm(64, 64, 64, 2, dtype="bf16")], Device(name="A100"))


def test_the_plugin_costs_nothing_until_it_is_used() -> None:
    """``versim --help`` lists the command without numpy."""
    code = (
        "import sys, versim_silicon.plugin as p, versim_silicon.commands; p.versim_commands(); "
        "print([name for name in ('numpy', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("kind", ["fifo", "device", "no wheel", "damaged", "damaged inside", "with a password"])
def test_what_is_no_wheel_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    """A FIFO made it wait for ever."""
    path = tmp_path / "wheel.whl"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "no wheel":
        path.write_bytes(b"nothing")
    else:
        name = "systems/data/h100_sxm/gemm/trtllm/1.0.0/gemm_perf.parquet"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr(name, b"PAR1 no table PAR1")
        content = bytearray(path.read_bytes())
        if kind == "damaged inside":
            content[30 + len(name)] |= 6  # a block of no known kind: zlib.error
        elif kind == "with a password":
            content[6] |= 1
            content[content.index(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(content)
    with pytest.raises(VersimError, match=r"regular file|neither a wheel|not a table that can be read"):
        read(Source(path), "h100_sxm", "trtllm")
