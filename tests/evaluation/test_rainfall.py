"""Scores of hourly precipitation against NumPy, pysteps, xclim and xskillscore."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
import records
import scipy.stats
import xarray as xr
from evaluation.rain_record import rain
from pysteps.utils.spectral import rapsd

import xldm
from xldm.evaluation import figures, report
from xldm.evaluation.align import comparable
from xldm.evaluation.days import days, merge
from xldm.evaluation.plan import Plan
from xldm.evaluation.rain_sums import random_ranks
from xldm.evaluation.rainfall import indices
from xldm.evaluation.report import page
from xldm.evaluation.scores import TAKEN

HOURS = 24 * 30
EVERY = {"stratum": "all"}


@pytest.fixture(scope="module")
def truth() -> xr.Dataset:
    return rain(48, seed=1)


@pytest.fixture(scope="module")
def ensemble() -> xr.Dataset:
    return rain(48, members=4, seed=2)


@pytest.fixture(scope="module")
def result(truth, ensemble) -> xr.Dataset:
    forecasts = {"E": ensemble, "S": rain(48, seed=3)}
    return xldm.evaluate(forecasts, truth, static=records.static(), progress=False)


def at_points(record: xr.Dataset) -> xr.Dataset:
    """Every eighth cell, at the starts of the hours, whose days are those of the calendar."""
    points = record.isel(y=slice(4, None, 8), x=slice(4, None, 8)).astype(float)
    return points.assign_coords(time=points["time"] - np.timedelta64(1, "h"))


@pytest.fixture(scope="module")
def month() -> xr.Dataset:
    """Indices of 30 days over the end of a year, read in blocks of 31 hours."""
    record = rain(HOURS, seed=1)
    plan = Plan.of(*comparable({"S": record}, record), None)
    points = record.isel(y=plan.points[0], x=plan.points[1])
    series = [points[v].values.reshape(HOURS, 1, -1) for v in ("tp", "t2m")]
    cuts = np.arange(31, HOURS, 31)
    blocks = zip(*(np.split(a, cuts) for a in (record["time"].values, *series)), strict=True)
    of_blocks = [days(time, tp, t2m[:, :, None]) for time, tp, t2m in blocks]
    return indices(plan, dict.fromkeys(("truth", "S"), reduce(merge, of_blocks)))


def test_wet_hours_are_counted_by_stratum_and_season(result, truth, ensemble):
    land = (records.static()["land_mask"] > 0).values
    wet = (ensemble["tp"].values >= np.float32(1.0))[..., land].mean()
    found = result["wet_frequency"].sel(source="E", rain_threshold=1.0, stratum="land")
    assert float(found.sel(period="DJF")) == pytest.approx(wet, rel=1e-12)
    bias = result["frequency_bias"].sel(forecast="E", rain_threshold=1.0, stratum="land")
    of_truth = (truth["tp"].values >= 1)[..., land].mean()
    assert float(bias.sel(period="all")) == pytest.approx(wet / of_truth, rel=1e-12)


def test_a_tenth_of_a_millimetre_is_wet_in_metres_too():
    tenth = rain(1, seed=1).map(lambda v: v * 0 + np.float32(0.1), keep_attrs=True)[["tp"]]
    metres = (tenth * np.float32(1e-3)).assign(
        tp=lambda ds: ds["tp"].astype("float32").assign_attrs(units="m")
    )
    found = xldm.evaluate({"S": metres}, metres, progress=False)
    assert (
        float(found["wet_frequency"].sel(source="S", rain_threshold=0.1, period="all", **EVERY))
        == 1
    )
    assert float(found["rx1h"].sel(source="S")) == pytest.approx(0.1, rel=1e-6)


# Of 147456 values, 15 are beyond 99.99 %.
@pytest.mark.parametrize(("share", "close"), [(0.9, 0.005), (0.99, 0.005), (0.9999, 0.03)])
def test_quantiles_are_those_of_numpy(result, ensemble, share, close):
    expected = np.quantile(ensemble["tp"].values.astype(float), share)
    found = result["rain_quantiles"].sel(source="E", rain_quantile=share, **EVERY)
    assert float(found) == pytest.approx(expected, rel=close)


def test_the_wasserstein_distance_is_that_of_scipy(result, truth, ensemble):
    expected = scipy.stats.wasserstein_distance(
        ensemble["tp"].values.ravel(), truth["tp"].values.ravel()
    )
    found = result["wasserstein"].sel(forecast="E", variable="tp", **EVERY)
    assert float(found) == pytest.approx(expected, rel=0.02)


def test_the_spectrum_of_log_rain_is_that_of_pysteps():
    # pysteps knows squares and no window.
    square = rain(3, seed=1).isel(y=slice(24), x=slice(24))
    window = np.outer(*[np.sin(np.pi * np.arange(1, 25) / 25) ** 2] * 2)
    window /= np.sqrt((window**2).mean())
    decibels = 10 * np.log10(np.maximum(square["tp"].values.astype(float), 0.1) / 0.1)
    anomalies = (decibels - decibels.mean((1, 2), keepdims=True)) * window
    expected = np.mean([rapsd(field, np.fft)[1:] for field in anomalies], axis=0)
    found = xldm.evaluate({"S": square}, square, progress=False)["spectrum"]
    power = found.sel(field="log_tp", source="truth").values
    np.testing.assert_allclose(power[: expected.size], expected, rtol=1e-9)


def test_log_rain_has_a_spectrum_and_the_distance_follows_from_it(result):
    power = result["spectrum"].sel(field="log_tp")
    decibels = 10 * np.log10(power.sel(source="S").values / power.sel(source="truth").values)
    found = result["ralsd"].sel(forecast="S", rain_field="log_tp")
    assert float(found) == pytest.approx(np.sqrt((decibels**2).mean()), rel=1e-9)


# By xclim 0.62.0 of the daily sums at points of `month`, mean over years and points:
# max_n_day_precipitation_amount, maximum_consecutive_dry_days, maximum_consecutive_wet_days (freq
# "YS", 1 mm/day), and daily_pr_intensity of the whole record; rx1h by xarray's resample.
XCLIM = {
    "rx1day": 59.03304022108496, "cdd": 4.15, "cwd": 4.125, "sdii": 17.621001380428815,
    "rx1h": 9.746026462316513,
}  # fmt: skip


@pytest.mark.parametrize(("index", "expected"), XCLIM.items())
def test_an_index_of_days_is_that_of_xclim(month, index, expected):
    assert float(month[index].isel(source=0)) == pytest.approx(expected, rel=1e-6)


def test_correlations_of_days_are_those_of_xarray(month):
    points = at_points(rain(HOURS, seed=1))
    sums, warmth = points["tp"].resample(time="D").sum(), points["t2m"].resample(time="D").mean()
    expected = xr.corr(sums, sums.shift(time=1), "time").mean()
    assert float(month["lag1_corr"].isel(source=0)) == pytest.approx(float(expected), rel=1e-6)
    found = month["multivariable_correlation"].isel(source=0).sel(other_variable="t2m")
    assert float(found) == pytest.approx(float(xr.corr(sums, warmth, "time").mean()), rel=1e-6)


def test_indices_of_an_ensemble_are_those_of_its_members(result, ensemble):
    sums = at_points(ensemble)["tp"].resample(time="D").sum()
    expected = sums.max("time").mean()
    assert float(result["rx1day"].sel(source="E")) == pytest.approx(float(expected), rel=1e-6)


def test_a_forecast_equal_to_the_truth_is_perfect(truth):
    found = xldm.evaluate(
        {"S": truth.isel(time=slice(24))}, truth.isel(time=slice(24)), progress=False
    )
    for name, best in {
        "fss": 1,
        "quantile_ratio": 1,
        "frequency_bias": 1,
        "index_error": 0,
    }.items():
        values = found[name].values
        np.testing.assert_allclose(values[np.isfinite(values)], best)


# By xskillscore 0.0.29: reliability of the share of members with more than 1 mm.
XSKILLSCORE = [0.02169681, 0.18343195, 0.32162162, 0.46058879, 0.64985163]


def test_reliability_of_a_millimetre_is_that_of_xskillscore(result):
    one = result.sel(event="tp > 1", forecast="E")
    used = one["reliability_count"].values > 0
    np.testing.assert_allclose(one["reliability_observed"].values[used], XSKILLSCORE, rtol=1e-6)


def test_ranks_of_equal_values_are_all_equally_frequent_and_always_the_same():
    dry, time = np.zeros((3, 40000)), np.datetime64("2001-01-01T05")
    ranks = random_ranks(dry, dry[0], time)
    np.testing.assert_allclose(np.bincount(ranks) / ranks.size, 0.25, atol=0.01)
    np.testing.assert_array_equal(ranks, random_ranks(dry, dry[0], time.astype("datetime64[ns]")))
    assert (ranks != random_ranks(dry, dry[0], time + 1)).any()


def test_ranks_without_ties_are_those_by_hand(result, truth, ensemble):
    members, observed = ensemble["tp"].values.reshape(4, -1), truth["tp"].values.ravel()
    sure = observed > 0
    histogram = result["rain_rank_histogram"].sel(forecast="E", **EVERY)
    np.testing.assert_allclose(histogram.sum("rank"), 1)
    wet = (observed >= 0.1) | (members >= 0.1).any(0)
    # Rank 4: the truth rains more than all; it has no ties where it rains.
    most = ((members < observed).all(0) & sure & wet).sum() / wet.sum()
    assert float(histogram.sel(places="wet", rank=4)) == pytest.approx(most, rel=1e-12)


def test_chunks_and_parts_do_not_matter(result, truth, ensemble):
    forecasts = {"E": ensemble.chunk(time=7), "S": rain(48, seed=3).chunk(time=5)}
    again = xldm.evaluate(
        forecasts, truth.chunk(time=11), static=records.static(), parts=3, progress=False
    )
    # Two days of nearly the same warmth leave few digits of their correlation.
    loose = ["multivariable_correlation", "multivariable_correlation_error"]
    xr.testing.assert_allclose(again[loose], result[loose], rtol=1e-4)
    xr.testing.assert_allclose(again.drop_vars(loose), result.drop_vars(loose), rtol=1e-9)


def test_hours_apart_have_no_days_but_all_else(truth):
    apart = truth.isel(time=slice(0, 48, 7))
    found = xldm.evaluate({"S": apart}, apart, progress=False)
    assert np.isnan(found["rx1day"]).all()
    assert np.isfinite(found["rx1h"]).all()
    assert np.isfinite(found["fss"].sel(rain_threshold=0.1, period="all")).all()


def test_missing_amounts_count_for_no_forecast(truth):
    holed = truth.assign(tp=truth["tp"].where(truth["x"] > truth["x"][9]))
    found = xldm.evaluate({"S": truth}, holed, progress=False)
    expected = (truth["tp"].values[..., 10:] >= np.float32(0.1)).mean()
    share = found["wet_frequency"].sel(rain_threshold=0.1, period="all", **EVERY)
    np.testing.assert_allclose(share.values, expected, rtol=1e-12)


def test_sums_of_three_hours_have_no_scores_of_hours(truth):
    three = truth.assign(tp=truth["tp"].assign_attrs(units="mm/3h"))
    found = xldm.evaluate({"S": three}, three, progress=False)
    assert "fss" not in found
    assert "rmse" in found


def test_names_of_its_variables_cannot_be_taken(result):
    made = set(result.variables)
    without = xldm.evaluate({"S": records.record(2)}, records.record(2), progress=False)
    assert made - set(without.variables) - {"rmse"} <= TAKEN


def test_the_report_has_a_section_on_precipitation(result, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "_figure", lambda figure, caption: "")
    text = report.write(result, tmp_path / "rain").read_text("utf-8")
    assert "Quantiles of all hours over those of the truth" in text
    assert "Extremes and spells" in text


@pytest.mark.parametrize("draw", [figures.rain_quantiles, figures.rain_fss])
def test_a_figure_names_every_forecast(result, draw):
    words = {t.get_text() for t in draw(result).findobj(lambda a: hasattr(a, "get_text"))}
    assert {"E", "E mean", "S"} <= words


def test_the_map_is_of_the_hour_of_most_rain(result, truth, ensemble):
    shots = figures.snapshots({"E": ensemble, "S": rain(48, seed=3)}, truth, result)
    wettest = truth["time"].values[truth["tp"].mean(("y", "x")).values.argmax()]
    stamp = np.datetime_as_string(wettest, unit="m")
    assert f"hourly precipitation at {stamp} UTC" in shots
