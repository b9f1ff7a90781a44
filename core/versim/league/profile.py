"""Framework profiles: what tables of kernels do not know, as a few named constants per framework.

Profiles are fitted in the open (:mod:`~versim.league.fitting`) and ship as data. Because a factor corrects a particular
source of seconds, a profile holds one set of constants (:mod:`~versim.league.constants`) per column.

The same fit with each fold left out is kept beside it: a run that was fitted on is predicted with the constants that
have not seen its configuration, so that no figure in a table is one of hindsight.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from versim.errors import VersimError
from versim.league.constants import BY_NAME, Scaling
from versim.league.convention import group_of
from versim.league.folds import fold_of
from versim.league.machine import generation_of
from versim.league.record import RunRecord

_STERNER = ("models_left_out", "gpus_left_out", "shuffled")
"""Errors of sterner questions that a fit was asked."""

SHIPPED = Path(__file__).parent / "profiles"


@attrs.frozen(kw_only=True)
class Fitted:
    """The constants of one column, and how they were come by.

    Attributes:
        constants: Name ─▶ value.
        folds: The same with each fold left out, by number.
        runs: How many runs it was fitted on.
        used: Digests of their ids.
        error: Mean absolute error on left-out folds.
        error_without: The same runs without a profile.
        models_left_out: With whole models left out; None where there is one, or it was not looked at.
        gpus_left_out: The same of kinds of GPUs.
        shuffled: Of the same constants on shuffled measurements; None where it was not looked at.
    """

    constants: Mapping[str, float]
    folds: Mapping[int, Mapping[str, float]]
    runs: int
    used: frozenset[str]
    error: float
    error_without: float
    models_left_out: float | None = None
    gpus_left_out: float | None = None
    shuffled: float | None = None

    def was_used(self, run: RunRecord) -> bool:
        """True if the run was among those fitted on."""
        return digest_of(run) in self.used

    def constants_for(self, run: RunRecord) -> Mapping[str, float]:
        """The constants that have not seen the run's configuration."""
        return self.folds.get(fold_of(run), self.constants) if self.was_used(run) else self.constants


@attrs.frozen(kw_only=True)
class Profile:
    """What is known of a framework beyond its kernels.

    Attributes:
        framework: Its name in records.
        columns: Label of a column ─▶ its constants.
        groups: ``dense``, ``experts``, a generation of GPUs or a fault of the software ─▶ label ─▶ constants of their
            own, where enough runs show that they are needed; what was never seen takes those of all.
        source: On which records it was fitted.
    """

    framework: str
    columns: Mapping[str, Fitted]
    groups: Mapping[str, Mapping[str, Fitted]] = attrs.field(factory=dict)
    source: str = ""

    def fitted(self, label: str, run: RunRecord) -> Fitted | None:
        """The constants that hold for a run in a column: of its kind of model, else of its GPUs, else of all."""
        for group in groups_of(run):
            if label in self.groups.get(group, {}):
                return self.groups[group][label]
        return self.columns.get(label)

    def sets(self) -> list[tuple[str, str, Fitted]]:
        """Every set of constants: (group, "" for all; label; constants)."""
        found = [("", label, fitted) for label, fitted in self.columns.items()]
        for group, columns in self.groups.items():
            found += [(group, label, fitted) for label, fitted in columns.items()]
        return found


def groups_of(run: RunRecord) -> tuple[str, ...]:
    """The groups of a run that may have constants of their own, the first that has any counts.

    Runs of faulty software are a group of their own, whatever else they are, and so are those that their framework's
    conventions tell apart.
    """
    if run.fault:
        return (run.fault,)
    if own := group_of(run):
        return (own,)
    return tuple(group for group in (run.kind, generation_of(run.gpu)) if group)


def digest_of(run: RunRecord) -> str:
    """A short digest of a run's id and measured time, by which a profile remembers what it has seen."""
    return hashlib.sha256(f"{run.id} {run.step_s}".encode()).hexdigest()[:8]


def load_profiles(folder: Path = SHIPPED) -> dict[str, Profile]:
    """Every profile of a folder, by framework.

    Raises:
        VersimError: A file is no profile.
    """
    found = [load_profile(file) for file in sorted(folder.glob("*.json"))]
    return {profile.framework: profile for profile in found}


def load_profile(file: Path) -> Profile:
    """One profile.

    Raises:
        VersimError: The file cannot be read or is no profile.
    """
    try:
        plain: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return Profile(
            framework=str(plain["framework"]),
            columns={label: _fitted(fitted) for label, fitted in plain["columns"].items()},
            groups={
                str(group): {label: _fitted(fitted) for label, fitted in columns.items()}
                for group, columns in plain.get("groups", {}).items()
            },
            source=str(plain.get("source", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise VersimError(f"{file} is no profile: {type(error).__name__}: {error}") from None


def _fitted(plain: Mapping[str, Any]) -> Fitted:
    return Fitted(
        constants=_constants(plain["constants"]),
        folds={int(fold): _constants(values) for fold, values in plain["folds"].items()},
        runs=int(plain["runs"]),
        used=frozenset(_unpacked(plain["used"])),
        error=float(plain["error_on_left_out_folds"]),
        error_without=float(plain["error_without"]),
        **{name: None if plain.get(name) is None else float(plain[name]) for name in _STERNER},
    )


def _constants(values: Mapping[str, Any]) -> dict[str, float]:
    plain = {
        str(name): float(value["value"] if isinstance(value, Mapping) else value) for name, value in values.items()
    }
    Scaling.of(plain)  # refuses what no constant is called
    return plain


def profile_document(profile: Profile) -> str:
    """A profile as the JSON it ships as; every constant with unit, meaning and evidence."""
    document = {
        "framework": profile.framework,
        "source": profile.source,
        "columns": {label: _plain(fitted) for label, fitted in profile.columns.items()},
        "groups": {
            group: {label: _plain(fitted) for label, fitted in columns.items()}
            for group, columns in profile.groups.items()
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _plain(fitted: Fitted) -> dict[str, Any]:
    evidence = (
        f"fitted on {fitted.runs} public runs; mean absolute error on left-out folds {100 * fitted.error:.1f} %, "
        f"without a profile {100 * fitted.error_without:.1f} %"
    )
    return {
        "constants": {
            name: {
                "value": value,
                "unit": BY_NAME[name].unit,
                "meaning": BY_NAME[name].meaning,
                "evidence": evidence,
            }
            for name, value in fitted.constants.items()
        },
        "runs": fitted.runs,
        "error_on_left_out_folds": round(fitted.error, 5),
        "error_without": round(fitted.error_without, 5),
        **{name: round(found, 5) for name in _STERNER if (found := getattr(fitted, name)) is not None},
        "folds": {str(fold): dict(values) for fold, values in sorted(fitted.folds.items())},
        "used": _packed(fitted.used),
    }


def _packed(digests: Iterable[str]) -> list[str]:
    """Digests joined in lines, so that a profile of a thousand runs stays readable."""
    ordered: Sequence[str] = sorted(digests)
    return [" ".join(ordered[first : first + 12]) for first in range(0, len(ordered), 12)]


def _unpacked(lines: Iterable[str]) -> list[str]:
    return [digest for line in lines for digest in line.split()]
