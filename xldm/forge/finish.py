"""The end of a run: is everything there, and is it what was declared? Then the mark is set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version

import numpy as np
import xarray as xr
import zarr

from ..errors import StoreError
from ..storage.location import Place, reaching
from ..stores.statistics import merged
from .days import Evidence
from .declared import Declared
from .target import Target, mark, reach, refuse_other_run, store

__all__ = ["finish", "said"]


def finish(evidences: Iterable[Evidence], *, target: Target, declared: Declared, run: str) -> str:
    """Verify a part as a whole and mark it complete.

    Every field and day has to be noted once and to lie there as a chunk of its own; axes have to be
    those declared; every field has to vary. That values are those written, `xldm.forge.days` has
    seen before.

    Returns
    -------
    str
        The mark: when, and the sha256 of what was verified.

    Raises
    ------
    StoreError
        With every fault; the part is not marked.
    """
    place, evidences = reach(target), sorted(evidences, key=lambda one: one["file"])
    with reaching(place):
        refuse_other_run(place, run)
        stats = _statistics(evidences, declared)
        faults = [
            *_lost_days(evidences, declared),
            *_other_axes(place, declared),
            *_other_chunks(place, declared),
            *_unusable(stats),
        ]
        if faults:
            raise StoreError(
                f"{place.url} is not what it was declared to be: {'; '.join(faults)}. It must not "
                "be used: delete it and run again."
            )
        stats.to_zarr(store(place), group="stats", mode="w", consolidated=False, zarr_format=2)
        written = json.dumps([one["fields"] for one in evidences], sort_keys=True)
        digest = hashlib.sha256(written.encode()).hexdigest()
        attrs = said(digest)
        mark(place, attrs)
    return attrs["xldm_complete"]


def said(digest: str) -> dict[str, str]:
    """Attributes of a part that has been verified."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "history": f"{now} written and verified by xldm {version('xldm')}",
        "xldm_complete": f"{now} sha256:{digest}",
    }


def _statistics(evidences: list[Evidence], declared: Declared) -> xr.Dataset:
    """Mean and spread of every field over the whole part, from the moments of its days."""
    states = {name: [] for name in declared.fields}
    for evidence in evidences:
        for name, days in evidence["fields"].items():
            states[name] += [day["moments"] for day in days.values()]
    whole = [
        merged(np.array(of or [[0, 0, np.nan, np.nan]]), (0,), False) for of in states.values()
    ]
    count, missing, mean, squares = np.array(whole).T
    return xr.Dataset(
        {
            "mean": ("variable", mean, {"long_name": "mean"}),
            "std": (
                "variable",
                np.sqrt(squares / np.maximum(count, 1)),
                {"long_name": "standard deviation"},
            ),
            "count": ("variable", count.astype("int64"), {"long_name": "values used"}),
            "missing": ("variable", missing.astype("int64"), {"long_name": "values left out"}),
        },
        coords={"variable": list(states)},
        attrs={"period": str(declared.period), "split": "every hour"},
    )


def _lost_days(evidences: list[Evidence], declared: Declared) -> Iterator[str]:
    for name in declared.fields:
        noted = [day for evidence in evidences for day in evidence["fields"].get(name, ())]
        if sorted(noted) != declared.period.days:
            lost = sorted(set(declared.period.days) - set(noted))
            yield (
                f"{name} was written on {len(noted)} days, not {len(declared.period.days)} "
                f"(absent: {', '.join(lost[:3]) or 'none'})"
            )


def _other_axes(place: Place, declared: Declared) -> Iterator[str]:
    wanted = declared.template()
    stored = xr.open_zarr(store(place), chunks=None, consolidated=False)
    hours = stored["time"].encoding
    if (hours.get("units"), hours.get("dtype")) != ("hours since 1970-01-01", np.dtype("int64")):
        yield f"time is stored as {hours.get('dtype')} {hours.get('units')!r}"
    for name in ("time", "y", "x", "lat", "lon"):
        if name not in stored or not np.array_equal(stored[name], wanted[name]):
            yield f"{name} is not that declared"
    for name in declared.fields:
        if name not in stored or stored[name].shape != wanted[name].shape:
            yield f"{name} is absent or of another shape"
    if more := sorted(set(map(str, stored)) - {*declared.fields, *map(str, wanted.variables)}):
        yield f"{', '.join(more)} are there beside what was declared"


def _other_chunks(place: Place, declared: Declared) -> Iterator[str]:
    place.fs.invalidate_cache()
    group = zarr.open_group(store(place), mode="r")
    for name in declared.fields:
        rows = range(group[name].cdata_shape[0])
        there = {path.rpartition("/")[2] for path in place.fs.find(f"{place.root}/{name}")} - {
            ".zarray",
            ".zattrs",
        }
        if lost := [row for row in rows if f"{row}.0.0" not in there]:
            hour = declared.period.hours[lost[0] * group[name].chunks[0]]
            yield f"{name} lacks {len(lost)} of {len(rows)} chunks, first that of {hour}"
        if len(there) > len(rows) and not lost:
            yield f"{name} has {len(there) - len(rows)} objects that are no chunks of it"


def _unusable(stats: xr.Dataset) -> Iterator[str]:
    for name, mean, std in zip(
        *(stats[n].values for n in ("variable", "mean", "std")), strict=True
    ):
        if not (np.isfinite(mean) and std > 0):
            yield f"{name} has mean {mean:g} and std {std:g}: it is constant, missing or broken"
