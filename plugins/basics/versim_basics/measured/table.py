"""Predicted and measured iterations side by side, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from versim import Accuracy
from versim.terminal import WIDTH, printable, table, wrapped

from versim_basics.measured.cases import NOT_MODELLED
from versim_basics.measured.predict import Answer, accuracy_of

FORMAT_VERSION = 1


def groups(found: Sequence[Answer]) -> dict[str, tuple[Answer, ...]]:
    """All answers, and those of each way of recomputing if there are several."""
    ways = list(dict.fromkeys(answer.case.recompute for answer in found))
    parts = {way: tuple(answer for answer in found if answer.case.recompute == way) for way in ways}
    return {"all": tuple(found), **(parts if len(ways) > 1 else {})}


def as_text(found: Sequence[Answer], simulators: Sequence[str], source: str, setting: str, width: int = WIDTH) -> str:
    """The table, the errors summed up, and what is not modelled.

    Args:
        found: What to show.
        simulators: In the order of the columns.
        source: Where the measurements come from.
        setting: With what the predictions were made.
        width: Columns of a line, at most.
    """

    def prose(text: str) -> list[str]:
        return wrapped(printable(text), width, rest="   ")

    letters = {letter for answer in found for letter in answer.case.not_modelled}
    lines = [
        *prose(f"Measured: {source}"),
        *prose(f"Predicted: {setting}"),
        "",
        *_case_table(found, simulators, width),
        *prose(
            "real is the measured time; error is (predicted − measured) / measured; tp is tensor-parallel "
            "communication in percent of the predicted busy time of all stages; omits says by letters what "
            "is not modelled, below."
        ),
        "",
        *_accuracy_table(found, simulators, width),
        "",
        "Not modelled",
    ]
    for letter, text in NOT_MODELLED.items():
        lines += prose(f"{letter}  {text}") if letter in letters else []
    return "\n".join(lines) + "\n"


def as_json(found: Sequence[Answer], simulators: Sequence[str], source: str, setting: str) -> str:
    """The same as a JSON document; errors are fractions."""
    document = {
        "format_version": FORMAT_VERSION,
        "source": source,
        "setting": setting,
        "cases": [_case_document(answer, simulators) for answer in found],
        "accuracy": {
            simulator: {name: _accuracy_document(accuracy_of(part, simulator)) for name, part in groups(found).items()}
            for simulator in simulators
        },
        "not_modelled": NOT_MODELLED,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _case_table(found: Sequence[Answer], simulators: Sequence[str], width: int) -> list[str]:
    rows = []
    for answer in found:
        case = answer.case
        share = f"{100 * answer.folded_share:.0f}"
        row = [case.model, case.recompute, f"{case.tp}×{case.pp}", share, f"{case.measured_s:.2f}"]
        for simulator in simulators:
            row += [_number(answer.predicted_s[simulator], "{:.2f}"), _percent(answer.error(simulator))]
        rows.append([*row, case.not_modelled])
    headers = ["model", "recompute", "tp×pp", "tp\n[%]", "real\n[s]"]
    for simulator in simulators:
        headers += [f"{simulator}\n[s]", "error\n[%]"]
    return table([*headers, "omits"], rows, f"llrrr{'rr' * len(simulators)}l", width, keys=2)


def _accuracy_table(found: Sequence[Answer], simulators: Sequence[str], width: int) -> list[str]:
    rows = []
    for simulator in simulators:
        for name, part in groups(found).items():
            summed = accuracy_of(part, simulator)
            rows.append(
                [
                    simulator,
                    name,
                    str(summed.count if summed else 0),
                    _number(100 * summed.mape if summed else None, "{:.1f}"),
                    _number(100 * summed.geometric_mean_error if summed else None, "{:.1f}"),
                    _number(summed.geometric_mean_ratio if summed else None, "{:.3f}"),
                ]
            )
    headers = [
        "simulator",
        "recompute",
        "cases",
        "MAPE\n[%]",
        "geo. mean\nerror [%]",
        "geo. mean of\npredicted/measured",
    ]
    return table(headers, rows, "llrrrr", width, keys=2)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _percent(error: float | None) -> str:
    return "–" if error is None else f"{100 * error:+.1f}".replace("-", "−")


def _case_document(answer: Answer, simulators: Sequence[str]) -> dict[str, Any]:
    return {
        **attrs.asdict(answer.case),
        "folded_share": answer.folded_share,
        "predicted_s": dict(answer.predicted_s),
        "error": {simulator: answer.error(simulator) for simulator in simulators},
        "not_modelled": list(answer.case.not_modelled),
    }


def _accuracy_document(summed: Accuracy | None) -> Mapping[str, Any] | None:
    return None if summed is None else attrs.asdict(summed)
