"""Apply an alignment to predictors on coarse cells, lazily if they are lazy."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from ..arguments import PATH, refuse
from ..errors import AlignmentError
from . import axes
from .mapping import Maps
from .tables import Alignment, open_alignment

if TYPE_CHECKING:
    import dask.array as da

__all__ = ["aligned", "opened", "provenance"]


def opened(align: Alignment | str | PathLike) -> Alignment:
    """Return an alignment, opened if it is given as a path or URL."""
    if isinstance(align, Alignment):
        return align
    refuse(align=(align, PATH.such("an Alignment, or its path or URL")))
    return open_alignment(align)


def aligned(coarse: xr.DataArray, align: Alignment | str | PathLike) -> xr.DataArray:
    """Map predictors on coarse cells to the distribution of an alignment's reference.

    A value is mapped by itself, so chunks do not change a bit. Months and leads between those
    fitted are interpolated.

    Parameters
    ----------
    coarse : DataArray (..., predictor, y, x)
        Predictors in the model's units, from :func:`xldm.grids.regridding.to_coarse`.
    align : Alignment, path or URL

    Returns
    -------
    DataArray
        Like ``coarse``; dask stays dask. Predictors that the alignment lacks are as they were.

    Raises
    ------
    AlignmentError
        If the alignment was fitted on another grid, or not for these months, hours or leads.
    """
    alignment = opened(align)
    tables = alignment.tables
    times = axes.valid_times(coarse)
    lead = axes.lead_of(coarse)
    _refuse_other_leads(alignment, lead)
    along = None if lead is None else lead.broadcast_like(times).transpose(*times.dims).values
    index, weight = axes.places(times.values, along, tables)
    maps = _maps(coarse, tables)
    dims = (*times.dims, *(d for d in coarse.dims if d not in times.dims))
    ordered = coarse.transpose(*dims)
    beside = [d for d in dims if d not in (*times.dims, "predictor", "y", "x")]
    index, weight = (a.reshape(*times.shape, *(1 for _ in beside), 4) for a in (index, weight))
    if coarse.chunks is None:
        shape = (*(ordered.sizes[d] for d in (*times.dims, *beside)), 4)
        values: Any = maps(
            ordered.values, np.broadcast_to(index, shape), np.broadcast_to(weight, shape)
        )
    else:
        values = _lazily(ordered, index, weight, maps, alignment)
    return ordered.copy(data=values).transpose(*coarse.dims)


def provenance(align: Alignment | str | PathLike | None) -> dict[str, str]:
    """Return the attributes of a result that name its alignment; none without one.

    Examples
    --------
    >>> provenance(None)
    {}
    """
    if align is None:
        return {}
    alignment = opened(align)
    attrs = alignment.tables.attrs
    return {
        "alignment": f"{', '.join(alignment.predictors)} aligned by quantiles with a reference of "
        f"{attrs['reference_period']} (provider: {attrs['provider_period']})",
        "alignment_sha256": alignment.sha256,
    }


def _refuse_other_leads(alignment: Alignment, lead: xr.DataArray | None) -> None:
    if (alignment.leads is None) == (lead is None):
        return
    fitted, given = (
        ("without leads", "has leads") if lead is not None else ("on leads", "has no lead")
    )
    raise AlignmentError(
        f"The alignment was fitted {fitted}, but the input {given}: fit one on data of the same "
        "kind as the input, with xldm.fit_alignment."
    )


def _maps(coarse: xr.DataArray, tables: xr.Dataset) -> Maps:
    windows = []
    for name in ("y", "x"):
        own, cells = tables[name].values, coarse[name].values
        at = np.flatnonzero(np.isin(own, cells))
        if at.size != cells.size or not np.array_equal(own[at], cells):
            raise AlignmentError(
                f"The alignment does not hold the cells of the input: its {name} goes from "
                f"{own[0]:g} to {own[-1]:g} m, that of the input from {cells[0]:g} to "
                f"{cells[-1]:g} m. Fit it with the model that it is used with, and on the whole "
                "region."
            )
        windows.append(slice(int(at[0]), int(at[-1]) + 1))
    names = [str(n) for n in coarse["predictor"].values]
    kept = [str(n) for n in tables["predictor"].values if n in names]
    if not kept:
        raise AlignmentError(
            f"The alignment has none of the model's predictors: it has "
            f"{', '.join(map(str, tables['predictor'].values))}."
        )
    mine = tables.sel(predictor=kept).stack(table=("lead", "month"))
    arrays = {
        n: mine[n].transpose("table", "predictor", ...).values
        for n in ("mean", "spread", "shift", "factor", "nodes", "change")
    }
    dew = ("d2m", "t2m")
    return Maps(
        positions=tuple(names.index(n) for n in kept),
        amount=tuple(map(bool, mine["amount"].values)),
        least=tuple(map(float, mine["least"].values)),
        most=tuple(map(float, mine["most"].values)),
        trace=tuple(map(float, mine["trace"].values)),
        shape=(tables.sizes["y"], tables.sizes["x"]),
        rows=windows[0],
        columns=windows[1],
        below=(names.index("d2m"), names.index("t2m")) if {*dew} <= {*kept} else None,
        **arrays,
    )


def _lazily(
    coarse: xr.DataArray, index: np.ndarray, weight: np.ndarray, maps: Maps, alignment: Alignment
) -> da.Array:
    """Map each block by dask; tasks refer to the tables by one key and do not carry them."""
    import dask
    import dask.array as da

    data = coarse.chunk(predictor=-1, y=-1, x=-1).data
    outer = data.chunks[:-3]
    own = tuple(c if n > 1 else (1,) for c, n in zip(outer, index.shape[:-1], strict=True))
    places = [da.from_array(a, chunks=(*own, (4,))) for a in (index, weight)]
    # One place for all members of an ensemble.
    wide = [da.broadcast_to(p, (*data.shape[:-3], 4), chunks=(*outer, (4,))) for p in places]
    dims = tuple(map(str, coarse.dims))
    token = dask.base.tokenize(alignment.sha256, maps.positions, maps.rows, maps.columns)
    held = dask.delayed(maps, name=f"alignment-{token}", traverse=False)
    return da.blockwise(
        _mapped,
        dims,
        data,
        dims,
        *(part for p in wide for part in (p, (*dims[:-3], "_place"))),
        concatenate=True,
        dtype=data.dtype,
        meta=np.empty((0,) * data.ndim, data.dtype),
        maps=held,
    )


def _mapped(block: np.ndarray, index: np.ndarray, weight: np.ndarray, *, maps: Maps) -> np.ndarray:
    return maps(block, index, weight)
