"""The page to explore a store: whole in one file, and safe to open whatever the store holds."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from versim import load_registry, load_scenario, sweep
from versim.sweeps.explorer import as_html
from versim.sweeps.step_terms import terms_of

sys.path.insert(0, str(Path(__file__).parents[2] / "reporters"))

from chromium import load, needs_chromium

LAB = Path(__file__).parent.parent.parent / "cli" / "lab.py"
HOSTILE = "</script><script>alert(1)</script><!--"


def test_every_answer_is_a_point_and_nothing_comes_from_elsewhere() -> None:
    """Terms of an answer add up to its step; a name cannot end the script it stands in."""
    registry = load_registry([str(LAB)])
    swept = sweep(load_scenario("lab", registry), {"ranks": [1, 2]}, registry=registry, jobs=1).run()
    rows = swept.rows()
    rows[0]["settings"]["mood"] = HOSTILE
    terms = [terms_of(row, swept.store) for row in rows]
    page = as_html(rows, terms, HOSTILE)
    assert page.count("</script>") == 1
    assert not re.search(r"(?:src|href)\s*=|https?://|@import|url\(", page)
    found = re.search(r"const D = (.*);\n", page)
    assert found is not None
    document = json.loads(found[1])
    assert document["title"] == HOSTILE
    assert document["keys"] == ["ranks", "mood"]
    assert [point["t"] for point in document["points"]] == [row["makespan_s"] for row in rows]
    for point in document["points"]:
        assert abs(sum(seconds for _, seconds in point["k"]) - point["t"]) < 1e-9


LOOKS = """<script>
  const found = {}, points_before = drawn, cells_before = cells;
  const click = (id, x, y) => {
    const box = $(id).getBoundingClientRect();
    $(id).dispatchEvent(new MouseEvent("click", {clientX: box.left + x, clientY: box.top + y}));
  };
  const [x, y, last] = drawn.at(-1);
  found.before = $("detail").textContent.includes(named(last));
  click("points", x, y);
  found.after = $("detail").textContent.includes(named(chosen)) && chosen.id === last.id;
  found.points_drawn_again = drawn !== points_before;
  $("mapx").value = 1;
  $("mapx").dispatchEvent(new Event("change"));
  found.points_drawn_again ||= drawn !== points_before;
  found.map_drawn_again = cells !== cells_before;
  $("x").value = "t";
  $("x").dispatchEvent(new Event("change"));
  found.points_drawn_for_another_axis = drawn !== points_before;
  const result = document.createElement("pre");
  result.textContent = JSON.stringify(found);
  document.body.append(result);
</script></body>"""


@needs_chromium
def test_a_click_and_another_map_leave_the_points_as_they_are_drawn(tmp_path: Path) -> None:
    """Of thousands of points every redrawing is seen; only another axis moves them."""
    registry = load_registry([str(LAB)])
    vary = {"ranks": [1, 2], "work_s": [1, 2]}
    swept = sweep(load_scenario("lab", registry), vary, registry=registry, jobs=1).run()
    page = as_html(swept.rows(), [terms_of(row, swept.store) for row in swept.rows()], "lab")
    # Without its policy, which would not let this script run.
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page).replace("</body>", LOOKS)
    (tmp_path / "page.html").write_text(page)
    loaded = load(tmp_path / "page.html")
    assert not loaded.console
    found = re.search(r"<pre>(.+?)</pre>", loaded.dom)
    assert found is not None
    assert json.loads(found[1]) == {
        "before": False,
        "after": True,
        "points_drawn_again": False,
        "map_drawn_again": True,
        "points_drawn_for_another_axis": True,
    }
