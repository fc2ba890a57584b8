"""Training of departures from the interpolated predictor, with the sun and with few predictors."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import xldm
from xldm.errors import ConfigError, TrainingError
from xldm.models.downscaler import Sampling
from xldm.packages import package
from xldm.training import train
from xldm.training.preset import Preset
from xldm.training.stages import CalibrationPhase, DecoderPhase

QUIET = {"device": "cpu", "progress": False}
TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture(scope="module")
def departures(preset) -> Preset:
    common = {"steps": 2, "batch_size": 2, "lr": 1e-3, "dropout": 0.8, "validate_batches": 2}
    part = replace(preset.components[0], smoothing=(1.0, 0.85))
    cached = replace(preset.diffusion[0], steps=2, cache_latents=True, dropout=0.8)
    return replace(
        preset,
        components=(part,),
        sun=True,
        footprint=31e3,
        subsets=(("t2m",), ("t2m", "u10")),
        regression=(replace(preset.regression[0], dropout=0.8),),
        diffusion=(cached,),
        decoder=(DecoderPhase(**common),),
        calibration=(CalibrationPhase(**common),),
    )


@pytest.fixture(scope="module")
def run(store, departures, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("departures")
    train(departures, store, folder, **QUIET)
    return folder


def test_every_stage_ends_with_a_model_that_draws(run, era5):
    out = era5.isel(valid_time=[0]).ldm.downscale(run / "calibration" / "package", members=2)
    assert np.isfinite(out["t2m"]).all()
    assert not np.array_equal(out["t2m"][0], out["t2m"][1])


def test_the_package_says_what_its_networks_see(run):
    config = package.read(run / "calibration" / "package").config
    assert config.sun and config.footprint == 31e3 and config.components[0].smoothing == (1.0, 0.85)
    assert config.coarse_channels == len(config.predictors) + 5


def test_the_hour_of_the_day_reaches_the_networks(run):
    model = xldm.load_model(run / "regression" / "package")
    coarse = np.zeros((2, len(model.config.predictors), *model.config.grid.shape), np.float32)
    times = np.array(["2001-06-21T00", "2001-06-21T12"], "datetime64[ns]")
    night, noon = model.fields(coarse, times, Sampling())[0]
    assert not np.array_equal(night, noon)


def test_a_package_that_does_not_see_the_sun_is_no_start(run, store, preset, tmp_path):
    with pytest.raises(TrainingError, match="sun is True there, False here"):
        train(
            preset, store, tmp_path / "run", stage="autoencoder",
            start=run / "regression" / "package", **QUIET,
        )  # fmt: skip


def test_departures_from_nothing_are_refused(departures):
    with pytest.raises(ValueError, match="smoothing constrains the regression's mean"):
        replace(departures, full_field=True, regression=(), gan=())


def test_subsets_of_predictors_that_the_store_lacks_are_refused(departures, store, tmp_path):
    with pytest.raises(ConfigError, match=r"subsets name q850, .* predictors t2m, u10, sst"):
        train(replace(departures, subsets=(("t2m", "q850"),)), store, tmp_path / "run", **QUIET)


def test_widened_networks_give_the_departures_of_what_they_gave(store, preset, tmp_path):
    plain = train(preset, store, tmp_path / "run", stage="regression", **QUIET)
    command = [sys.executable, TOOLS / "widen.py", tmp_path / "wide", plain]
    more = ["--sun", "--smoothing", "1.0", "0.85", "--slopes", "6"]
    subprocess.run([*command, *more], check=True, capture_output=True)
    before, after = xldm.load_model(plain), xldm.load_model(tmp_path / "wide")
    rng = np.random.default_rng(0)
    coarse = rng.normal(280, 5, (1, len(before.config.predictors), *before.config.grid.shape))
    times = np.array(["2001-06-21T12"], "datetime64[ns]")
    fields = [m.fields(coarse.astype("float32"), times, Sampling())[0, 0] for m in (before, after)]
    rest = fields[1] - fields[0]
    # What they differ by is smooth.
    assert np.abs(np.diff(rest, axis=-1)).max() < 0.3 * np.ptp(rest)
