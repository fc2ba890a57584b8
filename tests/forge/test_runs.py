"""Runs that are killed, doubled or late; and what baking injects."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess

import apache_beam as beam
import fsspec
import numpy as np
import pytest
import xarray as xr
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from pangeo_forge_recipes.storage import FSSpecTarget
from pangeo_forge_runner import Feedstock
from recipe_runs import PERIOD, RECIPES, command
from s3 import BUCKET, SECRET

from xldm.errors import StoreError
from xldm.forge.__main__ import main
from xldm.forge.target import begin, reach, refuse_other_run
from xldm.forge.transforms import injection_specs
from xldm.stores.parts import open_part


def hashes(url: str, options: dict) -> dict[str, str]:
    """Name -> sha256 of an array's values; Blosc's threads may pack the same ones otherwise."""
    part = open_part(url, options)
    return {
        str(name): hashlib.sha256(np.ascontiguousarray(field).tobytes()).hexdigest()
        for name, field in part.variables.items()
    }


@pytest.fixture
def started(archive, credentials):
    """``started(target)``: a run of the recipe for VHR-REA_IT that has written a day."""
    runs = []

    def started(target: str) -> subprocess.Popen:
        line = command("cosmo_vhr_rea_it", archive / "vhr-rea-it", f"s3://{BUCKET}/{target}")
        env = os.environ | credentials
        runs.append(subprocess.Popen(line, env=env, stderr=subprocess.PIPE, text=True))
        while said := runs[-1].stderr.readline():
            if "day 1 of 1" in said:
                return runs[-1]
        raise AssertionError("the run ended before it had written a day")

    yield started
    for one in runs:
        one.kill()
        one.wait()


def test_a_killed_run_is_gone_on_with_to_the_same_arrays(started, run, bucket, s3):
    killed = started("killed.zarr")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    root = f"{BUCKET}/killed.zarr"
    assert b"xldm_complete" not in bucket.cat_file(f"{root}/.zattrs")
    bucket.rm(f"{root}/.xldm-writers", recursive=True)  # or wait for five minutes
    again = run("cosmo_vhr_rea_it", "vhr-rea-it", "killed.zarr")
    assert again.returncode == 0 and "resuming an earlier run" in again.stderr, again.stderr
    assert run("cosmo_vhr_rea_it", "vhr-rea-it", "whole.zarr").returncode == 0
    urls = [f"s3://{BUCKET}/{name}.zarr" for name in ("killed", "whole")]
    assert hashes(urls[0], s3) == hashes(urls[1], s3)
    killed, whole = (open_part(url, s3).attrs["xldm_complete"] for url in urls)
    assert killed.split("sha256:")[1] == whole.split("sha256:")[1]


def test_of_two_runs_at_once_the_second_refuses_and_the_first_ends_well(started, run, s3):
    first = started("two.zarr")
    first.send_signal(signal.SIGSTOP)
    second = run("cosmo_vhr_rea_it", "vhr-rea-it", "two.zarr")
    assert second.returncode == 1 and "another run is writing it" in second.stderr
    first.send_signal(signal.SIGCONT)
    assert first.wait() == 0
    assert open_part(f"s3://{BUCKET}/two.zarr", s3)["t2m"].sizes["time"] == 48
    late = run("cosmo_vhr_rea_it", "vhr-rea-it", "two.zarr")
    assert late.returncode == 1 and "complete part already" in late.stderr


NETCDF = [str(RECIPES / "era5_cds_netcdf.py")]


@pytest.fixture
def told(monkeypatch, archive, tmp_path):
    """The environment of a run over the smallest archive to a local target."""
    monkeypatch.setenv("XLDM_SOURCE", str(archive / "cds-netcdf-new"))
    monkeypatch.setenv("XLDM_TARGET", str(tmp_path / "part.zarr"))
    monkeypatch.setenv("XLDM_PERIOD", PERIOD)
    return tmp_path / "part.zarr"


@pytest.fixture
def half(told, archive, tmp_path, monkeypatch, capsys):
    """A part whose run ended after July, since a file of August was broken; by now it is whole."""
    folder = shutil.copytree(archive / "cds-netcdf-new", tmp_path / "copy")
    august = folder / "era5-pressure-2001-08.nc"
    monkeypatch.setenv("XLDM_SOURCE", str(folder))
    content = august.read_bytes()
    august.write_bytes(content[:9000])
    assert main(NETCDF) == 1
    assert f"{august}: it cannot be read" in capsys.readouterr().err
    august.write_bytes(content)
    return told


def test_a_run_that_failed_is_gone_on_with(half, capsys):
    assert main(NETCDF) == 0
    assert "era5-pressure-2001-07.nc: written by an earlier run" in capsys.readouterr().err
    assert open_part(half)["t850"].notnull().all()


def test_a_chunk_of_an_earlier_run_that_was_damaged_since_is_found(half, capsys):
    (half / "t2m" / "0.0.0").write_bytes((half / "d2m" / "0.0.0").read_bytes())
    assert main(NETCDF) == 1
    assert "t2m of 2001-07-31 is not stored as it was written" in capsys.readouterr().err


def test_a_file_that_was_replaced_since_is_read_anew(half, archive, capsys):
    file = half.parent / "copy" / "era5-pressure-2001-07.nc"
    os.utime(file, (0, 0))
    assert main(NETCDF) == 0
    assert f"{file}: 2001-07-31 written" in capsys.readouterr().err


@pytest.mark.parametrize("name", [".zgroup", ".zattrs", "mean/.zarray"])
def test_a_run_that_was_stopped_amid_its_statistics_is_gone_on_with(half, name):
    (half / "stats" / name).parent.mkdir(parents=True)
    (half / "stats" / name).write_text('{\n    "zarr')
    assert main(NETCDF) == 0
    assert open_part(half)["t850"].notnull().all()


def test_a_chunk_too_many_is_found(half, capsys):
    (half / "t2m" / "2.0.0").write_bytes(b"")
    assert main(NETCDF) == 1
    assert "t2m has 1 objects that are no chunks of it" in capsys.readouterr().err


def test_another_period_is_begun_anew(half, capsys):
    assert main([*NETCDF, "--period=2001-07-31"]) == 0
    assert "earlier run" not in capsys.readouterr().err
    assert open_part(half).sizes["time"] == 24


def test_a_place_with_something_else_is_left_alone(told, capsys):
    told.mkdir()
    (told / "thesis.tex").write_text("ten years")
    assert main(NETCDF) == 1
    assert "something else already" in capsys.readouterr().err
    assert (told / "thesis.tex").read_text() == "ten years"


def test_a_run_that_another_has_overtaken_stops(tmp_path):
    first = begin(str(tmp_path / "part.zarr"), None, xr.Dataset)
    begin(str(tmp_path / "part.zarr"), None, xr.Dataset)
    with pytest.raises(StoreError, match="another run has begun"):
        refuse_other_run(reach(str(tmp_path / "part.zarr")), first)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--period=2001-07", "is no day: a period is FIRST/LAST"),
        ("--period=2001-08-02/2001-08-01", "ends before it begins"),
        ("--target=s3://key:secret@bucket/part.zarr", "the URL holds credentials"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(told, capsys, option, said):
    assert main([*NETCDF, option]) == 1
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and "secret@" not in error


def test_what_is_not_set_is_named(told, capsys, monkeypatch):
    monkeypatch.delenv("XLDM_SOURCE")
    assert main(NETCDF) == 1
    assert "XLDM_SOURCE is not set; it is the URL" in capsys.readouterr().err


def test_baking_injects_the_target_that_it_is_configured_with(told, archive, tmp_path, monkeypatch):
    monkeypatch.delenv("XLDM_TARGET")
    local = fsspec.filesystem("file", skip_instance_cache=True)
    target = FSSpecTarget(local, str(tmp_path / "baked.zarr"), {"secret": SECRET})
    injected = {"StoreDays": {"target_root": target}}
    assert set(injected["StoreDays"]) <= set(injection_specs()["StoreDays"])
    recipe = Feedstock(RECIPES, callable_args_injections=injected).parse_recipes()[
        "era5-cds-netcdf"
    ]
    assert SECRET not in repr(recipe)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        pipeline | recipe
    assert open_part(tmp_path / "baked.zarr")["msl"].sizes["time"] == 48
