"""YAML from strangers."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from versim import FaultsError
from versim.plain.files import UnreadableError
from versim.plain.yaml_text import LARGEST_FILE_BYTES, YamlDocument, YamlError, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e9", 1e9),
        ("5e-6", 5e-6),
        ("1_000", "1_000"),
        ("010", 10),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        (".5", 0.5),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("~", None),
        ("=", "="),
        ("0x10", "0x10"),
        ("'5'", "5"),
    ],
)
def test_scalars_are_what_people_mean(text: str, value: object) -> None:
    """YAML 1.1 would make booleans, minutes and dates of some of them."""
    assert parse_yaml(f"key: {text}") == {"key": value}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n\tb: 2\n", r"text, line 2, column 1: .*indent with spaces, not tabs"),
        ("a: 1\nb: 2\na: 3\n", r"text, line 3, column 1: the key 'a' was already given in line 1"),
        ("a: [1, 2\n", r"line 2, column 1: .*expected ',' or ']'"),
        ("", "text: is empty"),
        ("# nothing\n", "is empty"),
        ("a: 1\n---\nb: 2\n", "line 2"),
        ("a: *b\n", "undefined alias 'b'"),
        ("a: &a [*a]\n", "line 1, column 4: contains itself"),
        ("? [1, 2]\n: 3\n", "a key has to be a word"),
        ("a: !!python/object/apply:os.system ['true']\n", "line 1, column 4: the tag .* has no place here"),
        ("a: !!binary YQ==\n", "the tag 'tag:yaml.org,2002:binary' has no place"),
        ("a: " + "9" * 5000 + "\n", "digits"),
        ("[" * 800, "nested deeper"),
        ("a: " + "[" * 150 + "]" * 150, "nested deeper than 100"),
        ("label: !!bool x\n", "line 1, column 8: 'x' is not true or false"),
        ("1: a\n01: b\n", "line 2, column 1: the key '01' was already given in line 1"),
        ("a: \x07\n", "text: .*special characters"),
    ],
)
def test_a_fault_has_line_and_column(text: str, message: str) -> None:
    """And what to do, where that is not obvious."""
    with pytest.raises(YamlError, match=message):
        parse_yaml(text)


def test_aliases_that_unfold_to_too_much_are_refused() -> None:
    """A few lines must not fill the memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(YamlError, match="unfolds to more than 100000 values"):
        parse_yaml("\n".join(lines))
    merges = ["a0: &a0 {x: 1}"]
    merges += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 10)]
    with pytest.raises(YamlError, match="unfolds to more than 100000 values"):
        parse_yaml("\n".join(merges))


def test_anchors_and_merges_of_reasonable_size_work() -> None:
    """They are a good way of not repeating oneself."""
    assert parse_yaml("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]\n")["b"] == {"x": 1, "y": 2}


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """Each with its name."""
    file = tmp_path / "s.yaml"
    file.write_bytes(b"a: 1\nb: \xff\xfe\n")
    with pytest.raises(UnreadableError, match=r"s\.yaml, line 2, column 4: is not UTF-8 text; save it as UTF-8"):
        read_yaml(file)
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(file) == {"a": 1}
    with pytest.raises(UnreadableError, match="is a folder; name a file in it"):
        read_yaml(tmp_path)
    with pytest.raises(UnreadableError, match=r"none\.yaml: no such file"):
        read_yaml(tmp_path / "none.yaml")
    with pytest.raises(UnreadableError, match="cannot be read"):
        read_yaml(Path("a\0b"))
    file.write_bytes(b"#" * (LARGEST_FILE_BYTES + 1))
    with pytest.raises(UnreadableError, match="is larger than 4 MiB"):
        read_yaml(file)


@given(st.text(max_size=60))
def test_any_text_is_data_or_a_yaml_error(text: str) -> None:
    """Nothing a file can hold leads to a traceback."""
    with contextlib.suppress(YamlError):
        parse_yaml(text)


def test_faults_are_told_with_line_and_path() -> None:
    """A path alone makes people count list entries; a line alone says nothing about merged keys."""
    text = "base: &b {x: 1}\nitems:\n  - {<<: *b, y: 2}\n  - y: 3\n    z: {w: 4}\n"
    document = YamlDocument(parse_yaml(text), "s.yaml", text)
    places: list[tuple[tuple[str | int, ...], int]] = [
        ((), 1),
        (("items", 1, "z", "w"), 5),
        (("items", 1, "gone"), 4),
        (("items", 0, "x"), 3),
        (("items", 7), 2),
    ]
    assert [document.line(keys) for keys, _ in places] == [line for _, line in places]
    with pytest.raises(FaultsError, match=r"s\.yaml: line 5, \$\.items\[1\]\.z\.w: is wrong"):
        document.refuse([(("items", 1, "z", "w"), "is wrong")])
    document.refuse([])


def test_values_are_counted_while_they_are_read() -> None:
    """Four megabytes of brackets are a gigabyte of nodes; reading stops at the limit."""
    text = "[" + "[]," * 1_400_000 + "]"
    with pytest.raises(YamlError, match="unfolds to more than 100000 values"):
        parse_yaml(text)
