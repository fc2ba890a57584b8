"""Entries of the catalog open what they describe, with Zarr 2 and Zarr 3, or say what is wrong."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import intake
import numpy as np
import pytest
import release
import xarray as xr
import zarr

import xldm
from xldm.errors import MissingPackageError, RegistryError, StoreError
from xldm.grids.projected import ITALY, axes
from xldm.inputs.lists import PAPER_PREDICTORS
from xldm.storage.location import locate
from xldm.stores.open import zarr_store
from xldm.stores.parts import prepared
from xldm.twin import Twin
from xldm.vocabulary import VOCABULARY

ZARR_3 = int(zarr.__version__.partition(".")[0]) >= 3
# Braces, as of the templates that intake fills in.
SECRET = "s3cr{{et}}/+{%key"
SAID = dict.fromkeys(("title", "source", "license", "references"), "a test")


@pytest.fixture
def cat():
    return xldm.open_catalog()


def arco(path: Path) -> Path:
    """A store in the layout of ARCO-ERA5: levels together, and an axis that is mostly empty."""
    time = np.arange("2001-07-13", "2001-07-19", dtype="datetime64[h]").astype("datetime64[ns]")
    lat, lon, level = np.arange(50, 45, -0.25), np.arange(0, 5, 0.25), [500, 850]
    values = np.random.default_rng(3).normal(280, 5, (time.size, 2, lat.size, lon.size))
    values[(time < np.datetime64("2001-07-15")) | (time >= np.datetime64("2001-07-17"))] = np.nan
    fields = {
        known.long_name: (
            ("time", "latitude", "longitude")
            if known.level is None
            else ("time", "level", "latitude", "longitude"),
            (values[:, 0] if known.level is None else values).astype("float32"),
        )
        for known in map(VOCABULARY.get, PAPER_PREDICTORS)
    }
    fields["other"] = fields["2m_temperature"]
    ds = xr.Dataset(fields, {"time": time, "level": level, "latitude": lat, "longitude": lon})
    ds.attrs = {
        "valid_time_start": "2001-07-15",
        "valid_time_stop": "2001-07-16",
        "valid_time_stop_era5t": "2001-07-17",
    }
    chunks = {n: {"chunks": (1, *field.shape[1:])} for n, field in ds.items()}
    ds.to_zarr(path, zarr_format=2, consolidated=True, encoding=chunks)
    return path


def part(path: Path, *, complete: bool = True) -> Path:
    """A static part."""
    y, x = axes(ITALY, fine=True)
    shape = (y.size, x.size)
    fields = {
        name: (("y", "x"), np.full(shape, 1.0, "float32"), {"units": units})
        for name, units in (("orog", "m"), ("northing", "m"), ("land_mask", "1"))
    }
    fields["land_cover"] = (
        ("land_cover_class", "y", "x"),
        np.ones((1, *shape), "int8"),
        {"units": "1"},
    )
    static = xr.Dataset(fields, {"y": y, "x": x, "land_cover_class": ["sea"]})
    made = prepared("static", static, ITALY, SAID)
    if complete:
        made.attrs["xldm_complete"] = "2026-11-24T12:00:00Z sha256:0"
    made.to_zarr(path, mode="w-", consolidated=False, zarr_format=2)
    return path


# ERA5 on ARCO


def test_hours_of_arco_without_final_data_are_left_out(cat, tmp_path):
    ds = cat.era5_arco(url=arco(tmp_path / "era5.zarr"), storage_options={}).read()
    assert str(ds["time"].values[0])[:13] == "2001-07-15T00"
    assert str(ds["time"].values[-1])[:13] == "2001-07-16T23"


def test_arco_gives_the_14_predictors_and_other_variables_if_asked(cat, tmp_path):
    entry = cat.era5_arco(url=arco(tmp_path / "era5.zarr"), storage_options={})
    assert set(entry.read()) == {VOCABULARY[name].long_name for name in PAPER_PREDICTORS}
    assert list(entry(variables=["other"]).read()) == ["other"]
    assert len(entry(variables=None).read()) == 15


def test_chunks_of_arco_are_those_that_are_stored(cat, tmp_path):
    ds = cat.era5_arco(url=arco(tmp_path / "era5.zarr"), storage_options={}).to_dask()
    chunks = ds["temperature"].data.chunksize
    assert chunks == zarr.open_group(tmp_path / "era5.zarr", mode="r")["temperature"].chunks


def test_arco_is_indexed_lazily_when_it_is_read(cat, tmp_path):
    ds = cat.era5_arco(url=arco(tmp_path / "era5.zarr"), storage_options={}).read()
    assert ds["temperature"].chunks is None and not ds["temperature"].variable._in_memory


def test_a_store_that_is_not_arco_is_refused(cat, tmp_path):
    path = tmp_path / "other.zarr"
    xr.Dataset({"t2m": ("time", [280.0])}).to_zarr(path, zarr_format=2)
    with pytest.raises(StoreError, match=r"other\.zarr: it has no 2m_temperature, .*_time_start"):
        cat.era5_arco(url=path, storage_options={}).read()


def test_a_missing_store_is_named(cat, tmp_path):
    with pytest.raises(StoreError, match=r"nowhere\.zarr: there is no Zarr store; check the path"):
        cat.era5_arco(url=tmp_path / "nowhere.zarr", storage_options={}).read()


@pytest.mark.skipif(importlib.util.find_spec("gcsfs") is not None, reason="gcsfs is installed")
def test_the_package_that_is_missing_is_named(cat):
    with pytest.raises(StoreError, match=r"gs://gcp-public-data-arco-era5/.* install gcsfs"):
        cat.era5_arco.read()


# Parts and training stores


def test_a_part_opens_lazily(cat, tmp_path):
    ds = cat.part(url=part(tmp_path / "static.zarr")).to_dask()
    assert ds["orog"].chunks and ds.attrs["xldm_part"] == "static"


def test_an_unmarked_part_is_refused(cat, tmp_path):
    with pytest.raises(StoreError, match="not complete: its writing was interrupted"):
        cat.part(url=part(tmp_path / "static.zarr", complete=False)).read()


@pytest.mark.parametrize("entry", ["part", "training_store"])
def test_an_entry_without_a_place_asks_for_one(cat, entry):
    with pytest.raises(StoreError, match=rf"{entry}: no url was given.*{entry}\(url="):
        cat[entry].to_dask()


@pytest.mark.skipif(ZARR_3, reason="zarr>=3 is installed")
def test_a_store_of_zarr_3_is_refused_with_zarr_2(cat, tmp_path):
    with pytest.raises(StoreError, match=r"this is a Zarr 3 store, which zarr 2.* zarr>=3"):
        cat.training_store(url=tmp_path / "italy.zarr").read()


@pytest.mark.skipif(ZARR_3, reason="zarr>=3 is installed")
def test_a_training_store_is_refused_with_zarr_2_by_what_is_to_be_installed(tmp_path):
    with pytest.raises(MissingPackageError, match=r"pip install 'zarr>=3\.1'"):
        zarr_store(locate(tmp_path))


# The twin


@pytest.mark.parametrize(("group", "side", "dim"), [("era5", 0, "valid_time"), ("fine", 1, "time")])
def test_hours_of_the_twin_are_those_of_the_twin(cat, group, side, dim):
    ds = cat.twin(group=group, start="2008-02-29T22", hours=3, seed=7).to_dask()
    wanted = Twin(7).hour("2008-03-01T00")[side]
    found = ds.isel({dim: [2] if dim in wanted.dims else 2}).load()
    xr.testing.assert_identical(found, wanted)


@pytest.mark.parametrize("group", ["era5", "fine"])
def test_a_year_of_the_twin_opens_without_being_made(cat, group):
    ds = cat.twin(group=group, start="2008-01-01T00", hours=8784).to_dask()
    assert all(field.chunks[0] == (1,) * 8784 for field in ds.values())


@pytest.mark.parametrize("group", ["era5", "fine"])
def test_a_written_twin_opens_by_its_place(cat, group, tmp_path):
    ds = cat.twin(group=group, hours=2).to_dask()
    ds.to_zarr(tmp_path / "twin.zarr", group=group, consolidated=False)
    written = cat.twin(group=group, url=tmp_path / "twin.zarr").to_dask()
    xr.testing.assert_equal(written["u10"], ds["u10"])


def test_a_side_that_the_twin_does_not_have_is_refused(cat):
    with pytest.raises(ValueError, match="one of era5, fine; got 'rough'"):
        cat.twin(group="rough").read()


def test_a_group_that_a_written_twin_lacks_is_named(cat, tmp_path):
    fine = xr.Dataset({"t2m": ("x", [280.0])})
    fine.to_zarr(tmp_path / "twin.zarr", group="fine", consolidated=False)
    with pytest.raises(StoreError, match=r"twin\.zarr: there is no Zarr group 'era5'"):
        cat.twin(group="era5", url=tmp_path / "twin.zarr").read()


# What has to be fetched


@pytest.mark.parametrize("entry", ["paper_dataset", "paper_weights"])
def test_what_was_not_fetched_is_told_how_to_get(cat, entry):
    with pytest.raises(StoreError) as error:
        cat[entry].read()
    about = cat[entry].metadata
    assert all(url in str(error.value) for url in about["records"])
    assert "GB" in str(error.value) and "not stated where we looked" in str(error.value)


def paper_files(folder: Path) -> Path:
    """Names of a day's files, which are read no sooner than they are computed."""
    for kind in ("low", "high_2mT", "high_UV"):
        path = folder / "2001" / f"2001-07-15_{kind}.pt.zst"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    release.scaling(folder / "normalization_data.pkl")
    return folder


def test_the_papers_dataset_opens_in_physical_units(cat, tmp_path):
    entry = cat.paper_dataset(folder=paper_files(tmp_path), wind_frame="earth")
    assert dict(entry.to_dask().sizes) == {"time": 24, "y": 672, "x": 576}
    coarse = entry(group="coarse").to_dask()
    assert list(coarse) == list(PAPER_PREDICTORS) and coarse["msl"].attrs["units"] == "Pa"


def test_the_papers_winds_are_not_taken_silently(cat, tmp_path):
    with pytest.raises(ValueError, match="wind_frame='earth'"):
        cat.paper_dataset(folder=paper_files(tmp_path)).read()


def test_the_papers_weights_open_from_a_folder(cat, tmp_path):
    net = release.network("UV")
    release.checkpoint(tmp_path / "LDM_residual_UV.ckpt", net)
    read = cat.paper_weights(folder=tmp_path, component="UV").read()
    assert read.state_dict().keys() == net.state_dict().keys()


# Models


def test_a_model_is_loaded_by_name(cat):
    assert cat.models["italy-2km"].read().sha256 == xldm.load_model("italy-2km").sha256


def test_models_are_those_that_are_listed(cat):
    assert list(cat.models) == list(xldm.list_models().index)


def test_a_model_that_is_to_be_imported_says_how(cat, monkeypatch, tmp_path):
    monkeypatch.setenv("XLDM_CACHE", str(tmp_path))
    with pytest.raises(RegistryError, match="xldm models import italy-2km-ldm-res"):
        cat.models["italy-2km-ldm-res"].read()


# What an entry says of itself


def test_an_argument_that_does_not_exist_is_refused_with_those_that_do(cat):
    with pytest.raises(TypeError, match="'ulr'; arguments are url, storage_options"):
        cat.part(ulr="s3://bucket/x")


def test_arguments_are_kept_when_others_are_added(cat):
    entry = cat.twin(hours=3)(group="era5")
    assert entry.read().sizes["valid_time"] == 3


def test_the_repr_shows_arguments_and_all_that_is_known(cat):
    shown = repr(cat.part(url="s3://bucket/x"))
    assert shown.startswith("part:\n  description: ")
    assert "url: s3://bucket/x" in shown and "standard_names:" in shown and "license:" in shown


@pytest.mark.parametrize("entry", ["era5_arco", "training_store", "part", "twin"])
def test_no_secret_shows_in_an_entry(cat, entry, tmp_path):
    options = {"key": "AKIA-me", "secret": SECRET, "client_kwargs": {"aws_session_token": SECRET}}
    called = cat[entry](url="s3://bucket/x", storage_options=options)
    shown = [repr(called), called.yaml(), repr(called.describe()), repr(called.discover())]
    shown += [repr(cat), repr(cat._entries[entry]), cat.serialize(), str(called.metadata)]
    assert not any(secret in text for secret in ("AKIA-me", SECRET) for text in shown)
    assert "secret: (hidden)" in repr(called)


def test_a_secret_with_braces_arrives_as_it_is(cat):
    called = cat.part(url="s3://bucket/x", storage_options={"secret": SECRET})
    assert called._arguments["storage_options"] == {"secret": SECRET}


def test_a_secret_in_a_url_neither_shows_nor_works(cat):
    called = cat.part(url="s3://AKIA-me:s3cret@bucket/x")
    with pytest.raises(StoreError) as error:
        called.read()
    assert all("s3cret" not in text for text in (repr(called), called.yaml(), str(error.value)))


def test_public_options_show(cat):
    assert "token: anon" in repr(cat.era5_arco)


def test_an_entry_reaches_a_worker_with_its_arguments(cat, tmp_path):
    called = pickle.loads(pickle.dumps(cat.twin(group="era5", hours=2)))
    assert called.read().sizes["valid_time"] == 2


def test_drivers_serve_other_catalogs(tmp_path):
    import intake

    text = "sources: {a: {description: ours, driver: xldm.catalog.drivers.Part, args: {url: 'memory://n/x'}}}"
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(StoreError, match="memory://n/x: there is no Zarr 2 store"):
        intake.open_catalog(str(tmp_path / "own.yaml")).a.read()


# Catalogs of earlier versions


def test_a_catalog_that_names_drivers_by_their_earlier_path_still_opens(tmp_path):
    path = tmp_path / "catalog.yaml"
    path.write_text(
        "sources:\n  sample:\n    driver: xldm.drivers.Asset\n    args: {file: era5-sample.nc}\n"
    )
    found = intake.open_catalog(str(path)).sample.read()
    xr.testing.assert_identical(found, xldm.open_catalog().era5_sample.read())
