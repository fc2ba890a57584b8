"""Ctrl-C, sent to the command as a terminal does, and SIGTERM, as a cluster does."""

import shlex
import signal
import subprocess
import sys
import time

import pytest
import xarray as xr

import xldm
from xldm.cli import main

#: Enough steps for seconds of drawing; a field takes a quarter of one.
SLOW = ["--missing", "climatology", "--region", "9,43,10,44", "--sampler", "ddim", "--steps", "100"]

#: Two seconds, and what a machine takes that computes much else.
LIMIT = 5


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    path = tmp_path_factory.mktemp("input") / "era5.nc"
    xldm.open_catalog().era5_sample.read().isel(time=slice(4)).to_netcdf(path, engine="h5netcdf")
    return str(path)


def interrupted(arguments, begun, number=signal.SIGINT):
    """Run the command until a file is there, interrupt it; return it, its stderr and seconds."""
    command = [sys.executable, "-m", "xldm", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not begun() and process.poll() is None:
        time.sleep(0.05)
    sent = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    return process, said, time.monotonic() - sent


def test_a_store_is_left_soon_and_resumed_as_told(sample, tmp_path):
    store = tmp_path / "out.zarr"
    arguments = ["downscale", sample, str(store), *SLOW]
    process, said, seconds = interrupted(arguments, (store / "y" / "c").exists)
    assert process.returncode == 130 and seconds < LIMIT
    assert "Traceback" not in said and "xldm_complete" not in xr.open_zarr(store).attrs
    told = said.splitlines()[-1].split("Resume with: xldm ")[1]
    assert main(shlex.split(told)) == 0
    assert "xldm_complete" in xr.open_zarr(store).attrs


def test_a_netcdf_file_is_there_whole_or_not_at_all(sample, tmp_path):
    path = tmp_path / "out.nc"
    arguments = ["downscale", sample, str(path), *SLOW]
    process, said, seconds = interrupted(arguments, lambda: any(tmp_path.iterdir()), signal.SIGTERM)
    assert process.returncode == 143 and seconds < LIMIT
    assert said.splitlines()[-1].startswith("xldm: terminated. ")
    assert f"Start again with: xldm downscale {sample}" in said.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_in_this_process_is_a_status(monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("xldm.packages.registry.load_model", interrupt)
    assert main(["models", "info", "italy-2km"]) == 130
    assert capsys.readouterr().err == (
        "xldm: interrupted. Start again with: xldm models info italy-2km\n"
    )
