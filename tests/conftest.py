"""Makes ``fakes`` and ``strategies``, which stand beside this file, importable from every test."""

import os
import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# What is compared must not depend on whether SimGrid is installed: scenarios leave it out where it is not. The plugin's
# own tests, and those of its page, run it.
os.environ["SIMGRID_PYTHON"] = str(Path(__file__).with_name("no-python-has-simgrid"))

# A loaded machine is no reason for a property to fail, and a failure must be the same tomorrow.
settings.register_profile("versim", max_examples=30, deadline=None, derandomize=True, database=None)
settings.load_profile("versim")
