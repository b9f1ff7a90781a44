"""Which table is which, and how many of its cases match."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from versim import TableResult, UnknownNameError, VersimError

from versim_proof.deepflow import components, steps
from versim_proof.deepflow.comparison import check_comparison, check_examples
from versim_proof.deepflow.engine import Engine
from versim_proof.deepflow.figures import CaseHardware, Figures, UnknownTableError, case_hardware

Case = Mapping[str, Any]
ComponentCheck = Callable[[Case, CaseHardware, Figures], None]


def verify_table(table: Mapping[str, Any]) -> TableResult:
    """Holds every case of a table that DeepFlow itself answered against what this plugin computes from its input.

    Known tables: hardware, gemm, pointwise, collectives, dist_gemm, llm, comparison, et_examples, bundled. A case's
    hardware is a hardware file of DeepFlow as plain data, or a preset of ours with changes. ASTRA-sim's figures, of
    hybrid collectives and of steps handed to it, come from that plugin's components.

    Args:
        table: The table as read from JSON: ``cases``, and ``hardware`` where cases refer to it by name.

    Raises:
        UnknownTableError: It holds no case of a known kind.
    """
    cases = table.get("cases")
    known: dict[str, CaseHardware] = {}
    recognised, matched, worst = 0, 0, 0.0
    mismatches: list[str] = []
    for case in cases if isinstance(cases, list) else ():
        figures = Figures()
        recognised += _verify_case(case, table, known, figures)
        worst = max(worst, figures.worst)
        if figures.faults:
            mismatches.append(f"{case.get('id') if isinstance(case, Mapping) else case}: {'; '.join(figures.faults)}")
        else:
            matched += 1
    if not recognised:
        raise UnknownTableError(
            "the table holds no case that DeepFlow answered; known are hardware, gemm, pointwise, collectives, "
            "dist_gemm, llm, comparison, et_examples and bundled"
        )
    return TableResult(
        matched=matched, total=matched + len(mismatches), mismatches=tuple(mismatches), worst_relative_error=worst
    )


def _verify_case(case: Any, table: Mapping[str, Any], known: dict[str, CaseHardware], figures: Figures) -> bool:
    """Checks a case; a malformed one is a mismatch like any other and ends nothing.

    Returns:
        Whether it is of a known kind.
    """
    check = None
    if not isinstance(case, Mapping):
        figures.faults.append("a case has to be a mapping")
        return False
    try:
        check = _check_of(case, table, known)
        if check is None:
            figures.faults.append("not a case of any table of DeepFlow's")
        else:
            check(figures)
    except VersimError as error:
        figures.faults.append(str(error))
    except KeyError as error:
        figures.faults.append(f"the case lacks {error}")
    except (TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
        figures.faults.append(f"the case is malformed ({type(error).__name__}: {error})")
    return check is not None


def _check_of(case: Case, table: Mapping[str, Any], known: dict[str, CaseHardware]) -> Callable[[Figures], None] | None:
    """The check of a case, or ``None`` where it is of no known kind."""
    output = case.get("output", {})
    if "repeats" in case or ("error" in case and "all_reduce" in case):
        return lambda figures: check_comparison(case, figures, Engine.installed())
    if "pipeline" in output and isinstance(output["pipeline"], list):
        return lambda figures: check_examples(case, figures, Engine.installed())
    if "core" in output:
        return lambda figures: components.check_hardware(case, figures)
    if "node_latency" in output:
        return lambda figures: steps.check_step(case, figures)
    check = _component_check(case, output)
    if check is None:
        return None
    return lambda figures: check(case, _hardware(case["hardware"], table, known), figures)


def _hardware(name: str, table: Mapping[str, Any], known: dict[str, CaseHardware]) -> CaseHardware:
    """The hardware that a case refers to by name, read once."""
    if name not in known:
        listed = table.get("hardware", {})
        if name not in listed:
            raise UnknownNameError("hardware of the table", name, tuple(listed))
        known[name] = case_hardware(listed[name], name)
    return known[name]


def _component_check(case: Case, output: Case) -> ComponentCheck | None:
    if "tile" in output:
        return components.check_gemm
    if "kind" in case.get("input", {}):
        return components.check_collective
    function = case.get("function", "")
    if function.startswith("getDistGEMM"):
        return components.check_distributed_gemm
    return components.check_pointwise if function else None
