"""The build's hook: compiles the kernel where a C++ compiler is found, and leaves it out, saying so, where not."""

# ruff: noqa: INP001 - loaded by the build, not a package

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOM = "core/versim/kernel"
COMPILERS = ("c++", "g++", "clang++")
OPTIONS = ("-std=c++17", "-O2", "-fPIC", "-ffp-contract=off", "-fvisibility=default")


class KernelBuildHook(BuildHookInterface):  # type: ignore[type-arg, misc]
    """Makes the shared library beside its loader and puts it into wheels, which then fit this platform only."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Compile before the build; never a reason for it to fail."""
        if self.target_name != "wheel" or os.environ.get("VERSIM_KERNEL", "").lower() == "off":
            return
        root = Path(self.root)
        sources = _sources_module(root)
        library = root / ROOM / sources.library_name()
        parts = {name: root / folder for name, folder in self.config["parts"].items()}
        digests = {name: sources.digest_of(folder) for name, folder in parts.items()}
        if not _is_current(library, digests):
            library.unlink(missing_ok=True)
            fault = _compile(parts, digests, library)
            if fault:
                self.app.display_warning(f"versim's kernel is left out, everything runs in Python: {fault}")
                return
        build_data["force_include"][str(library)] = f"versim/kernel/{library.name}"
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"


def _sources_module(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("versim_kernel_sources", root / ROOM / "sources.py")
    if spec is None or spec.loader is None:
        raise ValueError(f"{root / ROOM / 'sources.py'} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _is_current(library: Path, digests: dict[str, str]) -> bool:
    """Whether a library from an earlier build is of the same sources; asked in a process of its own."""
    if not library.exists():
        return False
    ask = "import ctypes, sys; f = ctypes.CDLL(sys.argv[1])[sys.argv[2]]; f.restype = ctypes.c_char_p; print(f())"
    for name, digest in digests.items():
        command = [sys.executable, "-c", ask, str(library), f"{name}_digest"]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this interpreter
        if asked.stdout.strip() != repr(digest.encode()):
            return False
    return True


def _compile(parts: dict[str, Path], digests: dict[str, str], library: Path) -> str:
    """Compile and link; what went wrong, "" if nothing did."""
    named = os.environ.get("CXX", "")
    compiler = shutil.which(named) if named else next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        return "there is no C++ compiler (g++ or clang++)"
    with tempfile.TemporaryDirectory(prefix="versim-kernel-") as folder:
        objects = []
        running = []
        for name, source_folder in parts.items():
            for source in sorted(source_folder.glob("*.cpp")):
                objects.append(str(Path(folder) / f"{name}-{source.stem}.o"))
                defined = f'-DVERSIM_PART_DIGEST="{digests[name]}"'
                command = [compiler, *OPTIONS, defined, "-c", str(source), "-o", objects[-1]]
                running.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))  # noqa: S603 - as above
        complaints = [process.communicate()[1] for process in running]
        failed = [text for process, text in zip(running, complaints, strict=True) if process.returncode]
        if failed:
            return f"{compiler} fails: {failed[0].strip()[-2000:]}"
        made = Path(folder) / library.name
        link = [compiler, "-shared", *objects, "-o", str(made)]
        linked = subprocess.run(link, capture_output=True, text=True, check=False)  # noqa: S603 - as above
        if linked.returncode:
            return f"{compiler} cannot link: {linked.stderr.strip()[-2000:]}"
        try:
            ctypes.CDLL(str(made))
        except OSError as error:
            return f"what {compiler} makes cannot be loaded: {error}"
        # A process that has the old library open keeps it.
        placed = library.with_suffix(".new")
        shutil.copyfile(made, placed)
        placed.replace(library)
    return ""
