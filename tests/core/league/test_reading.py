"""Files of records: what a row needs, and what is said about a faulty one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import FaultsError, VersimError
from versim.league.reading import parse_records, read_records
from versim.league.record import COLUMNS

LEAST = "gpu,gpus,model,seq_len,gbs,step_s\na100-80gb,8,llama3-8b,2048,16,1.5\n"


def test_a_row_typed_by_hand_needs_little() -> None:
    """Degrees are 1, replicas what is left of the GPUs, and the id is the line."""
    (run,) = parse_records(LEAST, "mine.csv").runs
    assert (run.id, run.tp, run.dp, run.sharding, run.schedule) == ("line-2", 1, 8, "none", "none")
    assert (run.step_s, run.place) == (1.5, "mine.csv, line 2")


def test_an_empty_cell_is_nothing_and_no_zero() -> None:
    """What a source does not say must not look like a value."""
    (run,) = parse_records(LEAST).runs
    assert run.sequence_parallel is None
    assert run.out_of_memory is None
    assert run.recompute == ""


def test_every_fault_is_told_with_line_and_column() -> None:
    """All at once, so that a file is mended in one go."""
    text = LEAST + "a100-80gb,8.5,,2048,nan,0\nh100-sxm,8,llama3-8b,2048,16,fast\n"
    with pytest.raises(FaultsError) as caught:
        parse_records(text, "mine.csv")
    assert len(caught.value.faults) == 4
    for part in ("line 3, column gpus", "line 3, column gbs", "line 3, column step_s", "line 4, column step_s"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("gpu,gpus,modle,seq_len,gbs\nx,8,l,1,1\n", "did you mean 'model'"),
        ("gpu,gpus,model,gbs\nx,8,l,1\n", "'seq_len' is missing"),
        ("gpu,model,seq_len,gbs\nx,y,1\n", "line 2: has 3 cells, the header has 4"),
        ("gpu,model,gpu,seq_len,gbs\nx,y,z,1,1\n", "'gpu' is there 2 times"),
        ("gpu,seq_len,gbs\nx,1,1\n", "neither a model nor an architecture"),
        ("id,gpu,model,seq_len,gbs\na,x,y,1,1\na,x,y,1,1\n", "is the id of records, line 2, too"),
        ("gpu,model,seq_len,gbs,sharding\nx,y,1,1,zero9\n", "not one of none, zero1"),
        ("gpu,model,seq_len,gbs\nx,y,1e300,1\n", "more than"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(text: str, said: str) -> None:
    """In words that name the remedy."""
    with pytest.raises(VersimError, match=said.replace("(", r"\(")):
        parse_records(text)


def test_a_column_nobody_knows_is_not_used_and_said() -> None:
    """A table of one's own may have more columns; a misspelt one is a fault."""
    records = parse_records(LEAST.replace("step_s", "step_s,colour").replace("1.5", "1.5,red"))
    assert len(records.runs) == 1
    assert "'colour' is not known" in records.remarks[0]


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    """Bytes, folders and files that are not there are errors of the user, not of versim."""
    binary = tmp_path / "runs.csv"
    binary.write_bytes(b"\xff\xfe\x00gpu")
    for path in (binary, tmp_path, tmp_path / "none.csv"):
        with pytest.raises(VersimError):
            read_records([path])


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever stands in a cell, the answer is records or an error of the user."""
    try:
        parse_records(LEAST + text)
        parse_records(text)
    except VersimError:
        pass


def test_columns_are_declared_once() -> None:
    """Names are unique, and each says what it means."""
    assert len({column.name for column in COLUMNS}) == len(COLUMNS)
    assert all(column.meaning for column in COLUMNS)
