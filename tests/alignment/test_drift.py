"""How far predictors lie from the distribution of training."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import xarray as xr

import xldm
from xldm.alignment import report_drift, warn_of_drift
from xldm.alignment.drift import limits, measure
from xldm.config import Variable
from xldm.twin import both_sides, hours_over_year
from xldm.twin.biased import climate_model, forecast

T2M = Variable("t2m", "air_temperature", "K", 288.0, 8.0)
U10 = Variable("u10", "eastward_wind", "m s-1", 0.0, 4.0)
TP = Variable("tp", "precipitation_amount", "m", 1e-4, 3e-4, lower=0.0)
YEAR = np.arange("2001-01-01", "2002-01-01", 30, dtype="datetime64[h]").astype("datetime64[ns]")


def drawn(mean: float, std: float, times: np.ndarray = YEAR) -> np.ndarray:
    """Fields (time, 1, y, x) of one predictor, each with its own weather."""
    rng = np.random.default_rng(1)
    weather = rng.normal(0, 0.8, (times.size, 1, 1, 1)) + rng.normal(0, 0.6, (times.size, 1, 4, 5))
    return mean + std * weather


@pytest.fixture(scope="module")
def model():
    return xldm.load_model("italy-2km")


@pytest.fixture(scope="module")
def year() -> xr.Dataset:
    """Hours over a year that the embedded model was not trained on."""
    return both_sides(hours_over_year(2008, 48))[0]


def test_fields_as_in_training_are_within_bounds():
    (found,) = measure(drawn(288.0, 8.0), YEAR, [T2M])
    assert found.outside == ""
    assert found.spread == pytest.approx(1.0, abs=0.1)


def test_a_mean_that_is_off_all_year_is_outside():
    (found,) = measure(drawn(292.0, 8.0), YEAR, [T2M])
    assert found.shift == pytest.approx(0.5, abs=0.1)
    assert found.outside.startswith("mean +0.")


@pytest.mark.parametrize(("times", "word"), [(0.6, "spread 0."), (1.6, "spread 1.")])
def test_a_year_with_other_variance_is_outside(times, word):
    (found,) = measure(drawn(0.0, 4.0 * times), YEAR, [U10])
    assert found.outside.startswith(word)


def test_a_season_is_no_drift_but_the_same_mean_all_year_is():
    summer = YEAR[(YEAR.astype("datetime64[M]").astype(int) % 12 == 6)]
    warm = 288.0 + 1.2 * 8.0
    assert measure(drawn(warm, 4.0, summer), summer, [T2M])[0].outside == ""
    assert measure(drawn(warm, 4.0), YEAR, [T2M])[0].outside != ""


def test_bounds_narrow_as_more_weather_is_seen():
    bounds = [limits(T2M, YEAR[: n * 8]).shift for n in (1, 4, 12, 36)]
    assert bounds == sorted(bounds, reverse=True)


def test_hours_of_one_day_are_one_weather():
    day = np.arange("2001-07-15", "2001-07-16", dtype="datetime64[h]")
    assert limits(T2M, day).shift > limits(T2M, day.repeat(1)[::6]).shift - 1e-9


def test_gaps_are_skipped():
    fields = drawn(288.0, 8.0)
    fields[..., :3] = np.nan
    assert np.isfinite(measure(fields, YEAR, [T2M])[0].shift)


def test_a_predictor_without_values_is_left_out():
    assert measure(np.full((1, 1, 2, 2), np.nan), YEAR[:1], [T2M]) == []


def test_rare_heavy_rain_is_no_drift():
    heavy = 20 * TP.std
    rain = np.where(np.random.default_rng(0).random((YEAR.size, 1, 8, 8)) > 0.997, heavy, 0.0)
    assert measure(rain, YEAR, [TP])[0].outside == ""


def test_hours_of_the_twin_are_within_bounds_one_by_one(year, model):
    for i in range(0, 48, 6):
        found = report_drift(year.isel(valid_time=[i]), model.config, model.static)
        assert found.ok, found


def test_a_year_of_the_twin_is_within_bounds(year, model):
    found = report_drift(year, model.config, model.static)
    assert found.ok, found


@pytest.mark.parametrize("off", [lambda era5: forecast(era5, 72.0), climate_model])
def test_a_biased_year_is_outside(year, model, off):
    assert not report_drift(off(year), model.config, model.static).ok


def test_drift_warns_and_shows_a_table(year):
    with pytest.warns(xldm.OutOfDistributionWarning, match="outside: .*w850"):
        found = climate_model(year).ldm.drift()
    lines = repr(found).splitlines()
    assert lines[2].startswith("predictor  shift")
    assert len(lines) == 3 + 14
    assert found._repr_html_().count("<tr>") == 15


def test_absent_predictors_are_left_out_of_the_report(year, model):
    found = report_drift(year.drop_vars(["sd", "tp"]), model.config, model.static)
    assert {r.predictor for r in found.rows} == {v.name for v in model.config.predictors} - {
        "sd",
        "tp",
    }


def test_lazy_data_are_read_in_a_sample(year, model):
    seen = []

    def look(block: np.ndarray) -> np.ndarray:
        seen.append(block.shape[0])
        return block

    long = xr.concat([year] * 10, "valid_time").assign_coords(
        valid_time=np.datetime64("2008-01-01", "ns") + np.arange(480) * np.timedelta64(18, "h")
    )
    lazy = long.chunk(valid_time=1)
    lazy["t2m"] = lazy["t2m"].copy(data=lazy["t2m"].data.map_blocks(look, dtype="float32"))
    seen.clear()
    report_drift(lazy, model.config, model.static)
    assert sum(seen) < 120


def test_drawing_warns_once_of_predictors_far_away(year, model):
    fields = np.stack([np.full((2, 84, 72), v.mean, "float32") for v in model.config.predictors], 1)
    times = year["valid_time"].values[:2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_drift(fields, times, model.config)
    fields[:, 0] += 60.0
    with pytest.warns(xldm.OutOfDistributionWarning, match="t2m: mean"):
        warn_of_drift(fields, times, model.config)


def test_an_absent_predictor_is_passed_over_while_drawing(year, model):
    fields = np.stack([np.full((1, 84, 72), v.mean, "float32") for v in model.config.predictors], 1)
    fields[:, 0] += 60.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_drift(fields, year["valid_time"].values[:1], model.config, absent=("t2m",))
