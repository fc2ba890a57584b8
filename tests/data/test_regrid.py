"""From latitude-longitude to the coarse grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy.interpolate import RegularGridInterpolator

from xldm.data.fields import check, predictors
from xldm.data.grid import ITALY, crop, lon_lat
from xldm.data.regrid import to_coarse


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


def test_missing_values_never_leak_and_half_a_cell_decides(config14):
    """All that is known is 5, so all that comes out is 5 or missing."""
    ds = on_axes(lambda lon, lat: np.where(lon < 12.0, 5.0, np.nan), 0.25)
    out = to_coarse(ds, only_t2m(config14), ITALY)[0, 0]
    # The last known column is 11.75, and the weight of 12.00 reaches a half at 11.875.
    known = lon_lat(ITALY, fine=False)[0] <= 11.875
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
