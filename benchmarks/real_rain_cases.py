"""Real rain at two resolutions: hours of coarse cells, and the fine rain of the same hours."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from real_cases import MORE, arpege_hours, closest, coarsened, described

import xldm
from xldm.config import GridConfig
from xldm.grids import projected


@dataclass
class Case:
    """Coarse fields, and the fine rain that is to be found.

    ``hours`` (time, place) is in mm, at places ``lon`` and ``lat``. ``given`` lists, by a title,
    the coarse fields that a model gets. With ``apart``, hours are no series.
    """

    title: str
    coarse: xr.Dataset
    hours: np.ndarray
    lon: np.ndarray
    lat: np.ndarray
    given: dict[str, list[str]]
    apart: bool = False

    @property
    def rain(self) -> np.ndarray:
        """The coarse rain in mm, (time, latitude, longitude)."""
        return self.coarse["tp"].transpose("time", "latitude", "longitude").values

    def truth(self, grid: GridConfig) -> np.ndarray:
        """Return the rain of the closest place to each fine cell, (time, y, x) in mm.

        A mean over places would blur the fields that have no finer detail than these cells.
        """
        index = closest(self.lon, self.lat, *projected.lon_lat(grid, fine=True))
        return self.hours[:, index].reshape(len(self.hours), *grid.fine_shape)


def arome_hours(data: Path, hours: int) -> tuple[np.ndarray, np.ndarray, xr.DataArray]:
    """Return longitude, latitude and hourly sums (time, y, x) in mm of AROME."""
    name = "mn_arome_PRECIP_SE_20180501000000.grib"
    total = xldm.open_input(str(data / "meteonet_20180501" / name))["tp"].load()
    # Hourly sums from sums since 00 UTC; packing makes some of them a little less than 0.
    sums = np.maximum(np.diff(total.values.astype("float64"), axis=0, prepend=0), 0)[:hours]
    lon, lat = np.meshgrid(total["longitude"].values, total["latitude"].values)
    stamps = total["valid_time"].values[:hours]
    return lon, lat, xr.DataArray(sums, dims=("time", "y", "x"), coords={"time": stamps})


def arome(data: Path, title: str, hours: int, source: str) -> Case:
    """AROME's rain of 2018-05-01, 01 UTC and on, given its own means, or ARPEGE's.

    The other coarse fields are ARPEGE's in both cases.
    """
    lon, lat, sums = arome_hours(data, hours)
    own = coarsened(lon, lat, {"tp": sums.values}).assign_coords(time=sums["time"].values)
    described(own)
    names = ["t2m", "u10", "v10", *MORE]
    theirs, *_ = arpege_hours(data, hours, names)
    theirs["tp"] = theirs["tp"].clip(min=0, keep_attrs=True)
    own, theirs = xr.align(own, theirs, join="inner")
    coarse = theirs if source == "ARPEGE" else theirs.assign(tp=own["tp"])
    given = {"tp": ["tp"], f"tp and {len(names) - 1} more": names}
    return Case(title, coarse, sums.values.reshape(len(sums), -1), lon.ravel(), lat.ravel(), given)


def radar(data: Path, title: str, hours: int) -> Case:
    """Four hours of a radar over Emilia-Romagna, of 1 km, as means over 2 x 2 of its cells.

    What the file calls missing lies in a corner and at the edges; it counts as dry, as does what
    lies beyond the reach of the radar in the file itself.
    """
    found, stamps = [], []
    for file in sorted((data / "radar_tp_er_20200326").glob("*.nc.gz"))[:hours]:
        with tempfile.NamedTemporaryFile(suffix=".nc") as plain:
            plain.write(gzip.decompress(file.read_bytes()))
            plain.flush()
            with xr.open_dataset(plain.name, decode_times=False) as ds:
                found.append(np.maximum(ds["cum_pr_mm"].values[0].astype("float64"), 0))
                lon, lat = np.meshgrid(ds["lon"].values, ds["lat"].values)
        stamp = file.name.removeprefix("ACRR_")
        stamps.append(np.datetime64(f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}T{stamp[8:10]}", "ns"))
    coarse = coarsened(lon, lat, {"tp": np.stack(found)}).assign_coords(time=stamps)
    described(coarse)
    lon, lat, *fine = (pairs(field) for field in (lon, lat, *found))
    sums = np.stack(fine).reshape(len(fine), -1)
    return Case(title, coarse, sums, lon.ravel(), lat.ravel(), {"tp": ["tp"]}, apart=True)


def pairs(field: np.ndarray) -> np.ndarray:
    """Return means over 2 x 2 cells (y, x)."""
    rows, columns = (n // 2 for n in field.shape)
    return field[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2).mean((1, 3))


def cases(data: Path, hours: int, only: str = "") -> Iterator[Case]:
    """Return the cases whose title begins with ``only``."""
    makers = {
        "AROME given its means": (arome, hours, "AROME"),
        "AROME given ARPEGE": (arome, hours, "ARPEGE"),
        "radar given its means": (radar, hours),
    }
    for title, (make, *arguments) in makers.items():
        if title.startswith(only):
            yield make(data, title, *arguments)
