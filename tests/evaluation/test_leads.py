"""Scores by lead: of each lead what a series of its valid times would give."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import properscoring
import pytest
import records
import xarray as xr

import xldm
from xldm.errors import ArgumentError, InputError
from xldm.evaluation import figures, leads, report

STARTS, LEADS, DRAWS, GIVEN = 4, (0, 6, 30), 2, 3
HOUR = np.timedelta64(1, "h")
KEYS = {"stratum": "all", "period": "all"}


@pytest.fixture(scope="module")
def truth() -> xr.Dataset:
    return records.record(72, seed=1)


def forecast(truth: xr.Dataset, seed: int = 2, leads: tuple = LEADS) -> xr.Dataset:
    """Forecasts that grow worse, as downscale gives them: (member, init, lead, number, y, x)."""
    rng = np.random.default_rng(seed)
    start = truth["time"].values[0] + np.arange(STARTS) * 6 * HOUR
    lead = np.array(leads) * HOUR.astype("timedelta64[ns]")
    valid = start[:, None] + lead
    fields = {}
    for name, field in truth.items():
        at = field.sel(time=xr.DataArray(valid, dims=("init_time", "lead_time"))).values
        shape = (DRAWS, STARTS, lead.size, GIVEN, *at.shape[-2:])
        noise = rng.normal(0, 1, shape) * (1 + np.arange(lead.size))[:, None, None, None]
        dims = ("member", "init_time", "lead_time", "number", "y", "x")
        fields[name] = dims, (at[:, :, None] + noise).astype("float32"), field.attrs
    ds = xr.Dataset(fields, {"y": truth["y"], "x": truth["x"]}).assign_coords(
        member=("member", range(DRAWS), {"standard_name": "realization"}),
        number=("number", range(GIVEN), {"standard_name": "realization"}),
        init_time=("init_time", start, {"standard_name": "forecast_reference_time"}),
        lead_time=("lead_time", lead, {"standard_name": "forecast_period"}),
    )
    about = {"standard_name": "time"}
    return ds.assign_coords(valid_time=(("init_time", "lead_time"), valid, about))


@pytest.fixture(scope="module")
def given(truth) -> xr.Dataset:
    return forecast(truth)


@pytest.fixture(scope="module")
def result(truth, given) -> xr.Dataset:
    return xldm.evaluate({"E": given}, truth, static=records.static(), progress=False)


def test_leads_are_in_hours(result):
    assert result["lead"].values.tolist() == list(LEADS)
    assert result["lead"].attrs["standard_name"] == "forecast_period"
    assert result["lead"].attrs["units"] == "hours"


@pytest.mark.parametrize("number", range(len(LEADS)))
def test_crps_of_a_lead_is_that_of_properscoring(result, truth, given, number):
    one = given["t2m"].isel(lead_time=number)
    members = one.stack(all=("member", "number")).transpose("init_time", "y", "x", "all")
    observed = truth["t2m"].sel(time=one["valid_time"])
    expected = properscoring.crps_ensemble(observed.values.astype(float), members.values).mean()
    found = result["crps"].sel(forecast="E", variable="t2m", **KEYS).isel(lead=number)
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_members_of_input_and_draws_are_one_ensemble(result):
    assert int(result["members"].sel(forecast="E")) == DRAWS * GIVEN
    ranks = result["rank_histogram"].sel(forecast="E", variable="t2m", stratum="all")
    assert np.isfinite(ranks).sum("rank").values.tolist() == [DRAWS * GIVEN + 1] * len(LEADS)


def test_a_lead_has_the_scores_of_its_series(result, truth, given):
    one = given.isel(lead_time=1).stack(ensemble=("member", "number"), create_index=False)
    series = one.swap_dims(init_time="valid_time").drop_vars(["init_time", "lead_time"])
    series = series.rename(valid_time="time").drop_vars(["member", "number"])
    observed = truth.sel(time=series["time"])
    alone = xldm.evaluate(
        {"E": series}, observed, static=records.static(), progress=False
    ).rename_dims(time="init")
    by_lead = result.isel(lead=1)
    for name in alone.data_vars:
        found = by_lead[name].sel(period=alone["period"]) if "period" in by_lead[name].dims else (
            by_lead[name])  # fmt: skip
        np.testing.assert_allclose(found.values, alone[name].values, rtol=1e-6, atol=1e-9)


def test_hourly_scores_lie_along_initialisation(result, truth, given):
    error = given["t2m"].astype(float) - truth["t2m"].sel(time=given["valid_time"])
    expected = error.mean(("member", "number", "y", "x"))
    found = result["bias_hourly"].sel(forecast="E", variable="t2m", stratum="all")
    np.testing.assert_allclose(found.transpose("init", "lead"), expected, rtol=1e-6)
    np.testing.assert_array_equal(
        result["valid_time"].transpose("init", "lead"), given["valid_time"]
    )


def test_order_of_dims_names_and_chunks_do_not_matter(result, truth, given):
    other = given.transpose("y", "number", "lead_time", "x", "member", "init_time").rename(
        init_time="time", lead_time="step"
    )
    other = other.isel(step=slice(None, None, -1)).chunk(time=3, step=2, number=1)
    again = xldm.evaluate({"E": other}, truth, static=records.static(), progress=False)
    # Means of float32 members in another order differ in the last bit.
    xr.testing.assert_allclose(again, result, rtol=1e-4, atol=1e-6)


def test_valid_times_follow_from_initialisation_and_lead(result, truth, given):
    bare = given.drop_vars("valid_time")
    again = xldm.evaluate({"E": bare}, truth, static=records.static(), progress=False)
    xr.testing.assert_allclose(again, result, rtol=1e-12)


def test_one_initialisation_needs_no_dim(truth, given):
    one = given.isel(init_time=1)
    found = xldm.evaluate({"E": one}, truth, progress=False)
    assert found["init"].values == given["init_time"].values[1]
    error = (one["t2m"].astype(float) - truth["t2m"].sel(time=one["valid_time"])) ** 2
    expected = np.sqrt(error.mean(("member", "number", "y", "x")))
    rmse = found["rmse"].sel(forecast="E", variable="t2m", **KEYS)
    np.testing.assert_allclose(rmse, expected, rtol=1e-6)


def test_valid_times_that_the_truth_lacks_are_left_out_and_said(truth, given):
    short = truth.isel(time=slice(0, 22))
    with pytest.warns(UserWarning, match="lacks 5 of 12 valid times .*all at the leads 30 h"):
        found = xldm.evaluate({"E": given}, short, progress=False)
    assert found["lead"].values.tolist() == [0, 6]
    n = found["n"].sel(forecast="E", variable="t2m", **KEYS)
    assert (n / truth["t2m"][0].size).values.tolist() == [4, 3]
    assert np.isnan(found["bias_hourly"].sel(lead=6).isel(init=3)).all()
    assert np.isnat(found["valid_time"].sel(lead=6).isel(init=3))


def test_nothing_is_said_where_the_truth_has_all(truth, given):
    with warnings.catch_warnings(action="error"):
        xldm.evaluate({"E": given}, truth, progress=False)


def test_forecasts_without_leads_are_scored_at_the_same_valid_times(truth, given):
    analysis = records.record(72, seed=9)
    found = xldm.evaluate({"E": given, "A": analysis}, truth, progress=False)
    at = truth["time"].isel(time=[30, 36, 42, 48])
    error = analysis["t2m"].sel(time=at).astype(float) - truth["t2m"].sel(time=at)
    rmse = found["rmse"].sel(forecast="A", variable="t2m", lead=30, **KEYS)
    assert float(rmse) == pytest.approx(float(np.sqrt((error**2).mean())), rel=1e-9)


def test_forecasts_of_other_leads_are_refused_or_cut(truth, given):
    other = forecast(truth, seed=3, leads=(6, 30, 36))
    with pytest.raises(InputError, match=r"its leads are not those of E: .*use align='common'"):
        xldm.evaluate({"E": given, "F": other}, truth, progress=False)
    with pytest.warns(UserWarning, match="E: 1 of 3 along lead; F: 1 of 3 along lead"):
        found = xldm.evaluate({"E": given, "F": other}, truth, align="common", progress=False)
    assert found["lead"].values.tolist() == [6, 30]


def test_forecasts_that_the_truth_never_meets_are_refused(truth, given):
    later = truth.assign_coords(time=truth["time"] + np.timedelta64(400, "D"))
    with pytest.raises(InputError, match="no valid time of the forecasts is in the truth"):
        xldm.evaluate({"E": given}, later, progress=False)


def test_no_chunk_is_computed_twice(truth, given):
    lazy = given[["t2m"]].chunk(init_time=2, lead_time=2, member=-1, number=-1)
    computed: list[tuple] = []

    def noted(block: np.ndarray, block_info: dict | None = None) -> np.ndarray:
        computed.append(tuple(block_info[None]["chunk-location"]))
        return block

    data = lazy["t2m"].data.map_blocks(noted, dtype="float32", meta=np.empty((0,) * 6, "float32"))
    xldm.evaluate({"E": lazy.assign(t2m=lazy["t2m"].copy(data=data))}, truth[["t2m"]],
                  progress=False)  # fmt: skip
    assert len(computed) == len(set(computed)) == 4


def test_leads_are_computed_apart_where_memory_is_short(result, truth, given, monkeypatch):
    monkeypatch.setattr(leads, "GROUP_BYTES", 1)
    lazy = given.chunk(lead_time=3)
    again = xldm.evaluate({"E": lazy}, truth, static=records.static(), progress=False)
    xr.testing.assert_allclose(again, result, rtol=1e-9, atol=1e-11)


def test_a_result_by_lead_is_written_and_read(result, tmp_path):
    result.to_netcdf(tmp_path / "result.nc")
    with xr.open_dataset(tmp_path / "result.nc", decode_timedelta=False) as read:
        xr.testing.assert_allclose(read["crps"], result["crps"])


def test_a_report_of_leads_has_every_lead_in_its_table(result, tmp_path):
    report.write(result, tmp_path)
    table = pd.read_csv(tmp_path / "scores.csv")
    rmse = table[(table["score"] == "rmse") & (table["stratum"] == "all")
                 & (table["period"] == "all") & (table["variable"] == "t2m")
                 & (table["forecast"] == "E")].set_index("lead")["value"]  # fmt: skip
    expected = result["rmse"].sel(forecast="E", variable="t2m", **KEYS)
    np.testing.assert_allclose(rmse.loc[list(LEADS)], expected, rtol=1e-6)


def test_the_report_says_of_which_lead_its_other_sections_are(result, tmp_path):
    page = report.write(result, tmp_path).read_text()
    assert "Scores by lead" in page
    assert "of the lead 6 h alone" in page


def test_curves_show_the_scores_of_every_lead(result):
    axes = figures.scores_by_lead(result, ("crps",)).axes
    line = {line.get_label(): line for line in axes[0].lines}["E"]
    expected = result["crps"].sel(forecast="E", variable="t2m", **KEYS)
    np.testing.assert_array_equal(line.get_xydata(), np.column_stack([LEADS, expected]))


@pytest.mark.parametrize("name", ["spectra", "error_maps", "rank_histograms", "score_boxes"])
def test_a_figure_of_one_lead_says_how_to_choose_it(result, name):
    draw = getattr(figures, name)
    with pytest.raises(ArgumentError, match=r"use result.isel\(lead=0\)"):
        draw(result)
    draw(result.isel(lead=0))


def test_snapshots_show_a_lead_in_the_middle(result, truth, given):
    shown = figures.snapshots({"E": given}, truth, result)
    assert list(shown) == [
        f"{name} at 2008-02-28T14:00 UTC, lead 6 h"
        for name in ("2 m temperature", "10 m wind speed")
    ]
