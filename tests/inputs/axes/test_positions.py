"""Latitude and longitude are found by what they mean; other grids are named, with a way out."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from remedies import applied, codes

from xldm.errors import InputError
from xldm.inputs.axes.positions import regular_axes

LAT, LON = np.arange(49.0, 33.0, -0.5), np.arange(3.0, 22.1, 0.5)
BOX = "(4.0, 34.0, 21.0, 48.0)"


def fields(lat="latitude", lon="longitude", **attrs) -> xr.Dataset:
    """A field of two hours, which names its position."""
    values = np.broadcast_to(LAT[:, None] + LON, (2, LAT.size, LON.size))
    ds = xr.Dataset({"t2m": (("time", lat, lon), values)}, {lat: LAT, lon: LON})
    for name, side in ((lat, "north"), (lon, "east")):
        units = attrs.get("units", f"degrees_{side}")
        ds[name].attrs = {"units": units} if units else {}
    return ds


def curvilinear(lat="lat", lon="lon", dims=("y", "x")) -> xr.Dataset:
    """The same positions, turned by some degrees."""
    y, x = np.meshgrid(np.arange(32.0, 51, 0.25), np.arange(0.0, 26, 0.25), indexing="ij")
    lat2, lon2 = y + 0.05 * (x - 12), x - 0.05 * (y - 41)
    return xr.Dataset(
        {"t2m": (dims, lat2 + 2 * lon2, {"units": "K"})},
        {lat: (dims, lat2), lon: (dims, lon2)},
    )


NAMED = {
    "lat_0": ("lat_0", "lon_0", {}),
    "PyNIO": ("g0_lat_1", "g0_lon_2", {}),
    "IRI": ("Y", "X", {}),
    "any name": ("a", "b", {}),
    "names alone": ("lat", "lon", {"units": None}),
    "upper case": ("LAT", "LON", {"units": "degrees"}),
    "other spelling": ("a", "b", {"units": "degree_N"}),
}


@pytest.mark.parametrize("form", NAMED)
def test_an_axis_is_found_by_units_or_by_name(form):
    lat, lon, attrs = NAMED[form]
    ds = fields(lat, lon, **attrs)
    if form == "other spelling":
        ds[lon].attrs["units"] = "degree_E"
    found = regular_axes(ds, BOX)
    assert [a.dim for a in found] == [lat, lon]
    np.testing.assert_array_equal(found[0].values, LAT)
    np.testing.assert_array_equal(found[1].values, LON)


def test_the_axis_of_fields_goes_before_positions_of_other_dims():
    ds = fields().assign_coords(lat=("station", [44.0]), lon=("station", [9.0]))
    ds["lat"].attrs = ds["lon"].attrs = {}
    assert [a.name for a in regular_axes(ds, BOX)] == ["latitude", "longitude"]


def test_bounds_are_no_axis():
    ds = fields().assign_coords(lat_bnds=(("latitude", "bnds"), np.zeros((LAT.size, 2))))
    ds["lat_bnds"].attrs["units"] = "degrees_north"
    assert regular_axes(ds, BOX)[0].name == "latitude"


def test_rotated_axes_with_wrong_units_are_no_latitude():
    ds = fields("rlat", "rlon")
    ds["rlat"].attrs["standard_name"] = "grid_latitude"
    ds["rlon"].attrs["standard_name"] = "grid_longitude"
    with pytest.raises(InputError, match="a rotated one"):
        regular_axes(ds, BOX)


def test_two_dimensional_positions_of_a_regular_grid_are_its_axes():
    lon, lat = np.meshgrid(LON, LAT)
    ds = fields("y", "x").drop_vars(["y", "x"])
    ds = ds.assign_coords(nav_lat=(("y", "x"), lat), nav_lon=(("y", "x"), lon))
    found = regular_axes(ds, BOX)
    assert [a.dim for a in found] == ["y", "x"]
    np.testing.assert_array_equal(found[1].values, LON)


@pytest.mark.parametrize("dims", [("rlat", "rlon"), ("south_north", "west_east")])
def test_a_grid_that_says_it_is_another_is_refused_wherever_its_cells_lie(dims):
    lon, lat = np.meshgrid(LON, LAT)
    names = ("lat", "lon") if dims[0] == "rlat" else ("XLAT", "XLONG")
    ds = fields(*dims)
    if dims[0] == "rlat":
        for dim, meaning in zip(dims, ("grid_latitude", "grid_longitude"), strict=True):
            ds[dim].attrs = {"standard_name": meaning}
    else:
        ds = ds.drop_vars(dims)
    ds = ds.assign_coords({n: (dims, v) for n, v in zip(names, (lat, lon), strict=True)})
    with pytest.raises(InputError, match="You can interpolate") as error:
        regular_axes(ds, BOX)
    fixed = applied(str(error.value), ds)
    expected = fixed.latitude + fixed.longitude
    np.testing.assert_allclose(fixed["t2m"].isel(time=0), expected, atol=1e-9)


@pytest.mark.parametrize("mapping", [None, "attribute", "variable"])
def test_y_and_x_are_degrees_only_if_something_says_so(mapping):
    ds = fields("y", "x", units=None)
    if mapping == "attribute":
        ds.attrs["crs"] = "EPSG:4326"
    elif mapping == "variable":
        ds["crs"] = ((), 0, {"grid_mapping_name": "latitude_longitude"})
    if mapping:
        assert [a.dim for a in regular_axes(ds, BOX)] == ["y", "x"]
        return
    with pytest.raises(InputError, match="do not say what they are") as error:
        regular_axes(ds, BOX)
    fixed = applied(str(error.value), ds)
    assert [a.dim for a in regular_axes(fixed, BOX)] == ["latitude", "longitude"]


# ---- remedies


def test_the_printed_remedy_turns_radians_to_degrees():
    ds = fields()
    ds = ds.assign_coords(latitude=("latitude", np.radians(LAT), {"units": "radian"}))
    with pytest.raises(InputError, match="radian") as error:
        regular_axes(ds, BOX)
    np.testing.assert_allclose(regular_axes(applied(str(error.value), ds), BOX)[0].values, LAT)


def test_the_printed_remedy_states_the_units_of_an_axis():
    ds = fields(units="m")
    for _ in range(2):
        with pytest.raises(InputError, match="is in 'm'") as error:
            regular_axes(ds, BOX)
        ds = applied(str(error.value), ds)
    assert regular_axes(ds, BOX)[0].name == "latitude"


def test_the_printed_remedy_restores_a_regular_grid_that_was_flattened():
    ds = fields().stack(values=("latitude", "longitude")).reset_index("values")
    with pytest.raises(InputError, match="is flattened") as error:
        regular_axes(ds, BOX)
    fixed = applied(str(error.value), ds)
    np.testing.assert_array_equal(np.sort(regular_axes(fixed, BOX)[0].values), np.sort(LAT))
    expected = fields()["t2m"].sel(latitude=40, longitude=9)
    np.testing.assert_array_equal(fixed["t2m"].sel(latitude=40, longitude=9), expected)


def reduced() -> xr.Dataset:
    """Rows with fewer cells towards the pole, as on a reduced Gaussian grid."""
    rows = [(la, lo) for la in np.arange(30.0, 53, 0.5) for lo in np.arange(0, 30, 0.4 + la / 200)]
    lat, lon = np.array(rows).T
    return xr.Dataset(
        {"t2m": ("values", lat + 2 * lon)},
        {"latitude": ("values", lat), "longitude": ("values", lon)},
    )


OTHERS = {
    "reduced": (reduced, "reduced Gaussian"),
    "curvilinear": (curvilinear, "curvilinear"),
    "WRF": (lambda: curvilinear("XLAT", "XLONG", ("south_north", "west_east")), "WRF"),
    "NEMO": (lambda: curvilinear("nav_lat", "nav_lon"), "curvilinear"),
    "rotated": (lambda: curvilinear(dims=("rlat", "rlon")).assign_coords(rlat=np.arange(76.0)),
                "a rotated one"),
}  # fmt: skip


@pytest.mark.parametrize("grid", OTHERS)
def test_the_printed_remedy_brings_another_grid_to_a_regular_one(grid):
    make, words = OTHERS[grid]
    ds = make()
    with pytest.raises(InputError, match=words) as error:
        regular_axes(ds, BOX)
    fixed = applied(str(error.value), ds)
    lat, lon = regular_axes(fixed, BOX)
    # Linear fields are interpolated exactly.
    expected = lat.values[:, None] + 2 * lon.values
    np.testing.assert_allclose(fixed["t2m"].values, expected, atol=1e-9)


def test_cells_without_positions_are_asked_for_them():
    ds = reduced().drop_vars(["latitude", "longitude"]).rename(values="cell")
    with pytest.raises(InputError, match="unstructured grid"):
        regular_axes(ds, BOX)


@pytest.mark.parametrize("order", ["ring", "nested", None])
def test_as_many_cells_as_healpix_has_are_told_their_positions(order):
    """The printed code calls healpy, which this environment may lack: a stand-in answers it."""
    ds = xr.Dataset({"t2m": ("cell", np.zeros(12 * 64**2))})
    if order:
        ds["crs"] = ((), 0, {"grid_mapping_name": "healpix", "indexing_scheme": order})
    with pytest.raises(InputError, match="those of HEALPix") as error:
        regular_axes(ds, BOX)
    message = str(error.value)
    assert ("nest=False if" in message) is (order is None)

    class Healpy:
        @staticmethod
        def pix2ang(nside, cells, nest, lonlat):
            assert (nside, len(cells), nest, lonlat) == (64, 49152, order != "ring", True)
            return np.linspace(0, 360, len(cells)), np.linspace(-90, 90, len(cells))

    names = {"healpy": Healpy, "np": np, "ds": ds}
    exec(message[message.index("lon, lat =") : message.index("True)") + 5], names)
    fixed = eval(codes(message)[0], names)
    with pytest.raises(InputError, match="reduced Gaussian or an unstructured"):
        regular_axes(fixed, BOX)


def test_dims_without_values_are_asked_for_them():
    with pytest.raises(InputError, match="'latitude' has no values"):
        regular_axes(fields().drop_vars(["latitude", "longitude"]), BOX)


def test_axes_of_a_grid_that_says_it_is_rotated_are_no_latitudes():
    axes = {"latitude": [1.0, 2.0], "longitude": [3.0, 4.0]}
    field = (("latitude", "longitude"), np.zeros((2, 2)), {"grid_mapping": "rotated_pole"})
    pole = ((), 0, {"grid_mapping_name": "rotated_latitude_longitude"})
    ds = xr.Dataset({"t2m": field, "rotated_pole": pole}, axes)
    with pytest.raises(InputError, match="they may be rotated degrees"):
        regular_axes(ds, "")
    del ds["t2m"].attrs["grid_mapping"]
    assert regular_axes(ds, "")[0].name == "latitude"
