"""A netCDF file holds its own data: those that lead elsewhere are refused, unread."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from xldm import open_input
from xldm.errors import InputError


@pytest.fixture
def other(tmp_path) -> Path:
    """A file that somebody has, and did not send."""
    xr.Dataset({"t2m": ("x", np.arange(4.0))}).to_netcdf(tmp_path / "other.nc", engine="h5netcdf")
    return tmp_path / "other.nc"


def _link(file: h5py.File, other: Path) -> None:
    file["t2m"] = h5py.ExternalLink(str(other), "t2m")


def _link_in_a_group(file: h5py.File, other: Path) -> None:
    file.create_group("era5")["t2m"] = h5py.ExternalLink(str(other), "t2m")


def _dangling(file: h5py.File, other: Path) -> None:
    file["t2m"] = h5py.ExternalLink("/nowhere/other.nc", "t2m")


def _raw(file: h5py.File, other: Path) -> None:
    file.create_dataset("t2m", (4,), "u1", external=[(str(other), 0, 4)])


def _virtual(file: h5py.File, other: Path) -> None:
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource(str(other), "t2m", (4,))
    file.create_virtual_dataset("t2m", layout)


@pytest.mark.parametrize("lead", [_link, _link_in_a_group, _dangling, _raw, _virtual])
def test_a_file_that_leads_to_another_is_refused(lead, other, tmp_path):
    with h5py.File(tmp_path / "sent.nc", "w") as file:
        lead(file, other)
    with pytest.raises(InputError, match=r"sent.nc: .*t2m lies in another file, '.*other.nc'"):
        open_input(tmp_path / "sent.nc")


def test_chunks_that_no_memory_holds_are_refused(tmp_path):
    with h5py.File(tmp_path / "sent.nc", "w") as file:
        file.create_dataset("t2m", (2**34,), "u1", chunks=(2**32 - 1,))
        file.create_dataset("msl", (2**34,), "f8", chunks=(2**30,))
    with pytest.raises(InputError, match="msl is stored in chunks of 8 GiB"):
        open_input(tmp_path / "sent.nc")


def test_links_within_a_file_pass(tmp_path):
    ds = xr.Dataset({"t2m": ("x", np.arange(4.0))})
    ds.to_netcdf(tmp_path / "sent.nc", engine="h5netcdf")
    with h5py.File(tmp_path / "sent.nc", "a") as file:
        file["again"] = h5py.SoftLink("/t2m")
    assert open_input(tmp_path / "sent.nc")["t2m"].values.tolist() == [0, 1, 2, 3]
