"""The real program's output, read line by line."""

from __future__ import annotations

from versim_astrasim.program.parse import RankFigures, parse

NORMAL = """\
[2026-11-22 08:49:20.001] [system] [info] configuration read
[2026-11-22 08:49:20.015] [workload] [info] sys[1] finished, 17312 cycles, exposed communication 15312 cycles.
[2026-11-22 08:49:20.015] [statistics] [info] sys[1]. Post statistics processing start.
[2026-11-22 08:49:20.015] [statistics] [info] sys[1], Wall time: 17312
[2026-11-22 08:49:20.015] [statistics] [info] sys[1], GPU time: 2000
[2026-11-22 08:49:20.015] [statistics] [info] sys[1], Comm time: 17312
[2026-11-22 08:49:20.015] [statistics] [info] sys[1], Total compute-communication overlap: 2000
[2026-11-22 08:49:20.016] [workload] [info] sys[0] finished, 30000 cycles, exposed communication 0 cycles.
[2026-11-22 08:49:20.016] [system] [warning] Exiting
"""

HANG = """\
[2026-11-22 08:49:21.014] [workload] [info] sys[2] finished, 1000 cycles, exposed communication 0 cycles.
[2026-11-22 08:49:21.015] [HardwareResource] [critical] !!!Hardware Resource sys.id=0 has unreleased nodes!!!
[2026-11-22 08:49:21.015] [HardwareResource] [critical] GPU comm node id: 0
[2026-11-22 08:49:21.015] [HardwareResource] [critical] !!!Hardware Resource sys.id=1 has unreleased nodes!!!
[2026-11-22 08:49:21.015] [HardwareResource] [critical] GPU comm node id: 12
[2026-11-22 08:49:21.015] [system] [warning] Exiting
"""


def test_figures_are_read_per_rank() -> None:
    """Ranks print in the order in which they finish, statistics only where they are computed."""
    output = parse(NORMAL)
    assert output.ranks == {
        0: RankFigures(finish_ns=30000, exposed_communication_ns=0),
        1: RankFigures(
            finish_ns=17312,
            exposed_communication_ns=15312,
            class_ns={"Wall": 17312, "GPU": 2000, "Comm": 17312},
            overlap_ns=2000,
        ),
    }
    assert output.unfinished(2) == ()
    assert output.complaints == ()


def test_nodes_that_were_still_running_are_found() -> None:
    """The only sign of a hang: the program ends with status 0."""
    output = parse(HANG)
    assert output.unfinished(3) == (0, 1)
    assert output.unreleased == ((0, 0), (1, 12))


def test_what_the_program_complains_of_is_kept_once() -> None:
    """Assertions and exceptions name the cause; a thousand ranks repeat it."""
    text = "terminate called after throwing\n  what():  Node 77 not found\n" * 3
    assert parse(text).complaints == ("terminate called after throwing", "what():  Node 77 not found")


def test_garbage_has_no_figures() -> None:
    """Anything may be printed by anything called ASTRA-sim."""
    line = "sys[{}] finished, {} cycles, exposed communication 1 cycles.\n"
    output = parse("\0\x1b[31msys[x] finished\n" + line.format("9" * 30, 1) + line.format(1, "9" * 5000))
    assert output.ranks == {}
    assert parse("").last_line == ""
