"""Where cells lie, against plain NumPy and the projection's own convergence."""

import numpy as np
import pyproj
import pytest
import records

from xldm import statics
from xldm.errors import InputError
from xldm.evaluation.strata import EXPOSURES, Ground


def test_every_cell_is_in_one_class_and_strata_are_unions():
    ground = Ground.of(records.record(1), records.static())
    counts = np.bincount(ground.label, minlength=ground.classes)
    assert counts.sum() == counts[ground.strata["all"]].sum() == ground.label.size
    assert counts[ground.strata["land"]].sum() == ground.land.sum()


def test_land_at_sea_level_is_in_the_lowest_band_and_not_at_sea():
    static = records.static()
    static["orog"] = static["orog"] * 0
    ground = Ground.of(static, static)
    np.testing.assert_array_equal(ground.label == 1, ground.land)


def test_both_sides_of_the_coast_are_within_twenty_kilometres():
    static = records.static()
    static["land_mask"][:] = np.arange(static.sizes["x"]) >= static.sizes["x"] // 2
    ground = Ground.of(static, static)
    y, x = np.meshgrid(static["y"], static["x"], indexing="ij")
    land = ground.land.reshape(ground.shape)
    for side, mine, other in ((1, land, ~land), (2, ~land, land)):
        coast = ground.coast.reshape(ground.shape) == side
        assert (coast <= mine).all()
        i, j = np.argwhere(coast)[0]
        distance = np.hypot(y[i, j] - y[other], x[i, j] - x[other]).min()
        assert distance <= 20e3
        i, j = np.argwhere(mine & ~coast)[0]
        assert np.hypot(y[i, j] - y[other], x[i, j] - x[other]).min() > 20e3


def test_a_domain_without_sea_has_no_coast():
    static = records.static()
    static["land_mask"] = static["land_mask"] * 0 + 1
    assert not Ground.of(static, static).coast.any()


def test_a_peak_is_a_ridge_and_a_pit_a_deep_valley():
    static = records.static()
    static["land_mask"][:] = 1
    static["orog"][:] = 500.0
    static["orog"][10, 10], static["orog"][10, 30] = 1500.0, 100.0
    exposure = Ground.of(static, static).exposure.reshape(static["orog"].shape)
    names = list(EXPOSURES)
    assert names[exposure[10, 10]] == "ridge"
    assert names[exposure[10, 30]] == "deep valley"
    assert names[exposure[25, 20]] == "level"


def test_the_grid_turns_by_the_projection_s_convergence():
    static = statics.embedded()
    cosine, sine = Ground.of(static, static).turn
    to_degrees = pyproj.Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True)
    x, y = float(static["x"][-1]), float(static["y"][0])
    (a, b), (c, d) = to_degrees.transform(x, y), to_degrees.transform(x, y + 100.0)
    # Bearing of the grid's north from true north by geodesic; equal areas cost right angles.
    bearing = pyproj.Geod(ellps="GRS80").inv(a, b, c, d)[0]
    assert np.degrees(np.arctan2(sine[0, -1], cosine[0, -1])) == pytest.approx(-bearing, abs=0.02)


def test_static_fields_of_another_grid_are_refused():
    static = records.static()
    with pytest.raises(InputError, match="does not hold every cell"):
        Ground.of(records.record(1), static.assign_coords(x=static["x"] + 1000))


def test_absent_static_fields_are_named():
    with pytest.raises(InputError, match="static: lacks orog"):
        Ground.of(records.record(1), records.static().drop_vars("orog"))
