"""Scores of small records against NumPy by hand, and what must not change them."""

from __future__ import annotations

import json
import re

import dask
import numpy as np
import properscoring
import pytest
import records
import scipy.stats
import xarray as xr

import xldm
from xldm.errors import InputError

QUARTER = np.timedelta64(15, "m")
KEYS = {"stratum": "all", "period": "all"}


@pytest.fixture(scope="module")
def truth() -> xr.Dataset:
    return records.record(30, seed=1)


@pytest.fixture(scope="module")
def ensemble() -> xr.Dataset:
    return records.record(30, members=4, seed=2)


@pytest.fixture(scope="module")
def single() -> xr.Dataset:
    return records.record(30, seed=3)


@pytest.fixture(scope="module")
def result(truth, ensemble, single) -> xr.Dataset:
    return xldm.evaluate(
        {"E": ensemble, "S": single}, truth, static=records.static(), progress=False
    )


def test_an_ensemble_is_followed_by_its_mean(result):
    assert result["forecast"].values.tolist() == ["E", "E mean", "S"]
    assert result["source"].values.tolist() == ["truth", "E", "E mean", "S"]


@pytest.mark.parametrize("variable", ["t2m", "u10", "v10"])
def test_errors_of_a_single_forecast_are_those_of_numpy(result, truth, single, variable):
    f, o = (ds[variable].values.astype(float).ravel() for ds in (single, truth))
    found = result.sel(forecast="S", variable=variable, **KEYS)
    assert float(found["rmse"]) == pytest.approx(np.sqrt(((f - o) ** 2).mean()), rel=1e-10)
    assert float(found["bias"]) == pytest.approx((f - o).mean(), rel=1e-8)
    assert float(found["mae"]) == pytest.approx(np.abs(f - o).mean(), rel=1e-10)
    assert float(found["r2"]) == pytest.approx(
        1 - ((f - o) ** 2).sum() / ((o - o.mean()) ** 2).sum(), rel=1e-8
    )
    assert float(found["pcc"]) == pytest.approx(scipy.stats.pearsonr(f, o)[0], rel=1e-7)
    assert int(found["n"]) == f.size


def test_members_are_scored_as_single_draws(result, truth, ensemble):
    error = ensemble["t2m"].astype(float) - truth["t2m"].astype(float)
    found = result["rmse"].sel(forecast="E", variable="t2m", **KEYS)
    assert float(found) == pytest.approx(float(np.sqrt((error**2).mean())), rel=1e-10)


def test_wind_speed_is_that_of_each_member_and_not_of_the_mean_wind(result, truth, ensemble):
    mean_speed = records.speed(ensemble).mean("member")
    expected = np.sqrt(((mean_speed - records.speed(truth)) ** 2).mean())
    found = result["rmse"].sel(forecast="E mean", variable="wind_speed", **KEYS)
    assert float(found) == pytest.approx(float(expected), rel=1e-10)


def test_correlation_of_pooled_members_is_that_of_the_pooled_values(result, truth, ensemble):
    f = ensemble["v10"].values.astype(float)
    o = np.broadcast_to(truth["v10"].values.astype(float), f.shape)
    found = result["pcc"].sel(forecast="E", variable="v10", **KEYS)
    assert float(found) == pytest.approx(np.corrcoef(f.ravel(), o.ravel())[0, 1], rel=1e-7)


@pytest.mark.parametrize("stratum", ["land", "sea", "500-1000 m", "above 2000 m"])
def test_strata_hold_their_cells(result, truth, single, stratum):
    ground = records.static()
    height, land = ground["orog"], ground["land_mask"] == 1
    cells = {
        "land": land,
        "sea": ~land,
        "500-1000 m": land & (height >= 500) & (height < 1000),
        "above 2000 m": land & (height >= 2000),
    }[stratum]
    error = (single["t2m"].astype(float) - truth["t2m"]).where(cells)
    found = result.sel(forecast="S", variable="t2m", stratum=stratum, period="all")
    assert float(found["rmse"]) == pytest.approx(float(np.sqrt((error**2).mean())), rel=1e-9)
    assert int(found["n"]) == int(cells.sum()) * truth.sizes["time"]


def test_periods_hold_their_hours(result, truth, single):
    error = single["t2m"].astype(float) - truth["t2m"]
    by_season = np.sqrt((error**2).groupby("time.season").mean(...))
    by_hour = np.sqrt((error**2).groupby("time.hour").mean(...))
    found = result["rmse"].sel(forecast="S", variable="t2m", stratum="all")
    assert float(found.sel(period="DJF")) == pytest.approx(float(by_season.sel(season="DJF")))
    assert float(found.sel(period="21 UTC")) == pytest.approx(float(by_hour.sel(hour=21)))
    assert "JJA" not in found["period"]


def test_hourly_scores_are_over_space(result, truth, single):
    error = single["u10"].astype(float) - truth["u10"]
    found = result["bias_hourly"].sel(forecast="S", variable="u10", stratum="all")
    np.testing.assert_allclose(found, error.mean(("y", "x")), rtol=1e-9)


def test_maps_are_over_time(result, truth, single):
    error = single["t2m"].astype(float) - truth["t2m"]
    np.testing.assert_allclose(
        result["rmse_map"].sel(forecast="S", variable="t2m"),
        np.sqrt((error**2).mean("time")),
        rtol=1e-6,
    )
    found = result["pcc_map"].sel(forecast="S", variable="t2m")
    np.testing.assert_allclose(
        found,
        xr.corr(single["t2m"].astype(float), truth["t2m"].astype(float), "time"),
        rtol=1e-4,
        atol=1e-6,
    )


def test_crps_is_that_of_properscoring(result, truth, ensemble):
    f = np.moveaxis(ensemble["t2m"].values.astype(float), 0, -1)
    expected = properscoring.crps_ensemble(truth["t2m"].values.astype(float), f).mean()
    found = result["crps"].sel(forecast="E", variable="t2m", **KEYS)
    assert float(found) == pytest.approx(expected, rel=1e-10)


def test_fair_crps_is_that_of_scores(result, truth, ensemble):
    from scores.probability import crps_for_ensemble

    expected = crps_for_ensemble(
        ensemble["t2m"].astype(float), truth["t2m"].astype(float), "member", method="fair"
    )
    found = result["crps_fair"].sel(forecast="E", variable="t2m", **KEYS)
    assert float(found) == pytest.approx(float(expected), rel=1e-10)


def test_the_mean_of_an_ensemble_comes_from_the_same_model(truth, ensemble):
    named = ensemble.assign_attrs(model="m", training_data="a synthetic twin")
    attrs = xldm.evaluate({"E": named}, truth, progress=False).attrs
    assert json.loads(attrs["forecast_models"])["E mean"]["model"] == "m"
    assert json.loads(attrs["synthetic"]) == ["E", "E mean"]


def test_crps_without_members_is_the_mean_absolute_error(result):
    for forecast in ("S", "E mean"):
        found = result.sel(forecast=forecast)
        np.testing.assert_allclose(found["crps"], found["mae"])
        assert np.isnan(found["spread_skill"]).all()


def test_ranks_of_an_exchangeable_ensemble_are_flat(result):
    ranks = result["rank_histogram"].sel(forecast="E", variable="t2m", stratum="all")
    np.testing.assert_allclose(ranks, 0.2, atol=0.01)
    assert float(ranks.sum()) == pytest.approx(1)


def test_an_exchangeable_ensemble_spreads_as_much_as_it_errs(result):
    found = result["spread_skill"].sel(forecast="E", variable="t2m", **KEYS)
    assert float(found) == pytest.approx(1, abs=0.01)


def test_a_perfect_forecast_has_no_error(truth):
    found = xldm.evaluate({"P": truth}, truth, progress=False).sel(forecast="P", **KEYS)
    for score in ("rmse", "bias", "mae", "crps"):
        assert (found[score] == 0).all()
    for score in ("r2", "pcc"):
        np.testing.assert_allclose(found[score], 1)
    assert (found["wasserstein"] == 0).all()
    # The widest band holds no wave of so small a grid.
    assert (found["spectral_error"].isel(band=slice(4)) == 0).all()


def test_climatology_explains_nothing(truth):
    with xr.set_options(keep_attrs=True):
        mean = xr.ones_like(truth) * truth.astype(float).mean()
    found = xldm.evaluate({"C": mean}, truth, progress=False).sel(
        forecast="C", variable="t2m", **KEYS
    )
    assert float(found["r2"]) == pytest.approx(0, abs=1e-6)
    assert np.isnan(found["pcc"])
    spread = float(truth["t2m"].astype(float).std())
    assert float(found["rmse"]) == pytest.approx(spread, rel=1e-6)


def test_brier_score_is_the_mean_square_of_the_probability_error(result, truth, ensemble):
    chance = (records.speed(ensemble) > 5).mean("member")
    happened = records.speed(truth) > 5
    found = result["brier"].sel(forecast="E", event="wind_speed > 5", stratum="all")
    assert float(found) == pytest.approx(float(((chance - happened) ** 2).mean()), rel=1e-10)


def test_reliability_is_the_frequency_given_the_probability(result, truth, ensemble):
    chance = (records.speed(ensemble) > 5).mean("member")
    happened = (records.speed(truth) > 5).where(chance == 0.5)
    found = result["reliability_observed"].sel(forecast="E", event="wind_speed > 5")
    assert float(found.sel(probability=0.5)) == pytest.approx(float(happened.mean()), rel=1e-10)


def test_lapse_rate_is_the_slope_against_height_over_land(truth):
    ground = records.static()
    with xr.set_options(keep_attrs=True):
        warm = truth.assign(t2m=truth["t2m"] - 0.0065 * ground["orog"])
    found = xldm.evaluate({"W": warm}, truth, static=ground, progress=False)["lapse_rate"]
    change = found.sel(source="W", period="all") - found.sel(source="truth", period="all")
    assert float(change) == pytest.approx(-6.5, rel=1e-5)


def test_coast_contrast_is_land_less_sea(truth):
    ground = records.static()
    with xr.set_options(keep_attrs=True):
        warm = truth.assign(t2m=truth["t2m"] + 3.0 * ground["land_mask"])
    found = xldm.evaluate({"W": warm}, truth, static=ground, progress=False)["coast_contrast"]
    change = found.sel(source="W", period="all") - found.sel(source="truth", period="all")
    assert float(change) == pytest.approx(3.0, rel=1e-5)


def test_autocorrelation_is_that_of_the_series_at_points(result, truth):
    series = truth["t2m"].astype(float).values[:, 4::8, 4::8].reshape(30, -1)
    expected = np.mean([np.corrcoef(s[:-3], s[3:])[0, 1] for s in series.T])
    found = result["autocorrelation"].sel(source="truth", variable="t2m", lag=3)
    assert float(found) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("chunks", [{"time": 1}, {"time": 7}, {"time": 30, "y": 8}])
@pytest.mark.parametrize("parts", [1, 3])
def test_chunks_and_parts_do_not_matter(result, truth, ensemble, single, chunks, parts):
    lazy = [ds.chunk(chunks) for ds in (ensemble, single, truth)]
    again = xldm.evaluate(
        {"E": lazy[0], "S": lazy[1]}, lazy[2], static=records.static(), parts=parts, progress=False
    )
    xr.testing.assert_allclose(again, result, rtol=1e-9, atol=1e-11)


def test_a_cluster_gives_the_same_numbers(result, truth, ensemble, single):
    from distributed import Client

    with (
        dask.config.set({"distributed.worker.daemon": False}),
        Client(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None),
    ):
        lazy = [ds.chunk(time=5) for ds in (ensemble, single, truth)]
        again = xldm.evaluate(
            {"E": lazy[0], "S": lazy[1]}, lazy[2], static=records.static(), progress=False
        )
    xr.testing.assert_allclose(again, result, rtol=1e-9, atol=1e-11)


def test_missing_values_count_for_no_forecast_and_are_counted(truth, single):
    holed = truth.copy(deep=True)
    holed["t2m"][3, 5, 6:10] = np.nan
    found = xldm.evaluate({"S": single, "again": truth}, holed, progress=False)
    assert found.attrs["missing_values"] == 4
    kept = found.sel(variable="t2m", **KEYS)
    assert (kept["n"] == truth["t2m"].size - 4).all()
    error = single["t2m"].astype(float) - holed["t2m"]
    assert float(kept["rmse"].sel(forecast="S")) == pytest.approx(float(np.sqrt((error**2).mean())))
    # The hour has no spectrum of temperature, the others have.
    assert int(found["spectrum_hours"].sel(field="t2m")) == 29
    assert int(found["spectrum_hours"].sel(field="kinetic_energy")) == 30


@pytest.mark.parametrize("fill", [1e20, -9999.0, 32767.0, 9.96921e36])
def test_numbers_for_missing_values_are_refused_with_a_way_out(truth, single, fill):
    holed = truth.copy(deep=True)
    holed["t2m"][3, 5, 6:10] = fill
    with pytest.raises(InputError, match=r"truth: t2m holds .* at 2008-02-27T23") as error:
        xldm.evaluate({"S": single}, holed, progress=False)
    code = str(error.value).partition("; use ")[2]
    mended = eval(code, {"truth": holed})
    found = xldm.evaluate({"S": single}, mended, progress=False)
    assert found.attrs["missing_values"] == 4


def test_a_forecast_that_is_wrong_by_far_is_scored(truth, single):
    wild = single.assign(t2m=single["t2m"] * 1000)
    found = xldm.evaluate({"W": wild}, truth, progress=False)
    assert float(found["mae"].sel(variable="t2m", **KEYS).squeeze()) > 1e5


def test_times_at_half_hours_have_the_scores_of_whole_ones(result, truth, ensemble, single):
    half = [ds.assign_coords(time=ds["time"] + np.timedelta64(30, "m"))
            for ds in (ensemble, single, truth)]  # fmt: skip
    again = xldm.evaluate(
        {"E": half[0], "S": half[1]}, half[2], static=records.static(), progress=False
    )
    for name in ("crps", "rmse", "autocorrelation", "increment_rms", "spectrum"):
        np.testing.assert_allclose(again[name], result[name])


def test_times_that_are_not_hours_apart_are_refused_with_a_way_out(truth):
    quarters = truth.assign_coords(time=truth["time"].values[0] + np.arange(30) * QUARTER)
    with pytest.raises(InputError, match="not whole hours apart") as error:
        xldm.evaluate({"S": quarters}, quarters, progress=False)
    [code] = re.findall(r"use (truth.+?), and align", str(error.value))
    hourly = eval(code, {"truth": quarters})
    with pytest.warns(UserWarning, match="left out"):
        xldm.evaluate({"S": quarters}, hourly, align="common", progress=False)


def test_a_variable_without_a_value_is_told(truth, single):
    nothing = truth.assign(t2m=truth["t2m"].where(False))
    with pytest.warns(UserWarning, match="t2m: nothing was scored"):
        found = xldm.evaluate({"S": single}, nothing, progress=False)
    assert (found["n"].sel(variable="t2m") == 0).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"thresholds": {"t2m": 280.0}},
        {"thresholds": {"t2m": "warm"}},
        {"parts": 0},
        {"parts": "2"},
        {"scores": ["rmse"]},
        {"static": xr.Dataset()},
        {"align": "outer"},
    ],
)
def test_a_wrong_argument_is_refused_by_its_name(truth, single, wrong):
    with pytest.raises(xldm.XldmError, match=next(iter(wrong))):
        xldm.evaluate({"S": single}, truth, progress=False, **wrong)


def test_without_static_fields_all_is_the_only_stratum(truth, single):
    found = xldm.evaluate({"S": single}, truth, progress=False)
    assert found["stratum"].values.tolist() == ["all"]
    assert "lapse_rate" not in found


def test_other_targets_are_evaluated_too(truth):
    rain = truth[["t2m"]].rename(t2m="tp").map(lambda v: (v / 1e5).assign_attrs(units="m"))
    found = xldm.evaluate({"R": rain}, rain, progress=False)
    assert found["variable"].values.tolist() == ["tp"]
    assert found["field"].values.tolist() == ["tp"]


def test_a_threshold_of_an_unknown_variable_is_refused(truth, single):
    with pytest.raises(InputError, match="thresholds: gust is not evaluated; choose from t2m"):
        xldm.evaluate({"S": single}, truth, thresholds={"gust": (20.0,)}, progress=False)


def test_targets_have_the_order_of_the_vocabulary_however_the_truth_lists_them(truth, single):
    turned = truth[[str(n) for n in truth.data_vars][::-1]]
    assert list(turned.data_vars) != list(truth.data_vars)
    found, straight = (xldm.evaluate({"S": single}, of, progress=False) for of in (turned, truth))
    xr.testing.assert_identical(found, straight)
