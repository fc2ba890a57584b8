"""Hourly rain of COSMO's output on a projected fine grid.

Under one name, a file may hold hourly sums, running totals or rates. What goes into a training
store is the sum over the hour that ends at its time, or nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from ..config import GridConfig
from ..errors import InputError
from ..inputs.axes.times import Time, time_axis
from ..inputs.decode import decode
from ..inputs.sums.evidence import planned, settled
from ..inputs.sums.running_totals import Told, looked_at, verdict
from ..vocabulary import VOCABULARY
from .fine_side import to_grid

__all__ = ["SCALED", "hourly_rain"]

#: Attributes of hourly rain in mm that say how models scale it; see ``docs/howto/training.md``.
SCALED = {
    "cell_methods": "time: sum (interval: 1 hour)",
    "transform": "cbrt",
    "lower": 0.0,
    "dry_below": 0.1,
}
# Values are looked at on so many points along each axis.
_POINTS = 48
# Over so many hours, hourly rain falls somewhere.
_DAY = 20.0


_NAMES = ("TOT_PREC", "TOT_PRECIP", "tp")


def hourly_rain(
    ds: xr.Dataset, grid: GridConfig, pole: tuple[float, ...] | None = None
) -> xr.Dataset:
    """Bring COSMO's precipitation to the fine cells of a grid, as sums over the hour before.

    Units, bounds of time, cell methods and comments say what values are summed over, and values
    that never fall contradict them: `xldm.inputs.sums` weighs them. Where nothing is stated, stamps
    an hour apart and values that fall are taken for hourly sums.

    Parameters
    ----------
    ds : Dataset (time, rlat, rlon)
        ``TOT_PREC`` (``TOT_PRECIP``) of at least one day; other fields are dropped.
    grid : GridConfig
    pole : (latitude, longitude), optional
        As of :func:`xldm.stores.fine_side.to_grid`.

    Returns
    -------
    Dataset (time, y, x)
        ``tp`` in mm, float32, none negative; each cell has the value of the nearest point. Its
        attributes say how models scale it.

    Raises
    ------
    InputError
        If there is no precipitation, if its sums are over other hours, if amounts are no hourly
        rain, or as of `to_grid`.
    """
    ds = decode(ds)[0]
    name = next((n for n in _NAMES if n in ds.data_vars), None)
    if name is None:
        raise InputError(
            f"it has no precipitation: expected one of {', '.join(_NAMES)}; found "
            f"{', '.join(map(str, ds.data_vars)) or 'nothing'}."
        )
    _refuse_other_hours(ds, name)
    others = [n for n in ds.data_vars if ds[n].ndim > 2 and n != name]
    out = to_grid(ds.drop_vars(others), grid, pole)
    values = out["tp"]
    low, high = float(values.min()), float(values.max())
    least, most = (1e3 * bound for bound in (VOCABULARY["tp"].low, VOCABULARY["tp"].high))  # mm
    if low < least or high > most:
        raise InputError(
            f"{name} is {low:.4g} to {high:.4g} mm in an hour; expected 0 to {most:g}. Are its "
            f"units ({ds[name].attrs.get('units')!r}) right?"
        )
    tp = values.clip(min=0).assign_attrs(values.attrs | SCALED)  # packing takes some below zero
    tp.attrs["comment"] = f"{name} of the point that is nearest to a cell"
    return out.assign(tp=tp)


def _refuse_other_hours(ds: xr.Dataset, name: str) -> None:
    time = time_axis(ds, series=True)
    over = settled(planned(ds, name, VOCABULARY["tp"], time), _told(ds[name], time), time)
    over = replace(over, wanted=1.0)
    if over.refused:
        raise InputError(over.refused)
    if not over.is_exactly(1.0) or over.method != "sum":
        raise InputError(
            f"{name} holds {over}, by its {over.source}; a training store takes sums over the hour "
            "that ends at each time. Bring them to hours first."
        )


def _told(field: xr.DataArray, time: Time) -> Told:
    """Return what the values of a day tell, on some points."""
    strides = {d: slice(None, None, max(1, field.sizes[d] // _POINTS)) for d in ("rlat", "rlon")}
    dims = {d: s for d, s in strides.items() if d in field.dims}
    days = looked_at(time, lazy=False)
    if not days:
        return Told()
    rows = days[0].at[time.out[-1]]
    some = field.isel(dims).transpose(time.dims[0], ...).values[rows]
    said = verdict(np.asarray(some, "float64"), days[0])
    return Told(said, days[0].hours >= _DAY, days[0].values.size, days[0].hours)
