"""The networks of a model on another domain than that of their training."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import tiny
import xarray as xr

import xldm
from xldm.grids.projected import axes
from xldm.grids.regions import crop
from xldm.models.downscaler import Sampling
from xldm.models.model import Model

TIMES = np.array(["2020-01-01"], "datetime64[ns]")
#: 28 x 24 coarse cells, of which the tiny model's 8 x 8 are the north-western corner.
LARGER = replace(
    tiny.GRID, x=(3918000.0, 3918000.0 + 23 * 16e3), y=(2690000.0, 2690000.0 - 27 * 16e3)
)


@pytest.fixture(scope="module")
def model():
    config = tiny.config()
    return Model(config, tiny.static(), {"2mT": tiny.network(config.components[0])}, "a" * 64)


@pytest.fixture(scope="module")
def larger(model):
    with pytest.warns(UserWarning, match="tiny was trained on corner and not on this domain"):
        return model.on(tiny.static(LARGER))


def test_on_its_own_domain_a_model_draws_the_same(model):
    coarse = np.random.default_rng(0).normal(size=(1, 14, 8, 8)).astype("float32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = model.on(tiny.static())
    way = Sampling(members=(1,), steps=2)
    np.testing.assert_array_equal(
        again.fields(coarse, TIMES, way), model.fields(coarse, TIMES, way)
    )


def test_on_a_part_of_its_domain_a_model_sees_what_it_sees_of_a_region(larger):
    coarse = np.random.default_rng(0).normal(size=(1, 14, 12, 16)).astype("float32")
    rows, columns = slice(8, 20), slice(4, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        part = larger.on(larger.static.isel(y=slice(64, 160), x=slice(32, 160)))
    assert part.config.grid == crop(LARGER, rows, columns)
    # The mean: noise is addressed on the grid of the domain.
    region = larger.baseline("regression").fields(
        coarse, TIMES, Sampling(), rows=rows, columns=columns
    )
    mean = part.baseline("regression").fields(coarse, TIMES, Sampling())
    np.testing.assert_array_equal(mean, region)


def test_a_larger_domain_is_downscaled_tile_by_tile(era5, larger):
    out = xldm.downscale(era5.isel(valid_time=[0]), larger.tiled(16, 8), steps=2)
    for name, axis in zip(("y", "x"), axes(LARGER, fine=True), strict=True):
        np.testing.assert_array_equal(out[name], axis)
    assert np.isfinite(out["t2m"]).all()


def test_the_output_and_the_card_say_that_it_is_another_domain(era5, larger):
    assert xldm.downscale(era5.chunk(), larger).attrs["model"] == "tiny (on another domain)"
    assert "not that of its training, corner" in repr(larger)


def test_a_tiled_model_may_be_taken_to_another_domain(model, larger):
    coarse = np.random.default_rng(0).normal(size=(1, 14, 28, 24)).astype("float32")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        moved = model.tiled(16, 8).on(tiny.static(LARGER))
    way = Sampling(steps=2)
    np.testing.assert_array_equal(
        moved.fields(coarse, TIMES, way), larger.tiled(16, 8).fields(coarse, TIMES, way)
    )


def test_a_domain_that_the_networks_cannot_halve_is_refused(model):
    with pytest.raises(ValueError, match="200 cells along y; the networks need a multiple of 32"):
        model.on(tiny.static(LARGER).isel(y=slice(200)))


def test_static_fields_of_a_training_store_will_do(model):
    static = tiny.static(LARGER)
    stored = xr.Dataset(
        {**static.data_vars, "lat": static["lat"].variable, "lon": static["lon"].variable},
        {n: static[n] for n in ("y", "x", "land_cover_class")},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert model.on(stored.reset_coords(["lat", "lon"])).config.grid == LARGER
