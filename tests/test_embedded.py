"""The model and the sample that ship: real ERA5 in, and a year of the twin kept apart."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import properscoring
import pytest
import xarray as xr

import xldm
from xldm.training.preset import read_preset
from xldm.twin import Twin

ASSETS = Path(xldm.__file__).parent / "assets"
TEST_HOURS = ["2008-01-20T05", "2008-04-11T14", "2008-07-15T12", "2008-10-02T21"]


@pytest.fixture(scope="module")
def model():
    return xldm.load_model("italy-2km")


@pytest.fixture(scope="module")
def sample():
    return xldm.open_catalog().era5_sample.read().isel(time=slice(2)).load()


@pytest.fixture(scope="module")
def out(sample, model):
    return sample.ldm.downscale(model, missing="climatology", steps=2)


def test_the_output_says_the_steps_of_each_component_where_they_differ(sample, model):
    hour = sample.isel(time=[0]).chunk()
    both = hour.ldm.downscale(model, missing="climatology")
    rain = hour.ldm.downscale(model, missing="climatology", targets="tp")
    assert both.attrs["steps"] == "5 (all), 4 (tp)" and rain.attrs["steps"] == 4


def renamed_and_turned(ds: xr.Dataset) -> xr.Dataset:
    """ARCO names, latitude ascending, longitude from 0 to 360."""
    names = {
        "t2m": "2m_temperature", "u10": "10m_u_component_of_wind",
        "v10": "10m_v_component_of_wind", "msl": "mean_sea_level_pressure",
        "tp": "total_precipitation",
    }  # fmt: skip
    return ds.rename(names).sortby("latitude").assign_coords(longitude=ds["longitude"] % 360)


def new_cds(ds: xr.Dataset) -> xr.Dataset:
    """valid_time, scalar number, expver along time."""
    ds = ds.rename(time="valid_time").assign_coords(number=0)
    return ds.assign_coords(expver=("valid_time", ["0005"] * ds.sizes["valid_time"]))


def old_cds(ds: xr.Dataset) -> xr.Dataset:
    """Preliminary and final data along a dimension, each missing where the other is."""
    both = xr.concat([ds.where(False), ds], xr.DataArray([1, 5], dims="expver", name="expver"))
    for name in ds.data_vars:
        both[name].attrs = ds[name].attrs
    return both.transpose("time", "expver", ...)


def grib(ds: xr.Dataset) -> xr.Dataset:
    """What cfgrib makes of GRIB: reference time, step and validity, names by paramId only."""
    params = {"t2m": 167, "u10": 165, "v10": 166, "msl": 151, "tp": 228}
    step = np.timedelta64(1, "h")
    out = ds.assign_coords(
        valid_time=("time", ds["time"].values, {"standard_name": "time"}),
        time=("time", ds["time"].values - step, {"standard_name": "forecast_reference_time"}),
        step=step,
        surface=0.0,
    )
    for name, number in params.items():
        out[name].attrs |= {"GRIB_paramId": number, "standard_name": "unknown"}
    return out.rename({name: f"p{number}" for name, number in params.items()})


def other_units(ds: xr.Dataset) -> xr.Dataset:
    """Millimetres of rain instead of metres; a factor of 1000 is not exact in binary."""
    return ds.assign(tp=(ds["tp"].astype("float64") * 1000).assign_attrs(units="mm"))


@pytest.mark.parametrize("dialect", [renamed_and_turned, new_cds, old_cds, grib])
def test_real_era5_gives_the_same_in_every_dialect(dialect, sample, model, out):
    again = dialect(sample).ldm.downscale(model, missing="climatology", steps=2)
    for name in out.data_vars:
        np.testing.assert_array_equal(again[name].values, out[name].values)


def test_real_era5_in_other_units_gives_the_same(sample, model, out):
    again = other_units(sample).ldm.downscale(model, missing="climatology", steps=2)
    np.testing.assert_allclose(again["t2m"], out["t2m"], atol=1e-2)


def test_real_era5_gives_plausible_weather(out, sample):
    inside = sample["t2m"].sel(latitude=slice(47, 35), longitude=slice(6, 18))
    assert abs(float(out["t2m"].mean() - inside.mean())) < 4
    assert float(np.hypot(out["u10"], out["v10"]).max()) < 50


def test_the_card_says_first_what_the_model_is_not():
    first = (ASSETS / "italy-2km/README.md").read_text().splitlines()[0]
    assert "synthetic" in first and "not for science" in first


def test_the_embedded_model_stays_small():
    """The wheel holds it, and may have 35 MB compressed."""
    assert sum(p.stat().st_size for p in (ASSETS / "italy-2km").iterdir()) <= 38e6


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("all", "italy-2km"),
        ("all", ASSETS / "italy-2km/training.yaml"),
        ("tp", ASSETS / "italy-2km/tp-training.yaml"),
    ],
    ids=["preset", "training.yaml", "tp-training.yaml"],
)
def test_a_training_with_the_settings_that_ship_keeps_what_the_package_can_do(
    name, settings, model
):
    (trained,) = read_preset(settings).components
    (drawn,) = (part for part in model.config.components if part.name == name)
    assert list(trained.targets) == [target.name for target in drawn.targets]
    others = {field.name for field in dataclasses.fields(trained)} - {"targets"}
    assert {n: getattr(trained, n) for n in others} == {n: getattr(drawn, n) for n in others}


def test_without_coarse_rain_everything_else_is_drawn(model):
    era5 = Twin(0).era5(TEST_HOURS[0]).drop_vars("tp")
    how = {"missing": "climatology", "region": (7.0, 44.0, 13.0, 47.0), "steps": 1}
    assert list(xldm.downscale(era5, model, **how)) == ["t2m", "u10", "v10"]
    with pytest.raises(xldm.InputError, match="cannot do without tp"):
        xldm.downscale(era5, model, targets="tp", **how)


@pytest.fixture(scope="module")
def rain() -> tuple[xr.DataArray, np.ndarray, np.ndarray]:
    """Members of rain of an hour of 2008 over the north, their truth, and interpolation."""
    era5, truth = Twin(0).hour(TEST_HOURS[1], rain=True)
    north = (7.0, 44.0, 13.0, 47.0)
    drawn = xldm.downscale(era5, "italy-2km", targets="tp", members=4, region=north, progress=False)
    drawn = drawn["tp"].isel(time=0)
    plain = xldm.interpolate(era5, "italy-2km", region=north)["tp"].isel(time=0)
    window = truth["tp"].sel(y=drawn["y"].values, x=drawn["x"].values)
    return drawn, window.values, plain.values


def test_rain_is_dry_as_often_as_the_truth(rain):
    drawn, truth, _ = rain
    assert float(drawn.min()) == 0 and (drawn.values == 0).mean() > 0.5
    assert (drawn.values >= 0.1).mean() == pytest.approx((truth >= 0.1).mean(), rel=0.25)


def test_members_of_rain_err_less_than_interpolation(rain):
    drawn, truth, plain = rain
    score = properscoring.crps_ensemble(truth, np.moveaxis(drawn.values, 0, -1)).mean()
    assert score < 0.95 * np.abs(plain - truth).mean()


def rmse(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((a - b) ** 2)))


def mean_rmse(ways: dict[str, Callable]) -> dict[str, np.ndarray]:
    """RMSE of t2m, u10, v10 of each way to draw one field, over test hours."""
    twin, squared = Twin(0), {name: [] for name in ways}
    for hour in TEST_HOURS:
        era5, truth = twin.hour(hour)
        for name, way in ways.items():
            drawn = way(era5).isel(time=0)
            errors = [drawn[t].values - truth[t].values for t in ("t2m", "u10", "v10")]
            squared[name].append([(e**2).mean() for e in errors])
    return {name: np.sqrt(np.mean(rows, axis=0)) for name, rows in squared.items()}


@pytest.fixture(scope="module")
def scores(model):
    """RMSE of the mean and of the simplest methods."""
    mean = model.baseline("regression")
    return mean_rmse(
        {
            "mean": lambda era5: xldm.downscale(era5, mean, members=None),
            "quadratic": lambda era5: xldm.interpolate(era5, model),
            "lapse": lambda era5: xldm.interpolate(era5, model, lapse_rate=0.0065),
        }
    )


def test_the_mean_errs_less_than_a_lapse_rate_on_a_year_kept_apart(scores):
    assert scores["mean"][0] < 0.8 * scores["lapse"][0]


def test_the_mean_errs_less_than_interpolation_in_wind_on_a_year_kept_apart(scores):
    assert (scores["mean"][1:] < scores["quadratic"][1:]).all()


@pytest.mark.parametrize("kept", [["t2m"], ["u10", "v10"], ["t2m", "msl"], ["v10", "t", "u"]])
def test_targets_whose_own_field_is_given_are_drawn_under_climatology(kept, model):
    era5, truth = Twin(0).hour(TEST_HOURS[1])
    mean = xldm.downscale(
        era5[kept], model.baseline("regression"), members=None, missing="climatology"
    ).isel(time=0)
    assert set(mean.data_vars) == {"t2m", "u10", "v10"} & {*kept}
    # Worse than with all of them, but still weather: within the climate's own spread.
    for name, within in (("t2m", 12), ("u10", 12), ("v10", 12)):
        if name in mean:
            assert rmse(mean[name].values, truth[name].values) < within


@pytest.mark.parametrize("kept", [["msl"], ["t", "u", "v"]])
def test_nothing_is_drawn_without_the_coarse_field_of_any_target(kept, model):
    era5, _ = Twin(0).hour(TEST_HOURS[1])
    with pytest.raises(xldm.InputError, match="cannot do without t2m, u10, v10, tp"):
        xldm.downscale(era5[kept], model, missing="climatology")


def test_members_are_worth_having_without_half_of_the_predictors(model):
    kept, absolute, score = ["t2m", "msl", "u10", "v10", "d2m", "sst", "tp"], [], []
    without_rain = model.drawing(["t2m", "u10", "v10"])
    for hour in TEST_HOURS[:2]:
        era5, truth = Twin(0).hour(hour)
        how = {"missing": "climatology"}
        mean, drawn = (
            xldm.downscale(era5[kept], way, members=members, **how).isel(time=0)
            for way, members in ((without_rain.baseline("regression"), None), (without_rain, 4))
        )
        for name in ("t2m", "u10", "v10"):
            members = np.moveaxis(drawn[name].values, 0, -1)
            score.append(properscoring.crps_ensemble(truth[name].values, members).mean())
            absolute.append(np.abs(mean[name] - truth[name].values).mean().item())
    assert (np.reshape(score, (2, 3)).mean(0) < np.reshape(absolute, (2, 3)).mean(0)).all()
