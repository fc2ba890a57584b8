"""Fields at points: bilinear, at their height, for stations and grids of longitude and latitude."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj
import pytest
import xarray as xr

import xldm
from xldm.config import GridConfig
from xldm.errors import ArgumentError
from xldm.grids.projected import coordinates

GRID = GridConfig("EPSG:3035", x=(3918e3, 4030e3), y=(2690e3, 2578e3), spacing=16e3)
TO_DEGREES = pyproj.Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True)


@pytest.fixture(scope="module")
def out() -> xr.Dataset:
    """A plane in projected metres, on which bilinear interpolation is exact."""
    grid = xr.Dataset(coords=coordinates(GRID, fine=True))
    plane = 280 + (grid["x"] - 3.9e6) / 1e4 - (grid["y"] - 2.6e6) / 2e4
    hours = np.datetime64("2001-07-15", "ns") + np.arange(2) * np.timedelta64(1, "h")
    about = {"standard_name": "air_temperature", "units": "K"}
    t2m = (plane + xr.DataArray([0.0, 1.0], {"time": hours}, "time")).astype("float32")
    return grid.assign(t2m=t2m.transpose("time", "y", "x").assign_attrs(about), u10=t2m * 0 + 3)


@pytest.fixture(scope="module")
def model():
    import tiny  # needs torch, which other tests here do not

    from xldm.models.model import Model

    config = tiny.config()
    return Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])}, "a" * 64)


X, Y = np.array([3923456.0, 4012000.0, 3999999.0]), np.array([2688000.0, 2600001.0, 2575555.0])
LON, LAT = TO_DEGREES.transform(X, Y)
EXPECTED = 280 + (X - 3.9e6) / 1e4 - (Y - 2.6e6) / 2e4


@pytest.mark.parametrize("chunks", [None, {"time": 1, "y": 20}], ids=["in memory", "lazy"])
def test_values_are_bilinear_between_cell_centres_of_the_projection(out, chunks):
    given = out if chunks is None else out.chunk(chunks)
    there = xldm.at(given, LON, LAT)
    assert there["t2m"].dims == ("time", "station") and bool(there.chunks) == bool(chunks)
    np.testing.assert_allclose(there["t2m"].isel(time=0), EXPECTED, atol=1e-3)


def test_values_keep_type_attributes_and_the_coordinates_that_are_left(out):
    there = xldm.at(out, LON, LAT)
    assert there["t2m"].dtype == "float32" and there["t2m"].attrs == out["t2m"].attrs
    assert set(there.coords) == {"time", "lon", "lat"}


def test_a_number_gives_a_series(out):
    assert xldm.at(out, LON[0], LAT[0])["t2m"].dims == ("time",)


def test_a_series_of_pandas_names_its_stations(out):
    table = pd.DataFrame({"lon": LON, "lat": LAT}, pd.Index(["a", "b", "c"], name="code"))
    there = xldm.at(out, table["lon"], table["lat"])
    assert there.sel(code="b")["t2m"].values[0] == pytest.approx(EXPECTED[1], abs=1e-3)


def test_two_axes_give_a_grid_of_latitude_and_longitude(out):
    axes = xr.Dataset(coords={"lat": LAT[:2], "lon": LON})
    there = xldm.at(out, axes["lon"], axes["lat"])
    assert there["t2m"].dims == ("time", "lat", "lon")
    one = there["t2m"].isel(time=0).sel(lat=LAT[1], lon=LON[1])
    assert float(one) == pytest.approx(EXPECTED[1], abs=1e-3)


def test_beyond_the_grid_values_are_missing(out):
    assert np.isnan(xldm.at(out, [LON[0], 18.0], [LAT[0], 40.0])["t2m"].values[:, 1]).all()


def test_temperature_alone_is_brought_to_the_height_of_the_stations(out, model):
    there = xldm.at(out, LON, LAT, height=[1000.0, 50.0, 0.0], model=model, lapse_rate=0.005)
    terrain = xldm.at(model.static[["orog"]], LON, LAT)["orog"]
    np.testing.assert_allclose(there["model_height"], terrain)
    expected = EXPECTED - 0.005 * (np.array([1000.0, 50.0, 0.0]) - terrain.values)
    np.testing.assert_allclose(there["t2m"].isel(time=0), expected, atol=1e-3)
    assert (there["u10"].values == 3).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([9.0, 10.0], [45.0]), "expected the same points"),
        (([45.0], [9.0]), "none of the 1 points.*lon comes first"),
        (([9.0], [120.0]), "-90 to 90"),
        (([[9.0]], [[45.0]]), "DataArrays"),
    ],
)
def test_points_that_cannot_be_meant_are_refused(out, arguments, said):
    with pytest.raises(ArgumentError, match=said):
        xldm.at(out, *arguments)


def test_a_dataset_without_a_projection_is_refused_with_the_way_to_open_it(out):
    with pytest.raises(ArgumentError, match="decode_coords='all'"):
        xldm.at(out.drop_vars("spatial_ref"), LON, LAT)


def test_heights_need_a_model_that_is_named(out):
    with pytest.raises(ArgumentError, match="pass model="):
        xldm.at(out, LON, LAT, height=0.0)
