"""Find a predictor in a dataset by what it means, whatever dialect the dataset speaks."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from ...config import Variable
from ...errors import InputError
from ...vocabulary import PARTS, VOCABULARY, Known
from .. import dialects
from ..report import Found
from ..units import conversion
from . import identity
from .levels import Levels, heights, index_of, pressure_levels, text_of
from .names import meaning, read
from .placement import at_height, at_others, misplaced, unplaced_dims, without_level

__all__ = ["in_words", "known", "match"]

_LAST = 99  # the rank of a variable that cannot be placed


def known(wanted: Variable) -> Known:
    """Return the vocabulary's entry for a model's predictor, or one made of the predictor alone.

    Level, sums and gaps are those of the predictor.
    """
    entry = VOCABULARY.get(wanted.name) or PARTS.get(wanted.name) or _entry_of_model(wanted)
    sums, gaps = wanted.over_time != "point", wanted.only_at_sea or entry.gaps
    return replace(entry, level=wanted.level, accumulated=sums, gaps=gaps)


def _entry_of_model(wanted: Variable) -> Known:
    short = wanted.name if wanted.level is None else wanted.name.removesuffix(f"{wanted.level:g}")
    like = next((k for k in (*VOCABULARY.values(), *PARTS.values())
                 if k.level is not None and k.short == short.lower()), None)  # fmt: skip
    if wanted.level is not None and like is not None:
        free = replace(like, low=-np.inf, high=np.inf, least=0.0)
        return replace(free, name=wanted.name.lower(), units=wanted.units)
    return Known(
        name=wanted.name.lower(),
        short=short.lower(),
        long_name=wanted.long_name.lower().replace(" ", "_") or short.lower(),
        param=0,
        standard_names=(wanted.standard_name,),
        units=wanted.units,
        low=-np.inf,
        high=np.inf,
    )


@dataclass(frozen=True)
class _Candidate:
    """A variable that may hold a predictor: how near it is, and what speaks against it.

    ``rank`` counts from 0, the nearest. ``named`` tells whether its name alone says so.
    """

    name: Hashable
    rank: float
    named: bool
    levels: Levels | None
    against: tuple[str, ...]


def match(ds: xr.Dataset, wanted: Variable) -> Found:
    """Find a predictor, and the conversion to the model's units.

    Names of the dialects come first, then short names and ids of GRIB, then long names, and CF
    standard names last. Surface and pressure-level fields may share a name: then a coordinate has
    to tell them apart. A variable that contradicts itself is not taken.

    Returns
    -------
    Found
        With ``variable`` None if the predictor is absent, and ``problem`` set if its variable
        cannot be used or if several variables match.
    """
    entry = known(wanted)
    try:
        candidate, reason = _nearest(ds, entry, wanted)
    except InputError as error:
        return Found(wanted.name, "?", problem=str(error))
    if candidate is None:
        return Found(wanted.name, becomes=f"absent ({reason})" if reason else "absent")
    name, levels = candidate.name, candidate.levels
    found = Found(wanted.name, name, units=text_of(ds[name].attrs.get("units")))
    try:
        if entry.level is not None and levels is not None:
            index = index_of(ds[name], levels, entry.level)
            found = replace(found, level=entry.level, level_dim=levels.dim, level_index=index or 0)
        scale, offset = _conversion(ds[name], found, wanted, entry)
    except InputError as error:
        return replace(found, problem=" ".join((*candidate.against, str(error))))
    return replace(
        found,
        scale=scale,
        offset=offset,
        becomes=in_words(wanted.units, scale, offset),
        problem=" ".join(candidate.against),
        attrs={
            "standard_name": wanted.standard_name,
            "units": wanted.units,
            "cell_methods": f"time: {wanted.over_time}",
        },
    )


def _nearest(ds: xr.Dataset, entry: Known, wanted: Variable) -> tuple[_Candidate | None, str]:
    """Return the variable that holds a predictor, or None and the reason."""
    candidates, reasons = [], []
    for name in ds.data_vars:
        candidate, reason = _candidate(ds, name, entry)
        if candidate is not None:
            candidates.append(candidate)
        elif reason:
            reasons.append(reason)
    sound = [c for c in candidates if not c.against]
    # Of two, the one whose units are those of the quantity: omega beside w in m s-1.
    fitting = [c for c in sound if _units_fit(ds[c.name], wanted, entry)]
    best = fitting or sound
    if best:
        best = [c for c in best if c.rank == min(c.rank for c in best)]
        # A sum comes before the mean rate of the same name.
        plain = replace(entry, accumulated=False)
        sums = [c for c in best if _units_fit(ds[c.name], wanted, plain)]
        if entry.accumulated and len(sums) == 1:
            best = sums
        if len(best) > 1:
            raise InputError(_several(ds, entry, [c.name for c in best]))
        return best[0], ""
    named = [c for c in candidates if c.named]
    if named:
        return min(named, key=lambda c: c.rank), ""
    reasons += [" ".join(c.against) for c in candidates]
    return None, "; ".join(reasons)


def _candidate(ds: xr.Dataset, name: Hashable, entry: Known) -> tuple[_Candidate | None, str]:
    """Return a variable as a candidate for a predictor, or None and the reason, if there is one."""
    by_name = meaning(str(name), entry)
    # A name of another field is not outdone by attributes of lesser weight.
    if by_name == "other":
        return None, ""
    claims = {0: by_name, **identity.claims(ds.variables[name], entry)}
    if not {"is", "may"} & set(claims.values()):
        return None, ""
    field = ds[name]
    placed = [rank for rank, said in claims.items() if said == "is"]
    named = by_name in ("is", "may")
    levels, where, reason = None, True, ""
    if entry.level is not None:
        try:
            levels = pressure_levels(field)
        except InputError as error:
            if by_name == "may" and heights(field)[0].size == 1:
                return None, f"{name} lies at a height of {heights(field)[0][0]:g} m"
            return _Candidate(name, _LAST, named, None, (str(error),)), ""
        if by_name == "is" and (levels is None or levels.dim is None):
            levels = None  # the name says the level; scalars may be those of other fields
        else:
            # Short names and ids of ECMWF are of fields on levels, whatever scalars stand by.
            sure = str(name).lower() == entry.short or identity.NEAR in claims
            reason = _off_level(field, levels, entry.level, sure=sure)
            where = not reason
        placed = placed or [rank for rank, said in claims.items() if said == "may"]
    elif not placed:
        where = entry.height is None or at_height(field, entry.height)
        reason = "" if where or entry.height is None else at_others(field, entry.height)
        placed = [rank for rank, said in claims.items() if said == "may"]
    if not where:
        return None, reason
    against = (*identity.against(field, entry), *misplaced(field, entry))
    rank = 10 * min(placed) + _weight(str(name), entry)
    return _Candidate(name, rank, named, levels, against), ""


def _off_level(field: xr.DataArray, levels: Levels | None, level: float, *, sure: bool) -> str:
    """Return why a field is not known to be on a level; empty if it is."""
    if levels is None or (levels.dim is None and unplaced_dims(field)):
        return without_level(field, level)
    if index_of(field, levels, level) is None:
        return f"{field.name} is there at {levels} only, not at {level:g} hPa"
    if levels.dim is None and not sure and heights(field)[0].size:
        return (
            f"{field.name} has a pressure ({levels.name}) and a height, and may be at either: drop "
            f"the one that is not its own, e.g. ds.drop_vars({levels.name!r})"
        )
    return ""


def _weight(name: str, entry: Known) -> float:
    """Return how far a name is from saying all: a stem, a sum of unsaid or other hours."""
    spoken = read(name)
    if spoken.text in dialects.AMBIGUOUS:
        return 2
    if entry.accumulated:
        if "run_total" in spoken.text:
            return 4
        hours = spoken.hours or spoken.bare
        return 1 if hours is None else 0 if hours == 1 else 2 + hours / 1000
    return int(meaning(name, entry) == "may")


def _units_fit(field: xr.DataArray, wanted: Variable, entry: Known) -> bool:
    units = text_of(field.attrs.get("units"))
    fit = conversion(units, wanted.units, hourly=entry.accumulated, water=entry.water)
    return not units or fit is not None


def _several(ds: xr.Dataset, entry: Known, names: list[Hashable]) -> str:
    each = "; ".join(f"{name} ({identity.described(ds[name])})" for name in names)
    return (
        f"{entry.name}: {len(names)} variables can be {entry.quantity}: {each}. Keep the one that "
        "is, and leave out the others: "
        + " or ".join(f"ds.drop_vars({str(name)!r})" for name in names)
        + "."
    )


def _conversion(
    field: xr.DataArray, found: Found, wanted: Variable, entry: Known
) -> tuple[float, float]:
    name, stated = str(found.variable), field.attrs.get("units")
    if stated is not None and found.units != "1" and not isinstance(stated, str | bytes):
        raise InputError(
            f"{name} has units {stated!r}, expected text. If it is in those of ERA5, set "
            f"ds[{name!r}].attrs['units'] = {entry.units!r}."
        )
    if not found.units:
        units = identity.units_by_id(field, entry) or entry.units
        raise InputError(
            f"{name} has no units, and none are guessed. If it is in those of ERA5, set "
            f"ds[{name!r}].attrs['units'] = {units!r}."
        )
    result = conversion(found.units, wanted.units, hourly=entry.accumulated, water=entry.water)
    if result is None:
        raise InputError(
            f"{name} is in {found.units!r}, which cannot be converted to {wanted.units!r} of "
            f"{wanted.standard_name}: is it another quantity? If only the attribute is wrong, set "
            f"ds[{name!r}].attrs['units'] = {entry.units!r}."
        )
    return result


def in_words(wanted: str, scale: float, offset: float) -> str:
    """Return the conversion to the units wanted in words.

    Examples
    --------
    >>> in_words("K", 1.0, 273.15)
    'K: +273.15'
    """
    if (scale, offset) == (1.0, 0.0):
        return f"as it is ({wanted})"
    steps = (f" times {scale:g}" if scale != 1 else "") + (f" {offset:+g}" if offset else "")
    return f"{wanted}:{steps}"
