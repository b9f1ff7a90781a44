"""Whole sweeps: the same answers however they are asked for, and none twice."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from versim import Registry, Scenario, VersimError, load_registry, load_scenario, sweep
from versim.storage.answers import Answered
from versim.storage.database import Store
from versim.storage.listing import Listing
from versim.sweeps.execution import InlineExecutor, Plan, process_pool
from versim.sweeps.results import as_csv, as_text, select
from versim.sweeps.tasks import Task, member_of

LAB = Path(__file__).parent.parent.parent / "cli" / "lab.py"
VARY = {"ranks": [1, 2, 4], "work_s": [1, 2]}


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The installed plugins and the small one of the tests."""
    return load_registry([str(LAB)])


@pytest.fixture(scope="module")
def lab(registry: Registry) -> Scenario:
    """One second of compute, then an all-reduce."""
    return load_scenario("lab", registry)


def telling(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without what differs from run to run."""
    return [{name: value for name, value in row.items() if name != "wall_s"} for row in rows]


def test_answers_do_not_depend_on_where_they_are_made(lab: Scenario, registry: Registry, tmp_path: Path) -> None:
    """In this process, over two of them, one at a time: to the bit; and as simulated by hand."""
    here = sweep(lab, VARY, registry=registry, jobs=1).run().rows()
    there = sweep(lab, VARY, registry=registry, jobs=2, store=tmp_path / "two.db").run().rows()
    assert telling(here) == telling(there)
    assert len(here) == 12
    by_settings = {(row["settings"]["ranks"], row["settings"]["work_s"], row["instance"]): row for row in here}
    assert by_settings[1, 2, "once"]["makespan_s"] == 2.0
    assert by_settings[2, 1, "twice"]["makespan_s"] == 2.0


def test_nothing_is_asked_twice(lab: Scenario, registry: Registry, tmp_path: Path) -> None:
    """Not by the same sweep, not by one that overlaps, not under another spelling of the same inputs."""
    path = tmp_path / "answers.db"
    first = sweep(lab, VARY, registry=registry, store=path, jobs=1).run()
    assert (first.standing.known, first.standing.answered) == (0, 12)
    again = sweep(lab, VARY, registry=registry, store=path, jobs=1).run()
    assert (again.standing.known, again.standing.answered) == (12, 0)
    assert telling(again.rows()) == telling(first.rows())
    wider = sweep(lab, {"ranks": [4, 8], "small.mood": ["calm"], "work_s": [2]}, registry=registry, store=path, jobs=1)
    assert (wider.standing.known, wider.standing.questions) == (2, 4)
    wider.run()
    # Another mood gives the same graph: known by the digest of its inputs.
    hasty = sweep(lab, {"mood": ["hasty"], "ranks": [2]}, registry=registry, store=path, jobs=1).run()
    assert hasty.standing.answered == 2
    with Store(path) as store:
        (count,) = store._connection.execute("SELECT count(*) FROM answers").fetchone()
    assert count == 14


def test_workers_without_the_store_are_told_what_it_holds(lab: Scenario, registry: Registry, tmp_path: Path) -> None:
    """Those of a cluster: another spelling of inputs that were asked about is known to them, too."""
    path = tmp_path / "answers.db"
    first = sweep(lab, {"ranks": [2], "work_s": [1, 2]}, registry=registry, store=path, jobs=1).run()
    pools: list[ThreadPoolExecutor] = []

    def pool() -> ThreadPoolExecutor:
        pools.append(ThreadPoolExecutor(1))
        return pools[-1]

    there = sweep(
        lab,
        {"mood": ["hasty"], "ranks": [2], "work_s": [1, 2, 3]},
        registry=registry,
        store=path,
        executor=pool,
        modules=[str(LAB)],
    )
    answered = [one for batch in there.batches() for one in batch]
    # Only who is asked says how long it took.
    asked = {one.member.settings["work_s"] for one in answered if one.answer and one.answer.wall_s is not None}
    assert asked == {3}
    by_work = {(row["settings"]["work_s"], row["instance"]): row for row in there.rows()}
    for row in first.rows():
        assert by_work[row["settings"]["work_s"], row["instance"]]["compute_ps"] == row["compute_ps"]
    with Store(path) as store:
        (count,) = store._connection.execute("SELECT count(*) FROM answers").fetchone()
    assert count == 6


def test_a_sweep_is_iterable_while_it_runs(lab: Scenario, registry: Registry) -> None:
    """Each row comes when it is answered and kept."""
    swept = sweep(lab, VARY, registry=registry, jobs=1)
    rows = iter(swept)
    first = next(rows)
    assert first["status"] == "completed"
    assert swept.standing.left > 0
    assert len(swept.rows()) < 12
    assert len([first, *rows]) == 12


def test_a_notebook_shows_how_far_it_is_and_the_fastest(lab: Scenario, registry: Registry) -> None:
    """Before anything is answered, too; the shortest step is first, and names are escaped."""
    swept = sweep(lab, {"ranks": [1, 2], "work_s": [1, 2]}, registry=registry, jobs=1)
    assert repr(swept) == "<Sweep of 'lab': 0 of 8 questions answered>"
    assert "<td" not in swept._repr_html_()
    shown = swept.run()._repr_html_()
    assert "8 of 8 questions answered; fastest: ranks=1, work_s=1 by once" in shown.replace("&#x27;", "'")
    assert shown.count("<td style='width:40%'>") == 8
    assert "&lt;" not in shown
    assert shown.index(">1 s<") < shown.index(">2 s<")


def test_conditions_hold_of_settings_that_are_lists_and_of_figures_that_are_not_known() -> None:
    """Rows that say the same are asked once, and a list cannot be looked for among those; rows keep their order."""
    settings = [{"way": way, "tp": tp} for way, tp in (([1, 2], 2), ([2, 1], 2), ([1, 2], 4))]
    rows = Listing({"settings": settings, "mfu": [0.5, None, 0.5]}, [2, 0, 1])
    assert [row["settings"]["tp"] for row in select(rows, ["way == [1, 2]"])] == [4, 2]
    assert [row["settings"]["way"] for row in select(rows, ["mfu > 0.4 and tp == 2"])] == [[1, 2]]
    assert not select(rows, ["tp == 2", "way == [2, 2]"])
    assert len(select(rows, ["1 < 2"])) == 3
    with pytest.raises(VersimError, match="have no order"):
        select(rows, ["mfu < 'two'"])


def test_refusals_are_rows_with_a_reason(lab: Scenario, registry: Registry) -> None:
    """A backend that cannot, and what no system can hold, keep their place and are not asked again."""
    wrong = {
        "system.dimensions": [[{"topology": "ring", "size": 3, "bandwidth": "1 GB/s", "latency": "1 us"}]],
        "ranks": [2, 3],
    }
    swept = sweep(lab, wrong, registry=registry, jobs=1).run()
    rows = swept.rows()
    assert [row["status"] for row in rows] == ["refused", "refused", "completed", "completed"]
    assert "2 ranks" in rows[0]["why"]
    assert swept.standing.failed == 2
    assert "2 × refused: workload 'small': $.system: has 3 endpoints (3), but the step takes 2 ranks" in as_text(rows)
    ranked = select(rows, ["ranks == 3"], "makespan_s", descending=True)
    assert [row["instance"] for row in ranked] == ["twice", "once"]
    assert as_csv(rows).count("\n") == 5
    with pytest.raises(VersimError, match="did you mean 'makespan_s'"):
        select(rows, [], "makespan")


KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
from versim import load_registry, load_scenario, sweep
registry = load_registry([{lab!r}])
swept = sweep(load_scenario("lab", registry), {{"ranks": [2], "work_s": list(range(1, 60))}}, registry=registry,
              store={store!r}, jobs={jobs})
for row in swept:
    print(swept.standing.answered, flush=True)
    time.sleep({pause})
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_who_is_killed_loses_no_finished_answer(lab: Scenario, registry: Registry, tmp_path: Path, jobs: int) -> None:
    """Kill -9 in the middle: what was said to be answered is in the store, and only the rest is asked again."""
    path = tmp_path / "answers.db"
    code = KILLED.format(tests=str(LAB.parent), lab=str(LAB), store=str(path), jobs=jobs, pause=0.005)
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(20)]
    os.kill(child.pid, signal.SIGKILL)
    said += child.stdout.read().splitlines()
    child.wait()
    child.stdout.close()
    told = int(max(said, key=lambda line: int(line) if line.strip() else 0))
    again = sweep(lab, {"ranks": [2], "work_s": list(range(1, 60))}, registry=registry, store=path, jobs=1)
    assert told <= again.standing.known < 118
    again.run()
    assert len(again.rows()) == 118
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_worker_that_is_killed_changes_nothing(lab: Scenario, registry: Registry, tmp_path: Path) -> None:
    """Its batch is given to another; the answers are the same to the bit."""
    vary = {"ranks": [2, 4, 8], "work_s": list(range(1, 30))}
    expected = sweep(lab, vary, registry=registry, jobs=1).run().rows()
    swept = sweep(lab, vary, registry=registry, store=tmp_path / "answers.db", jobs=2)
    killed = False
    for _ in swept.batches():
        if not killed:
            killed = True
            os.kill(_children()[0], signal.SIGKILL)
    assert telling(swept.rows()) == telling(expected)


def _deadly(batch: Sequence[Task]) -> list[Answered]:
    """What a worker does that one simulator takes down, about one configuration."""
    questions = [(task, question) for task in batch for question in task.questions]
    if any((task.settings["work_s"], question.instance) == (3, "twice") for task, question in questions):
        os._exit(1)
    return [
        Answered(member=member_of(task, question), question=None, inputs=None, instance=None, answer=None)
        for task, question in questions
    ]


def test_a_question_that_takes_its_workers_down_takes_nothing_else_along(lab: Scenario, registry: Registry) -> None:
    """Neither the other simulators' answers about its configuration nor those under way beside it, thrice."""
    tasks = sweep(lab, {"ranks": [2], "work_s": list(range(1, 9))}, registry=registry)._tasks
    pools: list[ProcessPoolExecutor] = []

    def pool() -> ProcessPoolExecutor:
        pools.append(process_pool(2, registry, [], None))
        return pools[-1]

    found = [one for batch in Plan(answer=_deadly, executor=pool, workers=2).run(tasks) for one in batch]
    assert len(found) == len({one.member.key for one in found}) == 16
    (failed,) = [one.member for one in found if one.member.failure]
    assert (failed.settings["work_s"], failed.instance) == (3, "twice")
    assert "the processes that were to answer it died, 3 of them" in failed.failure
    assert len(pools) >= 4


def test_tasks_that_take_long_travel_alone(lab: Scenario, registry: Registry) -> None:
    """So that every answer is kept soon; those that take no time travel in full batches, once that is known."""
    tasks = sweep(lab, {"ranks": [2], "work_s": list(range(1, 40))}, registry=registry)._tasks

    def sizes(task_s: float) -> list[int]:
        now = [0.0]
        sent = []

        def answer(batch: Sequence[Task]) -> list[Answered]:
            sent.append(len(batch))
            now[0] += task_s * len(batch)
            return []

        for _ in Plan(answer=answer, executor=InlineExecutor, clock=lambda: now[0]).run(tasks):
            pass
        return sent

    assert sizes(50.0) == [1] * 39
    assert sizes(0.5)[:3] == [1, 4, 4]
    assert sizes(0.001)[:3] == [1, 8, 8]


def _children() -> list[int]:
    """Processes that this one started, by Linux's own list."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        if found:
            return [int(pid) for pid in found]
    raise AssertionError("no children")


@pytest.mark.filterwarnings("default")
def test_a_cluster_gives_the_same_answers_though_a_worker_dies(
    lab: Scenario, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over Dask's own executor, to the bit; the batch of the worker that is killed is answered by another."""
    pytest.importorskip("distributed")
    from versim.sweeps import cluster as clusters  # noqa: PLC0415 - an extra
    from versim.sweeps.cluster import cluster  # noqa: PLC0415 - as above

    vary = {"ranks": [2, 4], "work_s": list(range(1, 16))}
    expected = sweep(lab, vary, registry=registry, jobs=1).run().rows()
    before = set(_children_now())
    with cluster("local", 2) as there:
        swept = sweep(
            lab,
            vary,
            registry=registry,
            store=tmp_path / "answers.db",
            executor=there.make,
            workers=there.workers,
            modules=[str(LAB)],
        )
        killed = False
        for _ in swept.batches():
            if not killed:
                killed = True
                os.kill(max(set(_children_now()) - before), signal.SIGKILL)
        assert telling(swept.rows()) == telling(expected)
        swept.close()
        again = sweep(lab, vary, registry=registry, executor=there.make, workers=there.workers, modules=[str(LAB)])
        assert telling(again.run().rows()) == telling(expected)
    monkeypatch.setattr(clusters, "WAIT_S", 0.5)
    with pytest.raises(VersimError, match="no scheduler answers"), cluster("tcp://127.0.0.1:1", 1):
        pass


def _children_now() -> list[int]:
    return [int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()]
