"""Reading YAML: scalars as DeepFlow's parser reads them, and files that mean harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from versim import FaultsError
from versim_deepflow.yaml_text import LARGEST_FILE_BYTES, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("9e-6", 9e-6),
        ("1.41e9", 1.41e9),
        ("2.51E+09", 2.51e9),
        ("100e-9", 1e-7),
        (".5", 0.5),
        ("010", 10),
        ("-1", -1),
        ("true", True),
        ("False", False),
        ("off", "off"),
        ("no", "no"),
        ("80 GB", "80 GB"),
        ("null", None),
        ("12:30", "12:30"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(written: str, value: object) -> None:
    """PyYAML alone would read ``9e-6`` as a text and ``off`` as false."""
    read = parse_yaml(f"a: {written}", "text")
    assert read == {"a": value}
    assert isinstance(read, dict)
    assert type(read["a"]) is type(value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a: 1\na: 2", "duplicate key"),
        ("a: [1", "YAML"),
        ("a: !!python/object/apply:os.system [true]", "YAML"),
        ("? [1, 2]\n: 3", "plain scalar"),
        ("&a [*a]", "contains itself"),
        ("[" * 5000, "nested too deeply"),
        ("", "empty"),
        ("a: " + "9" * 5000, "YAML"),
    ],
)
def test_what_is_not_plain_data_is_refused(content: str, complaint: str) -> None:
    """With a sentence, never with a traceback."""
    with pytest.raises(FaultsError, match=complaint):
        parse_yaml(content, "text")


def test_aliases_do_not_multiply_without_bound() -> None:
    """Ten lines must not become a billion values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 10)]
    with pytest.raises(FaultsError, match="unfolds"):
        parse_yaml("\n".join(lines), "text")


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """A missing file, a folder, bytes that are no text, and a file too large to be meant."""
    binary, large = tmp_path / "binary.yaml", tmp_path / "large.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    large.write_text("a: " + "x" * LARGEST_FILE_BYTES, encoding="utf-8")
    for path in (tmp_path / "missing.yaml", tmp_path, binary, large):
        with pytest.raises(FaultsError):
            read_yaml(path)
