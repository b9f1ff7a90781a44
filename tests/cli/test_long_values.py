"""Messages repeat of a value what people read, and say how long it is, wherever the value came from."""

from __future__ import annotations

import copy
import csv
import io
import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from versim import VersimError, compare, load_registry, load_report, load_scenario, save_report
from versim.errors import LONGEST_LINE, LONGEST_SHOWN, MOST_LINES
from versim.league.reading import read_records

sys.path.insert(0, str(Path(__file__).parents[1] / "fuzz"))

import nearly_right

LONG = ("xy" * 2500, "x y'z " * 1000, 'ü\n\t"' * 1250)
RECORDS = Path(__file__).parent / "records"


def held(message: str) -> None:
    """No value of thousands of letters is in it, nor thousands of lines; where one was cut, its length is said."""
    assert message.count("\n") <= MOST_LINES
    assert len(max(message.split("\n"), key=len)) <= LONGEST_LINE
    for value in LONG:
        spelt = repr(value)[1:-1]
        for quoted in (f"'{spelt[:LONGEST_SHOWN]}", f'"{spelt[:LONGEST_SHOWN]}', "xy" * (LONGEST_SHOWN // 2 + 1)):
            assert quoted not in message
    if len(message) > 2 * LONGEST_SHOWN:
        assert re.search(r" \([\d,]+ (letters|lines)\)", message)


def with_each_place_long(document: Any) -> Iterator[Any]:
    """The document with one of its values or keys replaced by a long one, each in turn."""
    for number, (*above, key) in enumerate(nearly_right.places(document)):
        for as_key in (False, True):
            changed = copy.deepcopy(document)
            holder = changed
            for step in above:
                holder = holder[step]
            long = LONG[number % len(LONG)]
            if as_key and isinstance(holder, dict):
                holder[long] = holder.pop(key)
            else:
                holder[key] = long
            yield changed


def refusals(documents: Iterator[Any], load: Callable[[Any], object]) -> int:
    """How many are refused; each with a message of a length that people read."""
    count = 0
    for document in documents:
        try:
            load(document)
        except VersimError as error:
            held(str(error))
            count += 1
    return count


def scenario() -> dict[str, Any]:
    """A legal one with every part."""
    made = nearly_right.scenario(random.Random(3))
    made["backends"].append({"label": "more", "backend": "astrasim", "options": {"engine": "embedded"}})
    return made


def test_of_a_scenario(tmp_path: Path) -> None:
    """Each value and each key, through file and comparison."""
    registry = load_registry()
    path = tmp_path / "s.yaml"

    def load(document: Any) -> None:
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        load_scenario(path, registry)

    assert refusals(with_each_place_long(scenario()), load) > 50


def test_of_a_report(tmp_path: Path) -> None:
    """Saved by versim, and changed by somebody since."""
    path = tmp_path / "r.json"
    save_report(compare(scenario()), path)
    document = json.loads(path.read_text(encoding="utf-8"))

    def load(document: Any) -> None:
        path.write_text(json.dumps(document), encoding="utf-8")
        load_report(path)

    every = list(with_each_place_long(document))
    assert refusals(iter(random.Random(5).sample(every, min(len(every), 400))), load) > 100


@pytest.mark.parametrize("ending", ["yaml", "csv"])
def test_of_a_record(ending: str, tmp_path: Path) -> None:
    """Each cell and column; what is wrong with it is its column's diagnosis, which people read in a table."""
    path = tmp_path / f"record.{ending}"
    rows = [{"case": case, "recompute": "off", "measured_s": 0.25} for case in ("a", "b")]
    where = {"case": "a", "recompute": "off"}
    asked = {**scenario(), "reference": "measured"}
    measured = {"label": "measured", "backend": "measurement", "options": {"file": str(path), "where": where}}
    asked["backends"] = [measured, asked["backends"][0]]
    asked["pins"] = [pin for pin in asked["pins"] if "durations" not in pin]
    asked["workloads"] = [{key: value for key, value in asked["workloads"][0].items() if key != "pins"}]

    def load(document: Any) -> None:
        if ending == "yaml":
            path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
        else:
            text = io.StringIO()
            writer = csv.writer(text)
            writer.writerow(document["rows"][0])
            writer.writerows(row.values() for row in document["rows"])
            path.write_text(f"# made up\n{text.getvalue()}", encoding="utf-8")
        for workload in compare(asked).workloads:
            for result in workload.comparisons[0].results:
                if not result.prediction.completed:
                    raise VersimError("\n".join(result.prediction.diagnosis))

    document = {"source": "made up", "rows": rows}
    documents = (
        changed
        for changed in with_each_place_long(document)
        if ending == "yaml"
        or (list(changed) == ["source", "rows"] and all(isinstance(r, dict) for r in changed["rows"]))
    )
    assert refusals(documents, load) >= 4


def test_of_runs_that_somebody_measured(tmp_path: Path) -> None:
    """Every cell of a line, and every name of a column."""
    path = tmp_path / "runs.csv"
    names, *lines = csv.reader((RECORDS / "few.csv").read_text(encoding="utf-8").splitlines())

    def load(table: list[list[str]]) -> None:
        text = io.StringIO()
        csv.writer(text).writerows(table)
        path.write_text(text.getvalue(), encoding="utf-8")
        read_records([path])

    changed = []
    for place in range(len(names)):
        for row in (0, 1):
            table = [list(names), list(lines[0])]
            table[row][place] = LONG[place % 2]
            changed.append(table)
    assert refusals(iter(changed), load) > 30


def test_of_a_trace(tmp_path: Path) -> None:
    """Names of nodes and attributes are as long as whoever wrote the trace likes."""
    registry = load_registry()

    def load(traces: list[list[dict[str, Any]]]) -> None:
        for rank, nodes in enumerate(traces):
            (tmp_path / f"t.{rank}.et").write_bytes(nearly_right.encoded(nodes))
        document = {
            "workloads": [{"label": "trace", "producer": "chakra", "options": {"path": str(tmp_path / "t")}}],
            "system": {"dimensions": [nearly_right.ring(2)]},
            "backends": [{"label": "astra", "backend": "astrasim"}],
        }
        for workload in compare(document, registry=registry).workloads:
            for result in workload.comparisons[0].results:
                for said in result.prediction.diagnosis:
                    held(said)

    spoilt = []
    for seed in range(60):
        source = random.Random(seed)
        traces = [nearly_right.nodes_of(rank, 2, random.Random(7)) for rank in range(2)]
        for nodes in traces:
            for node in nodes:
                node["name"] = LONG[seed % len(LONG)]
        nearly_right.spoil(traces, source)
        if seed % 4 == 0:
            node = source.choice(traces[0])
            node["attr"][source.choice(("comm_type", "comm_size", "pg_name"))] = ("string_val", LONG[0])
        spoilt.append(traces)
    assert refusals(iter(spoilt), load) > 10


ON_THE_LINE = (
    ("compare", "{}"),
    ("compare", "lab", "-b", "{}"),
    ("compare", "lab", "-b", "ideal:{}=1"),
    ("compare", "lab", "-b", "ideal:factor={}"),
    ("compare", "lab", "-b", "ideal:network={}"),
    ("compare", "lab", "-O", "{}"),
    ("compare", "lab", "-O", "{}.ranks=2"),
    ("compare", "lab", "-O", "small.{}=2"),
    ("compare", "lab", "-O", "small.ranks={}"),
    ("compare", "lab", "-O", "small.mood={}"),
    ("compare", "lab", "--reference", "{}"),
    ("compare", "lab", "--inject", "{}"),
    ("compare", "lab", "-f", "{}"),
    ("compare", "lab", "-f", "names:{}"),
    ("compare", "lab", "-o", "{}"),
    ("compare", "lab", "-o", "{}.html"),
    ("compare", "lab", "--fail-over", "{}"),
    ("compare", "lab", "--averaging", "{}"),
    ("compare", "lab", "--{}"),
    ("compare", "lab", "{}"),
    ("{}",),
    ("report", "{}"),
    ("graph", "lab", "--pin", "{}"),
    ("sweep", "lab", "--vary", "{}"),
    ("sweep", "lab", "--vary", "{}=1,2"),
    ("sweep", "lab", "--vary", "ranks={}"),
    ("sweep", "lab", "--vary", "ranks=2,4", "--where", "{}"),
    ("results", "{}"),
    ("decide", "{}"),
    ("presets", "{}"),
    ("plugins", "{}"),
    ("export", "lab", "{}", "out"),
    ("collectives", "--sizes", "{}"),
    ("collectives", "--kinds", "{}"),
    ("measured", "{}"),
    ("verify", "{}", "x.json"),
    ("init", "{}"),
    ("new-plugin", "{}"),
    ("-p", "{}", "plugins"),
)


@pytest.mark.parametrize("line", ON_THE_LINE, ids=" ".join)
def test_of_a_command_line(line: tuple[str, ...], versim: Callable[..., Result]) -> None:
    """Whatever is typed or made by a script."""
    for value in LONG[:2]:
        done = versim(*(part.replace("{}", value) for part in line))
        assert done.exit_code in (0, 1, 2), done.output
        said = str(done.exception) if isinstance(done.exception, VersimError) else done.stderr
        held(said)
