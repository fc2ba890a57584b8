"""``xldm store``: from parts to a training store, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import s3
import stores
import xarray as xr

import xldm
from xldm.cli import main
from xldm.grids.projected import ITALY, axes


@pytest.fixture(scope="module")
def parts(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    coarse = stores.fields(stores.COARSE, fine=False)
    stores.write_part(folder / "surface", "coarse", coarse[["t2m", "tp"]])
    stores.write_part(folder / "upper", "coarse", coarse[["msl"]].isel(time=slice(0, 79)))
    stores.write_part(folder / "fine", "fine", stores.fields(stores.FINE, fine=True))
    stores.write_part(folder / "static", "static", stores.static())
    return folder


def arguments(parts: Path, *coarse: str) -> list[str]:
    out = [f"--coarse={parts / name}" for name in coarse]
    return [*out, f"--fine={parts / 'fine'}", f"--static={parts / 'static'}", "--gap", "6h"]


def test_parts_become_a_complete_store(parts, tmp_path, capsys):
    store = str(tmp_path / "a.zarr")
    given = [*arguments(parts, "surface"), "--test", "2005-02-28", "--title", "Mine"]
    assert main(["store", store, *given]) == 0
    tree = xldm.open_training_store(store)
    assert f"{store} complete {tree.attrs['xldm_complete']}" in capsys.readouterr().out
    assert tree.attrs["title"] == "Mine" and tree.attrs["source"] == "random numbers"
    np.testing.assert_array_equal(tree["fine"]["u10"], stores.fields(stores.FINE, fine=True)["u10"])
    split = tree["split"]["split"]
    assert split.attrs["gap"] == "6h" and (split == 2).sum() == 24 and (split == -1).sum() == 10


def test_parts_of_two_years_become_a_store_of_both(tmp_path):
    sides = {"coarse": stores.fields({"t2m": "K", "tp": "m"}, fine=False)}
    sides["fine"] = stores.fields(stores.FINE, fine=True)
    given = [f"--static={stores.write_part(tmp_path / 'static', 'static', stores.static())}"]
    for kind, ds in sides.items():
        ds = ds.isel(time=slice(0, 72))
        off = np.repeat([0, 365], [24, 48]).astype("timedelta64[D]")
        sides[kind] = ds = ds.assign_coords(time=ds["time"].values + off)
        for year in ("2006", "2005"):
            url = stores.write_part(tmp_path / f"{kind}-{year}", kind, ds.sel(time=year))
            given.append(f"--{kind}={url}")
    given += ["--test", "2006-02-28", "--gap", "10D"]
    assert main(["store", str(tmp_path / "a.zarr"), *given]) == 0
    tree = xldm.open_training_store(tmp_path / "a.zarr")
    for kind, ds in sides.items():
        for name in ds:
            xr.testing.assert_equal(
                tree[kind][name].drop_vars(["lat", "lon", "spatial_ref"]).compute(),
                ds[name].compute(),
            )
    # The rest of 2006 is beside the test, 2005 is a year away though it is the row before.
    np.testing.assert_array_equal(tree["split"]["split"], np.repeat([0, -1, 2], 24))


def test_a_block_may_be_several_days(parts, tmp_path):
    given = [*arguments(parts, "surface"), "--val", "2005-02-27/2005-02-28"]
    assert main(["store", str(tmp_path / "a.zarr"), *given]) == 0
    assert (xldm.open_training_store(tmp_path / "a.zarr")["split"]["split"] == 1).sum() == 48


def test_hours_that_a_part_lacks_are_left_out_only_if_asked(parts, tmp_path, capsys):
    given = [*arguments(parts, "surface", "upper"), "--test", "2005-02-28"]
    assert main(["store", str(tmp_path / "a.zarr"), *given]) == 1
    assert "upper lacks 1 of 80 hours, from 2005-03-01T07" in capsys.readouterr().err
    assert not (tmp_path / "a.zarr").exists()
    assert main(["store", str(tmp_path / "a.zarr"), *given, "--common-hours"]) == 0
    assert xldm.open_training_store(tmp_path / "a.zarr")["coarse"].sizes["time"] == 79


def test_shipped_static_fields_and_hours_at_random_of_the_italian_grid(tmp_path):
    time = np.datetime64("2001-07-15", "ns") + np.arange(8) * np.timedelta64(1, "h")
    for kind in ("coarse", "fine"):
        y, x = axes(ITALY, fine=kind == "fine")
        ds = xr.Dataset(coords={"time": time, "y": y, "x": x})
        ds["t2m"] = (ds["time"].dt.hour + 0 * ds["y"] + ds["x"] / 1e6).assign_attrs(units="K")
        stores.write_part(tmp_path / kind, kind, ds.transpose("time", "y", "x"), ITALY)
    given = [f"--coarse={tmp_path / 'coarse'}", f"--fine={tmp_path / 'fine'}"]
    given += ["--static", "embedded", "--random-hours"]
    assert main(["store", str(tmp_path / "a.zarr"), *given]) == 0
    tree = xldm.open_training_store(tmp_path / "a.zarr")
    assert tree["split"]["split"].attrs["leaky"] == "true"
    assert tree["static"]["land_cover"].sizes["land_cover_class"] == 16


def test_a_split_has_to_be_named(parts, tmp_path, capsys):
    for given in ([], ["--random-hours", "--test", "2005-02-28"]):
        assert main(["store", str(tmp_path / "a.zarr"), *arguments(parts, "surface"), *given]) == 1
        assert "--val and --test, or --random-hours" in capsys.readouterr().err


def test_a_part_that_is_not_there_is_named(parts, tmp_path, capsys):
    given = [*arguments(parts, "nowhere"), "--test", "2005-02-28"]
    assert main(["store", str(tmp_path / "a.zarr"), *given]) == 1
    assert f"{parts / 'nowhere'}: there is no Zarr 2 store" in capsys.readouterr().err


def test_an_option_without_a_value_is_refused_unseen(parts, tmp_path, capsys):
    given = [*arguments(parts, "surface"), "--test", "2005-02-28", "--storage-option", "hush"]
    assert main(["store", str(tmp_path / "a.zarr"), *given]) == 1
    said = capsys.readouterr().err
    assert "expected KEY=VALUE" in said and "hush" not in said


# On a real S3 server, with credentials from the environment


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory) -> str:
    with s3.running(tmp_path_factory.mktemp("s3")) as server:
        yield server.endpoint


@pytest.fixture
def given(parts, endpoint, monkeypatch) -> list[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3.KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3.SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    given = [*arguments(parts, "surface"), "--test", "2005-02-28"]
    return [*given, "--storage-option", f"endpoint_url={endpoint}"]


def test_parts_on_s3_become_a_store_on_s3(parts, endpoint, given, capsys, caplog):
    import fsspec

    options = {"endpoint_url": endpoint}
    fs = fsspec.filesystem("s3", **options)
    for name in ("surface", "fine"):
        fs.put(str(parts / name), f"{s3.BUCKET}/{name}", recursive=True)
        given = [g.replace(str(parts / name), f"s3://{s3.BUCKET}/{name}") for g in given]
    store = f"s3://{s3.BUCKET}/cli.zarr"
    assert main(["store", store, *given]) == 0
    tree = xldm.open_training_store(store, options)
    np.testing.assert_array_equal(
        tree["coarse"]["tp"], stores.fields(stores.COARSE, fine=False)["tp"]
    )
    shown = "".join(capsys.readouterr()) + caplog.text + repr(tree)
    assert s3.SECRET not in shown and s3.KEY not in shown


def test_wrong_credentials_are_told_with_the_url_and_without_the_secret(
    given, monkeypatch, capsys, caplog
):
    given = [*given, "--storage-option", "secret=wrong-but-hush", "--storage-option", "key=me"]
    assert main(["store", f"s3://{s3.BUCKET}/wrong.zarr", *given]) == 1
    said = "".join(capsys.readouterr()) + caplog.text
    assert f"s3://{s3.BUCKET}/wrong.zarr: access denied" in said and "--storage-option" in said
    assert "hush" not in said


def test_a_missing_bucket_is_told(given, capsys):
    assert main(["store", "s3://nowhere/a.zarr", *given]) == 1
    assert "s3://nowhere/a.zarr: there is no bucket 'nowhere'" in capsys.readouterr().err
