"""The recipe of VHR-REA_IT's rain makes a part of sums over the hour, from files of its layout."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.spatial
import xarray as xr
from recipe_runs import RECIPES

from xldm.forge.__main__ import main
from xldm.grids.projected import ITALY, lon_lat
from xldm.grids.rotated_pole import VHR_REA_IT, geographic
from xldm.stores.parts import open_part
from xldm.twin.archives.vhr_rea_it import RLAT, RLON

DAY = "2001-07-31"
DIMS = ("time", "rlat", "rlon")


@pytest.fixture(scope="module")
def month() -> xr.Dataset:
    """A day of a month's file: bands of showers that move east, dry between them."""
    time = np.datetime64(DAY, "ns") + np.arange(24) * np.timedelta64(1, "h")
    lon, lat = geographic(*np.meshgrid(RLON, RLAT), VHR_REA_IT)
    shifts = np.arange(24)[:, None, None] / 3
    waves = np.sin(9 * (lon - shifts)) * np.sin(7 * lat + 3 * lon)
    rain = np.maximum(waves, 0) ** 3 * 20
    about = {
        "units": "kg m-2", "standard_name": "precipitation_amount", "cell_methods": "time: sum",
        "long_name": "total precipitation amount", "grid_mapping": "rotated_pole",
    }  # fmt: skip
    since = {"units": "hours since 1989-01-01"}
    pole = {
        "grid_mapping_name": "rotated_latitude_longitude",
        "grid_north_pole_latitude": VHR_REA_IT.latitude,
        "grid_north_pole_longitude": VHR_REA_IT.longitude,
    }
    degrees = {"units": "degrees"}
    return xr.Dataset(
        {"TOT_PREC": (DIMS, rain.astype("float32"), about), "rotated_pole": ((), 0, pole)},
        {
            "time": ("time", time, {"bounds": "time_bnds", "standard_name": "time"}, since),
            "time_bnds": (("time", "bnds"), np.stack([time - np.timedelta64(1, "h"), time], 1)),
            "rlat": ("rlat", RLAT, {"standard_name": "grid_latitude", **degrees}),
            "rlon": ("rlon", RLON, {"standard_name": "grid_longitude", **degrees}),
            "lat": (("rlat", "rlon"), lat, {"standard_name": "latitude", "units": "degrees_north"}),
            "lon": (("rlat", "rlon"), lon, {"standard_name": "longitude", "units": "degrees_east"}),
        },
    )


def on_sphere(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    lon, lat = np.radians(lon).ravel(), np.radians(lat).ravel()
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], -1)


def test_a_part_of_rain_has_the_nearest_points_sums_and_states_the_hour(
    month, tmp_path, monkeypatch
):
    for name in ("SOURCE", "TARGET", "PERIOD"):
        monkeypatch.setenv(f"XLDM_{name}", "unset")  # so that what a run sets goes afterwards
    month.to_netcdf(tmp_path / "vhr-rea-it-rain-2001-07.nc", engine="h5netcdf")
    given = [f"--source={tmp_path}", f"--target={tmp_path / 'rain.zarr'}", f"--period={DAY}"]
    assert main([str(RECIPES / "cosmo_vhr_rea_it_rain.py"), *given]) == 0
    part = open_part(tmp_path / "rain.zarr").load()
    tree = scipy.spatial.cKDTree(on_sphere(month["lon"].values, month["lat"].values))
    nearest = tree.query(on_sphere(*lon_lat(ITALY, fine=True)))[1]
    wanted = month["TOT_PREC"].values[5].ravel()[nearest].reshape(ITALY.fine_shape)
    # Where two points are as near, either is right.
    assert np.isclose(part["tp"][5], wanted, rtol=1e-5).mean() > 0.999
    assert part["tp"].attrs["cell_methods"] == "time: sum (interval: 1 hour)"
    assert part["tp"].attrs["dry_below"] == 0.1 and part["tp"].attrs["units"] == "mm"
    ends = part["time_bnds"].values
    assert (ends[:, 1] == part["time"]).all()
    assert (np.diff(ends, axis=1) == np.timedelta64(1, "h")).all()
