"""A set of options is parsed once, for whoever asks, and never shared with whoever writes to it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import attrs
import pytest
import versim
from versim import FaultsError, Registry, hookimpl, load_registry, option
from versim.registry import resolution
from versim.scenario import load_scenario


@attrs.define
class Settings:
    """Of the producer below; it can be written to."""

    size: int = option(1, help="how much")
    more: dict[str, Any] = option(attrs.Factory(dict), help="whatever else")  # noqa: RUF009 - option() is attrs.field() with a help text


@attrs.frozen
class Maker:
    """A producer of nothing."""

    name: str = "maker"
    options: type = Settings

    def produce(self, options: Settings) -> Any:
        """Nothing that is asked for here."""
        raise NotImplementedError


class Offering:
    """Offers the producer."""

    @hookimpl
    def versim_graph_producers(self) -> list[Maker]:
        """The one."""
        return [Maker()]


@pytest.fixture
def registry() -> Registry:
    """With the producer alone."""
    return Registry.of({"maker": Offering()})


def test_equal_options_are_one_object(registry: Registry) -> None:
    """However often they are asked for; others are others."""
    one = registry.resolve("producer", "maker", {"size": 3})
    assert one.options is registry.resolve("producer", "maker", {"size": 3}).options
    assert one.component is registry.producer("maker")
    assert one.options == Settings(size=3)
    assert registry.resolve("producer", "maker").options == Settings()
    assert registry.resolve("producer", "maker", one.options).options is one.options


def test_options_that_were_written_to_are_parsed_again(registry: Registry) -> None:
    """Neither the next question nor the scenario sees what a component made of its own."""
    given = {"more": {"a": [1]}}
    found = registry.resolve("producer", "maker", given).options
    found.size = 9
    found.more["a"].append(2)
    assert given == {"more": {"a": [1]}}
    again = registry.resolve("producer", "maker", given).options
    assert again is not found
    assert again == Settings(more={"a": [1]})


def test_faults_are_found_each_time(registry: Registry) -> None:
    """With the place that each question names."""
    for path in ("$.first", "$.second"):
        with pytest.raises(FaultsError) as caught:
            registry.resolve("producer", "maker", {"size": "x"}, path)
        assert caught.value.faults[0].startswith(f"{path}.size: ")
    assert registry.attempt("producer", "maker", {"size": "x"})[1]


def test_a_long_sweep_keeps_a_few_only(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """It meets each set once."""
    monkeypatch.setattr(resolution, "MOST_KEPT", 4)
    for size in range(20):
        assert registry.resolve("producer", "maker", {"size": size}).options.size == size
    assert len(registry._resolution._kept) <= 4


@pytest.mark.parametrize("scenario", ["bundled", "compute_bound"])
def test_a_comparison_parses_each_set_of_options_once(monkeypatch: pytest.MonkeyPatch, scenario: str) -> None:
    """From the check of the file to the causes of differences."""
    parsed: Counter[tuple[type, str]] = Counter()
    parse = resolution.try_options

    def counted(component: Any, given: Any) -> Any:
        parsed[type(component), repr(given)] += 1
        return parse(component, given)

    monkeypatch.setattr(resolution, "try_options", counted)
    registry = load_registry()
    versim.compare(load_scenario(scenario, registry), registry=registry)
    assert parsed
    assert set(parsed.values()) == {1}
