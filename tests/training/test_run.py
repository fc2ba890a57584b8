"""The chain of training, from a store to packages that downscale."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import training_store

import xldm
from xldm.config import from_yaml
from xldm.errors import ConfigError, TrainingError
from xldm.packages import package
from xldm.training import train
from xldm.training.model_config import model_config
from xldm.training.preset import Preset
from xldm.training.stages import CalibrationPhase, DecoderPhase

QUIET = {"device": "cpu", "progress": False}


@pytest.fixture(scope="module")
def run(store, preset, tmp_path_factory) -> Path:
    """A folder in which the whole chain ran; not to be changed."""
    folder = tmp_path_factory.mktemp("run")
    train(preset, store, folder, **QUIET)
    return folder


def test_a_regression_alone_downscales(run, era5):
    model = xldm.load_model(run / "regression" / "package")
    out = era5.isel(valid_time=[0]).ldm.downscale(model)
    assert out["t2m"].shape[-2:] == training_store.GRID.fine_shape
    assert np.isfinite(out["t2m"]).all()


def test_the_whole_chain_downscales(run, era5):
    out = era5.isel(valid_time=[0]).ldm.downscale(run / "diffusion" / "package", members=2)
    assert np.isfinite(out["t2m"]).all()
    assert not np.array_equal(out["t2m"][0], out["t2m"][1])


def test_each_stage_keeps_what_the_ones_before_learnt(run):
    parts = [
        package.read(run / stage / "package").components["all"].state_dict()
        for stage in ("regression", "autoencoder", "diffusion")
    ]
    for before, after in itertools.pairwise(parts):
        assert before.keys() < after.keys()
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_package_says_how_it_was_trained(run, store, preset):
    folder = run / "diffusion" / "package"
    config = package.read(folder).config
    assert "A store for tests" in config.training_data and "period" in config.training_data
    made = config.provenance
    assert made["tiny before diffusion"] == package.read(run / "autoencoder" / "package").sha256
    assert {f"xldm {xldm.__version__}", f"torch {torch.__version__}"} <= made.keys()
    curve = pd.read_csv(folder / "training-curve.csv")
    assert list(curve["stage"].unique()) == ["regression", "autoencoder", "diffusion"]
    assert curve["val_loss"].count() == 3 * 2
    assert from_yaml(Preset, folder / "training.yaml") == preset
    assert "| diffusion | all | 1 | 8 |" in (folder / "README.md").read_text()


def test_the_card_of_a_regression_says_that_it_gives_the_mean_only(run):
    text = (run / "regression" / "package" / "README.md").read_text()
    assert "| networks | all: regression, gives the mean only |" in text
    assert "| networks |" not in (run / "diffusion" / "package" / "README.md").read_text()


def test_recomputing_activations_changes_nothing(run, store, preset, tmp_path):
    ends = []
    for checkpointing in (False, True):
        again = training_store.changed(preset, steps=2, checkpointing=checkpointing)
        location = train(
            again, store, tmp_path / str(checkpointing), stage="diffusion",
            start=run / "autoencoder" / "package", **QUIET,
        )  # fmt: skip
        ends.append(package.read(location).components["all"].state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_half_precision_comes_near_to_single(run, store, preset, tmp_path):
    losses = []
    for precision in ("32-true", "bf16-mixed"):
        again = training_store.changed(preset, steps=2, precision=precision)
        location = train(again, store, tmp_path / precision, stage="regression", **QUIET)
        losses.append(pd.read_csv(Path(location) / "training-curve.csv")["loss"].iloc[0])
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_a_static_branch_that_is_not_trained_stays_as_it_was(run, store, preset, tmp_path):
    branches = []
    for steps in (1, 3):
        again = training_store.changed(preset, steps=steps, train_static=False)
        location = train(
            again, store, tmp_path / str(steps), stage="diffusion",
            start=run / "autoencoder" / "package", **QUIET,
        )  # fmt: skip
        branches.append(package.read(location).components["all"].state_dict())
    same = {n for n in branches[0] if torch.equal(branches[0][n], branches[1][n])}
    assert {n for n in branches[0] if n.startswith("conditioner.static_")} <= same
    assert "conditioner.coarse_proj.weight" not in same


def test_scaling_is_that_of_the_training_hours(run, store):
    stats, config = store["stats"], package.read(run / "regression" / "package").config
    for v in config.predictors:
        assert v.mean == float(stats["mean"].sel(group="coarse", variable=v.name))


def test_the_latent_of_training_hours_is_standardised(run, store, preset):
    model = package.read(run / "autoencoder" / "package")
    net = model.components["all"]
    batch = next(iter(store.ldm.batches(batch_size=24, predictors=model.config.predictors)))
    with torch.no_grad():
        mean = net.mean.condition(*map(torch.from_numpy, (batch.coarse, batch.static)))
        latent = net.autoencoder.encode(torch.from_numpy(batch.fine) - mean)[0]
    # Four windows told the mean and spread.
    assert latent.mean((0, 2, 3)).abs().max() < 0.3
    assert (latent.std((0, 2, 3)) - 1).abs().max() < 0.3


def test_logs_hold_losses_by_step_and_the_wait_for_data(run):
    (path,) = (run / "regression" / "all" / "1" / "logs").rglob("metrics.csv")
    logged = pd.read_csv(path)
    assert {"loss", "val_loss", "samples_per_s", "data_wait", "lr"} <= set(logged)
    assert logged["step"].max() == 8
    assert logged["data_wait"].dropna().between(0, 1).all()
    assert list((run / "regression" / "all" / "1" / "tensorboard").rglob("events*"))


def test_a_report_is_logged_once(store, preset, tmp_path):
    phase = replace(preset.regression[0], steps=40, accumulate=2, validate_every=None)
    changed = replace(preset, regression=(phase,))
    train(changed, store, tmp_path, stage="regression", **QUIET)
    (path,) = tmp_path.rglob("metrics.csv")
    assert pd.read_csv(path)["step"].tolist() == list(range(2, 41, 2))


def test_training_learns(store, preset, tmp_path):
    phase = replace(preset.regression[0], steps=60, lr=1e-2, validate_every=20)
    location = train(
        replace(preset, regression=(phase,)), store, tmp_path, stage="regression", **QUIET
    )
    losses = pd.read_csv(Path(location) / "training-curve.csv")["loss"].dropna()
    assert losses.iloc[-3:].mean() < 0.6 * losses.iloc[:3].mean()


def test_phases_follow_one_another(store, preset, tmp_path):
    first = replace(preset.regression[0], from_coarse=True, norm_steps=0, muon_lr=1e-3)
    second = replace(first, loss="log", size=None, windows=None, steps=2, accumulate=2)
    changed = replace(preset, regression=(first, second))
    location = train(changed, store, tmp_path, stage="regression", **QUIET)
    curve = pd.read_csv(Path(location) / "training-curve.csv")
    assert curve.groupby("phase")["step"].max().to_dict() == {1: 8, 2: 2}


def test_a_start_from_the_coarse_field_begins_at_its_error(store, preset, tmp_path):
    begun = {}
    for from_coarse in (False, True):
        phase = replace(preset.regression[0], steps=1, norm_steps=0, from_coarse=from_coarse)
        location = train(
            replace(preset, regression=(phase,)), store, tmp_path / str(from_coarse),
            stage="regression", **QUIET,
        )  # fmt: skip
        curve = pd.read_csv(Path(location) / "training-curve.csv")
        begun[from_coarse] = curve["loss"].iloc[0]
    assert begun[True] < 0.1 * begun[False]


def test_the_full_field_can_be_diffused(store, preset, era5, tmp_path):
    changed = replace(preset, full_field=True, regression=(), gan=())
    location = train(changed, store, tmp_path, **QUIET)
    model = package.read(location)
    assert not any(n.startswith("regression.") for n in model.components["all"].state_dict())
    assert np.isfinite(era5.isel(valid_time=[0]).ldm.downscale(model)["t2m"]).all()
    with pytest.raises(ValueError, match="no regression"):
        model.baseline("regression")


def test_an_autoencoder_alone_does_not_downscale(store, preset, era5, tmp_path):
    changed = replace(preset, full_field=True, regression=(), gan=())
    location = train(changed, store, tmp_path, stage="autoencoder", **QUIET)
    with pytest.raises(ValueError, match="all: its denoiser is not trained yet"):
        era5.ldm.downscale(location)


def test_a_distilled_model_draws_in_the_steps_of_its_last_phase(run, store, preset, era5, tmp_path):
    start = run / "diffusion" / "package"
    location = train(preset, store, tmp_path, stage="distillation", start=start, **QUIET)
    (part,) = package.read(location).config.components
    assert (part.diffusion.sampler, part.diffusion.steps) == ("ddim-trailing", 1)
    out = era5.isel(valid_time=[0]).ldm.downscale(location)
    assert out.attrs["steps"] == 1
    assert np.isfinite(out["t2m"]).all()


@pytest.fixture
def with_decoder(preset) -> Preset:
    small = {"steps": 2, "lr": 1e-3, "batch_size": 2, "size": (8, 8)}
    return replace(
        preset, decoder=(DecoderPhase(**small),), calibration=(CalibrationPhase(**small),)
    )


@pytest.mark.parametrize("stage", ["distillation", "calibration"])
def test_what_makes_few_steps_good_changes_the_denoiser_alone(
    run, store, with_decoder, tmp_path, stage
):
    start = run / "diffusion" / "package"
    location = train(with_decoder, store, tmp_path, stage=stage, start=start, **QUIET)
    before, after = (package.read(p).components["all"].state_dict() for p in (start, location))
    changed = {n for n in before if not torch.equal(before[n], after[n])}
    assert changed
    assert {n.partition(".")[0] for n in changed} == {"denoiser"}


def test_the_decoder_is_trained_again_and_nothing_else_is(run, store, with_decoder, tmp_path):
    assert with_decoder.chain[-2:] == ("decoder", "calibration")
    start = run / "diffusion" / "package"
    location = train(with_decoder, store, tmp_path, stage="decoder", start=start, **QUIET)
    before, after = (package.read(p).components["all"].state_dict() for p in (start, location))
    changed = {n for n in before if not torch.equal(before[n], after[n])}
    of_decoder = {n for n in before if n.startswith(("autoencoder.decoder", "autoencoder.to_dec"))}
    assert changed and changed <= of_decoder


@pytest.mark.parametrize("stage", ["distillation", "decoder", "calibration"])
def test_what_follows_the_denoiser_needs_one(run, store, with_decoder, tmp_path, stage):
    start = run / "autoencoder" / "package"
    with pytest.raises(TrainingError, match="has no conditioner yet; all has no denoiser yet"):
        train(with_decoder, store, tmp_path, stage=stage, start=start, **QUIET)


def test_the_gan_baseline_gives_a_regression_that_downscales(store, preset, era5, tmp_path):
    location = train(preset, store, tmp_path, stage="gan", **QUIET)
    out = era5.isel(valid_time=[0]).ldm.downscale(location)
    assert np.isfinite(out["t2m"]).all()


def test_a_gan_can_keep_the_statistics_of_the_regression_that_it_starts_from(
    run, store, preset, tmp_path
):
    start = run / "regression" / "package"
    keeping = training_store.changed(preset, norm_steps=0)
    location = train(keeping, store, tmp_path, stage="gan", start=start, **QUIET)
    before, after = (package.read(p).components["all"].state_dict() for p in (start, location))
    moving = [name for name in before if "running_" in name]
    assert moving
    assert all(torch.equal(before[name], after[name]) for name in moving)
    assert not torch.equal(before["regression.outputs.weight"], after["regression.outputs.weight"])


def test_a_package_can_be_the_start_of_more_training(run, store, preset, tmp_path):
    location = train(
        preset, store, tmp_path, stage="regression", start=run / "diffusion" / "package", **QUIET
    )
    before = package.read(run / "regression" / "package").components["all"].state_dict()
    after = package.read(location).components["all"].state_dict()
    moved = (after["regression.outputs.weight"] - before["regression.outputs.weight"]).abs().max()
    assert 0 < moved < 0.05


def test_training_stops_early_and_keeps_the_best_weights(store, preset, tmp_path):
    phase = replace(
        preset.regression[0], steps=40, lr=1e-30, norm_steps=0, validate_every=2, patience=2
    )
    location = train(
        replace(preset, regression=(phase,)), store, tmp_path, stage="regression", **QUIET
    )
    curve = pd.read_csv(Path(location) / "training-curve.csv")
    of_validation = curve.dropna(subset="val_loss")
    best = of_validation.loc[of_validation["val_loss"].idxmin(), "step"]
    assert (best, curve["step"].max()) == (2, 6)
    kept = torch.load(tmp_path / "regression/all/1/checkpoints/best.ckpt", weights_only=True)
    assert kept["xldm"]["done"] == best
    weights = package.read(location).components["all"].state_dict()
    name = "regression.outputs.weight"
    assert torch.equal(weights[name], kept["state_dict"][f"net.{name}"])


def test_the_plateau_lowers_the_rate(store, preset, tmp_path):
    phase = replace(
        preset.regression[0], steps=16, lr=1.0, schedule="plateau", plateau_patience=1,
        validate_every=2, weights={"t2m": 0.0},
    )  # fmt: skip
    location = train(
        replace(preset, regression=(phase,)), store, tmp_path, stage="regression", **QUIET
    )
    rates = pd.read_csv(Path(location) / "training-curve.csv")["lr"].dropna()
    # Nothing can be gained where nothing weighs: down after validations 3, 5 and 7.
    assert rates.iloc[[0, -1]].tolist() == [1.0, 0.25**3]


def test_a_remote_folder_holds_the_package(store, preset, era5):
    location = train(preset, store, "memory://runs/one", stage="regression", **QUIET)
    assert location == "memory://runs/one/regression/package"
    assert np.isfinite(era5.isel(valid_time=[0]).ldm.downscale(location)["t2m"]).all()


def test_the_configuration_comes_from_preset_and_store(preset):
    grid = training_store.other_grid()
    with pytest.raises(ConfigError, match="halves 3 times"):
        model_config(preset, training_store.made(grid))
    found = model_config(preset, training_store.made())
    assert found.grid == training_store.GRID
    assert [v.name for v in found.predictors] == ["t2m", "u10", "sst"]
    assert found.land_cover == ("land", "sea")


def test_validation_is_the_same_every_time(store, preset, tmp_path):
    phase = replace(preset.regression[0], steps=4, lr=1e-12, norm_steps=0, validate_every=1)
    location = train(
        replace(preset, regression=(phase,)), store, tmp_path, stage="regression", **QUIET
    )
    values = pd.read_csv(Path(location) / "training-curve.csv")["val_loss"].dropna()
    assert len(values) == 4 and values.max() - values.min() < 1e-6


def test_an_unknown_stage_is_refused(store, preset, tmp_path):
    with pytest.raises(TrainingError, match="decoder, distillation, calibration, gan; got"):
        train(preset, store, tmp_path, stage="denoiser", **QUIET)


def test_a_stage_without_what_comes_before_is_refused(store, preset, tmp_path):
    with pytest.raises(TrainingError, match="diffusion starts from a package that has regression"):
        train(preset, store, tmp_path, stage="diffusion", **QUIET)
    assert not list(tmp_path.iterdir())


def test_a_folder_in_use_is_refused(run, store, preset):
    with pytest.raises(TrainingError, match="was begun here already"):
        train(preset, store, run, **QUIET)


def test_a_finished_run_is_resumed_without_doing_anything(run, store, preset):
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*")}
    assert train(preset, store, run, resume=True, **QUIET) == f"{run}/diffusion/package"
    assert {p: p.stat().st_mtime_ns for p in run.rglob("*")} == before


def test_a_run_of_a_version_with_fewer_settings_is_resumed(run, store, preset):
    for record in run.glob("*/run.yaml"):
        text = record.read_text()
        assert "calibration: []\n" in text
        record.write_text(text.replace("calibration: []\n", ""))
    assert train(preset, store, run, resume=True, **QUIET) == f"{run}/diffusion/package"


def test_a_run_is_not_resumed_with_another_preset(run, store, preset):
    with pytest.raises(TrainingError, match="begun here with another preset"):
        train(replace(preset, seed=1), store, run, resume=True, **QUIET)


def test_a_store_with_other_predictors_than_the_package_is_refused(run, store, preset, tmp_path):
    other = training_store.made(predictors=("t2m", "v10", "sst"))
    with pytest.raises(TrainingError, match=r"predictors are .*u10.* there, .*v10.* here"):
        train(
            preset, other, tmp_path / "new", stage="autoencoder",
            start=run / "regression" / "package", **QUIET,
        )  # fmt: skip
    assert not (tmp_path / "new").exists()


def test_other_widths_than_the_package_has_are_refused(run, store, preset, tmp_path):
    part = preset.components[0]
    wider = replace(part, regression=replace(part.regression, features=(8, 8, 8, 8)))
    with pytest.raises(TrainingError, match="regression of all is"):
        train(
            replace(preset, components=(wider,)), store, tmp_path / "new", stage="autoencoder",
            start=run / "regression" / "package", **QUIET,
        )  # fmt: skip


def test_a_target_that_the_store_lacks_is_refused(store, preset, tmp_path):
    part = replace(preset.components[0], targets=("t2m", "u10"))
    with pytest.raises(ConfigError, match="no u10 among its targets: it has t2m"):
        train(replace(preset, components=(part,)), store, tmp_path / "new", **QUIET)


def test_batches_of_a_store_come_from_its_accessor(store):
    batch = next(iter(store.ldm.batches(size=(4, 4), batch_size=3)))
    assert batch.fine.shape == (3, 1, 32, 32)


def test_the_card_and_curve_are_part_of_what_the_hash_stands_for(run):
    assert {"training-curve.csv", "training.yaml", "README.md"} <= set(
        package.read(run / "regression" / "package").config.files
    )
