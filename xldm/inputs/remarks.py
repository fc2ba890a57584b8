"""What is to be said of a whole input: what it does not cover, what it lacks, what is assumed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import xarray as xr

from ..config import GridConfig, ModelConfig, Variable
from ..grids import regions
from .axes.horizontal import Horizontal
from .axes.times import Time
from .fields.derived import each
from .fields.matching import known
from .intervals import preliminary_hours
from .report import Found
from .sums.weighing import sum_notes

__all__ = [
    "absent_problems",
    "coverage",
    "no_series",
    "notes_on",
    "skill_without",
    "undrawable",
]

# Input of a coarser step than this, in degrees, gets a note.
_COARSE = 0.3
# A step of an axis longer than this many usual ones is a hole.
_HOLE = 2.5


def coverage(horizontal: Horizontal, grid: GridConfig) -> list[str]:
    """Return why an input does not cover a grid."""
    problems = []
    sides = regions.uncovered(grid, horizontal.lon, horizontal.lat)
    if sides:
        ends = "; ".join(
            f"{side}: needs {need:.2f}, ends at {have:.2f}" for side, (need, have) in sides.items()
        )
        problems.append(
            f"The input does not cover the domain ({ends}; degrees). Give a larger input; to "
            "downscale the part that it covers, region='covered'."
        )
    for name in ("latitude", "longitude"):
        axis, spacing = getattr(horizontal, name), horizontal.spacing[name == "longitude"]
        wide = np.abs(np.diff(axis)) > _HOLE * spacing
        if wide.any():
            at = int(wide.argmax())
            problems.append(
                f"The input has a hole in {name} between {axis[at]:g} and {axis[at + 1]:g} "
                f"degrees, where its step is {spacing:g}."
            )
    return problems


def absent_problems(found: list[Found], missing: str) -> list[str]:
    """Return why predictors may not be absent."""
    absent = [f for f in found if f.variable is None]
    if len(absent) == len(found):
        names = ", ".join(f.name for f in absent)
        return [f"None of the predictors is in the input: {names}. Is it ERA5?"]
    if not absent or missing != "raise":
        return []
    names = "; ".join(f.name + f.becomes.removeprefix("absent") for f in absent)
    return [
        f"Missing predictors: {names}. Add them, or pass missing='climatology' to set them to "
        "their training mean."
    ]


def no_series(ds: xr.Dataset, beside: Mapping[Hashable, str]) -> list[str]:
    """Return why an input is no series of one member."""
    return [
        f"The input has {ds.sizes[dim]} members or simulations along {dim!r}, but a series is of "
        f"one: ds.isel({dim}=0)."
        for dim in list(beside)[:1]
    ]


def undrawable(config: ModelConfig, absent: Sequence[str]) -> list[str]:
    """Return why nothing can be drawn without what is absent."""
    lacking = [name for name in config.required if name in absent]
    if config.own and {*config.own} <= {*absent} and len(config.own) == len(config.targets):
        lacking += [name for name in config.own if name not in lacking]
    if not lacking:
        return []
    return [
        f"The model cannot do without {', '.join(lacking)}: it adds small scales to what the input "
        "says of a target itself. Add them."
    ]


def skill_without(config: ModelConfig, absent: Sequence[str]) -> list[str]:
    """Return notes of what is not drawn, and of the skill that was measured without as much."""
    undrawn = [name for name in config.own if name in absent]
    notes = [f"Not drawn without their own coarse fields: {', '.join(undrawn)}."] if undrawn else []
    if not config.subsets:
        return notes
    units = {v.name: v.units for v in config.targets if v.name not in undrawn}
    lacking = [s for s in config.subsets if {*absent} <= {*s.absent} and {*units} & {*s.crps}]
    if not lacking:
        return [*notes, "The model's skill was never measured without these predictors."]
    nearest = min(lacking, key=lambda s: len(s.absent))
    whole = next((s.crps for s in config.subsets if not s.absent), {})
    scores = ", ".join(
        f"{name} {score:#.2g} {units[name]}"
        + (f" ({whole[name]:#.2g} with all)" if name in whole else "")
        for name, score in nearest.crps.items()
        if name in units
    )
    more = ", ".join(name for name in nearest.absent if name not in absent)
    lacked = "the absent predictors" + (f" and {more}" if more else "")
    return [*notes, f"CRPS as measured without {lacked}: {scores}."]


def notes_on(
    ds: xr.Dataset,
    found: list[Found],
    wanted: Sequence[Variable],
    time: Time | None,
    horizontal: Horizontal | None,
    missing: str,
) -> list[str]:
    """Return the assumptions, and the steps beside plain conversion."""
    notes = []
    present = [
        (f, known(v), ds[f.variable]) for f, v in each(found, wanted) if f.variable in ds.data_vars
    ]
    absent = [f.name + f.becomes.removeprefix("absent") for f in found if f.variable is None]
    notes += sum_notes(found)
    if any(k.name == "sd" and field.attrs.get("units") == "m" for _, k, field in present):
        notes.append("sd: taken as the depth of liquid water, as in ERA5, not of snow.")
    if made := [f"{f.name} from {f.variable}" for f in found if f.parts]:
        notes.append(f"Derived: {'; '.join(made)}.")
    if absent and missing == "climatology":
        notes.append(f"Absent, so set to their training mean: {', '.join(absent)}.")
    if any("expver" in field.dims and field.sizes["expver"] > 1 for _, _, field in present):
        notes.append("expver: final ERA5 where it is there, else preliminary ERA5T.")
    elif time is not None and (late := preliminary_hours(ds, time)).any():
        notes.append(
            f"{late.sum()} of {late.size} hours are preliminary ERA5T (expver 5), which is revised "
            "later."
        )
    if time is not None and np.issubdtype(ds[time.name].dtype, np.number):
        notes.append(f"Times decoded from the numbers in {time.name!r}.")
    if horizontal is not None and max(horizontal.spacing) > _COARSE:
        notes.append(
            f"The input's step of {max(horizontal.spacing):g} degrees is coarser than ERA5's 0.25: "
            "expect smoother fields."
        )
    return notes
