"""Makes ``fakes`` and ``strategies`` importable from every test, and the wheel of versim only once."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

# What is compared must not depend on whether SimGrid is installed: scenarios leave it out where it is not. The plugin's
# own tests, and those of its page, run it.
os.environ["SIMGRID_PYTHON"] = str(Path(__file__).with_name("no-python-has-simgrid"))

# A loaded machine is no reason for a property to fail, and a failure must be the same tomorrow.
settings.register_profile(
    "versim",
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("versim")


@pytest.fixture(scope="session")
def house_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of versim, built once for all processes that run the tests: most of it is compiling."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    wheels = shared / "house-wheel"
    with _alone(shared / "house-wheel.lock"):
        if not list(wheels.glob("*.whl")):
            build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
            subprocess.run(build, cwd=Path(__file__).parents[1], check=True, capture_output=True)
    (wheel,) = wheels.glob("*.whl")
    return wheel


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time, where the system can hold the others."""
    with lock.open("w") as held:
        with contextlib.suppress(ImportError):
            import fcntl  # noqa: PLC0415 - not on every system

            fcntl.flock(held, fcntl.LOCK_EX)
        yield
