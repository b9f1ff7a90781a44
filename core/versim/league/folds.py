"""Folds: which runs are left out together when a constant is fitted.

Runs of one configuration (everything that was chosen but the release) are never on both sides: another release of a
configuration that was fitted, or its repeat, is not unseen. The fold of a run depends on nothing but its
configuration, so it is the same in every session and for every file it is read from.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from versim.league.record import RunRecord

FOLDS = 10

_VARIANTS = re.compile(r"async ?tp|vanilla|tensorwise|rowwise|w/o mtp|cut to \d+")
"""In a note: what was chosen, though no column holds it."""


def configuration(run: RunRecord) -> tuple[object, ...]:
    """What is left out together: everything that was chosen but the release, and no remark on it."""
    return (*attrs.evolve(run, release="", note="").settings, *_VARIANTS.findall(run.note.lower()))


def fold_of(run: RunRecord) -> int:
    """From 0 to ``FOLDS - 1``."""
    return hashlib.sha256(repr(configuration(run)).encode()).digest()[0] % FOLDS


def folds_of(runs: Sequence[RunRecord]) -> NDArray[np.int64]:
    """The folds; shape (runs,)."""
    return np.array([fold_of(run) for run in runs], dtype=np.int64)


def model_folds(runs: Sequence[RunRecord]) -> NDArray[np.int64]:
    """Folds that leave a whole model out, the sterner question; shape (runs,)."""
    return _numbered([repr(run.architecture) for run in runs])


def gpu_folds(runs: Sequence[RunRecord]) -> NDArray[np.int64]:
    """Folds that leave a whole kind of GPU out: do constants carry to another?; shape (runs,)."""
    return _numbered([run.gpu for run in runs])


def table_folds(runs: Sequence[RunRecord]) -> NDArray[np.int64]:
    """Folds that leave a whole source out; shape (runs,)."""
    return _numbered([run.series for run in runs])


def _numbered(names: Sequence[str]) -> NDArray[np.int64]:
    known = {name: number for number, name in enumerate(sorted(set(names)))}
    return np.array([known[name] for name in names], dtype=np.int64)
