"""What downscaling conserves: which targets, and the values of the input that they keep to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from .arguments import NAMES, faults
from .config import ModelConfig, Variable
from .grids import amounts
from .grids.conservation import Constraint, correct_on_device, correction, means
from .grids.footprints import width_of
from .inputs.report import Report
from .inputs.units import conversion

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "Conserved",
    "Kept",
    "chosen",
    "conservable",
    "constraint",
    "given_values",
    "kept",
    "raised",
    "said",
]


@dataclass(frozen=True)
class Kept:
    """A target that keeps to the input, by its place among the targets, and where.

    For amounts, sums that are 0 or more, ``unit`` is a unit of the input in those of the target,
    and ``least`` the smallest amount that is not dry; 0 if none is.
    """

    name: str
    place: int
    at: Constraint
    unit: float | None = None
    least: float = 0.0


_TARGETS = NAMES.such("True, False, None or names of targets, as ['t2m']")


@dataclass(frozen=True)
class Conserved:
    """Targets that keep to the input."""

    targets: tuple[Kept, ...]

    def hooks(self, given: np.ndarray, channels: Mapping[str, slice]) -> dict[str, Any]:
        """Return how drawn fields are corrected in place, as `xldm.models.on_device.Work` has it.

        Parameters
        ----------
        given : numpy.ndarray (time, own, latitude, longitude)
            Values of the input for each of ``targets``.
        channels : mapping of str to slice
            The targets of each component.
        """

        def among(part: str) -> Iterator[tuple[int, int, Kept]]:
            some = range(*channels[part].indices(channels[part].stop))
            for own, target in enumerate(self.targets):
                if target.place in some:
                    yield own, target.place - some.start, target

        def correct(drawn: Tensor, hours: slice, part: str) -> None:
            for own, place, target in among(part):
                if target.unit is None:
                    correct_on_device(drawn[:, place], given[hours, own], target.at)

        def finish(
            drawn: np.ndarray, hours: slice, members: slice, part: str, corrected: bool
        ) -> None:
            for (own, place, target), at in itertools.product(
                among(part), range(hours.stop - hours.start)
            ):
                values = given[hours.start + at, own]
                for field in drawn[:, at, place]:
                    if target.unit is not None:
                        wanted = target.unit * values
                        field[:] = amounts.conserved(field, wanted, target.at, target.least)
                    elif not corrected:
                        field += correction(field, values, target.at).astype(np.float32)

        undried = frozenset(t.name for t in self.targets if t.least)
        return {"correct": correct, "finish": finish, "undried": undried}


def conservable(config: ModelConfig) -> tuple[str, ...]:
    """Return targets that can be conserved: in the input too, and of a moment or an amount.

    Values of a moment are corrected by adding, which could bring a field beyond bounds. Amounts,
    sums over the same hours with 0 as their only bound, are multiplied.
    """
    predictors = {v.name: v for v in config.predictors}
    return tuple(
        v.name
        for v in config.targets
        if v.name in predictors
        and (_same_moment(v, predictors[v.name]) or _unit(v, predictors[v.name]) is not None)
    )


def _same_moment(v: Variable, coarse: Variable) -> bool:
    return (
        (v.standard_name, v.units) == (coarse.standard_name, coarse.units)
        and v.over_time == coarse.over_time == "point"
        and v.lower is None
        and v.upper is None
    )


def _unit(v: Variable, coarse: Variable) -> float | None:
    """Return a unit of a coarse amount in those of a target; None if it is no such amount."""
    same = v.over_time == coarse.over_time == "sum" and v.interval == coarse.interval
    if not same or v.lower != 0 or v.upper is not None:
        return None
    # Of water, 1 kg m-2 is 1 mm; other amounts convert without it.
    scale, offset = conversion(coarse.units, v.units, water=True) or (0.0, 1.0)
    return scale if offset == 0 else None


def chosen(
    conserve: bool | str | Sequence[str] | None, config: ModelConfig
) -> tuple[tuple[str, ...], list[str]]:
    """Return the targets to conserve, and the faults of the argument.

    None means all that can be if the package states a footprint, and none otherwise.
    """
    can = conservable(config)
    if conserve is None:
        return (can if config.footprint is not None else ()), []
    if isinstance(conserve, (bool, np.bool_)):
        return (can if conserve else ()), []
    if wrong := faults(conserve=(conserve, _TARGETS)):
        return (), wrong
    names = [conserve] if isinstance(conserve, str) else list(conserve)
    if wrong := [n for n in names if n not in can]:
        return (), [
            f"conserve: {', '.join(map(str, wrong))} cannot be conserved; of this model "
            f"{', '.join(can) or 'nothing'} can: targets of a moment without bounds, and sums "
            "without an upper bound, that are predictors too"
        ]
    return tuple(n for n in can if n in names), []


def constraint(report: Report, footprint: float | None) -> Constraint:
    """Return where the values of a checked input constrain the fine cells.

    ERA5 has the ``footprint`` that a package states. A value of any other input is the mean of its
    cell: a footprint that is too wide would sharpen too much, which does more harm.
    """
    horizontal = report.horizontal
    assert horizontal is not None  # else the report has problems
    lat, lon = (tuple(a.tolist()) for a in (horizontal.latitude, horizontal.longitude))
    width = width_of(horizontal.spacing[0], footprint) if report.era5 else None
    return Constraint(report.grid, lat, lon, width)


def kept(config: ModelConfig, names: Sequence[str], at: Constraint) -> tuple[Kept, ...]:
    """Return how targets keep to the input; amounts do over its cells."""
    order = [v.name for v in config.targets]
    predictors = {v.name: v for v in config.predictors}
    units = {n: _unit(config.targets[order.index(n)], predictors[n]) for n in names}
    return tuple(
        Kept(
            n,
            order.index(n),
            at if units[n] is None else at._replace(width=None),
            units[n],
            config.targets[order.index(n)].dry_below or 0.0,
        )
        for n in names
    )


def given_values(fields: xr.Dataset, names: Sequence[str], like: xr.DataArray) -> xr.DataArray:
    """Return the values of the input to keep to (..., own, latitude, longitude).

    Parameters
    ----------
    fields : Dataset
        From :func:`xldm.inputs.predictors.predictors`.
    names : sequence of str
        Of targets.
    like : DataArray (..., predictor, y, x)
        On the coarse cells; the dims before the predictor are taken from it.
    """
    own = fields[list(names)].to_dataarray("own").drop_vars("own").drop_attrs()
    outer = like.dims[:-3]
    own = own.expand_dims({d: like.sizes[d] for d in outer if d not in own.dims})
    return own.transpose(*outer, "own", "latitude", "longitude")


def raised(given: xr.DataArray, targets: Sequence[Kept], change: xr.DataArray) -> xr.DataArray:
    """Add to values of the input what an alignment added to them on the coarse cells.

    A value gets the mean of the change over its footprint.

    Parameters
    ----------
    given : DataArray (..., own, latitude, longitude)
    targets : sequence of Kept
        Along ``own``.
    change : DataArray (..., predictor, y, x)
        Aligned less plain predictors.
    """
    own = (
        change.sel(predictor=[t.name for t in targets])
        .drop_vars(change.coords)
        .rename(predictor="own")
    )
    if own.chunks is not None:
        own = own.chunk(own=-1, y=-1, x=-1)
    added = xr.apply_ufunc(
        _over_footprints,
        own.transpose(..., "own", "y", "x"),
        kwargs={"at": tuple(t.at for t in targets)},
        input_core_dims=[["own", "y", "x"]],
        output_core_dims=[["own", "latitude", "longitude"]],
        dask="parallelized",
        output_dtypes=["float32"],
        dask_gufunc_kwargs={"output_sizes": {n: given.sizes[n] for n in ("latitude", "longitude")}},
    )
    return (given + added.transpose(*given.dims)).astype("float32")


def _over_footprints(change: np.ndarray, *, at: Sequence[Constraint]) -> np.ndarray:
    """Average changes (..., own, y, x) on the coarse cells over the footprints of each target.

    They are 0 where nothing is known.
    """
    shape = (*change.shape[:-2], len(at[0].latitude), len(at[0].longitude))
    out = np.empty(shape, "float32")
    for *lead, own in np.ndindex(change.shape[:-2]):
        factor = at[own].grid.factor
        fine = np.kron(change[*lead, own], np.ones((factor, factor)))
        out[*lead, own] = np.nan_to_num(means(fine, at[own]))
    return out


def said(targets: Sequence[Kept], *, aligned: bool) -> str:
    """Return in words what was conserved, for provenance; empty if nothing was.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY
    >>> at = Constraint(ITALY, (44.0, 43.75), (9.0, 9.25), 31e3)
    >>> said([Kept("t2m", 0, at)], aligned=False)
    't2m: means over footprints of 31 km as in the input'
    """
    words: dict[str, list[str]] = {}
    for target in targets:
        width = target.at.width
        over = "the input's cells" if width is None else f"footprints of {width / 1e3:g} km"
        words.setdefault(over, []).append(target.name)
    end = "after alignment" if aligned else "as in the input"
    return "; ".join(
        f"{', '.join(names)}: means over {over} {end}" for over, names in words.items()
    )
