"""Sizes of fields, and fields beside others, tell units that bounds do not tell."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from layouts import cds, plain
from remedies import applied, codes

from xldm.inputs.predictors import check


def problems(ds, config14, **options):
    return check(ds, config14, missing="climatology", **options).problems


def scaled(name, factor, units, hours=8):
    ds = cds(plain(hours))
    ds[name] = (ds[name] * factor).assign_attrs(ds[name].attrs | {"units": units})
    return ds


# (field, factor from its units, units that the file states, units that the values are in)
WRONG = [
    ("tp", 1.0, "mm", "m"),
    ("tp", 1.0, "kg m-2", "m"),
    ("tp", 30.0, "m", "mm"),
    ("sd", 1.0, "mm", "m"),
    ("w", 1.0, "hPa s-1", "Pa s-1"),
    ("w", 0.01, "Pa s-1", "hPa s-1"),
]


@pytest.mark.parametrize(("name", "factor", "stated", "true"), WRONG)
def test_sizes_that_no_weather_has_name_the_units_they_look_like(
    name, factor, stated, true, config14
):
    ds = scaled(name, factor, stated)
    ds[name].attrs.pop("GRIB_paramId")
    (problem,) = problems(ds, config14)
    assert codes(problem)[0] == f"ds['{name}'].attrs['units'] = '{true}'"
    assert applied(problem, ds)[name].attrs["units"] == true


def test_a_dry_day_is_said_by_zeros(config14):
    ds = scaled("tp", 1e-4, "m")
    (problem,) = problems(ds, config14)
    assert problems(applied(problem, ds, which=-1), config14) == ()


def test_an_hour_without_rain_is_plausible(config14):
    assert problems(scaled("tp", 1e-4, "m", hours=2), config14) == ()


def test_drops_are_plausible_in_a_small_domain(config14):
    ds = scaled("tp", 1e-4, "m").sel(latitude=slice(47, 43.5), longitude=slice(8.5, 13))
    assert problems(ds, config14, region="covered") == ()


@pytest.mark.parametrize("chunks", [{}, {"valid_time": 1}])
def test_lazy_rain_tells_its_units_too(chunks, config14):
    ds = scaled("tp", 1.0, "mm").drop_attrs(deep=False).chunk(chunks)
    ds["tp"].attrs.pop("GRIB_paramId")
    assert "looks like m" in problems(ds, config14)[0]


@pytest.mark.parametrize("factor", [3.6, 1 / 8])
def test_wind_beside_that_at_850_hpa_tells_its_units(factor, config14):
    ds = scaled("u10", factor, "m s-1")
    ds["v10"] = (ds["v10"] * factor).assign_attrs(ds["v10"].attrs)
    assert any("as strong as that at 850 hPa" in p for p in problems(ds, config14))


def test_strong_wind_of_every_level_looks_like_kilometres_an_hour(config14):
    ds = scaled("u10", 12.0, "m s-1")
    assert any("looks like km/h" in p for p in problems(ds, config14))


def fahrenheit(kelvin):
    return kelvin * 1.8 - 459.67


@pytest.mark.parametrize("names", [("t2m",), ("t2m", "d2m")])
def test_temperature_beside_that_at_850_hpa_tells_its_units(names, config14):
    ds = cds(plain())
    for name in names:
        cold = ds[name] - 17
        ds[name] = fahrenheit(cold).assign_attrs(ds[name].attrs | {"units": "degC"})
    for problem in problems(ds, config14):
        assert "on average" in problem
        assert "set ds['t2m'].attrs['units'] = 'degF'" in problem


def test_sea_that_is_much_warmer_than_the_air_is_refused(config14):
    ds = cds(plain())
    ds["t2m"] = (ds["t2m"] - 21).assign_attrs(ds["t2m"].attrs)
    ds["d2m"] = (ds["d2m"] - 21).assign_attrs(ds["d2m"].attrs)
    (problem,) = problems(ds, config14)
    assert problem.startswith("sst (K) is 24")


def test_air_over_ice_may_be_far_colder_than_the_sea(config14):
    ds = cds(plain())
    for name, less in (("sst", 25), ("t2m", 35), ("d2m", 30), ("t", 25)):
        ds[name] = (ds[name] - less).assign_attrs(ds[name].attrs)
    ds["sst"] = ds["sst"].clip(min=271.4).assign_attrs(ds["sst"].attrs)
    assert problems(ds, config14) == ()


def test_fields_of_zero_have_no_size(config14):
    ds = cds(plain(8))
    ds["tp"], ds["sd"] = xr.zeros_like(ds["tp"]), xr.zeros_like(ds["sd"])
    assert problems(ds, config14) == ()
    assert np.all(ds["tp"] == 0)
