"""Predictions and reports on disk: one strict JSON document, and an ``.npz`` beside it for very many spans.

Reading order: ``form`` (the report's format, stated once), ``document`` and ``text`` (writing), ``load_report`` and
``load`` (reading), ``files``; ``answers``, ``database`` and ``listing`` (answers of sweeps in SQLite).
"""
