"""The paper's dataset as lazy fields in physical units, ready for a training store.

``docs/howto/published-weights.md`` lists what is documented of the dataset, and what is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import dask
import dask.array as da
import numpy as np
import xarray as xr

from ..config import Variable
from ..errors import PublishedError
from ..grids.projected import ITALY, coordinates
from ..inputs.units import conversion
from ..stores.fine_rain import SCALED
from ..stores.schema import BOUNDS, hour_ends
from ..vocabulary import VOCABULARY, winds
from .dataset_files import Files, compare_metadata, find, hours_of, opened, scaling, whole_days
from .day_file import GAP, HOURS, read_day

__all__ = ["ATTRS", "accept_winds", "open_dataset", "physical"]

#: Attributes of the dataset for the root of a store.
ATTRS = {
    "title": "ERA5 at 16 km and VHR-REA_IT at 2 km over Italy, as published with LDM_res",
    "source": (
        "ERA5 (coarse) and VHR-REA_IT, COSMO-CLM at 2.2 km (fine), regridded and scaled by the "
        "authors of arXiv 2406.13627; scaled back from half precision"
    ),
    "license": "not stated where we looked; ask the authors before redistributing",
    "references": (
        "Tomasi, Franch and Cristoforetti (2025), Geosci. Model Dev. 18, 2051-2078, "
        "https://arxiv.org/abs/2406.13627; https://zenodo.org/records/12934521"
    ),
    "wind_frame": "earth",
    "comment": "whether winds were turned to point east and north is not documented; taken so",
}


def open_dataset(
    source: str | Path | Sequence[str | Path],
    *,
    wind_frame: str | None = None,
    start: str | np.datetime64 | None = None,
    stop: str | np.datetime64 | None = None,
    missing: str = "raise",
    rain_units: str | None = None,
) -> tuple[xr.Dataset, xr.Dataset]:
    """Open the paper's dataset in physical units, with one chunk a day.

    Only file names, the scaling and an existing ``metadata.csv`` are read at first. A day's file is
    read, checked and scaled back when its hours are computed.

    Parameters
    ----------
    source : str or Path, or several
        Folders and zips that hold the days and ``normalization_data.pkl``. Folders may be fsspec
        URLs; zips may be URLs with byte ranges, and their members are read in place. Files are
        found by their base names.
    wind_frame : "earth"
        Confirms that winds point east and north. The release does not document the frame, so you
        must state it.
    start, stop : str or datetime64, optional
        First and last day, both included; by default the days of the first and last file.
    missing : {"raise", "skip"}
        Whether days that lack a file are refused or left out.
    rain_units : "m" or "mm", optional
        What the files of precipitation (``high_TP``) are in, which is not documented; without it,
        they are left aside. The mean in the scaling must fit.

    Returns
    -------
    coarse : Dataset (time, y, x)
        The 14 predictors in ERA5's units, float32; ``sst`` is NaN over land.
    fine : Dataset (time, y, x)
        ``t2m`` [K], ``u10``, ``v10`` [m s-1], float32; with ``rain_units``, ``tp`` [mm], taken to
        be the sum over the hour that ends at its time.

    Raises
    ------
    PublishedError
        If ``wind_frame`` is not stated, if days or the scaling are missing, or if
        ``metadata.csv`` contradicts itself. When hours are computed: if
        :func:`xldm.published.day_file.read_day` refuses a file, or if values are implausible.
    ArchiveError, StoreError
        If a zip or a folder cannot be read.

    Examples
    --------
    >>> open_dataset("downloads")
    Traceback (most recent call last):
    xldm.errors.PublishedError: ... To treat them as pointing east and north, set
    wind_frame='earth' (got None).
    """
    accept_winds(wind_frame)
    rain = rain_units is not None
    files = find([source] if isinstance(source, (str, Path)) else source, rain=rain)
    days = whole_days(files, start, stop, missing, tuple(files.days))
    compare_metadata(files, days)
    variables = scaling(files, rain_units)
    low = {"low": variables.pop("low")}
    return _lazily(files, days, low), _lazily(files, days, variables)


def physical(ds: xr.Dataset, variables: Iterable[Variable]) -> xr.Dataset:
    """Convert a day's scaled fields to physical units, with names, attributes and coordinates.

    Parameters
    ----------
    ds : Dataset (time, y, x)
        From :func:`xldm.published.day_file.read_day`.
    variables : iterable of Variable
        Variables of the file's kind, from :func:`xldm.published.dataset_files.scaling`. Variables
        that ``ds`` lacks are skipped.

    Returns
    -------
    Dataset (time, y, x)
        ``scaled * std + mean``, computed in double precision and stored as float32. Negative
        depths and sums are set to zero.

    Raises
    ------
    PublishedError
        If values are implausible.
    """
    fields = {}
    for v in variables:
        if v.paper_name not in ds:
            continue
        scaled = ds[v.paper_name].values.astype("float64")
        if v.only_at_sea:
            scaled[scaled == GAP] = np.nan
        values = scaled * v.std + v.mean
        _refuse_implausible(values, v, ds["time"].values)
        if VOCABULARY[v.name].water or VOCABULARY[v.name].accumulated:
            values = np.maximum(values, 0)  # only rounding takes them below
        if v.name == "tp" and ds.sizes["y"] != ITALY.shape[0]:
            values[values < v.std / 1024] = 0  # dry, but for rounding
        fields[v.name] = (("time", "y", "x"), values.astype("float32"), _attrs(v))
    return _on_grid(fields, ds["time"].values)


def accept_winds(wind_frame: str | None) -> None:
    """Refuse the dataset unless the user confirms that winds point east and north."""
    if wind_frame != "earth":
        raise PublishedError(
            "whether winds of the paper's dataset point east and north, or along the axes of a "
            "rotated or projected grid, is not documented; the two differ by up to 5 to 7 degrees. "
            "To treat them as pointing east and north, set wind_frame='earth' "
            f"(got {wind_frame!r})."
        )


def _lazily(
    files: Files, days: np.ndarray, kinds: Mapping[str, tuple[Variable, ...]]
) -> xr.Dataset:
    fields = {}
    for kind, variables in kinds.items():
        shape = ITALY.shape if kind == "low" else ITALY.fine_shape
        # One chunk for all fields of a file, so that each file is read once.
        together = da.concatenate(
            [
                da.from_delayed(
                    dask.delayed(_day)(*files.days[kind][day], variables),
                    (HOURS, len(variables), *shape),
                    dtype="float32",
                )
                for day in days
            ]
        )
        for i, v in enumerate(variables):
            fields[v.name] = (("time", "y", "x"), together[:, i], _attrs(v))
    return _on_grid(fields, hours_of(days))


def _day(source: str, path: str, variables: tuple[Variable, ...]) -> np.ndarray:
    """Read one file as physical fields (hour, variable, y, x)."""
    with opened(source, path) as stream:
        fields = physical(read_day(stream, PurePosixPath(path).name), variables)
    return np.stack([fields[v.name].values for v in variables], axis=1)


def _on_grid(fields: Mapping[str, tuple], time: np.ndarray) -> xr.Dataset:
    ds = xr.Dataset(fields, {"time": ("time", time, {"standard_name": "time"})})
    fine = ds.sizes["y"] != ITALY.shape[0]
    coords = coordinates(ITALY, fine=fine)
    if fine and "tp" in ds:
        ds["tp"].attrs |= SCALED
        ds = ds.assign_coords({BOUNDS: (("time", "nv"), hour_ends(time))})
        ds["time"].attrs["bounds"] = BOUNDS
    return ds.assign_coords(coords).assign_attrs({"Conventions": "CF-1.11", **ATTRS})


def _attrs(v: Variable) -> dict[str, str | float]:
    known = VOCABULARY[v.name]
    # Half precision has 10 bits after the leading one, so its steps are 1/512 between 2 and 4.
    said = [
        f"scaled back from half precision: within {v.std / 1024:.2g} {v.units} of what was scaled, "
        "up to 4 standard deviations from the mean"
    ]
    if known.accumulated:
        said.insert(0, "summed over the hour that ends at time")
    if winds([v.name]):
        said.append("taken to point east and north, which is not documented")
    return {
        "standard_name": v.standard_name,
        "long_name": known.long_name.replace("_", " "),
        "units": v.units,
        "paper_name": v.paper_name,
        **({} if v.level is None else {"level": v.level}),
        "grid_mapping": "spatial_ref",
        "comment": "; ".join(said),
    }


def _refuse_implausible(values: np.ndarray, v: Variable, time: np.ndarray) -> None:
    known, slack = VOCABULARY[v.name], v.std / 256  # rounding may take a small value below zero
    scale, offset = conversion(known.units, v.units, water=known.water) or (1.0, 0.0)
    low, high = known.low * scale + offset, known.high * scale + offset
    wrong = (values < low - slack) | (values > high + slack)
    if wrong.any():
        hour = np.datetime_as_string(time[wrong.any(axis=(1, 2)).argmax()], unit="h")
        raise PublishedError(
            f"{v.paper_name} comes to {values[wrong][0]:.4g} {v.units} at {hour}, plausible are "
            f"{low:g} to {high:g}: file and scaling do not belong together, or the "
            "file is damaged"
        )
