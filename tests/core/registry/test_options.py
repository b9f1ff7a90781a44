"""Plain data held against options classes."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest
from versim import FaultsError, option
from versim.registry import describe_options, resolve_paths, structure_options


class Colour(enum.StrEnum):
    """An enumeration of texts."""

    RED = "red"
    GREEN = "green"


@attrs.frozen
class Inner:
    """A nested class."""

    rate_bytes_per_s: float
    names: tuple[str, ...] = ()


@attrs.frozen
class Everything:
    """Every kind of field an options class may have."""

    count: int = option(help="a count", validator=attrs.validators.ge(1))
    size_bytes: int = 0
    latency_s: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    flag: bool = False
    word: str = "word"
    colour: Colour = attrs.field(default=Colour.RED, converter=Colour)
    choice: Literal["a", "b"] = "a"
    maybe: float | None = None
    either: int | str = 1
    numbers: tuple[int, ...] = ()
    pair: tuple[int, str] = (1, "a")
    table: Mapping[str, float] = attrs.field(factory=dict)
    inner: Inner | None = None
    anything: Any = None
    file: Path | None = attrs.field(default=None, metadata={"path": True, "cli": "--file", "help": "a file"})
    files: tuple[str, ...] = attrs.field(default=(), metadata={"path": True, "shipped": True})


class Component:
    """Has these options."""

    name = "everything"
    options = Everything


def structured(**mapping: Any) -> Everything:
    """Structure, with the one required option."""
    result: Everything = structure_options(Component(), {"count": 1, **mapping})
    return result


def faults(**mapping: Any) -> tuple[str, ...]:
    """The faults of options."""
    with pytest.raises(FaultsError) as caught:
        structured(**mapping)
    return caught.value.faults


def test_values_take_the_types_of_their_fields() -> None:
    """One place says what an option is."""
    found = structured(
        size_bytes=2.0,
        latency=" 5 us",
        flag=True,
        colour="green",
        choice="b",
        maybe=3,
        either="x",
        numbers=[1, 2],
        pair=[3, "b"],
        table={"a": 1},
        inner={"rate": "1 GB/s", "names": ["n"]},
        anything={"k": [1]},
        file="f.yaml",
    )
    assert found == Everything(
        count=1,
        size_bytes=2,
        latency_s=5e-6,
        flag=True,
        colour=Colour.GREEN,
        choice="b",
        maybe=3.0,
        either="x",
        numbers=(1, 2),
        pair=(3, "b"),
        table={"a": 1.0},
        inner=Inner(1e9, ("n",)),
        anything={"k": [1]},
        file=Path("f.yaml"),
    )
    assert isinstance(found.colour, Colour)
    assert isinstance(found.maybe, float)


def test_an_instance_is_taken_as_it_is() -> None:
    """Users of the library need not write mappings."""
    ready = Everything(count=7)
    assert structure_options(Component(), ready) is ready


@pytest.mark.parametrize(
    ("mapping", "fault"),
    [
        ({"count": "1"}, "$.options.count: expected a whole number, got the text '1'"),
        ({"count": 1.5}, "$.options.count: expected a whole number, got the number 1.5"),
        ({"count": True}, "$.options.count: expected a whole number, got the truth value true"),
        ({"count": 0}, "$.options.count: 'count' must be >= 1: 0"),
        ({"flag": "yes"}, "$.options.flag: expected true or false, got the text 'yes'"),
        ({"word": 5}, "$.options.word: expected text, got the number 5; put it in quotes"),
        ({"colour": "gren"}, "did you mean 'green'? (known: green, red)"),
        ({"choice": "c"}, "$.options.choice: the text 'c' is not a choice"),
        ({"maybe": "x"}, "$.options.maybe: expected a number, got the text 'x'"),
        ({"either": 1.5}, "expected a whole number"),
        ({"numbers": "12"}, "$.options.numbers: expected a list, got the text '12'"),
        ({"numbers": [1, "x"]}, "$.options.numbers[1]: expected a whole number, got the text 'x'"),
        ({"pair": [1]}, "$.options.pair: expected a list of 2, got one of 1"),
        ({"table": {"a b": "x"}}, "$.options.table['a b']: expected a number"),
        ({"inner": {}}, "$.options.inner.rate_bytes_per_s: is missing"),
        (
            {"inner": {"rate": 5}},
            "$.options.inner.rate: say the unit: is it 5 GB/s, 5 GiB/s or 5 Gbit/s?",
        ),
        ({"inner": [1]}, "$.options.inner: expected a mapping with rate_bytes_per_s, names; got a list"),
        ({"latency_s": float("nan")}, "$.options.latency_s: expected a number, got NaN"),
        ({"latency_s": -1}, "$.options.latency_s: 'latency_s' must be >= 0: -1.0"),
        ({"latency_s": 10**400}, "$.options.latency_s: the number is out of range"),
        ({"latency": "1 s", "latency_s": 1}, "$.options.latency_s: says the same as 'latency'"),
        ({"latnecy": "1 s"}, "$.options.latnecy: no such key; did you mean 'latency'?"),
        ({"file": ""}, "$.options.file: expected the name of a file"),
        ({1: 2}, "$.options['1']: no such key"),
    ],
)
def test_a_fault_is_named_by_its_path(mapping: dict[Any, Any], fault: str) -> None:
    """The path is where the user looks; the message says what was found there."""
    with pytest.raises(FaultsError) as caught:
        structure_options(Component(), {"count": 1, **mapping})
    assert len(caught.value.faults) == 1
    assert fault in caught.value.faults[0]


def test_all_faults_are_reported_at_once() -> None:
    """Nobody likes to be told one mistake at a time; also those that validators find."""
    assert len(faults(word=1, flag=2, numbers=["x", "y"], inner={"names": 3, "rate": "x"})) == 6
    assert faults(count=0, latency_s=-1.0) == (
        "$.options.count: 'count' must be >= 1: 0",
        "$.options.latency_s: 'latency_s' must be >= 0: -1.0",
    )


def test_what_is_required_is_said_to_be_missing() -> None:
    """Also if nothing at all is given."""
    with pytest.raises(FaultsError, match=r"options of everything: \$\.options\.count: is missing"):
        structure_options(Component(), None)


def test_a_value_that_cannot_be_plain_data_says_so() -> None:
    """An option of a strange type can only be given in Python."""

    @attrs.frozen
    class Options:
        when: complex = 0j

    class Owner:
        name = "owner"
        options = Options

    with pytest.raises(FaultsError, match="Python"):
        structure_options(Owner(), {"when": 5})


def test_relative_file_names_are_seen_from_the_folder(tmp_path: Path) -> None:
    """A scenario keeps its meaning wherever it is run; the name of a preset stays a name."""
    (tmp_path / "there").touch()
    mapping = {"file": "a.yaml", "files": ["there", "preset", "x/y"], "word": "a.yaml", "missing": 1}
    assert resolve_paths(Everything, mapping, tmp_path) == {
        "file": str(tmp_path / "a.yaml"),
        "files": [str(tmp_path / "there"), "preset", str(tmp_path / "x/y")],
        "word": "a.yaml",
        "missing": 1,
    }
    assert resolve_paths(Everything, {"file": "/abs/a.yaml"}, tmp_path) == {"file": "/abs/a.yaml"}


def test_a_bare_name_is_beside_the_scenario_unless_it_may_be_shipped(tmp_path: Path) -> None:
    """``path: same`` worked in the scenario's own folder only; a name that is none is told later."""
    assert resolve_paths(Everything, {"file": "same"}, tmp_path) == {"file": str(tmp_path / "same")}
    assert resolve_paths(Everything, {"files": ["same"]}, tmp_path) == {"files": ["same"]}
    for name in ("x" * 5000, "~nobody-at-all/x"):
        assert resolve_paths(Everything, {"file": name}, tmp_path) == {"file": name}


def test_options_describe_themselves() -> None:
    """The same class gives validation and help."""
    by_name = {info.name: info for info in describe_options(Everything)}
    assert by_name["count"].required
    assert by_name["count"].help == "a count"
    assert by_name["file"].flag == "--file"
    assert by_name["file"].type == "Path | None"
    assert by_name["table"].default == {}
