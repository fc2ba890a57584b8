"""Draw targets from predictors on the coarse cells: at once, or as a dask graph."""

from __future__ import annotations

import functools
import itertools
import math
import operator
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from . import progress as told
from .errors import InputError

if TYPE_CHECKING:
    import dask.array as da

    from .conserving import Conserved
    from .models.downscaler import Sampling
    from .models.model import Model
    from .models.pickling import Held

__all__ = ["draw", "memory_fault", "not_finite"]

BLOCK_BYTES = 2**27


def memory_fault(size: int) -> str:
    """Return why so many bytes cannot be held at once on this machine; empty if they can.

    Examples
    --------
    >>> memory_fault(10**6), memory_fault(10**18).partition(", and")[0]
    ('', 'take 1000000.0 TB at once')
    """
    try:
        have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not told on this system
        return ""
    if size <= have:
        return ""
    unit, name = (1e12, "TB") if size >= 1e12 else (1e9, "GB")
    return f"take {size / unit:.1f} {name} at once, and this machine has {have / 1e9:.1f} GB"


def draw(
    coarse: xr.DataArray,
    times: xr.DataArray,
    given: xr.DataArray,
    model: Model,
    sampling: Sampling,
    *,
    progress: bool | None,
    absent: Sequence[str] = (),
    own: xr.DataArray | None = None,
    conserved: Conserved | None = None,
    **runtime: Any,
) -> np.ndarray | da.Array:
    """Draw targets, lazily where the predictors are lazy.

    Parameters
    ----------
    coarse : xarray.DataArray (..., predictor, y, x)
        Predictors in the model's units.
    times, given : xarray.DataArray
        Valid times along the first of the dims before ``predictor``, and members of the input's
        ensemble along the others. They address the noise.
    model, sampling : Model, Sampling
    progress : bool, optional
        Whether a bar counts the fields that are drawn at once.
    absent : sequence of str
        Predictors that are at their mean, and so tell nothing of drift.
    own : xarray.DataArray (..., own, latitude, longitude), optional
        Values of the input that drawn targets keep to.
    conserved : Conserved, optional
        Which targets these are, and where.
    **runtime
        Window, device, precision and batches, as for `Model.fields`.

    Returns
    -------
    ndarray or dask array (..., member, target, fine y, fine x)
    """
    one = functools.partial(
        _draw, sampling=sampling, absent=tuple(absent), conserved=conserved, **runtime
    )
    if coarse.chunks:
        return _lazily(one, coarse, times, given, own, model, sampling)
    return _now(one, coarse, times, given, own, model, sampling, progress)


def _draw(
    coarse: np.ndarray,
    times: np.ndarray,
    given: np.ndarray,
    own: np.ndarray | None = None,
    *,
    held: Held,
    sampling: Sampling,
    absent: tuple[str, ...],
    conserved: Conserved | None,
    **runtime: Any,
) -> np.ndarray:
    """Draw targets (..., member, C, H, W) from predictors (..., P, h, w)."""
    from .alignment.drift import warn_of_drift

    model = held()
    outer = coarse.shape[:-3]
    times = times.reshape(times.shape + (1,) * (len(outer) - times.ndim))
    times, given = (np.broadcast_to(a, outer).reshape(-1) for a in (times, given))
    coarse = coarse.reshape(-1, *coarse.shape[-3:])
    allowed = [v.only_at_sea for v in model.config.predictors]
    bad = np.isnan(coarse).any((2, 3)) & ~np.array(allowed) | np.isinf(coarse).any((2, 3))
    if bad.any():
        t, p = np.argwhere(bad)[0]
        raise not_finite(model.config.predictors[p].name, times[t])
    warn_of_drift(coarse, times, model.config, absent)
    if "observe" not in runtime:  # drawn in a graph
        parts = len(model.config.components)
        runtime["observe"] = lambda fields: told.tell(fields / parts)
    channels = _channels(model)
    bad = np.zeros((len(times), len(sampling.members), len(model.config.targets)), bool)
    if conserved is not None and own is not None:
        runtime |= conserved.hooks(own.reshape(-1, *own.shape[-3:]), channels)
    keep = runtime.pop("finish", None)

    def finish(drawn: np.ndarray, hours: slice, members: slice, part: str, corrected: bool) -> None:
        if keep is not None:
            keep(drawn, hours, members, part, corrected)
        # One sum for each field tells.
        total = drawn.sum(axis=(-2, -1)).swapaxes(0, 1)
        bad[hours, members, channels[part]] = ~np.isfinite(total)

    drawn = model.fields(coarse, times, sampling, given=given, finish=finish, **runtime)
    _refuse_infinite(bad, times, model, sampling)
    drawn = drawn.swapaxes(0, 1)
    return drawn.reshape(*outer, *drawn.shape[1:])


def _channels(model: Model) -> dict[str, slice]:
    """Return where the targets of each component are among all."""
    ends = np.cumsum([0, *(len(c.targets) for c in model.config.components)]).tolist()
    return {
        c.name: slice(*pair)
        for c, pair in zip(model.config.components, itertools.pairwise(ends), strict=True)
    }


def _refuse_infinite(bad: np.ndarray, times: np.ndarray, model: Model, sampling: Sampling) -> None:
    """Refuse drawn fields of which some (time, member, target) are not finite."""
    if bad.any():
        t, m, c = np.argwhere(bad)[0]
        raise InputError(
            f"{model.config.targets[c].name} at {_hour(times[t])}, member {sampling.members[m]}, "
            "came out as NaN or infinity. Either the input of this hour is far from the model's "
            "training: look at it, and at ds.ldm.drift(model). Or the precision is too low: use "
            "dtype='float32'. Else the weights are damaged."
        )


def not_finite(name: str, time: np.datetime64) -> InputError:
    """Return the error for a field of the input that has a hole at some time."""
    return InputError(
        f"{name} holds NaN or infinity at {_hour(time)}, which would spread over the whole field; "
        "fill or drop these times before downscaling"
    )


def _hour(time: np.datetime64) -> str:
    return f"{np.datetime_as_string(time, unit='m')} UTC"


def _now(
    one: functools.partial[np.ndarray],
    coarse: xr.DataArray,
    times: xr.DataArray,
    given: xr.DataArray,
    own: xr.DataArray | None,
    model: Model,
    sampling: Sampling,
    progress: bool | None,
) -> np.ndarray:
    """Draw all targets now, with a progress bar that counts fields."""
    from tqdm.auto import tqdm

    from .models.pickling import Held

    total = math.prod(coarse.shape[:-3]) * len(sampling.members) * len(model.config.components)
    disable = None if progress is None else not progress
    with tqdm(total=total, disable=disable, unit="field", desc=model.config.name) as bar:
        values = [None if a is None else a.values for a in (coarse, times, given, own)]

        def observe(fields: int) -> None:
            bar.update(fields)
            told.tell(fields / len(model.config.components))

        return one(*values, held=Held(model), observe=observe)


def _lazily(
    one: functools.partial[np.ndarray],
    coarse: xr.DataArray,
    times: xr.DataArray,
    given: xr.DataArray,
    own: xr.DataArray | None,
    model: Model,
    sampling: Sampling,
) -> da.Array:
    """Return the targets as a dask array, in chunks that bound the memory of a block."""
    import dask
    import dask.array as da

    from .models.pickling import Held

    factor = model.config.grid.factor
    sizes = {
        "drawn": len(sampling.members),
        "target": len(model.config.targets),
        "fine_y": coarse.sizes["y"] * factor,
        "fine_x": coarse.sizes["x"] * factor,
    }
    coarse = _in_blocks(coarse, times, 4 * math.prod(sizes.values()))
    outer = coarse.dims[:-3]
    labels = [
        da.from_array(a.values, chunks=tuple(coarse.variable.chunksizes[d] for d in a.dims))
        for a in (times, given)
    ]
    # A key of its own: tasks refer to the model and do not carry it.
    held = dask.delayed(Held(model), name=f"model-{dask.base.tokenize(model)}", traverse=False)
    beside: tuple = ()
    if own is not None:
        # In two steps: a long record has many more blocks than chunks, and to join costs more than
        # to cut.
        joined = own.chunk(dict.fromkeys(own.dims[-3:], -1))
        beside = _cut(joined.data, coarse.data.chunks[: len(outer)]), own.dims
    token = dask.base.tokenize(
        one, model, coarse.data, times.values, given.values, None if own is None else own.data
    )
    return da.blockwise(
        one,
        (*outer, *sizes),
        coarse.data,
        (*outer, "predictor", "y", "x"),
        labels[0],
        times.dims,
        labels[1],
        given.dims,
        *beside,
        new_axes=sizes,
        concatenate=True,
        meta=np.empty((0,) * (len(outer) + 4), np.float32),
        name=f"downscaled-{token}",
        held=held,
    )


def _in_blocks(coarse: xr.DataArray, times: xr.DataArray, each: int) -> xr.DataArray:
    """Rechunk predictors so that the targets of a block are no larger than they may be.

    Forecasts are cut at every initialisation and lead: another of them is then a block of its own.
    """
    from dask.array.core import normalize_chunks

    most = max(1, BLOCK_BYTES // each)
    if coarse.dims[:-3] == times.dims and times.ndim == 1:
        long = max(coarse.variable.chunksizes[times.dims[0]]) > most
        chunks = {times.dims[0]: most} if long else {}
    else:
        chunks = {}
        for dim in reversed(coarse.dims[:-3]):
            have = max(coarse.variable.chunksizes[dim])
            chunks[dim] = 1 if dim in times.dims else min(have, most)
            most = max(1, most // chunks[dim])
    by_axis = {coarse.dims.index(dim): size for dim, size in chunks.items()}
    if not by_axis:
        return coarse
    array = coarse.data
    wanted = normalize_chunks(
        [by_axis.get(axis, given) for axis, given in enumerate(array.chunks)], array.shape
    )
    return coarse.copy(data=_cut(array, wanted))


def _cut(array: da.Array, chunks: Sequence[tuple[int, ...]]) -> da.Array:
    """Rechunk the first axes of an array.

    Where each chunk of the first axis is cut into whole ones, tasks are written down at once. The
    general way takes half a minute and a gigabyte for a record of decades.
    """
    import dask.array as da
    from dask.base import tokenize
    from dask.highlevelgraph import HighLevelGraph

    pieces, rest = chunks[0], (*chunks[1:], *array.chunks[len(chunks) :])
    ends = np.cumsum(pieces)
    last = np.searchsorted(ends, np.cumsum(array.chunks[0]))
    nested = np.array_equal(ends[last], np.cumsum(array.chunks[0]))
    if not nested or rest != array.chunks[1:] or len(pieces) == len(array.chunks[0]):
        return array.rechunk(tuple(chunks) + rest[len(chunks) - 1 :])
    name = f"cut-{tokenize(array, pieces)}"
    source = np.searchsorted(np.cumsum(array.chunks[0]), ends)
    first = ends - pieces - np.concatenate([[0], np.cumsum(array.chunks[0])])[source]
    others = list(np.ndindex(*(len(c) for c in rest)))
    tasks: dict[Any, Any] = {
        (name, i, *other): (operator.getitem, (array.name, at, *other), slice(a, a + length))
        for i, (at, a, length) in enumerate(
            zip(source.tolist(), first.tolist(), pieces, strict=True)
        )
        for other in others
    }
    before: Any = array
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=[before])
    return da.Array(graph, name, (pieces, *rest), dtype=array.dtype)
