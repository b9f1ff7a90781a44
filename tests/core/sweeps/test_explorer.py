"""The page to explore a store: whole in one file, and safe to open whatever the store holds."""

from __future__ import annotations

import json
import re
from pathlib import Path

from versim import load_registry, load_scenario, sweep
from versim.sweeps.explorer import as_html
from versim.sweeps.step_terms import terms_of

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
