"""Predictors that the input does not have, but that follow from fields that it has.

A field that is given comes before one that is derived. All parts of a rule are values of the same
moments, or sums over the same hours: :func:`~xldm.inputs.fields.matching.match` refuses others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import xarray as xr

from ...config import Variable
from ...vocabulary import PARTS, VOCABULARY, Known
from ..axes.horizontal import Horizontal
from ..axes.times import Time
from ..report import Found
from ..standardise import convert, lay_out
from ..units import conversion
from . import formulas
from .matching import in_words, known, match

__all__ = ["RULES", "Rule", "each", "field_of", "find", "laid_out", "variable_of"]


@dataclass(frozen=True)
class Rule:
    """How a field follows from others.

    Parameters
    ----------
    gives : str
        GRIB short name of the field.
    units : str
        Units that the formula gives.
    parts : tuple of str
        Names in the vocabulary of the fields that it takes, in their units there.
    formula : callable
        On a level, it also takes ``pressure`` in Pa.
    on_level : bool
        Whether it holds on the pressure level of the field sought.
    """

    gives: str
    units: str
    parts: tuple[str, ...]
    formula: Callable[..., xr.DataArray]
    on_level: bool = False


#: In the order in which they are tried. A model's own predictors belong into ``VOCABULARY``.
RULES = (
    Rule("sst", "K", ("wskt",), formulas.open_water),
    Rule("sst", "K", ("skt", "lsm"), formulas.sea_surface_from_skin),
    Rule("2d", "K", ("q2m", "sp"), formulas.dew_point_from_specific_humidity),
    Rule("2d", "K", ("q2m", "msl", "t2m", "orog"), formulas.dew_point_from_sea_level),
    Rule("2d", "K", ("r2", "t2m"), formulas.dew_point_from_relative_humidity),
    Rule("sd", "m", ("sde", "rsn"), formulas.snow_water),
    Rule("tp", "m", ("lsp", "cp"), formulas.total_of),
    Rule("10u", "m s-1", ("si10", "wdir10"), formulas.eastward_from_direction),
    Rule("10v", "m s-1", ("si10", "wdir10"), formulas.northward_from_direction),
    Rule("q", "kg kg-1", ("r850", "t850"), formulas.specific_humidity_from_relative, True),
    Rule("w", "Pa s-1", ("wz850", "t850", "q850"), formulas.omega_from_vertical_velocity, True),
)


def find(ds: xr.Dataset, wanted: Variable) -> Found:
    """Find a predictor in a dataset, or the fields that it follows from.

    Returns
    -------
    Found
        With ``parts`` and ``rule`` if it is derived. If a part is lacking, the predictor is absent
        and the reason names the part.

    Examples
    --------
    >>> from xldm.inputs.lists import predictor_variables
    >>> sd, water = predictor_variables(["sd", "sst"])
    >>> metre, kilogram = xr.DataArray(1.0, attrs={"units": "m"}), {"units": "kg m-3"}
    >>> ds = xr.Dataset({"sde": metre, "rsn": xr.DataArray(250.0, attrs=kilogram)})
    >>> find(ds, sd).becomes
    'derived from sde, rsn: as it is (m)'
    """
    found = match(ds, wanted)
    if found.variable is not None and not found.problem:
        return found
    entry, lacking = known(wanted), []
    for rule in RULES:
        if rule.gives != entry.short or rule.on_level != (entry.level is not None):
            continue
        variables = [variable_of(name, entry.level) for name in rule.parts]
        # Parts that are model's predictors themselves may be derived in turn.
        parts = tuple(find(ds, v) for v in variables)
        if found.variable is not None and found.variable not in {p.variable for p in parts}:
            continue
        unusable = [p for p in parts if p.variable is None or p.problem]
        if not unusable:
            return _derived(wanted, entry, rule, parts)
        # The first part is the one that stands for the field.
        if parts[0].variable is not None:
            names = " and ".join(known(variable_of(p.name, entry.level)).quantity for p in unusable)
            why = " ".join(p.problem for p in unusable if p.problem)
            lacking.append(f"{parts[0].variable} would do with {names}" + f": {why}" * bool(why))
    if found.variable is None and lacking:
        said = found.becomes.removeprefix("absent").strip(" ()")
        return replace(found, becomes=f"absent ({'; '.join(filter(None, (said, *lacking)))})")
    if lacking:
        return replace(found, problem=f"{found.problem} {'; '.join(lacking)}.")
    return found


def _derived(wanted: Variable, entry: Known, rule: Rule, parts: tuple[Found, ...]) -> Found:
    to_model = conversion(rule.units, wanted.units, hourly=entry.accumulated, water=entry.water)
    if to_model is None:
        return Found(
            wanted.name,
            "?",
            problem=f"{wanted.name} is derived in {rule.units}, which cannot be converted to "
            f"{wanted.units!r}.",
        )
    formula = rule.formula
    if rule.on_level and entry.level is not None:
        formula = functools.partial(formula, pressure=100 * entry.level)
    from_ = ", ".join(dict.fromkeys(str(p.variable) for p in parts))
    return Found(
        wanted.name,
        from_,
        level=entry.level,
        scale=to_model[0],
        offset=to_model[1],
        becomes=f"derived from {from_}: {in_words(wanted.units, *to_model)}",
        attrs={
            "standard_name": wanted.standard_name,
            "units": wanted.units,
            "cell_methods": f"time: {wanted.over_time}",
        },
        parts=parts,
        rule=formula,
    )


def variable_of(name: str, level: float | None = None) -> Variable:
    """Return a part of a rule as a variable in the vocabulary's units.

    Parameters
    ----------
    name : str
        In :data:`xldm.vocabulary.VOCABULARY` or :data:`xldm.vocabulary.PARTS`, or such a name for
        another level.
    level : float, optional
        The pressure level in hPa of a part that is on one.

    Examples
    --------
    >>> variable_of("r850", 500.0).name, variable_of("r500", 500.0).units
    ('r500', '%')
    """
    entries = {**PARTS, **VOCABULARY}
    stem = name if level is None else name.removesuffix(f"{level:g}")
    entry = entries.get(name) or next(k for k in entries.values() if k.level and k.short == stem)
    return Variable(
        name=name if entry.level in (None, level) else f"{entry.short}{level:g}",
        standard_name=(*entry.standard_names, "unknown")[0],
        units=entry.units,
        mean=0.0,
        std=1.0,
        level=entry.level and level,
        long_name=entry.quantity,
    )


def each(found: Iterable[Found], wanted: Iterable[Variable]) -> list[tuple[Found, Variable]]:
    """Return the fields that are read from the input: predictors, or the parts of derived ones."""
    pairs: list[tuple[Found, Variable]] = []
    for f, variable in zip(found, wanted, strict=True):
        if f.parts:
            pairs += each(f.parts, [variable_of(p.name, variable.level) for p in f.parts])
        else:
            pairs.append((f, variable))
    return pairs


def field_of(
    found: Found, read: Callable[[Found, str], xr.DataArray], dtype: str = "float32"
) -> xr.DataArray:
    """Return a predictor in the model's units: read as it is, or derived from its parts.

    Parameters
    ----------
    found : Found
    read : callable
        Returns a field of the input in the units that are wanted of it, and of a type.
    dtype : str
        Type of the result. Parts are in double precision.
    """
    if not found.parts or found.rule is None:
        return read(found, dtype)
    field = found.rule(*(field_of(part, read, "float64") for part in found.parts))
    return convert(field, found, dtype).rename(found.name)


def laid_out(ds: xr.Dataset, found: Found, time: Time, horizontal: Horizontal) -> xr.DataArray:
    """Return a field as ``lay_out`` does; static parts are repeated at all times."""
    entry = {**PARTS, **VOCABULARY}.get(found.name)
    if entry is not None and entry.static:
        absent = {d: ds.sizes[d] for d in time.dims if d not in ds[found.variable].dims}
        ds = ds[[found.variable]].map(lambda field: field.expand_dims(absent))
    return lay_out(ds, found, time, horizontal)
