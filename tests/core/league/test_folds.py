"""What is left out together."""

from __future__ import annotations

from league_samples import record
from versim.league.folds import FOLDS, fold_of, folds_of, model_folds


def test_runs_of_one_configuration_are_left_out_together() -> None:
    """Another release of a configuration, or its repeat, is not unseen."""
    runs = [record(id=f"a-{number}", step_s=number, release=f"r{number}") for number in (1, 2, 4)]
    assert len({fold_of(run) for run in runs}) == 1


def test_every_fold_is_used_and_none_is_out_of_range() -> None:
    """Configurations spread over the folds."""
    folds = folds_of([record(id=f"a-{tp}-{pp}", gpus=64, tp=tp, pp=pp) for tp in (1, 2, 4, 8) for pp in (1, 2, 4, 8)])
    assert set(folds.tolist()) <= set(range(FOLDS))
    assert len(set(folds.tolist())) > 2


def test_a_model_can_be_left_out_whole() -> None:
    """By its architecture, not by its name."""
    runs = [record(id="a", model="x"), record(id="b", model="y"), record(id="c", model="x", gpus=16)]
    folds = model_folds(runs)
    assert folds[0] == folds[2] != folds[1]
