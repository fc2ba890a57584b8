"""Verify a whole part at the end of a run, and mark it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import xarray as xr
import zarr

from ..errors import StoreError
from ..storage.location import Place, reaching
from ..storage.objects import keys
from ..stores.statistics import merged, table
from ..stores.verify import other_axes, other_positions, other_shapes
from .declaration import Declared
from .target import Target, mark, reach, refuse_other_run, store
from .write_days import Evidence

__all__ = ["verify_and_mark"]


def verify_and_mark(
    evidences: Iterable[Evidence], *, target: Target, declared: Declared, run: str
) -> str:
    """Verify a part as a whole and mark it complete.

    Every field and day must be recorded once and have its own chunk; axes must be those declared;
    every field must vary. `xldm.forge.write_days.read_back` has compared the values before.

    Returns
    -------
    str
        The mark: the time, and the sha256 of the verified content.

    Raises
    ------
    StoreError
        With every fault; the part is not marked.
    """
    place, evidences = reach(target), sorted(evidences, key=lambda one: one["file"])
    with reaching(place):
        refuse_other_run(place, run)
        # An earlier run may have been stopped amid their metadata, which no reader can open then.
        if keys(place, "stats"):
            place.fs.rm(f"{place.root}/stats", recursive=True)
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
        return mark(place, digest)


def _statistics(evidences: list[Evidence], declared: Declared) -> xr.Dataset:
    """Return mean and spread of every field over the whole part, from the moments of its days."""
    states: dict[str, list] = {name: [] for name in declared.fields}
    for evidence in evidences:
        for name, days in evidence["fields"].items():
            states[name] += [day["moments"] for day in days.values()]
    whole = [merged(np.array(of or [[0, 0, 0, 0]]), (0,), False) for of in states.values()]
    attrs = {"period": str(declared.period), "split": "every hour"}
    return table(list(states), np.array(whole), attrs).compute()


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
    yield from other_axes(stored, wanted, tolerance=0)
    yield from other_shapes(stored, wanted)
    yield from other_positions(stored, declared.grid.crs)


def _other_chunks(place: Place, declared: Declared) -> Iterator[str]:
    group: Any = zarr.open_group(store(place), mode="r")
    for name in declared.fields:
        rows = range(group[name].cdata_shape[0])
        there = {key.rpartition("/")[2] for key in keys(place, name)} - {".zarray", ".zattrs"}
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
