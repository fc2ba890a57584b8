"""GeoTIFFs of terrain and land cover to static fields: rules, real rasters, the paper, the twin."""

import dataclasses
import json

import numpy as np
import pytest
import tiff
import xarray as xr

from xldm import statics
from xldm.config import GridConfig
from xldm.errors import InputError
from xldm.grids.projected import ITALY, lon_lat
from xldm.grids.regions import crop
from xldm.published.statics_and_scaling import LAND_COVER
from xldm.statics import rasters
from xldm.statics.landcover import CGLS_LC100, GLC2000, IGBP
from xldm.statics.terrain_sources import TERRAINS
from xldm.twin import geotiffs

# 2 x 3 coarse cells of 16 km about 42 N, 12.2 E, and rasters of 3 arc-seconds that cover them.
SMALL = GridConfig(
    crs="EPSG:3035", x=(4486000.0, 4518000.0), y=(2114000.0, 2098000.0), spacing=16000.0, factor=8
)
NORTH, WEST, STEP, SHAPE = 42.24, 11.84, 1 / 1200, (450, 780)
LON, LAT = lon_lat(SMALL, fine=True)
GLO = TERRAINS["copernicus-glo-90"]


def field(function):
    return tiff.values(function, NORTH, WEST, STEP, SHAPE)


def height(tmp_path, function, source=GLO, **said):
    path = tiff.write(tmp_path / "dem.tif", field(function), NORTH, WEST, STEP, **said)
    return rasters.terrain(path, SMALL, source)


def cover(tmp_path, function, legend=CGLS_LC100, **said):
    pixels = field(function).astype("uint8")
    path = tiff.write(tmp_path / "cover.tif", pixels, NORTH, WEST, STEP, **said)
    return rasters.land_cover(path, SMALL, legend)


def flat(value):
    return lambda lat, lon: np.full(lat.shape, value)


def names(static):
    """Name of the class of every cell."""
    return static["land_cover_class"].values[static["land_cover"].argmax("land_cover_class")]


# Terrain


@pytest.mark.parametrize("fill", [-32768, -9999, -500, 32767])
def test_a_fill_value_that_is_not_declared_is_refused(tmp_path, fill):
    with pytest.raises(InputError, match=rf"dem\.tif: .*hold values like {fill},.*a_nodata"):
        height(tmp_path, lambda lat, lon: np.where(lat > 42, 10, fill))


def test_a_fill_value_that_is_declared_is_no_height(tmp_path):
    found = height(tmp_path, lambda lat, lon: np.where(lat > 42, 10, -500), nodata=-500)
    assert (found.values[LAT > 42.02] == 10).all() and np.isnan(found.values[LAT < 41.98]).all()


def test_depths_count_as_sea_level_where_the_source_holds_them(tmp_path):
    found = height(
        tmp_path, lambda lat, lon: np.where(lon > 12.3, 40, -900), TERRAINS["etopo-2022"]
    )
    assert (found.values[LON < 12.28] == 0).all() and (found.values[LON > 12.32] == 40).all()


def test_land_below_sea_level_keeps_its_height(tmp_path):
    np.testing.assert_allclose(height(tmp_path, flat(-3.0)), -3)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("copernicus-glo-30", "WorldDEM-30 © DLR e.V. 2010-2014 and © Airbus"),
        ("copernicus-glo-90", "provided under COPERNICUS by the European Union and ESA"),
        ("etopo-2022", "public domain"),
        ("globe", "no restriction"),
    ],
)
def test_terrain_says_what_is_owed_for_it(tmp_path, source, said):
    assert said in height(tmp_path, flat(5.0), TERRAINS[source]).attrs["license"]


def test_what_a_tile_says_of_itself_goes_before_what_its_source_would(tmp_path):
    path = tiff.write(tmp_path / "dem.tif", field(flat(5.0)), NORTH, WEST, STEP)
    with tiff.rasterio.open(path, "r+") as raster:
        raster.update_tags(license="CC0-1.0")
    found = rasters.terrain(path, SMALL, GLO)
    assert found.attrs["license"] == "CC0-1.0" and "Copernicus" in found.attrs["source"]


# Land cover


def test_shares_are_those_of_the_cell_and_sum_to_one(tmp_path):
    shares = cover(tmp_path, lambda lat, lon: np.where(lon * 1200 % 4 < 3, 40, 20))
    np.testing.assert_allclose(shares.sum("code"), 1, atol=1e-6)
    np.testing.assert_allclose(shares.mean(("y", "x")).sel(code=[20, 40]), [0.25, 0.75], atol=0.01)


@pytest.mark.parametrize("unknown", [0, 255])
def test_pixels_that_are_not_classified_do_not_count(tmp_path, unknown):
    shares = cover(tmp_path, lambda lat, lon: np.where(lat * 1200 % 2 < 1, unknown, 50), nodata=255)
    np.testing.assert_array_equal(shares["code"], [50])
    np.testing.assert_allclose(shares, 1)


def test_codes_of_another_legend_are_refused_by_file(tmp_path):
    with pytest.raises(
        InputError, match=r"cover\.tif: land cover holds 40, .* legend of IGBP lacks"
    ):
        cover(tmp_path, flat(40), IGBP)


def test_a_map_that_leaves_cells_out_is_refused(tmp_path):
    shares = cover(tmp_path, lambda lat, lon: np.where(lat > 42, 40, 255), nodata=255)
    with pytest.raises(InputError, match=r"of 384 cells have no land cover, within 11\.\d\d to"):
        rasters.combine(height(tmp_path, flat(1.0)), shares, CGLS_LC100, SMALL)


# Both


def static(tmp_path, dem, code, legend=CGLS_LC100):
    return rasters.combine(height(tmp_path, dem), cover(tmp_path, code, legend), legend, SMALL)


def test_a_cell_is_land_where_land_covers_half_of_it(tmp_path):
    # Three pixels of four are land in the north, one of four in the south.
    found = static(
        tmp_path,
        flat(9.0),
        lambda lat, lon: np.where(lon * 1200 % 4 < (1 + 2 * (lat > 42)), 40, 200),
    )
    assert (found["land_mask"].values[LAT > 42.01] == 1).all()
    assert (found["land_mask"].values[LAT < 41.99] == 0).all()


def test_the_class_of_land_is_the_commonest_on_land(tmp_path):
    # Sea 2/5, grass 2/5 in two classes, crops 1/5: land, and the sea, though commonest, is none.
    def stripes(lat, lon):
        return np.array([200, 200, 30, 30, 40])[(lon * 1200 % 5).astype(int)]

    assert set(names(static(tmp_path, flat(9.0), stripes)).ravel()) == {"herbaceous_vegetation"}


def test_a_missing_tile_on_land_is_refused_by_the_square_it_is_of(tmp_path):
    dem = height(tmp_path, lambda lat, lon: np.where(lat > 42, 10, -32768), nodata=-32768)
    with pytest.raises(
        InputError, match=r"cells are land by land cover .* corners N41 E011, N41 E012: give"
    ):
        rasters.combine(dem, cover(tmp_path, flat(40)), CGLS_LC100, SMALL)


def test_the_open_sea_needs_no_tile(tmp_path):
    dem = height(tmp_path, lambda lat, lon: np.where(lat > 42, 10, -32768), nodata=-32768)
    shares = cover(tmp_path, lambda lat, lon: np.where(lat > 42.01, 40, 200))
    found = rasters.combine(dem, shares, CGLS_LC100, SMALL)
    assert (found["orog"].values[LAT < 41.99] == 0).all()
    assert (found["orog"].values[LAT > 42.03] == 10).all()


@pytest.mark.parametrize(("legend", "water", "land"), [(GLC2000, 20, 16), (IGBP, 17, 12)])
def test_water_at_sea_level_is_sea_and_higher_water_a_lake(tmp_path, legend, water, land):
    def lake(lat, lon):
        return np.hypot(lat - 42.0, lon - 12.4) < 0.06

    found = static(
        tmp_path,
        lambda lat, lon: np.where(lon < 12.2, 0, 90),
        lambda lat, lon: np.where((lon < 12.2) | lake(lat, lon), water, land),
        legend,
    )
    kinds = names(found)
    assert (kinds[LON < 12.18] == "sea").all() and (LON < 12.18).any()
    assert (kinds[np.hypot(LAT - 42.0, LON - 12.4) < 0.04] == "inland_water").all()
    assert (kinds[(LON > 12.22) & ~(np.hypot(LAT - 42.0, LON - 12.4) < 0.1)] == "cropland").all()


def test_codes_of_cgls_make_the_papers_16_bands(shared):
    stats = json.loads((shared / "realdata/paper_statistics/stats.json").read_text())
    counts = np.rint(np.array(stats["lc_means"]) * 672 * 576).astype(int)
    codes = np.repeat([*LAND_COVER], counts).reshape(672, 576)
    # Shares of 0.6 for the class, 0.4 for the sea: what is land is land.
    other = np.where(codes == 200, 40, 200)
    planes = [0.6 * (codes == code) + 0.4 * (other == code) for code in LAND_COVER]
    shares = xr.DataArray(planes, {"code": [*LAND_COVER]}, ("code", "y", "x"))
    found = rasters.combine(shares[0] * 0 + 5.0, shares, CGLS_LC100, ITALY)
    assert found["land_cover_class"].values.tolist() == [*LAND_COVER.values()]
    assert (found["land_cover"].sum("land_cover_class") == 1).all()
    means = found["land_cover"].mean(("y", "x"))
    np.testing.assert_allclose(means, stats["lc_means"], rtol=1e-5)


# Real rasters


@pytest.fixture(scope="module")
def globe(shared, tmp_path_factory):
    """GLOBE over Italy as a GeoTIFF of 30 arc-seconds."""
    file = shared / "realdata/globe_1km_italy/globe_italy_30s.nc"
    with xr.open_dataset(file) as crop_of_globe:
        pixels = crop_of_globe["elevation"].load()
    step = 1 / 120
    north, west = float(pixels["latitude"][0]) + step / 2, float(pixels["longitude"][0]) - step / 2
    return tiff.write(
        tmp_path_factory.mktemp("globe") / "g10g.tif",
        pixels.values.astype("int16"),
        north,
        west,
        step,
    )


@pytest.fixture(scope="module")
def globe_height(globe):
    return rasters.terrain(globe, ITALY, TERRAINS["globe"])


def test_real_terrain_is_within_half_a_percent_of_the_papers(globe_height, shared):
    stats = json.loads((shared / "realdata/paper_statistics/stats.json").read_text())
    found = [float(globe_height.mean()), float(globe_height.std(ddof=1))]
    np.testing.assert_allclose(found, stats["dem"], rtol=0.005)


def test_real_terrain_agrees_with_an_independent_average(globe_height, shared):
    file = shared / "realdata/globe_1km_italy/globe_on_xldm_grid_2km_EPSG3035.nc"
    with xr.open_dataset(file) as reference:
        difference = globe_height - reference["orog"]
    # That one interpolates bilinearly between pixels of 0.9 km, this one takes them as they are.
    assert abs(float(difference.mean())) < 0.05
    assert float(difference.std()) < 5


def test_real_igbp_codes_of_modis_give_the_papers_share_of_sea(globe, shared):
    file = shared / "realdata/landcover_modis/MCD12C1.A2019001.006.2020220162300.tif"
    coarse = dataclasses.replace(ITALY, factor=1)  # its pixels of 5.6 km are too coarse for 2 km
    found = rasters.static(globe, file, coarse, TERRAINS["globe"], IGBP)
    sea = float((found["land_mask"] == 0).mean())
    stats = json.loads((shared / "realdata/paper_statistics/stats.json").read_text())
    assert sea == pytest.approx(stats["lc_means"][-1], abs=0.015)
    assert (found["land_cover"].sum("land_cover_class") == 1).all()
    # The embedded fields, averaged likewise but by other means, over the same cells.
    land = statics.embedded()["land_mask"].coarsen(y=8, x=8).mean()
    assert float(((found["land_mask"] == 1) == (land.values >= 0.5)).mean()) > 0.97


# The twin's archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    return geotiffs.write_dem(folder), geotiffs.write_land_cover(folder)


# 20 x 16 coarse cells: the Tyrrhenian Sea, the coast, lakes and the Apennines.
ROWS, COLUMNS = slice(32, 52), slice(24, 40)


@pytest.fixture(scope="module")
def round_trip(archive):
    window = crop(ITALY, ROWS, COLUMNS)
    found = rasters.static(*archive, window, GLO, CGLS_LC100)
    fine = [slice(8 * cells.start, 8 * cells.stop) for cells in (ROWS, COLUMNS)]
    return found, statics.embedded().isel(y=fine[0], x=fine[1])


def test_the_twins_terrain_comes_back(round_trip):
    found, embedded = round_trip
    difference = (found["orog"] - embedded["orog"]).where(embedded["land_mask"] == 1)
    # Pixels of 0.4 km do not end where cells do: 12 m rms over all of Italy's land, 139 m at most.
    assert abs(float(difference.mean())) < 0.5
    assert float(np.sqrt((difference**2).mean())) < 15
    assert (found["orog"].where(embedded["land_mask"] == 0, 0) == 0).all()


def test_the_twins_land_comes_back_as_it_was(round_trip):
    found, embedded = round_trip
    np.testing.assert_array_equal(found["land_mask"], embedded["land_mask"])


def test_the_twins_land_cover_comes_back_by_the_table(round_trip):
    found, embedded = round_trip
    by_code = CGLS_LC100.classes | {200: "sea"}
    table = {name: by_code[code] for name, code in geotiffs.CLASSES.items()}
    expected = np.vectorize(table.get)(names(embedded))
    assert (names(found) == expected).mean() > 0.9999


def test_the_twins_tiles_leave_out_the_open_sea_and_are_named_as_real_ones(archive):
    squares = {path.name for path in archive[0]}
    name = "Copernicus_DSM_COG_30_N{}_00_E{}_00_DEM.tif".format
    assert name(44, "010") in squares and name(40, "011") not in squares


def test_the_twins_tiles_say_that_they_are_not_what_they_are_named(archive, round_trip):
    assert "synthetic twin" in round_trip[0]["orog"].attrs["source"]
    assert "unrestricted" in round_trip[0]["orog"].attrs["license"]


def test_a_tile_of_the_twin_that_goes_missing_is_missed(archive):
    tiles = [path for path in archive[0] if "N42_00_E012" not in path.name]
    window = crop(ITALY, ROWS, COLUMNS)
    with pytest.raises(InputError, match=r"corners N42 E012: give the tiles that are missing"):
        rasters.static(tiles, archive[1], window, GLO, CGLS_LC100)
