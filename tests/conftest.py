"""Makes ``fakes`` and ``strategies``, which stand beside this file, importable from every test."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# A loaded machine is no reason for a property to fail, and a failure must be the same tomorrow.
settings.register_profile("versim", max_examples=30, deadline=None, derandomize=True, database=None)
settings.load_profile("versim")
