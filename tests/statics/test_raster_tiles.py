"""Tiles of a raster averaged over cells: right wherever they end, and refused where unusable."""

import dataclasses

import fsspec
import numpy as np
import pyproj
import pytest
import tiff

from xldm.config import GridConfig
from xldm.errors import InputError
from xldm.grids.projected import axes, lon_lat
from xldm.statics.raster_tiles import cell_means

# 2 x 3 coarse cells of 16 km in Apulia, where the grid is turned most, by 5 degrees.
TURNED = GridConfig(
    crs="EPSG:3035", x=(5006000.0, 5038000.0), y=(1946000.0, 1930000.0), spacing=16000.0, factor=8
)
NORTH, WEST, STEP, SHAPE = 40.5, 17.8, 1 / 240, (140, 190)


def height(pixels):
    return {"height": pixels.astype("float32").filled(np.nan)}


def means(urls, grid=TURNED, **said):
    return cell_means(urls, grid, height, **said)[0]["height"]


def rough():
    """Pixels as different from their neighbours as can be."""
    return np.random.default_rng(0).normal(0, 300, SHAPE).astype("float32")


def plane(lat, lon):
    return 100 * lat - 30 * lon


@pytest.fixture
def tile(tmp_path):
    pixels = tiff.values(plane, NORTH, WEST, STEP, SHAPE)
    return tiff.write(tmp_path / "plane.tif", pixels, NORTH, WEST, STEP)


def test_a_plane_averages_to_its_value_at_the_cell_centre(tile):
    lon, lat = lon_lat(TURNED, fine=True)
    # It rises by 2 m across a cell.
    np.testing.assert_allclose(means(tile), plane(lat, lon), atol=0.05)


def test_a_rough_raster_averages_to_the_mean_of_the_pixels_in_the_cell(tmp_path):
    pixels = rough()
    y, x = axes(dataclasses.replace(TURNED, factor=8 * 40), fine=True)
    degrees = pyproj.Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True)
    lon, lat = degrees.transform(*np.meshgrid(x, y))
    here = pixels[((NORTH - lat) / STEP).astype(int), ((lon - WEST) / STEP).astype(int)]
    exact = here.reshape(16, 40, 24, 40).mean(axis=(1, 3))
    found = means(tiff.write(tmp_path / "rough.tif", pixels, NORTH, WEST, STEP))
    # 26 pixels that know nothing of each other: that is harder than any terrain.
    assert np.sqrt(((found - exact) ** 2).mean()) < 0.08 * exact.std()


def test_it_does_not_matter_how_a_raster_is_cut_into_tiles(tmp_path):
    pixels = rough()
    whole = means(tiff.write(tmp_path / "whole.tif", pixels, NORTH, WEST, STEP))
    for row in range(0, SHAPE[0], 90):
        for column in range(0, SHAPE[1], 90):
            path = tmp_path / f"cut-{row:03d}-{column:03d}.tif"
            cut = pixels[row : row + 90, column : column + 90]
            tiff.write(path, cut, NORTH - row * STEP, WEST + column * STEP, STEP)
    difference = means(str(tmp_path / "cut-*.tif")) - whole
    # GDAL places pixels to an eighth of one; parts of cells that two tiles share are one tile's.
    assert np.isfinite(difference).all() and difference.std() < 0.1 * whole.std()
    assert np.median(np.abs(difference)) < 0.05 * whole.std()


def test_cells_without_a_tile_are_unknown(tmp_path):
    lon, _ = lon_lat(TURNED, fine=True)
    edge = WEST + STEP * 90
    pixels = np.ones(SHAPE, "float32")[:, :90]
    found = means(tiff.write(tmp_path / "west.tif", pixels, NORTH, WEST, STEP))
    assert (found[lon < edge - 0.02] == 1).all() and (lon < edge - 0.02).any()
    assert np.isnan(found[lon > edge + 0.02]).all() and (lon > edge + 0.02).any()


def test_a_cell_has_the_mean_of_its_pixels_with_data(tmp_path):
    pixels = np.full(SHAPE, 7, "int16")
    pixels[::2] = -32768
    found = means(tiff.write(tmp_path / "voids.tif", pixels, NORTH, WEST, STEP, nodata=-32768))
    np.testing.assert_allclose(found, 7)


def test_tiles_may_have_another_projection(tmp_path):
    metres = pyproj.Transformer.from_crs("EPSG:32633", "EPSG:4326", always_xy=True)
    west, north, step = 740000, 4480000, 300
    x, y = west + step * (np.arange(200) + 0.5), north - step * (np.arange(200) + 0.5)
    lon, lat = metres.transform(*np.meshgrid(x, y))
    pixels = plane(lat, lon).astype("float32")
    found = means(tiff.write(tmp_path / "utm.tif", pixels, north, west, step, crs="EPSG:32633"))
    lon, lat = lon_lat(TURNED, fine=True)
    np.testing.assert_allclose(found, plane(lat, lon), atol=0.1)


def test_rows_may_run_north(tile):
    upward = dataclasses.replace(TURNED, y=TURNED.y[::-1])
    np.testing.assert_allclose(means(tile, upward)[::-1], means(tile), rtol=0, atol=0.02)


def test_no_more_pixels_are_held_than_a_block_of_cells_needs(tmp_path):
    held = []

    def counted(pixels):
        held.append(pixels.size)
        return height(pixels)

    large = np.zeros((2400, 2400), "int16")  # 10 degrees, a hundred times what the grid spans
    cell_means(tiff.write(tmp_path / "large.tif", large, 45.0, 12.0, STEP), TURNED, counted)
    assert len(held) == 1 and held[0] < 2 * 26 * 16 * 24


def test_tiles_are_read_at_any_url(tile):
    memory = fsspec.filesystem("memory")
    memory.put(tile, "/rasters/plane.tif")
    try:
        np.testing.assert_array_equal(means("memory://rasters/*.tif"), means(tile))
    finally:
        memory.rm("/rasters", recursive=True)


def test_tags_of_the_first_tile_come_along(tile):
    with tiff.rasterio.open(tile, "r+") as raster:
        raster.update_tags(source="a survey")
    assert cell_means(tile, TURNED, height)[1]["source"] == "a survey"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"crs": None}, "states no projection"),
        ({"scales": (0.1,)}, "unpack them with gdal_translate -unscale"),
    ],
)
def test_a_raster_that_cannot_be_placed_or_read_in_metres_is_refused(tmp_path, said, why):
    url = tiff.write(tmp_path / "a.tif", rough(), NORTH, WEST, STEP, **said)
    with pytest.raises(InputError, match=f"a.tif: .*{why}"):
        means(url)


def test_a_raster_of_several_bands_is_refused(tmp_path):
    url = tiff.write(tmp_path / "rgb.tif", np.stack([rough()] * 3), NORTH, WEST, STEP)
    with pytest.raises(InputError, match="it has 3 bands, expected one"):
        means(url)


def test_pixels_coarser_than_the_cells_are_refused(tmp_path):
    url = tiff.write(tmp_path / "a.tif", rough(), NORTH, WEST, 0.05)
    with pytest.raises(InputError, match=r"pixels of 5560 m are coarser than .* cells of 2000 m"):
        means(url)


def test_a_truncated_file_is_refused_by_name(tile):
    with open(tile, "r+b") as file:
        file.truncate(50_000)
    with pytest.raises(InputError, match=r"plane\.tif: it cannot be read as a raster"):
        means(tile)


def test_what_is_no_raster_is_refused_by_name(tmp_path):
    (tmp_path / "page.tif").write_text("<html>Not found</html>")
    with pytest.raises(InputError, match=r"page\.tif: it cannot be read as a raster"):
        means(tmp_path / "page.tif")


def test_a_file_that_is_not_there_is_refused_beside_one_that_is(tile, tmp_path):
    with pytest.raises(InputError, match=r"gone\.tif: there is no such file"):
        means([tile, tmp_path / "gone.tif"])


def test_tiles_that_lie_elsewhere_are_refused(tmp_path):
    url = tiff.write(tmp_path / "a.tif", rough(), NORTH, WEST - 90, STEP)
    with pytest.raises(InputError, match="no data on the grid; give the tiles that lie on it"):
        means(url)


def test_what_fields_refuse_is_said_of_the_tile(tile):
    def refuse(pixels):
        raise InputError("it is upside down.")

    with pytest.raises(InputError, match=r"plane\.tif: it is upside down\."):
        cell_means(tile, TURNED, refuse)
