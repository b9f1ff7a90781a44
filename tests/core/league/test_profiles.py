"""The profiles that ship."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from league_samples import record
from versim import VersimError
from versim.league.constants import BY_NAME
from versim.league.fitting import RUNS_PER_CONSTANT
from versim.league.folds import FOLDS, fold_of
from versim.league.profile import SHIPPED, Fitted, Profile, digest_of, load_profile, load_profiles


@pytest.mark.parametrize("profile", load_profiles().values(), ids=lambda profile: profile.framework)
def test_every_constant_has_ten_runs_and_lies_within_its_bounds(profile: Profile) -> None:
    """And every set says what it is worth on folds that it has not seen."""
    for _, _, fitted in profile.sets():
        assert len(fitted.constants) * RUNS_PER_CONSTANT <= fitted.runs
        assert len(fitted.used) <= fitted.runs
        assert fitted.error <= fitted.error_without * 1.05
        assert set(fitted.folds) <= set(range(FOLDS))
        for values in (fitted.constants, *fitted.folds.values()):
            assert all(BY_NAME[name].low <= value <= BY_NAME[name].high for name, value in values.items())


def test_files_say_what_each_constant_means() -> None:
    """With unit and evidence, for whoever reads them without versim."""
    for file in SHIPPED.glob("*.json"):
        document = json.loads(file.read_text(encoding="utf-8"))
        for fitted in document["columns"].values():
            for constant in fitted["constants"].values():
                assert {"value", "unit", "meaning", "evidence"} <= set(constant)


def test_a_run_that_was_fitted_on_gets_constants_that_have_not_seen_it() -> None:
    """Another run gets those of all."""
    seen, unseen = record(id="seen-1"), record(id="unseen-1", step_s=3.0)
    fitted = Fitted(
        constants={"kernel_time_factor": 1.2},
        folds={fold_of(seen): {"kernel_time_factor": 1.5}},
        runs=20,
        used=frozenset({digest_of(seen)}),
        error=0.1,
        error_without=0.2,
    )
    assert fitted.constants_for(seen) == {"kernel_time_factor": 1.5}
    assert fitted.constants_for(unseen) == {"kernel_time_factor": 1.2}


def test_the_most_particular_constants_hold() -> None:
    """Of the kind of model, else of the GPUs, else of all."""
    sets = [
        Fitted(constants={}, folds={}, runs=number, used=frozenset(), error=0.1, error_without=0.1)
        for number in (1, 2, 3)
    ]
    profile = Profile(
        framework="x", columns={"c": sets[0]}, groups={"ampere": {"c": sets[1]}, "experts": {"c": sets[2]}}
    )
    assert profile.fitted("c", record()) is sets[1]
    assert profile.fitted("c", record(gpu="b300")) is sets[0]
    assert profile.fitted("c", record(gpu="b300", experts=8)) is sets[2]
    assert profile.fitted("other", record()) is None


def test_a_file_that_is_no_profile_is_refused(tmp_path: Path) -> None:
    """By its name, with what is wrong."""
    file = tmp_path / "profile.json"
    for text in ("[]", "{", '{"framework": "x", "columns": {"c": {"constants": {"magic": 2}}}}'):
        file.write_text(text)
        with pytest.raises(VersimError):
            load_profile(file)
