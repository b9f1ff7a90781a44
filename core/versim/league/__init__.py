"""The league: predictions of published training runs held against what they took.

Reading order: ``record`` and ``reading`` (what was measured), ``recipe`` (the scenario of a record), ``column``
(which timings and simulator predict), ``predicting`` (one run), ``constants``, ``profile`` and ``fitting`` (what
kernels do not know), ``statistics``, ``baselines`` and ``memory`` (who is right), ``result`` (all of it), ``text``,
``document`` and ``page`` (for people and programs).
"""
