"""Makes ``fences`` and ``execution``, which stand beside this file, importable from the tests here."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
