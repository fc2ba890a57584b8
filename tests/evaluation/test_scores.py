"""Scores of the user's own, against NumPy by hand."""

from __future__ import annotations

import re
from pathlib import Path

import dask
import numpy as np
import pytest
import records
import scipy.stats
import xarray as xr

import xldm
from xldm.errors import ArgumentError
from xldm.evaluation import Score, register, report, scores


def large(members: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    return {"large": (np.abs(members - truth) > 2).mean(0)}


def surprise(members: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Minus the logarithm of the normal density with the members' mean and variance."""
    variance = members.var(0, ddof=1) if len(members) > 1 else np.full(truth.shape, np.nan)
    square = (truth - members.mean(0)) ** 2
    return {"surprise": (np.log(2 * np.pi * variance) + square / variance) / 2}


LARGE = Score(
    "large_errors",
    (large,),
    lambda mean: mean["large"],
    {"long_name": "share of values with an error above 2 units", "units": "1"},
    detailed=True,
)
LOG_SCORE = Score("log_score", (surprise,), lambda mean: mean["surprise"], {"units": "1"})
#: Of sums that the package keeps anyway, and of how many values there are.
ERROR_BAR = Score(
    "bias_error", (scores.errors,), lambda m: np.sqrt((m["ee"] - m["e"] ** 2) / m["n"]), {}
)


@pytest.fixture(scope="module")
def truth() -> xr.Dataset:
    return records.record(30, seed=1)


@pytest.fixture(scope="module")
def forecasts() -> dict[str, xr.Dataset]:
    return {"E": records.record(30, members=4, seed=2), "S": records.record(30, seed=3)}


def evaluate(forecasts, truth, **options) -> xr.Dataset:
    options = {"scores": [LARGE, LOG_SCORE, ERROR_BAR], "static": records.static()} | options
    return xldm.evaluate(forecasts, truth, progress=False, **options)


@pytest.fixture(scope="module")
def result(forecasts, truth) -> xr.Dataset:
    return evaluate(forecasts, truth)


def test_a_score_of_the_users_own_stands_beside_the_built_in_ones(result):
    assert result["large_errors"].dims == result["rmse"].dims
    assert result["large_errors"].attrs == LARGE.attrs
    assert result["log_score"].dims == result["rmse"].dims


@pytest.mark.parametrize("variable", ["t2m", "wind_speed"])
def test_its_value_is_that_of_numpy_at_a_place_and_time(result, forecasts, truth, variable):
    def of(ds):
        return records.speed(ds) if variable == "wind_speed" else ds[variable].astype(float)

    land = records.static()["land_mask"].values > 0
    night = (truth["time"].dt.hour == 3).values
    for name, forecast in forecasts.items():
        outside = (abs(of(forecast) - of(truth)) > 2).transpose("time", "y", "x", ...)
        found = result["large_errors"].sel(forecast=name, variable=variable)
        assert float(found.sel(stratum="all", period="all")) == pytest.approx(outside.mean().item())
        assert float(found.sel(stratum="land", period="03 UTC")) == pytest.approx(
            outside.values[night][:, land].mean()
        )


def test_a_score_of_the_members_together_is_that_of_scipy(result, forecasts, truth):
    t2m = forecasts["E"]["t2m"].astype(float)
    expected = -scipy.stats.norm.logpdf(truth["t2m"], t2m.mean("member"), t2m.std("member", ddof=1))
    found = result["log_score"].sel(variable="t2m", stratum="all", period="all")
    assert float(found.sel(forecast="E")) == pytest.approx(expected.mean(), rel=1e-10)
    assert found.sel(forecast=["S", "E mean"]).isnull().all()


def test_it_may_use_sums_that_are_kept_anyway(result, forecasts, truth):
    error = forecasts["S"]["u10"].astype(float) - truth["u10"]
    found = result["bias_error"].sel(forecast="S", variable="u10", stratum="all", period="all")
    assert float(found) == pytest.approx(float(error.std() / error.size**0.5), rel=1e-8)
    assert result["bias_error"].attrs["comment"] == "in the units of the variable"


def test_hours_and_cells_are_given_on_demand(result, forecasts, truth):
    outside = abs(forecasts["S"]["t2m"].astype(float) - truth["t2m"]) > 2
    at = {"forecast": "S", "variable": "t2m"}
    np.testing.assert_allclose(result["large_errors_map"].sel(at), outside.mean("time"), rtol=1e-6)
    hourly = result["large_errors_hourly"].sel(at | {"stratum": "all"})
    np.testing.assert_allclose(hourly, outside.mean(("y", "x")))
    assert "log_score_map" not in result
    assert "log_score_hourly" not in result


def test_the_built_in_scores_stay_bit_for_bit(result, forecasts, truth):
    alone = evaluate(forecasts, truth, scores=())
    xr.testing.assert_identical(result[list(alone.data_vars)], alone)


def test_chunks_and_parts_do_not_matter(result, forecasts, truth):
    lazy = {name: ds.chunk(time=7) for name, ds in forecasts.items()}
    xr.testing.assert_allclose(evaluate(lazy, truth.chunk(time=4), parts=3), result, rtol=1e-9)


def test_a_score_travels_to_the_workers_of_a_cluster(result, forecasts, truth):
    from distributed import Client

    def local(members, truth):
        return {"large": (np.abs(members - truth) > 2).mean(0)}

    score = Score("large_errors", (local,), lambda mean: mean["large"], LARGE.attrs)
    with (
        dask.config.set({"distributed.worker.daemon": False}),
        Client(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None),
    ):
        lazy = {name: ds.chunk(time=5) for name, ds in forecasts.items()}
        found = evaluate(lazy, truth.chunk(time=5), scores=[score])
    np.testing.assert_allclose(found["large_errors"], result["large_errors"])


def test_statistics_that_scores_share_are_computed_once(forecasts, truth):
    seen = []

    def counted(members, truth):
        seen.append(members.shape[1])
        return {"large": (np.abs(members - truth) > 2).mean(0)}

    both = [Score(name, (counted,), lambda mean: mean["large"], {}) for name in ("one", "other")]
    found = evaluate({"S": forecasts["S"].isel(time=slice(3))}, truth.isel(time=slice(3)),
                     scores=both)  # fmt: skip
    xr.testing.assert_equal(found["one"].drop_attrs(), found["other"].drop_attrs())
    cells = truth["t2m"][0].size
    assert seen.count(cells) == 3 * found.sizes["variable"]


def test_missing_values_are_not_counted(forecasts, truth):
    def small(members, truth):
        return {"small": (np.abs(members - truth) < 2).mean(0)}

    holed = truth.copy(deep=True)
    holed["t2m"][3, 5, 6:10] = np.nan
    score = Score("small_errors", (small,), lambda mean: mean["small"], {}, detailed=True)
    found = evaluate({"S": forecasts["S"]}, holed, scores=[score]).sel(variable="t2m")
    error = abs(forecasts["S"]["t2m"].astype(float) - holed["t2m"])
    expected = (error < 2).where(error.notnull())
    whole = found["small_errors"].sel(stratum="all", period="all").item()
    assert whole == pytest.approx(expected.mean().item())
    np.testing.assert_allclose(
        found["small_errors_map"].squeeze(), expected.mean("time"), rtol=1e-6
    )


def test_it_is_in_the_reports_table_and_on_its_page(result):
    table = report.long_form(result).set_index(["score", "forecast", "variable", "stratum"])
    row = table.loc["large_errors", "S", "t2m", "land"].query("period == 'all'")
    at = {"forecast": "S", "variable": "t2m", "stratum": "land", "period": "all"}
    assert row["value"].item() == result["large_errors"].sel(at).item()
    assert row["units"].item() == "1"
    assert row["n"].item() == result["n"].sel(at).item()
    bars = table.loc["bias_error"].query("variable == 'u10'")
    assert set(bars["units"]) == {"m s-1"}
    assert ">large_errors</th>" in report.page.tables.main_scores(result)


def test_a_score_may_describe_the_truth_alone(forecasts, truth):
    def variance(mean):
        return mean["oo"] - mean["o"] ** 2

    score = Score("truth_variance", (), variance, {"comment": "square of the units"}, detailed=True)
    found = evaluate(forecasts, truth, scores=[score])
    assert found["truth_variance"].attrs == {"comment": "square of the units"}
    values = found["truth_variance"].sel(variable="t2m", stratum="all", period="all")
    np.testing.assert_allclose(values, truth["t2m"].astype(float).var(), rtol=1e-8)
    assert values.sizes == {"forecast": 3}
    maps = found["truth_variance_map"].sel(variable="t2m", forecast="S")
    np.testing.assert_allclose(maps, truth["t2m"].astype(float).var("time"), rtol=1e-5)


def test_two_scores_of_one_name_are_refused(forecasts, truth):
    other = Score("large_errors_map", (large,), lambda mean: mean["large"], {})
    for pair in ([LARGE, LARGE], [LARGE, other]):
        with pytest.raises(ArgumentError, match=r"two variables .* name large_errors"):
            evaluate(forecasts, truth, scores=pair)


def test_a_registered_score_is_in_every_result(forecasts, truth, monkeypatch):
    monkeypatch.setattr(scores, "_registered", {})
    assert register(LARGE) is LARGE
    found = evaluate({"S": forecasts["S"]}, truth, scores=())
    assert "large_errors" in found
    register(Score("large_errors", (large,), lambda mean: 1 - mean["large"], {}))
    again = evaluate({"S": forecasts["S"]}, truth, scores=())
    np.testing.assert_allclose(again["large_errors"], 1 - found["large_errors"])


@pytest.mark.parametrize("name", ["rmse", "bias_map", "n", "spectrum", "stratum"])
def test_a_name_that_a_result_holds_already_is_refused(name, forecasts, truth):
    score = Score(name, (large,), lambda mean: mean["large"], {})
    with pytest.raises(ArgumentError, match=f"would have the name .*{name}"):
        register(score)
    with pytest.raises(ArgumentError, match="choose another name"):
        evaluate(forecasts, truth, scores=[score])


def test_names_of_everything_but_scores_are_known(result):
    own = {s.name for s in (*scores.BUILT_IN, LARGE, LOG_SCORE, ERROR_BAR)}
    others = {
        n for n in result.variables if n.removesuffix("_hourly").removesuffix("_map") not in own
    }
    assert others <= scores.TAKEN


@pytest.mark.parametrize(
    ("statistics", "value", "message"),
    [
        (lambda m, t: {"e": m - t}, lambda mean: mean["e"], r"shape \(2, 3\).*reduce the members"),
        (lambda m, t: (m - t).mean(0), lambda mean: mean["e"], "mapping of names to fields"),
        (lambda m, t: {"oo": t}, lambda mean: mean["oo"], "two means are named oo"),
        (large, lambda mean: mean["larg"], "asks for the mean 'larg'; it is given .*large"),
        (large, lambda mean: mean["large"].sum(), r"shape \(\) for means of shape \(3,\)"),
    ],
)
def test_a_score_that_does_not_fit_is_refused_when_it_is_declared(statistics, value, message):
    with pytest.raises(ArgumentError, match=message):
        Score("mine", (statistics,), value, {})


def test_a_name_that_is_no_identifier_is_refused():
    with pytest.raises(ArgumentError, match="letters, digits and underscores, got 'my/score'"):
        Score("my/score", (large,), lambda mean: mean["large"], {})


def test_the_example_of_the_documentation_runs(forecasts, truth):
    page = (Path(__file__).parents[2] / "docs" / "howto" / "evaluation.md").read_text("utf-8")
    (example,) = (b for b in re.findall("```python\n(.*?)```", page, re.S) if "Score(" in b)
    given = {"forecasts": forecasts, "truth": truth}
    exec(example, given)
    big = abs(forecasts["S"]["t2m"].astype(float) - truth["t2m"]) > 2
    found = given["result"]["large_errors"].sel(forecast="S", variable="t2m", stratum="all")
    assert float(found.sel(period="all")) == pytest.approx(big.mean().item())
