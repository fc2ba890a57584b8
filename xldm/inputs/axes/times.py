"""Find and check the times of a dataset: a series of valid times, or forecasts by their lead."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import xarray as xr

from ...errors import InputError
from .horizontal import as_slice
from .leads import Stated, stated_times

__all__ = ["Time", "stamp", "time_axis"]

_START, _LEAD = "forecast_reference_time", "forecast_period"
_HOUR = np.timedelta64(1, "h")


@dataclass(frozen=True, eq=False)
class Time:
    """Valid times of a dataset, and where they lie.

    Parameters
    ----------
    name : str
        The coordinate that holds the valid times, or that of the initialisation they follow from.
    dims : tuple of str
        Dims of the input along which they lie: none, one, or (initialisation, lead).
    values : ndarray of datetime64
        Valid times with the dims ``out``: ascending along each.
    out : tuple of str
        Dims of what is made of the input: ``("time",)`` for a series of valid times, else the
        input's own.
    roles : tuple of str
        CF standard names of the dims ``out``.
    start, lead : ndarray, optional
        Initialisation (datetime64) and lead (timedelta64) of each valid time, where known.
    order : slice or ndarray, optional
        Of short forecasts that follow on one another: selects and sorts valid times along both
        dims, flattened.
    select : dict of str to slice or ndarray
        What is taken along dims of the input.
    """

    name: str
    dims: tuple[str, ...]
    values: np.ndarray
    out: tuple[str, ...] = ("time",)
    roles: tuple[str, ...] = ("time",)
    start: np.ndarray | None = None
    lead: np.ndarray | None = None
    order: slice | np.ndarray | None = None
    select: dict[str, slice | np.ndarray] = field(default_factory=dict)

    @property
    def lead_dim(self) -> str | None:
        """The dim of ``out`` along which leads of the same initialisation follow one another."""
        if self.lead is None or self.start is None or not self.dims or self.order is not None:
            return None
        same = (self.start == self.start[..., :1]).all()
        return self.out[-1] if same and np.unique(self.lead).size > 1 else None

    def coordinates(self) -> dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, str]]]:
        """Return the coordinates of ``out`` with their roles in CF: (dims, values, attributes)."""
        arrays = {"time": self.values} | (
            {}
            if self.out == ("time",) or self.start is None or self.lead is None
            else {_START: self.start, _LEAD: self.lead}
        )
        coords: dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, str]]] = {}
        for axis, (dim, role) in enumerate(zip(self.out, self.roles, strict=True)):
            along = tuple(slice(None) if i == axis else 0 for i in range(len(self.out)))
            coords[dim] = ((dim,), arrays[role][along], {"standard_name": role})
        for role, values in arrays.items():
            if role not in self.roles:
                same = (values == values.flat[0]).all() and role != "time"
                dims, values = ((), values.flat[0]) if same else (self.out, values)
                name = "valid_time" if role == "time" else role
                coords[name] = (dims, values, {"standard_name": role})
        return coords

    def without_start(self) -> Time:
        """Return the times without lead 0, before which there is no hour."""
        if self.lead_dim is None or self.lead is None or self.start is None:
            return self
        later = (self.lead > np.timedelta64(0)).reshape(-1, self.lead.shape[-1]).all(0)
        if later.all():
            return self
        kept = as_slice(np.flatnonzero(later))
        return replace(
            self,
            values=self.values[..., kept],
            lead=self.lead[..., kept],
            start=self.start[..., kept],
            select=self.select | {self.dims[-1]: kept},
        )


def time_axis(ds: xr.Dataset, *, series: bool = False) -> Time:
    """Return the valid times of a dataset.

    Forecasts keep their dims of initialisation and lead. Hourly forecasts that follow on one
    another, as cfgrib has the accumulations of ERA5, are put in order of valid time. Hours that the
    file does not hold are left out there: cfgrib fills them with missing values, so all values
    along both dims are read to find them.

    Parameters
    ----------
    ds : xarray.Dataset
    series : bool
        Put any forecasts in order of valid time, and refuse those that overlap.

    Raises
    ------
    InputError
        If there is no time axis; if it is empty, undecoded without units, or in a calendar of other
        than real days; if it holds a missing or repeated time, or does not ascend; if some forecast
        fields hold an hour that others lack.

    Examples
    --------
    >>> start = np.datetime64("2020-01-01T00", "ns")
    >>> leads = np.array([6, 12], "timedelta64[h]").astype("timedelta64[ns]")
    >>> ds = xr.Dataset(coords={"time": [start], "prediction_timedelta": leads})
    >>> time = time_axis(ds)
    >>> time.out, time.values[0, 1]
    (('time', 'prediction_timedelta'), np.datetime64('2020-01-01T12:00:00.000000000'))
    """
    stated = stated_times(ds)
    valid = stated.valid
    dims = tuple(map(str, valid.dims))
    if valid.size == 0:
        raise InputError(f"The time axis {stated.name!r} is empty: it holds no hour.")
    if valid.isnull().any():
        at = int(valid.isnull().values.ravel().argmax())
        raise InputError(f"The time axis {stated.name!r} holds a missing time at {at}.")
    if len(dims) > 2:
        raise InputError(
            f"The times of {stated.name!r} lie along {', '.join(dims)}: expected one dim, or those "
            f"of initialisation and lead. Select one of the others, e.g. ds.isel({dims[0]}=0)."
        )
    start, lead = (
        None if a is None else a.broadcast_like(valid).transpose(*dims).values
        for a in (stated.start, stated.lead)
    )
    time = Time(stated.name, dims, valid.values, start=start, lead=lead)
    if len(dims) < 2:
        time = _named(_flattened(time, slice(None)), stated)
        _ascending(ds, time)
        return time
    if series or _follow_on(time):
        order = _held(ds, dims, valid.values)
        time = replace(_flattened(time, order), order=order)
        _ascending(ds, time)
        return time
    fixed = start is not None and (start == start[:, :1]).all()
    time = replace(time, out=dims, roles=(_START if fixed else "time", _LEAD))
    if lead is None or (lead != lead[:1]).any():
        raise InputError(
            f"{stated.name!r} lies along {' and '.join(dims)}, but these are not the dims of "
            "initialisation and lead: expected the same leads of each initialisation. Select one, "
            f"e.g. ds.isel({dims[0]}=0)."
        )
    for dim, along in zip(dims, (time.values[:, 0], lead[0]), strict=True):
        if (np.diff(along).astype("int64") <= 0).any():
            raise InputError(
                f"Times do not ascend along {dim!r}, or repeat. Use ds.drop_duplicates({dim!r})"
                f".sortby({dim!r})."
            )
    return time


def _named(time: Time, stated: Stated) -> Time:
    """Name the only dim of the output: a lead or an initialisation keeps its own name."""
    dim = time.dims[0] if time.dims else "time"
    if dim != "time" and stated.start is not None and stated.start.name == dim:
        return replace(time, out=(dim,), roles=(_START,))
    if dim != "time" and dim == stated.dims[1] and dim != stated.name:
        return replace(time, out=(dim,), roles=(_LEAD,))
    return time


def _flattened(time: Time, order: slice | np.ndarray) -> Time:
    start, lead = (None if a is None else a.reshape(-1)[order] for a in (time.start, time.lead))
    return replace(time, values=time.values.reshape(-1)[order], start=start, lead=lead)


def _follow_on(time: Time) -> bool:
    """Tell whether the forecasts are those of the sums of ERA5, or of ERA5-Land, by cfgrib.

    They start at 06 and 18 UTC and give 12 hours, or at 00 UTC and give 24.
    """
    if time.dims != ("time", "step") or time.start is None or time.lead is None:
        return False
    starts, leads = time.start[:, 0], time.lead[0]
    hours = {*(starts - starts.astype("datetime64[D]")).astype("timedelta64[h]").astype(int)}
    longest = 12 if hours <= {6, 18} else 24 if hours == {0} else 0
    return bool(
        starts.size > 1
        and leads[0] >= _HOUR
        and leads[-1] <= longest * _HOUR
        and (np.diff(leads) == _HOUR).all()
        and leads.size > 1
    )


def _ascending(ds: xr.Dataset, time: Time) -> None:
    values, name = time.values, time.name
    dim = time.dims[-1] if time.dims else name
    step = np.diff(values).astype("int64")
    twice = pd.Index(values).duplicated()
    if twice.any():
        remedy = (
            f"choose steps so that forecasts do not overlap, e.g. ds.isel({dim}=slice(0, 1))"
            if time.order is not None
            else f"drop them with ds.drop_duplicates({name!r})"
            if name == dim
            else f"keep the first of each with ds.isel({dim}=np.unique(ds[{name!r}], "
            "return_index=True)[1])"
        )
        raise InputError(
            f"The time {stamp(values[twice.argmax()])} occurs more than once ({twice.sum()} "
            f"repeats in all): {remedy}."
        )
    if (step < 0).any():
        at = int((step < 0).argmax())
        raise InputError(
            f"Times do not ascend: {stamp(values[at])} is followed by {stamp(values[at + 1])}. "
            f"Use ds.sortby({name!r})."
        )


def _held(ds: xr.Dataset, dims: tuple[str, ...], values: np.ndarray) -> slice | np.ndarray:
    """Return where fields along forecast and lead time have values, in order of valid time."""
    import dask

    fields = [f for f in ds.data_vars.values() if {*dims} <= {*f.dims}]
    held = np.ones((1, values.size), bool)
    if fields:
        there = (f.notnull().any([d for d in f.dims if d not in dims]) for f in fields)
        (found,) = dask.compute([h.transpose(*dims).data for h in there])
        held = np.reshape(found, (len(fields), -1))
    uneven = np.flatnonzero(held.any(axis=0) & ~held.all(axis=0))
    if uneven.size:
        first = uneven[values.reshape(-1)[uneven].argmin()]
        one, other = (fields[int(np.argmax(held[:, first] == b))].name for b in (True, False))
        raise InputError(
            f"{other} has no value at {stamp(values.flat[first])}, but {one} has one ("
            f"{uneven.size} such hours in all): is the file complete? If you do not need {other}, "
            f"use ds.drop_vars({other!r})."
        )
    hours = np.flatnonzero(held[0])
    return as_slice(hours[np.argsort(values.reshape(-1)[hours], kind="stable")])


def stamp(time: np.datetime64) -> str:
    """Return a time to the minute, as text."""
    return str(np.datetime_as_string(time, unit="m"))
