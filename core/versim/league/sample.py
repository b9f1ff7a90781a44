"""A sample of public run records that ships with versim: what the league shows when it is given no file."""

from __future__ import annotations

from pathlib import Path

SAMPLE = Path(__file__).with_name("sample.csv")
