"""Static fields of another domain, scaled as those that the networks know."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import xldm
from xldm import statics
from xldm.grids.projected import ITALY, coordinates
from xldm.grids.regions import crop
from xldm.nets.field_sizes import FieldSizes

#: As the networks of the paper need them.
SIZES = FieldSizes(multiple=4, least=8)
PART = {"y": slice(64, 320), "x": slice(128, 320)}


@pytest.fixture(scope="module")
def italy():
    return statics.embedded()


def test_a_part_of_the_domain_has_the_channels_of_the_whole_there(italy):
    moved, grid = statics.transfer(italy.isel(PART), italy, ITALY, SIZES)
    assert grid == crop(ITALY, slice(8, 40), slice(16, 40))
    np.testing.assert_array_equal(
        statics.channels(moved), statics.channels(italy)[:, PART["y"], PART["x"]]
    )


def test_what_was_moved_once_is_scaled_by_the_first_domain_when_moved_again(italy):
    once, grid = statics.transfer(italy.isel(PART), italy, ITALY, SIZES)
    again, _ = statics.transfer(once.isel(y=slice(128)), once, grid, SIZES)
    np.testing.assert_array_equal(statics.channels(again), statics.channels(once)[:, :128])


def test_the_scaling_survives_a_file(italy, tmp_path):
    moved, grid = statics.transfer(italy.isel(PART), italy, ITALY, SIZES)
    moved.to_netcdf(tmp_path / "static.nc", engine="h5netcdf")
    again = statics.read(tmp_path / "static.nc", grid)
    np.testing.assert_array_equal(statics.channels(again), statics.channels(moved))


def test_classes_that_the_domain_lacks_are_nowhere_in_it(italy):
    part = italy.isel(PART)
    moved, _ = statics.transfer(part.sel(land_cover_class=["sea", "cropland"]), italy, ITALY, SIZES)
    assert moved["land_cover_class"].values.tolist() == italy["land_cover_class"].values.tolist()
    np.testing.assert_array_equal(
        moved["land_cover"].sel(land_cover_class="sea"),
        part["land_cover"].sel(land_cover_class="sea"),
    )
    assert not moved["land_cover"].sel(land_cover_class="urban").any()


def test_the_caller_keeps_what_was_given(italy):
    part = italy.isel(PART)
    before = part.copy(deep=True)
    statics.transfer(part, italy, ITALY, SIZES)
    xr.testing.assert_identical(part, before)


def test_positions_follow_from_the_projection_if_the_fields_have_none(italy):
    part = italy.isel(PART)
    bare, grid = statics.transfer(part.drop_vars(["lat", "lon"]), italy, ITALY, SIZES)
    full, same = statics.transfer(part, italy, ITALY, SIZES)
    assert grid == same
    xr.testing.assert_identical(bare, full)


def test_the_catalogs_own_static_fields_are_taken(italy):
    own = xldm.open_catalog().italy_static.read()
    moved, grid = statics.transfer(own, italy, ITALY, SIZES)
    assert grid == ITALY
    np.testing.assert_array_equal(statics.channels(moved), statics.channels(italy))


def other_projection(part):
    grid = replace(crop(ITALY, slice(8, 40), slice(16, 40)), crs="EPSG:32632")
    return part.assign_coords(coordinates(grid, fine=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.drop_vars("orog"), "lack orog"),
        (lambda d: d.drop_vars("lat"), "lack lat"),
        (lambda d: d.isel(y=slice(20)), "20 cells along y; the networks need a multiple of 32"),
        (lambda d: d.isel(x=slice(32)), "32 cells along x; .* and 64 at least"),
        (lambda d: d.assign_coords(y=d["y"] * 2, x=d["x"] * 2), "along y .* by -4000 m .* -2000"),
        (lambda d: d.isel(y=slice(None, None, -1)), "along y .* by 2000 m .* -2000 m"),
        (other_projection, "lat of the static fields is off by .* EPSG:3035"),
        (
            lambda d: other_projection(d).drop_vars(["lat", "lon"]),
            "lat of the static fields is off by .* EPSG:3035",
        ),
        (
            lambda d: d.assign_coords(land_cover_class=["moss", *d["land_cover_class"].values[1:]]),
            "do not know the land cover moss; they know evergreen",
        ),
    ],
)
def test_fields_that_the_networks_cannot_take_are_refused(change, message, italy):
    with pytest.raises(ValueError, match=message):
        statics.transfer(change(italy.isel(PART)), italy, ITALY, SIZES)
