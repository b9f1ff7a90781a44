"""Builds what a release consists of: a source distribution and a wheel of each distribution, into a folder.

    python tools/release.py [--draft] [FOLDER]

All distributions have one version, and the changelog has a section for it that is not called unreleased; ``--draft``
builds all the same. The wheel of versim holds the compiled kernel and fits this platform; with ``VERSIM_KERNEL=off``
it holds none and fits all. Nothing is uploaded.
"""

# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DISTRIBUTIONS = (".", "proof", "plugins/simgrid")
NEEDED = ("LICENSE", "NOTICE")
"""What both archives of versim have to hold."""


def versions(root: Path) -> dict[str, str]:
    """The version of each distribution, by its folder."""
    return {
        folder: tomllib.loads((root / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        for folder in DISTRIBUTIONS
    }


def faults(found: dict[str, str], changelog: str) -> list[str]:
    """Why this is no release; empty if it is one."""
    said = []
    if len(set(found.values())) != 1:
        said.append(f"versions differ: {', '.join(f'{folder} {version}' for folder, version in found.items())}")
    version = found["."]
    heading = re.search(rf"(?m)^## {re.escape(version)}(?P<rest>.*)$", changelog)
    if heading is None:
        said.append(f"CHANGELOG.md has no section {version}")
    elif "unreleased" in heading["rest"]:
        said.append(f"CHANGELOG.md calls {version} unreleased")
    return said


def missing(archive: Path) -> list[str]:
    """What an archive of versim does not hold and has to."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            names = wheel.namelist()
    else:
        with tarfile.open(archive) as source:
            names = source.getnames()
    held = {Path(name).name for name in names}
    return [name for name in NEEDED if name not in held]


def main() -> int:
    """Check, build, list."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--draft", action="store_true", help="build in spite of what is not ready")
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "dist")
    given = parser.parse_args()
    found = versions(ROOT)
    not_ready = faults(found, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    for fault in not_ready:
        sys.stderr.write(f"not ready: {fault}\n")
    if not_ready and not given.draft:
        return 1
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        sys.stderr.write(f"{folder} is not empty\n")
        return 1
    for distribution in DISTRIBUTIONS:
        command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
        subprocess.run(command, cwd=ROOT / distribution, check=True, stdout=sys.stderr)  # noqa: S603 - fixed words
    incomplete = 0
    for archive in sorted(folder.iterdir()):
        content = archive.read_bytes()
        sys.stdout.write(f"{hashlib.sha256(content).hexdigest()}  {archive.name}  {len(content):,} bytes\n")
        for name in missing(archive) if archive.name.startswith("versim-") else ():
            sys.stderr.write(f"{archive.name} has no {name}\n")
            incomplete += 1
    return 1 if incomplete else 0


if __name__ == "__main__":
    sys.exit(main())
