"""Static fields: averaging, the rules of the land mask, and the shipped fields of Italy."""

import dataclasses
import json

import numpy as np
import pytest
import xarray as xr

from xldm import statics
from xldm.config import GridConfig
from xldm.grids.projected import ITALY, axes, lon_lat
from xldm.statics.landcover import IGBP

# 3 x 4 coarse cells of 16 km in central Italy: small enough to build in a test.
SMALL = GridConfig(
    crs="EPSG:3035", x=(4486000.0, 4534000.0), y=(2130000.0, 2098000.0), spacing=16000.0, factor=8
)


def raster(values):
    """Spread values(latitude, longitude) over 44.0-41.0 N, 10.5-13.5 E every 0.02 degrees."""
    latitude, longitude = np.arange(44.0, 41.0, -0.02), np.arange(10.5, 13.5, 0.02)
    field = values(*np.meshgrid(latitude, longitude, indexing="ij"))
    return xr.DataArray(field, {"latitude": latitude, "longitude": longitude})


def built(terrain=100.0, cover=12, land=True):
    """Static fields of the small grid; each argument is a value or a function of (lat, lon)."""

    def field(value):
        return raster(value if callable(value) else lambda lat, lon: np.full(lat.shape, value))

    return statics.build(field(terrain), field(cover), field(land), SMALL)


def middle_longitude():
    return float(lon_lat(SMALL, fine=True)[0].mean())


def coast(lat, lon):
    """Land in the east half."""
    return lon > middle_longitude()


@pytest.fixture(scope="module")
def italy():
    return statics.embedded()


def test_a_plane_averages_to_its_value_at_the_cell_centre():
    plane = raster(lambda lat, lon: 10 * lat - 3 * lon)
    lon, lat = lon_lat(SMALL, fine=True)
    np.testing.assert_allclose(statics.average(plane, SMALL), 10 * lat - 3 * lon, atol=2e-5)


def test_an_average_keeps_the_mean_of_a_rough_field():
    rough = raster(lambda lat, lon: np.random.default_rng(0).uniform(size=lat.shape))
    coarse = dataclasses.replace(SMALL, factor=1)
    fine_means = statics.average(rough, SMALL).reshape(3, 8, 4, 8).mean(axis=(1, 3))
    np.testing.assert_allclose(fine_means, statics.average(rough, coarse, points=32), atol=1e-12)


def test_a_raster_that_does_not_cover_the_grid_is_refused():
    with pytest.raises(ValueError, match=r"latitude 42\.\d\d to 44.*covers the grid"):
        statics.average(raster(lambda lat, lon: lat).sel(latitude=slice(44, 42)), SMALL)


def test_sea_has_height_zero():
    static = built(land=coast)
    assert 0.4 < float(static["land_mask"].mean()) < 0.6
    np.testing.assert_array_equal(static["orog"], 100 * static["land_mask"])


def test_sea_has_the_land_cover_sea():
    static = built(land=coast)
    sea = static["land_cover"].sel(land_cover_class="sea")
    np.testing.assert_array_equal(sea, 1 - static["land_mask"])


def test_a_lake_is_land_with_the_cover_inland_water():
    def lake(lat, lon):
        return np.where(np.hypot(lat - 42.1, lon - 12.4) < 0.06, 0, 12)

    lon, lat = lon_lat(SMALL, fine=True)
    water = built(cover=lake)["land_cover"].sel(land_cover_class="inland_water")
    distance = np.hypot(lat - 42.1, lon - 12.4)
    assert (water.to_numpy()[distance < 0.03] == 1).all() and (distance < 0.03).any()
    assert (water.to_numpy()[distance > 0.1] == 0).all()


def test_cover_water_along_the_coast_becomes_the_nearest_dry_land():
    def water_reaching_inland(lat, lon):
        return np.where(lon > middle_longitude() + 0.1, 12, 0)

    static = built(cover=water_reaching_inland, land=coast)
    assert static["land_cover_class"].values.tolist() == ["cropland", "sea"]


def test_land_that_is_all_water_stays_inland_water():
    assert built(cover=0)["land_cover_class"].values.tolist() == ["inland_water"]


def test_a_code_that_is_not_igbps_is_refused():
    with pytest.raises(ValueError, match="land cover holds 18, which the legend of IGBP lacks"):
        built(cover=18)


def test_land_without_a_class_is_refused():
    with pytest.raises(
        ValueError,
        match="land has the codes 255, which are no classes of land in the legend of IGBP",
    ):
        built(cover=255)


def test_fields_on_other_cells_are_refused():
    field = xr.DataArray(np.ones((672, 576)), dims=("y", "x"))
    with pytest.raises(ValueError, match=r"height has \(672, 576\) cells, the grid has \(24, 32\)"):
        statics.assemble(field, field == 1, field.astype(int), IGBP, SMALL)


def test_land_without_a_height_is_refused_with_the_squares_it_is_in():
    lon, lat = lon_lat(SMALL, fine=True)
    unknown = (lat > 42) & (lon > 12.3)
    height = xr.DataArray(np.where(unknown, np.nan, 10.0), dims=("y", "x"))
    land = xr.DataArray(lon > 12.2, dims=("y", "x"))
    with pytest.raises(ValueError, match=rf"{unknown.sum()} cells .* corners N42 E012: give"):
        statics.assemble(height, land, height * 0 + 12, IGBP, SMALL)


def test_sea_needs_no_height():
    lon, _ = lon_lat(SMALL, fine=True)
    land = xr.DataArray(lon > 12.3, dims=("y", "x"))
    height = land.where(land) * 300.0
    static = statics.assemble(height, land, xr.where(land, 12, 0), IGBP, SMALL)
    np.testing.assert_array_equal(static["orog"], 300 * land)


def test_provenance_of_a_raster_goes_along():
    terrain = raster(lambda lat, lon: lat).assign_attrs(source="a survey", units="feet")
    flat = raster(lambda lat, lon: np.ones(lat.shape, int))
    orog = statics.build(terrain, 12 * flat, flat == 1, SMALL)["orog"]
    assert orog.attrs["source"] == "a survey" and orog.attrs["units"] == "m"


def test_reading_gives_back_what_was_written(tmp_path):
    static = built(land=coast)
    static.drop_vars(["lat", "lon"]).to_netcdf(tmp_path / "static.nc", engine="h5netcdf")
    xr.testing.assert_identical(statics.read(tmp_path / "static.nc", SMALL), static)


def test_fields_of_another_grid_are_refused(tmp_path):
    built().to_netcdf(tmp_path / "static.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match=r"24 cells along y.*has 672.*another grid"):
        statics.read(tmp_path / "static.nc", ITALY)


def test_a_file_without_a_field_is_refused(tmp_path):
    built().drop_vars("orog").to_netcdf(tmp_path / "static.nc", engine="h5netcdf")
    with pytest.raises(ValueError, match="lacks orog"):
        statics.read(tmp_path / "static.nc", SMALL)


def test_shipped_terrain_has_the_statistics_of_the_source(italy):
    assert float(italy["orog"].mean()) == pytest.approx(292.06, abs=2)
    assert float(italy["orog"].std()) == pytest.approx(520.78, abs=2)


def test_shipped_terrain_is_within_a_percent_of_the_papers(italy, shared):
    stats = json.loads((shared / "realdata/paper_statistics/stats.json").read_text())
    found = [float(italy["orog"].mean()), float(italy["orog"].std())]
    np.testing.assert_allclose(found, stats["dem"], rtol=0.01)


def test_shipped_northing_has_the_papers_statistics(italy, shared):
    stats = json.loads((shared / "realdata/paper_statistics/stats.json").read_text())
    northing = italy["northing"].astype("float64")
    np.testing.assert_allclose([northing.mean(), northing.std(ddof=1)], stats["lat"], rtol=1e-6)


def test_shipped_terrain_equals_an_independent_average_on_land(italy, shared):
    file = shared / "realdata/globe_1km_italy/globe_on_xldm_grid_2km_EPSG3035.nc"
    with xr.open_dataset(file) as reference:
        difference = abs(italy["orog"] - reference["orog"]).where(italy["land_mask"] == 1)
    assert float(difference.max()) < 0.1


def test_shipped_sea_covers_about_what_the_paper_has(italy):
    assert float((italy["land_mask"] == 0).mean()) == pytest.approx(0.538, abs=0.01)


def test_shipped_bands_sum_to_one_in_every_cell(italy):
    assert (italy["land_cover"].sum("land_cover_class") == 1).all()


def test_shipped_bands_all_occur(italy):
    assert italy["land_cover"].any(("y", "x")).all()


@pytest.mark.parametrize(
    ("place", "lat", "lon", "cover"),
    [
        ("Tyrrhenian Sea", 40.0, 12.0, "sea"),
        ("Lake Garda", 45.55, 10.66, "inland_water"),
        ("Milan", 45.466, 9.19, "urban"),
        ("Aletsch Glacier", 46.5, 8.04, "snow_and_ice"),
        ("Po plain", 45.15, 9.9, "cropland"),
    ],
)
def test_a_known_place_has_its_land_cover(italy, place, lat, lon, cover):
    distance = np.hypot(italy["lat"] - lat, (italy["lon"] - lon) * np.cos(np.radians(lat)))
    here = italy["land_cover"].isel(distance.argmin(("y", "x"))).argmax("land_cover_class")
    assert str(italy["land_cover_class"][int(here)].values) == cover, place


def test_every_shipped_raster_names_its_licence_and_source(italy):
    for name in ("orog", "land_mask", "land_cover"):
        assert italy[name].attrs["license"] and italy[name].attrs["source"]


def test_a_callers_change_does_not_reach_the_next_caller(italy):
    statics.embedded()["orog"] = italy["orog"] + 1
    xr.testing.assert_identical(statics.embedded(), italy)


def test_channels_are_terrain_land_cover_and_northing(italy):
    found = statics.channels(italy)
    orog = italy["orog"].to_numpy().astype("float64")
    y = np.broadcast_to(axes(ITALY, fine=True)[0][:, None], orog.shape)
    assert found.dtype == np.float32 and found.shape == (18, 672, 576)
    np.testing.assert_allclose(found[0], (orog - orog.mean()) / orog.std(ddof=1), atol=1e-6)
    np.testing.assert_array_equal(found[1:17], italy["land_cover"])
    np.testing.assert_allclose(found[17], (y - y.mean()) / y.std(ddof=1), atol=1e-6)


def test_flat_ground_is_a_channel_of_zeros():
    assert np.all(statics.channels(built(terrain=0.0))[0] == 0)


def test_channels_do_not_depend_on_the_order_of_dimensions(italy):
    turned = italy.transpose("x", "y", "land_cover_class")
    np.testing.assert_array_equal(statics.channels(turned), statics.channels(italy))
