"""Requests for archives are those that the stores' documentation and users describe."""

from __future__ import annotations

import importlib.util

import pytest
from recipe_runs import RECIPES

from xldm.forge import Period

FEBRUARY = Period("2020-02-10", "2020-02-12")


def module(name: str):
    spec = importlib.util.spec_from_file_location(name, RECIPES / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module")
def grib() -> dict:
    return module("download_era5").requests(FEBRUARY)


def test_a_month_of_era5_is_two_requests(grib):
    assert {name: dataset for name, (dataset, _) in grib.items()} == {
        "era5-surface-2020-02.grib": "reanalysis-era5-single-levels",
        "era5-pressure-2020-02.grib": "reanalysis-era5-pressure-levels",
    }


def test_variables_are_named_as_the_climate_data_store_names_them(grib):
    assert grib["era5-surface-2020-02.grib"][1]["variable"] == [
        "2m_temperature", "mean_sea_level_pressure", "10m_u_component_of_wind",
        "10m_v_component_of_wind", "2m_dewpoint_temperature", "sea_surface_temperature",
        "snow_depth", "total_precipitation", "surface_solar_radiation_downwards",
    ]  # fmt: skip
    assert grib["era5-pressure-2020-02.grib"][1]["variable"] == [
        "specific_humidity", "temperature", "u_component_of_wind", "v_component_of_wind",
        "vertical_velocity",
    ]  # fmt: skip


def test_a_request_is_of_whole_months_with_leap_days_every_hour_and_the_area(grib):
    _, request = grib["era5-pressure-2020-02.grib"]
    assert (request["year"], request["month"]) == (["2020"], ["02"])
    assert request["day"][-1] == "29" and len(request["day"]) == 29
    assert request["time"][0] == "00:00" and request["time"][-1] == "23:00"
    assert len(request["time"]) == 24
    assert request["area"] == [48.5, 3.5, 34, 21] and request["pressure_level"] == ["850"]
    assert request["data_format"] == "grib" and request["product_type"] == ["reanalysis"]


def test_netcdf_of_the_surface_is_expected_as_a_zip():
    found = module("download_era5").requests(FEBRUARY, "netcdf")
    assert list(found) == ["era5-surface-2020-02.zip", "era5-pressure-2020-02.nc"]
    assert found["era5-surface-2020-02.zip"][1]["download_format"] == "zip"


def test_a_month_of_vhr_rea_it_is_one_request():
    ((name, (dataset, product, request)),) = (
        module("download_vhr_rea_it").requests(FEBRUARY).items()
    )
    assert (name, dataset, product) == (
        "vhr-rea-it-2020-02.nc",
        "era5-downscaled-over-italy",
        "hourly",
    )
    assert request["variable"] == [
        "air_temperature",
        "grid_eastward_wind",
        "grid_northward_wind",
    ]
    assert request["time"]["hour"][-1] == "23" and request["time"]["day"][-1] == "29"
    assert set(request["area"]) == {"north", "south", "west", "east"}
    assert request["format"] == "netcdf"


def test_rain_of_vhr_rea_it_is_a_request_of_its_own():
    found = module("download_vhr_rea_it").requests(FEBRUARY, "vhr-rea-it-rain")
    assert list(found) == ["vhr-rea-it-rain-2020-02.nc"]
    assert found["vhr-rea-it-rain-2020-02.nc"][2]["variable"] == ["precipitation_amount"]
