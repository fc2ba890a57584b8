"""From latitude-longitude to the coarse grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyproj
import pytest
import xarray as xr
from scipy.interpolate import RegularGridInterpolator

from xldm.config import GridConfig
from xldm.errors import InputError
from xldm.grids.projected import ITALY, axes, coordinates, lon_lat
from xldm.grids.regions import crop
from xldm.grids.regridding import coarsen, on_cells, to_coarse
from xldm.inputs.predictors import check, predictors


def only_t2m(config):
    return replace(config, predictors=config.predictors[:1])


def on_axes(function, spacing: float, times: int = 1) -> xr.Dataset:
    """t2m = function(lon, lat) on a regular grid around Italy."""
    lat, lon = np.arange(49, 33, -spacing), np.arange(3, 22, spacing)
    values = np.broadcast_to(function(*np.meshgrid(lon, lat)), (times, lat.size, lon.size))
    time = np.datetime64("2020-01-01", "ns") + np.arange(times) * np.timedelta64(1, "h")
    coords = {"time": time, "latitude": lat, "longitude": lon}
    return xr.Dataset({"t2m": (("time", "latitude", "longitude"), values)}, coords=coords)


# 0.05 degrees is averaged over cells, whose mean latitude is not quite that of the centre.
@pytest.mark.parametrize(
    ("spacing", "within"), [(1.0, 1e-4), (0.25, 1e-4), (0.1, 1e-4), (0.05, 2e-3)]
)
def test_fields_linear_in_latitude_and_longitude_stay_exact(spacing, within, config14):
    out = to_coarse(on_axes(lambda lon, lat: 3 * lon - 2 * lat, spacing), only_t2m(config14), ITALY)
    lon, lat = lon_lat(ITALY, fine=False)
    np.testing.assert_allclose(out[0, 0], 3 * lon - 2 * lat, atol=within)


def test_interpolation_is_bilinear_as_scipy_has_it(config14):
    rng = np.random.default_rng(0)
    ds = on_axes(lambda lon, lat: rng.normal(size=lon.shape), 0.25)
    oracle = RegularGridInterpolator((ds.latitude.values, ds.longitude.values), ds["t2m"].values[0])
    lon, lat = lon_lat(ITALY, fine=False)
    out = to_coarse(ds, only_t2m(config14), ITALY)
    np.testing.assert_allclose(out[0, 0], oracle((lat, lon)), atol=1e-6)


def test_noise_finer_than_the_cells_is_averaged_away(config14):
    """White noise of 0.02 degrees: some 50 points to a cell leave a seventh of it, not all."""
    rng = np.random.default_rng(1)
    ds = on_axes(lambda lon, lat: rng.normal(size=lon.shape), 0.02)
    assert to_coarse(ds, only_t2m(config14), ITALY).std() < 0.25


def test_missing_values_never_leak(config14):
    """All that is known is 5, so all that comes out is 5 or missing."""
    ds = on_axes(lambda lon, lat: np.where(lon < 12.0, 5.0, np.nan), 0.25)
    out = to_coarse(ds, only_t2m(config14), ITALY)[0, 0]
    known = lon_lat(ITALY, fine=False)[0] <= 11.75  # the last column that is known
    np.testing.assert_array_equal(np.isfinite(out), known)
    np.testing.assert_allclose(out.values[known], 5.0, rtol=1e-6)


def test_absent_predictors_are_at_their_mean(config14):
    out = to_coarse(on_axes(lambda lon, lat: lon, 0.25), config14, ITALY)
    assert out.predictor.values.tolist() == [v.name for v in config14.predictors]
    for variable in config14.predictors[1:]:
        np.testing.assert_array_equal(out.sel(predictor=variable.name), np.float32(variable.mean))


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_lazy_is_eager_bit_for_bit_for_any_chunks(chunk, era5, config14):
    eager, lazy = (
        to_coarse(predictors(ds, report), config14, report.grid)
        for ds in (era5, era5.chunk(valid_time=chunk, latitude=20))
        for report in [check(ds, config14)]
    )
    assert lazy.chunks[0] == era5.chunk(valid_time=chunk).chunks["valid_time"]
    np.testing.assert_array_equal(eager, lazy.compute())


def test_one_time_alone_is_that_time_of_many(era5, config14):
    fields = predictors(era5, check(era5, config14))
    np.testing.assert_array_equal(
        to_coarse(fields.isel(time=[2]), config14, ITALY)[0], to_coarse(fields, config14, ITALY)[2]
    )


def test_a_window_is_that_part_of_the_whole(era5, config14):
    fields = predictors(era5, check(era5, config14))
    rows, columns = slice(8, 24), slice(4, 20)
    part = to_coarse(fields, config14, crop(ITALY, rows, columns))
    np.testing.assert_array_equal(part, to_coarse(fields, config14, ITALY)[..., rows, columns])


def test_result_has_projected_coordinates_and_single_precision(era5, config14):
    out = to_coarse(predictors(era5, check(era5, config14)), config14, ITALY)
    assert out.dims == ("time", "predictor", "y", "x")
    assert out.dtype == np.float32
    assert {"lat", "lon", "spatial_ref"} <= set(out.coords)


# ---- sums over an hour: means over cells


def rain(function, spacing: float) -> xr.Dataset:
    ds = on_axes(function, spacing).rename(t2m="tp")
    ds["tp"].attrs["cell_methods"] = "time: sum"
    return ds


def noise(seed: int):
    rng = np.random.default_rng(seed)
    return lambda lon, lat: rng.gamma(0.3, size=lon.shape)


def places(grid: GridConfig, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of points every ``step`` m all over a grid's cells."""
    y, x = (
        np.arange(min(ends) - grid.spacing / 2 + step / 2, max(ends) + grid.spacing / 2, step)
        for ends in (grid.y, grid.x)
    )
    to_degrees = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    return to_degrees.transform(*np.meshgrid(x, y[::-1]))


def nearest(ds: xr.Dataset, lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """Value of the box that holds each place, which is that of the nearest point."""
    index = (
        np.rint((at - axis[0]) / (axis[1] - axis[0])).astype(int)
        for at, axis in ((lat, ds.latitude.values), (lon, ds.longitude.values))
    )
    return ds["tp"].values[0][*index]


@pytest.mark.parametrize("spacing", [1.0, 0.25, 0.1, 0.05])
def test_a_constant_stays_exact(spacing):
    out = on_cells(rain(lambda lon, lat: 0 * lon + 0.003, spacing), ITALY)["tp"]
    np.testing.assert_array_equal(out, np.float32(0.003))


def test_rain_of_wide_cells_over_the_domain_is_neither_lost_nor_made():
    ds = rain(noise(3), 1.0)
    lon, lat = places(ITALY, 1000.0)
    expected = nearest(ds, lon, lat).mean()
    assert float(on_cells(ds, ITALY)["tp"].mean()) == pytest.approx(expected, rel=5e-3)


def test_rain_of_wide_cells_shows_no_edges():
    """Cells of 16 km are a fifth of a degree of longitude; 0.25 degrees keeps the edges given."""
    wide, evenly = (rain(lambda lon, lat: np.floor(lon), s).astype("float64") for s in (1.0, 0.25))
    steps, even = (np.abs(on_cells(d, ITALY)["tp"][0].diff("x")) for d in (wide, evenly))
    assert float(steps[:, 4:-4].max()) < 0.35 < 0.9 < float(even[:, 4:-4].max())


@pytest.mark.parametrize("spacing", [0.25, 0.1])
def test_rain_over_the_domain_is_neither_lost_nor_made(spacing):
    """Against points every 1 km of the equal-area plane, each with the rain of its box, which find
    the integral to 4 parts in 10,000 (and points every 500 m to 1)."""
    ds = rain(noise(3), spacing)
    lon, lat = places(ITALY, 1000.0)
    expected = nearest(ds, lon, lat).mean()
    assert float(on_cells(ds, ITALY)["tp"].mean()) == pytest.approx(expected, rel=5e-4)
    # Of noise, interpolation to the centres keeps no such account.
    bilinear = on_cells(ds.drop_attrs(), ITALY)["tp"]
    assert abs(float(bilinear.mean()) / expected - 1) > 1e-3


def test_each_cell_has_the_mean_of_the_boxes_in_it():
    """Against points every 100 m of a window: 25,600 of them in each cell."""
    window = crop(ITALY, slice(60, 64), slice(66, 70))
    ds = rain(noise(4), 0.25)
    lon, lat = places(window, 100.0)
    expected = nearest(ds, lon, lat).reshape(4, 160, 4, 160).mean(axis=(1, 3))
    np.testing.assert_allclose(on_cells(ds, window)["tp"][0], expected, atol=0.01)


def test_there_are_no_new_extremes():
    ds = rain(noise(5), 0.25)
    out = on_cells(ds, ITALY)["tp"]
    assert float(ds["tp"].min()) <= float(out.min())
    assert float(out.max()) <= float(ds["tp"].max())
    assert float(out.min()) >= 0


def test_areas_are_true_in_a_projection_that_does_not_keep_them():
    """Cells of 160 km in Mercator, across which areas change by a twentieth; edges are straight."""
    x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3857", always_xy=True).transform(11, 45)
    grid = GridConfig(crs="EPSG:3857", x=(x, x + 160e3), y=(y, y - 160e3), spacing=160e3)
    ds = rain(lambda lon, lat: np.exp(lat), 0.05)
    lon, lat = places(grid, 500.0)
    area = 1 / pyproj.Proj(grid.crs).get_factors(lon, lat).areal_scale
    total, area, plain = (
        a.reshape(2, 320, 2, 320).mean(axis=(1, 3))
        for v in [nearest(ds, lon, lat)]
        for a in (v * area, area, v)
    )
    assert (np.abs(plain / (total / area) - 1) > 2e-3).all()
    np.testing.assert_allclose(on_cells(ds, grid)["tp"][0], total / area, rtol=5e-4)


def test_rain_is_missing_where_less_than_half_of_a_cell_is_known():
    ds = rain(lambda lon, lat: np.where(lon < 12.0, 5.0, np.nan), 0.25)
    out = on_cells(ds, ITALY)["tp"][0].values
    lon, lat = places(ITALY, 1000.0)
    share = np.isfinite(nearest(ds, lon, lat)).reshape(84, 16, 72, 16).mean(axis=(1, 3))
    np.testing.assert_array_equal(np.isfinite(out)[share > 0.55], True)
    np.testing.assert_array_equal(np.isfinite(out)[share < 0.45], False)
    np.testing.assert_allclose(out[np.isfinite(out)], 5.0, rtol=1e-6)


def test_rain_of_a_window_is_that_part_of_the_whole():
    ds = rain(noise(6), 0.25)
    rows, columns = slice(8, 24), slice(4, 20)
    part = on_cells(ds, crop(ITALY, rows, columns))["tp"]
    np.testing.assert_allclose(part, on_cells(ds, ITALY)["tp"][:, rows, columns], rtol=1e-6)


def test_input_that_ends_at_the_outermost_centres_serves():
    lon, lat = lon_lat(ITALY, fine=False)
    ds = rain(noise(7), 0.05)
    part = ds.sel(
        latitude=slice(lat.max() + 0.05, lat.min() - 0.05),
        longitude=slice(lon.min() - 0.05, lon.max() + 0.05),
    )
    out, whole = (on_cells(d, ITALY)["tp"] for d in (part, ds))
    assert np.isfinite(out).all()
    np.testing.assert_allclose(out[..., 1:-1, 1:-1], whole[..., 1:-1, 1:-1], rtol=1e-6)


# ---- fine to coarse


def fine_field(values: np.ndarray) -> xr.DataArray:
    coords = coordinates(ITALY, fine=True)
    attrs = {"units": "K"}
    return xr.DataArray(values.astype("float32"), coords, ("time", "y", "x"), "t2m", attrs)


def test_coarse_cells_are_the_means_of_their_fine_ones():
    values = np.random.default_rng(8).normal(280, 5, (2, 672, 576))
    out = coarsen(fine_field(values), ITALY)
    expected = values.astype("float32").astype("float64")
    expected = expected.reshape(2, 84, 8, 72, 8).mean(axis=(2, 4))
    np.testing.assert_array_equal(out, expected.astype("float32"))
    assert out.attrs == {"units": "K"}
    for name, axis in zip("yx", axes(ITALY, fine=False), strict=True):
        np.testing.assert_array_equal(out[name], axis)


def test_a_coarse_cell_is_missing_where_fewer_than_half_of_its_fine_ones_are_known():
    values = np.full((1, 672, 576), 280.0)
    values[0, :8, :4] = np.nan  # half of the first cell
    values[0, :8, 8:12] = values[0, 0, 12] = np.nan  # one more of the second
    out = coarsen(fine_field(values), ITALY)[0]
    assert float(out[0, 0]) == 280.0
    assert np.isnan(out[0, 1])
    assert int(out.isnull().sum()) == 1


def test_coarsening_is_lazy_and_the_same():
    field = fine_field(np.random.default_rng(9).normal(size=(2, 672, 576)))
    lazy = coarsen(field.chunk(time=1, y=100), ITALY)
    assert lazy.chunks is not None
    xr.testing.assert_identical(lazy.compute(), coarsen(field, ITALY))


def test_fields_of_another_grid_are_not_coarsened():
    field = fine_field(np.zeros((1, 672, 576)))
    with pytest.raises(InputError, match="x does not match the grid's fine cells: expected 576"):
        coarsen(field.isel(x=slice(8, None)), ITALY)
