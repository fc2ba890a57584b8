"""Variables of a dataset that no predictor takes: they are named, and so is a likely slip."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

import xarray as xr

from ...config import Variable
from .. import dialects
from ..axes.horizontal import Horizontal
from ..report import Found
from .derived import each
from .matching import known
from .names import meaning, read

__all__ = ["unused", "with_likely_slips"]

# How alike two names are that differ by a slip; difflib's ratio.
_ALIKE = 0.8
_SHOWN = 12


def unused(
    ds: xr.Dataset,
    found: Sequence[Found],
    wanted: Sequence[Variable],
    horizontal: Horizontal | None,
) -> list[str]:
    """Return a note that names the fields that are read for no predictor; none if all are read.

    Parameters
    ----------
    ds : xarray.Dataset
    found, wanted : sequence of Found, of Variable
        Its predictors, in the same order.
    horizontal : Horizontal, optional
        Its axes; without them, every variable of two dims or more is a field.
    """
    dims = set(horizontal.dims) if horizontal is not None else set()
    names = [name for name in _left(ds, found, wanted) if dims <= {*ds[name].dims}]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [f"Not used: {', '.join(names[:_SHOWN])}{more}."] if names else []


def _left(ds: xr.Dataset, found: Sequence[Found], wanted: Sequence[Variable]) -> list[str]:
    taken = {f.variable for f, _ in each(found, wanted)}
    return [str(n) for n, field in ds.data_vars.items() if field.ndim > 1 and n not in taken]


def with_likely_slips(
    ds: xr.Dataset, found: Sequence[Found], wanted: Sequence[Variable]
) -> list[Found]:
    """Name the variable whose name is nearly that of an absent predictor, in its record.

    Examples
    --------
    >>> from xldm.inputs.lists import predictor_variables
    >>> ds = xr.Dataset({"mean_sea_level_presure": (("y", "x"), [[1e5]])})
    >>> absent = [Found("msl", becomes="absent")]
    >>> print(with_likely_slips(ds, absent, predictor_variables(["msl"]))[0].becomes[:58])
    absent (mean_sea_level_presure is not used; if it is msl,
    """
    left, result = _left(ds, found, wanted), []
    for f, variable in zip(found, wanted, strict=True):
        entry = known(variable)
        names = {entry.name, entry.long_name, *dialects.NAMES.get(entry.short, ())}
        for word in dialects.WORDS.get(entry.short, ()):
            where = f"{entry.level:g}" if entry.level is not None else f"{entry.height or 0:g}m"
            names |= {f"{word}_{where}", f"{word}{where}"}
        slips = [
            name
            for name in left
            if meaning(name, entry) == ""
            and difflib.get_close_matches(read(name).text, names, n=1, cutoff=_ALIKE)
        ]
        if f.variable is None and slips:
            advice = (
                f"{slips[0]} is not used; if it is {f.name}, "
                f"ds.rename({{{slips[0]!r}: {f.name!r}}})"
            )
            said = f.becomes.removeprefix("absent").strip(" ()")
            f = replace(f, becomes=f"absent ({'; '.join(filter(None, (said, advice)))})")
        result.append(f)
    return result
