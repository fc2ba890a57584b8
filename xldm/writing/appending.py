"""Append to a complete store: more initialisations, leads or times.

Objects of fields are put beside those that are there. What the store shows changes at one moment,
when its root is put: readers before it see the store as it was, complete.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

from ..errors import ArgumentError, StoreError
from ..storage.blocks import opened
from ..storage.location import Place, reaching
from ..storage.marks import COMPLETE, refuse_other, stamp
from ..storage.objects import content, keys, put, remove
from .conventions import BLOCK
from .layout import Layout
from .store_layout import along_times, laid_out, lengths_of, steps, written

__all__ = ["PENDING", "begin", "finish", "forget_shown", "laid_beside", "refuse_dim"]

#: Object that says what is being appended, until the store shows it.
PENDING = "xldm_appending.json"
#: Attributes that tell of the input, which may differ by lead: those of all are kept.
NOTES = ("input_notes", "history")


def refuse_dim(out: xr.Dataset, dim: str) -> None:
    """Raise ArgumentError if a dataset cannot be appended along a dim."""
    times = along_times(out)
    if dim not in times or dim not in out.coords:
        raise ArgumentError(
            f"append_dim: expected {' or '.join(map(repr, times))}, along which the times of this "
            f"dataset lie, with a coordinate; got {dim!r}"
        )


def laid_beside(
    place: Place, found: Mapping[str, Any], out: xr.Dataset, dim: str, keep_bits: int | None
) -> tuple[Layout, bool]:
    """Return the layout of a complete store with a dataset appended, and whether it holds it.

    Parameters
    ----------
    place : Place
    found : mapping
        Root attributes of the store.
    out : Dataset
    dim : str
    keep_bits : int, optional

    Raises
    ------
    StoreError
        If anything but coordinates along ``dim`` differs, or if these do not follow on.
    """
    cut = lengths_of(found[BLOCK])
    told = {name: found[name] for name in NOTES if name in found}
    notes = {n: _both(told.get(n, ""), str(out.attrs.get(n, ""))) for n in NOTES}
    out = out.assign_attrs({n: text for n, text in notes.items() if text or n in out.attrs})
    held, chunks = _held(place, out, dim)
    more, length = out.sizes[dim], held[dim].size if dim in held else 0
    # What the store was written with, as far as the dataset tells, is compared with its notes.
    was = (
        _with(out, dim, length, held)
        .drop_attrs(deep=False)
        .assign_attrs({n: v for n, v in out.attrs.items() if n not in NOTES} | told)
    )
    given = laid_out(place, was, cut, keep_bits, chunks=chunks).objects["zarr.json"]
    refuse_other(place, found, json.loads(given)["attributes"], resume=True)
    if length >= more and np.array_equal(held[dim][-more:], out[dim].values):
        start = {dim: length - more}
        return laid_out(place, was, cut, keep_bits, start, steps(out, cut), chunks), True
    _refuse_order(place, dim, held[dim], out[dim].values)
    if length % cut[dim]:
        raise StoreError(
            f"{place.url}: its last objects hold {length % cut[dim]} of {cut[dim]} along {dim}, "
            "and objects are never written again, so nothing can be appended. Choose another place."
        )
    both = {
        name: np.concatenate([values, out[name].values], axis=out[name].dims.index(dim))
        for name, values in held.items()
    }
    whole = _with(out, dim, length + more, both)
    layout = laid_out(place, whole, cut, keep_bits, {dim: length}, steps(out, cut), chunks)
    _refuse_units(place, dim, layout, held)
    return layout, False


def _both(there: str, here: str) -> str:
    """Return two notes in one, without what the first says already."""
    return there if here in there else "\n".join(filter(None, (there, here)))


def _held(
    place: Place, out: xr.Dataset, dim: str
) -> tuple[dict[str, np.ndarray], dict[str, tuple[int, ...]]]:
    """Return the store's values and chunks of the variables along a dim that are no fields.

    Chunks stay as they are: readers would find other chunks than the metadata say until these are
    put, and always if the run is killed before.
    """
    fields = written(out, along_times(out))
    names = [str(n) for n, v in out.variables.items() if dim in v.dims and n not in fields]
    with reaching(place):
        there = {key for name in names for key in keys(place, name)}
        objects = {key: content(place, key) or b"" for key in ("zarr.json", *there)}
    # As the root says: an interrupted append may have left longer arrays.
    stored = xr.open_zarr(opened(objects), chunks=None, consolidated=True, zarr_format=3)
    names = [n for n in names if n in stored.variables]
    values = {n: stored[n].values.astype(out[n].dtype) for n in names}
    return values, {n: stored[n].encoding["chunks"] for n in names}


def _with(out: xr.Dataset, dim: str, length: int, values: Mapping[str, np.ndarray]) -> xr.Dataset:
    """Return a dataset of another length along a dim; fields without their values."""

    def of_length(name: str, v: xr.Variable) -> xr.Variable:
        shape = tuple(length if d == dim else n for d, n in v.sizes.items())
        given = values.get(name)
        if given is None or given.shape != shape:  # the store's differ, which is refused
            given = da.zeros(shape, dtype=v.dtype, chunks=-1)
        return xr.Variable(v.dims, given, v.attrs)

    variables = {
        str(n): of_length(str(n), v) if dim in v.dims else v for n, v in out.variables.items()
    }
    return xr.Dataset(variables, attrs=out.attrs).set_coords([str(n) for n in out.coords])


def _refuse_order(place: Place, dim: str, held: np.ndarray, more: np.ndarray) -> None:
    later = more > held[-1]
    if later.all() and (np.diff(more) > np.zeros(1, np.diff(more).dtype)).all():
        return
    said = (
        f"{place.url}: along {dim}, {_text(more[0])} to {_text(more[-1])} is appended to "
        f"{_text(held[-1])}, and must follow on in order; nothing was written. "
    )
    if later.any() and (np.diff(more[later]) > np.zeros(1, np.diff(more).dtype)).all():
        first = int(later.argmax())
        raise StoreError(
            f"{said}Leave out what is there: use out.isel({dim}=slice({first}, None))."
        )
    raise StoreError(f"{said}Choose another place.")


def _text(value: Any) -> str:
    if isinstance(value, np.timedelta64):
        return f"{value / np.timedelta64(1, 'h'):g} h"
    return str(value.astype("datetime64[m]") if isinstance(value, np.datetime64) else value)


def _refuse_units(place: Place, dim: str, layout: Layout, held: Mapping[str, Any]) -> None:
    """Refuse coordinates that the store's units cannot hold."""
    for name in held:
        key = f"{name}/zarr.json"
        there, here = (
            json.loads(text)["attributes"].get("units")
            for text in (content(place, key) or b"", layout.objects[key])
        )
        if there != here:
            raise StoreError(
                f"{place.url}: {name} is in {there} there, which cannot hold what is appended "
                f"along {dim} ({here}); nothing was written. Choose another place."
            )


def forget_shown(place: Place, found: Mapping[str, Any]) -> None:
    """Remove the note of an append that the store shows: that run was killed at its very end."""
    with reaching(place):
        noted = content(place, PENDING)
    shown = {name: value for name, value in found.items() if name != COMPLETE}
    if noted is not None and json.loads(noted) == shown:
        remove(place, PENDING)


def begin(layout: Layout, *, resume: bool) -> bool:
    """Note what is being appended; return whether blocks that exist belong to it.

    Raises
    ------
    StoreError
        If an append was interrupted, and this does not resume it.
    """
    place, given = layout.place, json.loads(layout.objects["zarr.json"])["attributes"]
    with reaching(place):
        noted = content(place, PENDING)
    if noted is None:
        put(place, PENDING, json.dumps(given).encode())
        return False
    give_up = f"To give that one up, delete {place.url}/{PENDING}."
    try:
        refuse_other(place, json.loads(noted), given, resume=True)
    except StoreError as error:
        raise StoreError(f"{error} It was interrupted while appending. {give_up}") from None
    if not resume:
        raise StoreError(
            f"{place.url}: these fields were being appended, which was interrupted; nothing was "
            f"written. resume=True writes what is absent. {give_up}"
        )
    return True


def finish(layout: Layout, dim: str) -> str:
    """Let the store show what was appended; return its mark."""
    place = layout.place
    grown = {n for n, dims in layout.shown.items() if dim in dims}
    ours = [key for key in layout.objects if key.partition("/")[0] in grown]
    # A longer chunk of a coordinate reads the same in the old length; the root comes last.
    for key in sorted(ours, key=lambda key: key.endswith("zarr.json")):
        put(place, key, layout.objects[key])
    root = json.loads(layout.objects["zarr.json"])
    root["attributes"][COMPLETE] = stamp()
    put(place, "zarr.json", json.dumps(root, indent=2).encode())
    remove(place, PENDING)
    return root["attributes"][COMPLETE]
