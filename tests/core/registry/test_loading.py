"""Finding and loading plugins: the culprit is named, the rest goes on."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from versim import API_VERSION, ComponentError, NoOptions, UnknownNameError, hookimpl, structure_options
from versim.deadline import limiting
from versim.registry import PluginError, Registry, UnknownComponentError, load_registry

LAB = Path(__file__).parents[2] / "cli" / "lab.py"


def component(name: str, **methods: Any) -> Any:
    """Something with a name, no options and whatever methods."""
    return SimpleNamespace(name=name, options=NoOptions, **methods)


def plugin(**hooks: Any) -> Any:
    """A plugin whose hooks answer with these values, or with what these functions return."""

    def implementation(answer: Any) -> Any:
        def hook() -> Any:
            return answer() if callable(answer) else answer

        return hookimpl(hook)

    made = SimpleNamespace()
    for name, answer in hooks.items():
        setattr(made, name, implementation(answer))
    return type("Plugin", (), {name: staticmethod(hook) for name, hook in vars(made).items()})()


def backend(name: str) -> Any:
    """A backend that does nothing."""
    return component(name, simulate=lambda _: None)


def install(folder: Path, name: str, source: str, version: str = "1.0") -> None:
    """A distribution with one plugin module, as if installed into ``folder``."""
    (folder / f"versim_{name}.py").write_text(source)
    information = folder / f"versim_{name}-{version}.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: versim-{name}\nVersion: {version}\n")
    (information / "entry_points.txt").write_text(f"[versim]\n{name} = versim_{name}\n")


def test_components_are_pooled_and_sorted_by_name() -> None:
    """The order in which pluggy runs plugins is no order for people."""
    registry = Registry.of(
        {"one": plugin(versim_backends=[backend("z"), backend("b")]), "two": plugin(versim_backends=[backend("a")])}
    )
    assert [found.name for found in registry.backends()] == ["a", "b", "z"]
    assert registry.backend("b").name == "b"
    assert registry.producers() == registry.timings() == registry.reporters() == registry.commands() == ()


def test_a_hook_is_asked_once_and_only_when_its_kind_is_wanted() -> None:
    """Making the components of a kind nobody asks for costs time for nothing."""
    asked = []

    def backends() -> list[Any]:
        asked.append(1)
        return [backend("b")]

    registry = Registry.of({"one": plugin(versim_backends=backends)})
    registry.producers()
    assert not asked
    registry.backends()
    registry.backend("b")
    registry.plugins()
    assert asked == [1]


def test_an_unknown_name_is_answered_with_what_is_known() -> None:
    """And with a guess."""
    registry = Registry.of({"one": plugin(versim_backends=[backend("astrasim")])})
    with pytest.raises(UnknownNameError, match=r"no backend named 'astrsim'; did you mean 'astrasim'\?"):
        registry.backend("astrsim")


def test_two_components_of_one_name_are_an_error_naming_both_plugins() -> None:
    """Silently taking either would be worse."""
    registry = Registry.of(
        {"one": plugin(versim_backends=[backend("b")]), "two": plugin(versim_backends=[backend("b")])}
    )
    with pytest.raises(PluginError, match=r"plugin 'two': offers a backend named 'b', and so does plugin 'one'"):
        registry.backends()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "versim_backends has to return a list of components, or .*, it returned None"),
        ("backend", "it returned 'backend'"),
        (5, "it returned 5"),
        ({"b": 1}, "offers 'b': 1; it has to read 'name': 'package.module:Class'"),
        ({"b": "m:f A backend."}, "has to read"),
        ({"a b": "m:f"}, "has to read"),
        ({"b": "versim_nowhere:B"}, "versim_backends: versim_nowhere:B failed: ModuleNotFoundError"),
        ({"b": "types:Nothing"}, "types:Nothing failed: AttributeError"),
        ({"b": "types:SimpleNamespace"}, "offers 'types:SimpleNamespace' as a backend, but it has no usable name"),
        ({"b": "lazily_offered:Backend"}, "but it is named 'lazy' itself"),
        ([5], "offers 5 as a backend, but it has no usable name"),
        ([component("b")], r"but it lacks simulate\(\)"),
        ([SimpleNamespace(name="b", simulate=print)], "has no options class"),
        ([SimpleNamespace(name="a b", options=NoOptions, simulate=print)], "has no usable name"),
        ([type("Backend", (), {"name": "b"})], "is a class; offer an instance of it"),
        (lambda: 1 / 0, "versim_backends failed: ZeroDivisionError: division by zero"),
    ],
)
def test_an_answer_that_is_no_component_names_the_plugin(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: Any, message: str
) -> None:
    """Nonsense from a plugin must not surface as an AttributeError of versim."""
    offer_lazily(monkeypatch, tmp_path)
    registry = Registry.of({"culprit": plugin(versim_backends=answer)})
    with pytest.raises(PluginError, match=message) as caught:
        registry.backends()
    assert caught.value.plugin == "culprit"
    assert registry.plugins()[0].error


def offer_lazily(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A module with a backend named ``lazy``, not imported yet."""
    (folder / "lazily_offered.py").write_text(
        "from versim import NoOptions\n\n"
        "class Backend:\n    name = 'lazy'\n    options = NoOptions\n    def simulate(self, request): ...\n"
    )
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "lazily_offered", raising=False)


def test_a_component_that_is_offered_by_its_place_is_imported_when_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who asks for another one does not wait for it, and its name is known before."""
    offer_lazily(monkeypatch, tmp_path)
    registry = Registry.of({"one": plugin(versim_backends={"lazy": "lazily_offered:Backend", "broken": "nowhere:B"})})
    with pytest.raises(UnknownComponentError, match="lazy"):
        registry.backend("other")
    assert registry.versions() == {"one": "given"}
    assert "lazily_offered" not in sys.modules
    assert registry.backend("lazy") is registry.backend("lazy")
    assert "lazily_offered" in sys.modules
    with pytest.raises(PluginError, match="nowhere"):
        registry.backends()


def test_a_component_whose_property_raises_is_named() -> None:
    """A property may do anything."""

    class Moody:
        options = NoOptions

        @property
        def name(self) -> str:
            raise RuntimeError("not today")

    registry = Registry.of({"culprit": plugin(versim_backends=[Moody()])})
    with pytest.raises(PluginError, match="fails when it is looked at: RuntimeError: not today"):
        registry.backends()


@pytest.mark.parametrize("answer", [{"a": 5}, {"a b": "m:f"}, {"a": "no colon"}, ["a"], {5: "m:f"}])
def test_commands_have_to_say_where_they_are(answer: Any) -> None:
    """The form is checked before the command is wanted."""
    registry = Registry.of({"culprit": plugin(versim_commands=answer)})
    with pytest.raises(PluginError, match="versim_commands"):
        registry.commands()


def test_a_command_is_a_place_and_a_help_text() -> None:
    """Nothing is imported for the list of commands."""
    registry = Registry.of({"one": plugin(versim_commands={"lint": "nowhere.at.all:lint  Find faults."})})
    found = registry.command("lint")
    assert (found.module, found.attribute, found.help) == ("nowhere.at.all", "lint", "Find faults.")


def test_a_misspelt_hook_is_an_error_with_a_suggestion() -> None:
    """The library for hooks accepts it in silence."""
    with pytest.raises(PluginError, match=r"'versim_backend', and there is no such hook; did you mean 'versim_backen"):
        Registry.of({"culprit": plugin(versim_backend=[])})


def test_a_hook_of_another_version_may_be_marked_optional() -> None:
    """So a plugin can serve several versions of versim."""
    hook = hookimpl(lambda: (), optionalhook=True)
    Registry.of({"careful": type("Plugin", (), {"versim_oracles": staticmethod(hook)})()})


def test_a_fault_of_one_plugin_hides_nothing_of_another() -> None:
    """In the list of plugins."""
    registry = Registry.of(
        {"a": plugin(versim_backends=[backend("b")]), "b": plugin(versim_backends=[5]), "c": plugin(versim_backends=[])}
    )
    first, second, third = registry.plugins()
    assert [found.name for found in first.components["backend"]] == ["b"]
    assert not first.error
    assert second.error
    assert not third.error


def test_a_hook_with_arguments_is_an_error() -> None:
    """No hook of versim has any."""
    hook = hookimpl(lambda config: [config])
    bad = type("Plugin", (), {"versim_backends": staticmethod(hook)})()
    with pytest.raises(PluginError, match="cannot be registered"):
        Registry.of({"culprit": bad})


def quits() -> Any:
    """What a hook may do instead of answering."""
    raise SystemExit(3)


def says_more() -> Any:
    """Something that Python knows no word for."""
    raise BaseException("more than an Exception")  # noqa: TRY002 - that is the fault


@pytest.mark.parametrize(("hook", "said"), [(quits, "SystemExit: 3"), (says_more, "BaseException: more than")])
def test_a_hook_that_ends_the_process_is_named(hook: Callable[[], Any], said: str) -> None:
    """``sys.exit()`` in a hook ended versim with a status of the plugin's, and not a word."""
    registry = Registry.of({"culprit": plugin(versim_backends=hook)})
    with pytest.raises(PluginError, match=rf"'culprit': versim_backends failed: {said}"):
        registry.backend("b")


def test_what_a_hook_prints_is_no_part_of_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """A line of a plugin's would make a JSON document unreadable."""

    def chatty() -> list[Any]:
        print("a line of a plugin's")  # noqa: T201 - that is the fault
        return [backend("b")]

    assert Registry.of({"chatty": plugin(versim_backends=chatty)}).backend("b").name == "b"
    assert capsys.readouterr() == ("", "a line of a plugin's\n")


def test_options_that_break_are_a_fault_of_their_plugin() -> None:
    """A default or a validator is a plugin's code as much as its backend is."""

    def unlucky() -> int:
        raise SystemExit(3)

    @attrs.frozen
    class Options:
        luck: int = attrs.field(factory=unlucky)

    broken = type("Broken", (), {"name": "broken", "options": Options})()
    with pytest.raises(ComponentError, match="options of 'broken' failed: SystemExit: 3"):
        structure_options(broken, {})


def test_a_hook_without_its_marker_is_an_error() -> None:
    """Else the plugin offers nothing and nobody knows why."""

    class Bad:
        def versim_backends(self) -> list[Any]:
            return []

    with pytest.raises(PluginError, match=r"not marked as a hook; put @versim\.hookimpl above it"):
        Registry.of({"culprit": Bad()})


def test_a_plugin_for_other_hooks_is_refused_naming_both_versions() -> None:
    """No version means the first."""
    old = plugin(versim_backends=[])
    old.VERSIM_API_VERSION = 99
    with pytest.raises(PluginError, match=f"version 99 of versim's hooks, this versim has version {API_VERSION}"):
        Registry.of({"culprit": old})
    old.VERSIM_API_VERSION = API_VERSION
    assert Registry.of({"fine": old}).plugins()[0].error == ""


def test_a_plugin_that_hangs_is_stopped_at_the_limit_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is imported, and where it is asked what it offers; one that nobody asked for is gone on without."""
    monkeypatch.setattr("versim.registry.plugins.LEAST_IMPORT_S", 0)
    install(tmp_path, "hanging", "import time\ntime.sleep(600)\n")
    monkeypatch.syspath_prepend(tmp_path)
    limit = "stopped at its time limit of 1 s; --time-limit gives more"
    with limiting(1):
        assert [str(e) for e in load_registry((), {}).broken()] == [f"plugin 'hanging': its import was {limit}"]
        with pytest.raises(PluginError, match=f"plugin 'versim_hanging': its import was {limit} .asked for with -p"):
            load_registry(["versim_hanging"], {})
        registry = Registry.of({"slow": plugin(versim_backends=lambda: time.sleep(600))})
        with pytest.raises(PluginError, match=f"plugin 'slow': versim_backends was {limit}"):
            registry.backend("any")


def test_an_import_has_its_time_however_short_an_answer_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of a second on answers is no reason to go on without a plugin that a cold disk brings."""
    install(tmp_path, "slow", "import time\ntime.sleep(0.2)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with limiting(0.1):
        assert not list(load_registry((), {}).broken())


def test_an_installed_plugin_that_fails_takes_nothing_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is remembered, and named when something is missing."""
    install(tmp_path, "good", "from versim import hookimpl\n@hookimpl\ndef versim_backends(): return []\n", "2.5")
    install(tmp_path, "bad", "raise RuntimeError('out of\\nluck')\n")
    install(tmp_path, "quitter", "raise SystemExit(3)\n")
    install(tmp_path, "misspelt", "from versim import hookimpl\n@hookimpl\ndef versim_backend(): return []\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = load_registry((), {})
    plugins = {found.name: found for found in registry.plugins()}
    assert plugins["good"].error == ""
    assert plugins["good"].version == "2.5"
    assert plugins["good"].distribution == "versim-good"
    assert "RuntimeError: out of luck (versim_bad.py, line 1)" in plugins["bad"].error
    assert "SystemExit: 3" in plugins["quitter"].error
    assert "did you mean 'versim_backends'?" in plugins["misspelt"].error
    with pytest.raises(UnknownComponentError) as caught:
        registry.backend("nobody")
    assert "not available: plugin 'bad'" in str(caught.value)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


def test_two_distributions_may_use_one_entry_point_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody owns a name; both are loaded."""
    for number in ("one", "two"):
        folder = tmp_path / number
        folder.mkdir()
        install(folder, f"same{number}", "")
        points = folder / f"versim_same{number}-1.0.dist-info" / "entry_points.txt"
        points.write_text(f"[versim]\nsame = versim_same{number}\n")
        monkeypatch.syspath_prepend(folder)
    names = [found.name for found in load_registry((), {}).plugins() if found.name.startswith("same")]
    assert sorted(names) in (["same", "same (versim-sameone)"], ["same", "same (versim-sametwo)"])


def test_a_local_file_is_a_plugin() -> None:
    """No packaging is needed to try an idea."""
    registry = load_registry([str(LAB)], {})
    assert registry.backend("ideal").name == "ideal"
    assert "lab" in registry.scenarios()


def test_the_environment_names_plugins_too(tmp_path: Path) -> None:
    """Separated by commas or as in PATH."""
    other = tmp_path / "other.py"
    other.write_text("")
    registry = load_registry((), {"VERSIM_PLUGINS": f" {LAB}, {other}:"})
    assert {str(LAB), str(other)} <= {found.name for found in registry.plugins()}


def test_a_plugin_that_is_installed_and_named_counts_once() -> None:
    """``-p versim_basics.plugin`` is no clash with itself."""
    names = [found.name for found in load_registry(["versim_basics.plugin"], {}).plugins()]
    assert "versim_basics.plugin" not in names


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("no/such/file.py", "no such file"),
        ("some/folder", "neither the name of a module nor a .py file"),
        ("json:nothing", "AttributeError"),
    ],
)
def test_a_plugin_that_was_asked_for_has_to_load(name: str, message: str) -> None:
    """Going on without what the user named would not be what the user wants."""
    with pytest.raises(PluginError, match=message):
        load_registry([name], {})


def test_a_file_named_like_a_module_is_pointed_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is not where modules are looked for."""
    (tmp_path / "my_lab.py").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PluginError, match=r"there is a file my_lab\.py, to load it write my_lab\.py"):
        load_registry(["my_lab"], {})


def test_a_file_that_fails_leaves_no_half_made_module(tmp_path: Path) -> None:
    """A syntax error names file and line."""
    file = tmp_path / "broken.py"
    file.write_text("def (:\n")
    with pytest.raises(PluginError, match="SyntaxError"):
        load_registry([str(file)], {})
    file.write_text("from versim import hookimpl\n")
    assert load_registry([str(file)], {}).plugins()


def test_shipped_scenarios_are_found_by_name(tmp_path: Path) -> None:
    """A plugin names a folder."""
    (tmp_path / "mine.yaml").touch()
    shipping = plugin()
    shipping.VERSIM_SCENARIOS = tmp_path
    assert Registry.of({"one": shipping}).scenarios() == {"mine": (("one", tmp_path / "mine.yaml"),)}
    shipping.VERSIM_SCENARIOS = 5
    with pytest.raises(PluginError, match="VERSIM_SCENARIOS has to be the path of a folder"):
        Registry.of({"one": shipping}).scenarios()
