"""The simplest methods: splines from the points of the input, and lapse rates."""

from __future__ import annotations

import numpy as np
import pytest
import tiny
import xarray as xr
from scipy.interpolate import RectBivariateSpline

import xldm
from xldm import config as cfg
from xldm.grids.projected import lon_lat
from xldm.interpolation import local_lapse_rate
from xldm.models.model import Model


@pytest.fixture(scope="module")
def model() -> Model:
    """A tiny model whose terrain rises to the east, and has hills."""
    lon, lat = lon_lat(tiny.GRID, fine=True)
    static = tiny.static()
    hills = 1000 * (lon - 4.5) + 800 * np.sin(20 * lon) * np.sin(20 * lat)
    static["orog"] = (("y", "x"), np.maximum(hills, 0).astype("float32"))
    static["land_mask"] = (("y", "x"), np.ones(hills.shape, "int8"))
    config = tiny.config(footprint=31e3)
    return Model(config, static, {"2mT": tiny.network(config.components[0])}, "a" * 64)


def test_interpolation_is_that_of_fitpack(era5, model):
    lon, lat = lon_lat(tiny.GRID, fine=True)
    out = xldm.interpolate(era5, model)["t2m"]
    for hour in range(3):
        given = era5["t2m"].isel(valid_time=hour)[::-1]
        spline = RectBivariateSpline(given.latitude, given.longitude, given, kx=2, ky=2, s=0)
        # Splines through fewer points around the domain differ a little.
        np.testing.assert_allclose(out[hour], spline.ev(lat, lon), atol=0.2)


def test_only_fields_of_targets_are_needed(era5, model):
    whole, alone = (xldm.interpolate(ds, model) for ds in (era5, era5[["t2m"]]))
    np.testing.assert_array_equal(whole["t2m"], alone["t2m"])


def test_an_input_without_any_target_is_refused(era5, model):
    with pytest.raises(xldm.InputError, match="t2m"):
        xldm.interpolate(era5[["msl"]], model)


@pytest.mark.parametrize("lapse_rate", [None, 0.0065, "local"])
def test_lazy_is_eager_bit_for_bit(lapse_rate, era5, model):
    eager, lazy = (
        xldm.interpolate(ds, model, lapse_rate=lapse_rate)
        for ds in (era5, era5.chunk(valid_time=1, latitude=20))
    )
    assert lazy["t2m"].chunks is not None
    xr.testing.assert_identical(lazy.compute(), eager)


def test_coordinates_and_units_are_those_of_downscaling(era5, model):
    drawn = xldm.downscale(era5, model, members=None, steps=1)
    out = xldm.interpolate(era5, model)
    assert out["t2m"].attrs == drawn["t2m"].attrs
    xr.testing.assert_identical(
        out.coords.to_dataset().drop_attrs(), drawn.coords.to_dataset().drop_attrs()
    )


def with_heights(era5: xr.Dataset, model: Model, rate: float) -> xr.Dataset:
    """Temperature that falls with the mean height around each point, 290 K at sea level."""
    from xldm.grids.conservation import Constraint, means, nearest

    axes = (tuple(era5[n].values.tolist()) for n in ("latitude", "longitude"))
    heights = means(model.static["orog"].values, Constraint(tiny.GRID, *axes, 31e3))
    heights = heights[nearest(np.isfinite(heights))]
    values = np.broadcast_to(290 - rate * heights, era5["t2m"].shape)
    return era5.assign(t2m=(era5["t2m"].dims, values, era5["t2m"].attrs))


@pytest.mark.parametrize("rate", [0.0065, 0.004])
def test_a_constant_lapse_rate_gives_the_temperature_of_the_terrain(rate, era5, model):
    out = xldm.interpolate(with_heights(era5, model, rate), model, lapse_rate=rate)["t2m"]
    orog = model.static["orog"].values
    np.testing.assert_allclose(out[0], 290 - rate * orog, atol=1e-2)


@pytest.mark.parametrize("kind", [0.0065, "local"])
def test_terrain_brings_temperature_nearer_to_the_truth(kind, era5, model):
    ds, truth = with_heights(era5, model, 0.005), 290 - 0.005 * model.static["orog"].values
    simple, better = (
        float(np.sqrt(((xldm.interpolate(ds, model, lapse_rate=k)["t2m"] - truth) ** 2).mean()))
        for k in (None, kind)
    )
    assert better < 0.5 * simple


def test_a_region_is_part_of_the_whole_domain(era5):
    grid = cfg.GridConfig("EPSG:3035", (3918000.0, 4158000.0), tiny.GRID.y, 16e3)
    config = tiny.config(footprint=31e3, grid=grid)
    model = Model(config, tiny.static(grid), {"2mT": tiny.network(config.components[0])})
    whole = xldm.interpolate(era5, model, lapse_rate=0.0065)["t2m"]
    part = xldm.interpolate(era5, model, lapse_rate=0.0065, region=(4.9, 46.2, 5.9, 47.1))["t2m"]
    assert part.sizes["x"] < whole.sizes["x"]
    # Axes are cut around the domain, so splines near their ends differ.
    np.testing.assert_allclose(part, whole.sel(x=part.x, y=part.y), atol=0.5)


@pytest.mark.parametrize("rate", [0.0098, 0.003, -0.004])
def test_a_regression_finds_the_lapse_rate_of_rough_ground(rate):
    heights = np.random.default_rng(0).uniform(0, 3000, (30, 30))
    lat, lon = 48 - 0.25 * np.arange(30), 8 + 0.25 * np.arange(30)
    options = {"land": np.ones((30, 30)), "latitude": lat, "longitude": lon}
    found = local_lapse_rate(290 - rate * heights, heights=heights, **options)
    np.testing.assert_allclose(found, rate, atol=1e-3)


@pytest.mark.parametrize(("slope", "limit"), [(-0.03, 0.0098), (0.03, -0.005)])
def test_a_local_lapse_rate_stays_plausible(slope, limit):
    heights = np.random.default_rng(0).uniform(0, 3000, (30, 30))
    lat, lon = 48 - 0.25 * np.arange(30), 8 + 0.25 * np.arange(30)
    options = {"land": np.ones((30, 30)), "latitude": lat, "longitude": lon}
    found = local_lapse_rate(290 + slope * heights, heights=heights, **options)
    np.testing.assert_allclose(found, limit)


@pytest.mark.parametrize("wrong", ["dry", [0.0065]])
def test_what_is_no_lapse_rate_is_refused(wrong, era5, model):
    with pytest.raises(xldm.XldmError, match="lapse_rate: expected 'local', or a number of K/m"):
        xldm.interpolate(era5, model, lapse_rate=wrong)
