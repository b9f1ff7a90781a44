"""Makes ``report_samples`` of the reporters' tests importable: storage keeps what they format."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "reporters"))
