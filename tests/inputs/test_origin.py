import numpy as np
import pytest
import xarray as xr

from xldm.inputs.origin import is_era5


def said(**attrs):
    return xr.Dataset({"t2m": ("x", np.zeros(2))}, attrs=attrs)


@pytest.mark.parametrize(
    "title", ["ERA5 hourly data on single levels", "reanalysis-era5-single-levels", "ERA5T, June"]
)
def test_a_title_tells_era5(title):
    assert is_era5(said(title=title))


@pytest.mark.parametrize(
    "title",
    [
        "ERA5-Land hourly data",
        "derived-era5-land-daily-statistics",
        "VHR-REA_IT: ERA5-driven COSMO-CLM",
        "MERRA-2",
        "ARPEGE 0.1 degrees",
        "",
    ],
)
def test_other_products_are_not_taken_for_era5(title):
    assert not is_era5(said(title=title))


def test_the_name_of_a_file_tells_era5():
    ds = said()
    ds["t2m"].encoding["source"] = "/data/era5_200701.nc"
    assert is_era5(ds)


def test_the_name_of_a_folder_does_not():
    ds = said()
    ds["t2m"].encoding["source"] = "/data/beside_era5/arpege.nc"
    assert not is_era5(ds)


def test_an_analysis_of_ecmwf_in_grib_is_era5():
    ds = said()
    ds["t2m"].attrs = {"GRIB_centre": "ecmf", "GRIB_dataType": "an"}
    assert is_era5(ds)
    ds["t2m"].attrs["GRIB_dataType"] = "fc"
    assert not is_era5(ds)


def test_a_file_of_the_climate_data_store_is_era5_by_its_experiment_version(era5):
    assert is_era5(era5)
    assert not is_era5(era5.drop_vars("expver"))


def test_the_twin_is_taken_for_the_era5_that_it_imitates():
    assert is_era5(said(source="xldm.twin"))
