"""The synthetic twin in the layout of the paper's dataset, to test its readers."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr

from .. import statics
from ..grids.projected import ITALY, axes
from ..inputs.lists import PAPER_PREDICTORS
from ..stores.coarse_side import coarse
from ..twin import Twin
from ..twin.archives import hours_of_days
from ..twin.geotiffs import CLASSES
from ..twin.written_aside import written_aside
from ..vocabulary import VOCABULARY
from .dataset_files import METADATA
from .day_file import KINDS, RAIN
from .statics_and_scaling import LAND_COVER, RASTERS, SCALING

__all__ = ["COVER", "FIFTEENTH", "MOMENTS", "write"]

#: Mean and standard deviation for the scaling, from hours of the twin in 2008.
MOMENTS = {
    "ERA5": {
        "2mT": (288.5, 7.25), "PMSL": (101525.0, 666.0), "U10": (0.45, 3.75), "V10": (0.07, 3.57),
        "dp2mT": (284.6, 7.28), "SST": (292.5, 4.49), "SNDPT": (0.0085, 0.047),
        "TP": (1e-4, 3.9e-4), "SSRadIn": (7.86e5, 1.04e6), "Q850": (0.00502, 0.00225),
        "T850": (282.0, 5.72), "U850": (2.72, 7.6), "V850": (0.08, 7.79), "W850": (0.022, 0.26),
        "WS850": (9.4, 5.7),
    },
    "CMCC": {
        "2mT": (289.5, 6.97), "U10": (0.3, 4.07), "V10": (0.056, 3.81), "TP": (0.08, 0.48),
    },
}  # fmt: skip
#: Stands for the predictor in the files that the paper does not use; its real name is unknown.
FIFTEENTH = "WS850"
#: Codes of the release by class of the embedded land cover. The release has no code for evergreen
#: broadleaf forest, and two codes for open forest.
COVER = CLASSES | {"evergreen_broadleaf_forest": 116, "woody_savanna": 124}

_README = """\
Synthetic twin in the layout of the dataset of arXiv 2406.13627
===============================================================

Nothing in this folder is from that dataset: xldm.published.twin_release made all of it from a seed,
to test its readers. Do not use it for science or decisions, and do not pass it on without this
file. Only terrain and land cover are real.
"""


def write(
    folder: str | Path,
    start: np.datetime64 | str,
    stop: np.datetime64 | str,
    *,
    seed: int = 0,
    rain: bool = False,
) -> Path:
    """Write days of the twin in the layout of the paper's dataset.

    The files are ``YYYY/YYYY-MM-DD_{low,high_2mT,high_UV}.pt.zst``, ``metadata.csv``,
    ``normalization_data.pkl`` and ``static_var/*.tif``. The file of a day is a list of 24 hours,
    each a dict of scaled half-precision tensors; SST is NaN over land.

    Parameters
    ----------
    folder : path
        Folder to make. It appears under its name only once it is complete.
    start, stop : datetime64 or str
        Days, both included, e.g. "2001-07-15".
    seed : int, default 0
        Which twin.
    rain : bool
        Whether there are files of hourly rain too, in mm (``high_TP``).

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ExistsError
        If ``folder`` exists.
    MissingPackageError
        If tifffile or zstandard is not installed.
    ArgumentError
        If ``start`` or ``stop`` is not a day, or ``stop`` lies before ``start``.

    Examples
    --------
    >>> write("paper", "2001-07-15", "2001-07-14")
    Traceback (most recent call last):
    xldm.errors.ArgumentError: stop (2001-07-14) lies before start (2001-07-15): nothing to write
    """
    hours = hours_of_days(start, stop)
    with written_aside(Path(folder)) as aside:
        aside.mkdir()
        (aside / "README.txt").write_text(_README)
        _write_statics(aside / "static_var")
        (aside / SCALING).write_bytes(pickle.dumps(_moments(rain)))
        _write_metadata(aside / METADATA, hours)
        twin = Twin(seed)
        for day in hours.reshape(-1, 24):
            made = [_hour(twin, hour, rain) for hour in day]
            _write_day(aside, day[0].astype("datetime64[D]"), made)
    return Path(folder)


def _moments(rain: bool) -> dict[str, dict[str, dict[str, np.float64]]]:
    left = set() if rain else {("CMCC", "TP")}
    return {
        group: {
            moment: {
                name: np.float64(pair[i])
                for name, pair in moments.items()
                if (group, name) not in left
            }
            for i, moment in enumerate(("mean", "std"))
        }
        for group, moments in MOMENTS.items()
    }


def _write_metadata(path: Path, hours: np.ndarray) -> None:
    time = pd.DatetimeIndex(hours)
    table = {
        "ref_time": time,
        # The authors' code completes "_high" to "_high_2mT" or "_high_UV".
        **{
            f"files_path_{kind}": time.strftime(f"%Y/%Y-%m-%d_{kind}.pt.zst")
            for kind in ("low", "high")
        },
        "hour": time.hour,
    }
    pd.DataFrame(table).to_csv(path, index=False, date_format="%Y-%m-%d %H:%M:%S")


def _hour(
    twin: Twin, hour: np.datetime64, rain: bool = False
) -> dict[str, dict[str, torch.Tensor]]:
    """Return the scaled tensors of one hour by kind of file and name in the paper."""
    era5, fine = twin.hour(hour, rain=rain)
    low = coarse(era5).isel(time=0).load()
    fields = {VOCABULARY[n].paper_name: low[n].values for n in PAPER_PREDICTORS}
    fields[FIFTEENTH] = np.hypot(fields["U850"], fields["V850"])
    target = {VOCABULARY[str(name)].paper_name: field.values for name, field in fine.items()}
    return {
        kind: (
            {name: _scaled(values, "ERA5", name) for name, values in fields.items()}
            if kind == "low"
            else {name: _scaled(target[name], "CMCC", name) for name in names}
        )
        for kind, names in KINDS.items()
        if rain or kind != RAIN
    }


def _scaled(values: np.ndarray, group: str, name: str) -> torch.Tensor:
    mean, std = MOMENTS[group][name]
    return torch.from_numpy(((values.astype("float64") - mean) / std).astype("float16"))


def _write_day(folder: Path, day: np.datetime64, hours: list[dict[str, dict]]) -> None:
    import zstandard

    year = folder / str(day)[:4]
    year.mkdir(exist_ok=True)
    for kind in hours[0]:
        content = io.BytesIO()
        torch.save([hour[kind] for hour in hours], content)
        packed = zstandard.ZstdCompressor(write_checksum=True).compress(content.getvalue())
        (year / f"{day}_{kind}.pt.zst").write_bytes(packed)


def _write_statics(folder: Path) -> None:
    folder.mkdir()
    static = statics.embedded()
    fields = static["orog"].values[None], _one_hot(static), static["northing"].values[None]
    for name, bands in zip(RASTERS, fields, strict=True):
        _write_raster(folder / name, bands)


def _one_hot(static: xr.Dataset) -> np.ndarray:
    """Return the embedded land cover as the release's bands (class, y, x)."""
    names = static["land_cover_class"].values[static["land_cover"].argmax("land_cover_class")]
    codes = np.vectorize(COVER.get)(names)
    return (codes == np.array(list(LAND_COVER))[:, None, None]).astype("uint8")


def _write_raster(path: Path, bands: np.ndarray) -> None:
    """Write bands (band, y, x) on the fine grid as a GeoTIFF with GDAL's tags."""
    import tifffile

    y, x = axes(ITALY, fine=True)
    cell = ITALY.spacing / ITALY.factor
    # After the header, groups of four: projected model, raster of areas, code of the projection.
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, int(ITALY.crs.split(":")[1]))
    tags = [
        (33550, "d", 3, (cell, cell, 0.0), True),
        (33922, "d", 6, (0.0, 0.0, 0.0, x[0] - cell / 2, y[0] + cell / 2, 0.0), True),
        (34735, "H", len(keys), keys, True),
    ]
    several = len(bands) > 1
    tifffile.imwrite(
        path, bands if several else bands[0], photometric="minisblack", compression="zlib",
        extratags=tags, metadata=None, planarconfig="separate" if several else None,
    )  # fmt: skip
