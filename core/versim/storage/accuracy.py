"""How far predictions are from what was measured, as a document states it; nobody reads it, it is computed again."""

from __future__ import annotations

from versim.storage.form import Integer, Key, Many, Maybe, Number, Record, Text

_SUMMED = Record(
    "Errors summed up; fractions.",
    name="accuracy",
    keys={
        "count": Key(Integer(1), "Cases with both times."),
        "mape": Key(Number(), "Mean of |error|."),
        "geometric_mean_error": Key(Number(), "exp(mean of |ln(predicted / measured)|) - 1."),
        "geometric_mean_ratio": Key(Number(), "exp(mean of ln(predicted / measured))."),
    },
)

_STEP = Record(
    "One step.",
    keys={
        "workload": Key(Text(), "Its label."),
        "pin": Key(Text(), "Its label."),
        "measured_ps": Key(Integer(), "By the machine."),
        "predicted_ps": Key(Integer(), "By the instance."),
        "error": Key(Number(), "(predicted - measured) / measured."),
    },
)

ACCURACY = Record(
    "One instance.",
    keys={
        "label": Key(Text(), "The instance's name."),
        "errors": Key(Many(_STEP), "Per workload and pin with a measured reference."),
        "steps": Key(Maybe(_SUMMED), "Over errors; null if there is none."),
        "operations": Key(Maybe(_SUMMED), "Over operations that were measured one by one; null if there is none."),
    },
)
