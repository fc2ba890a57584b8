"""What downscaling conserves: which targets, and the values of the input that they keep to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from .arguments import NAMES, faults
from .config import ModelConfig, Variable
from .grids.conservation import Constraint, correction, means
from .grids.footprints import width_of
from .inputs.report import Report

__all__ = ["Conserved", "chosen", "conservable", "constraint", "given_values", "raised", "said"]


_TARGETS = NAMES.such("True, False, None or names of targets, as ['t2m']")


@dataclass(frozen=True)
class Conserved:
    """Targets that keep to the input, by their places among the targets, and where."""

    targets: tuple[int, ...]
    at: Constraint

    def applied(self, drawn: np.ndarray, given: np.ndarray) -> None:
        """Correct drawn fields in place.

        Parameters
        ----------
        drawn : numpy.ndarray (time, member, target, y, x)
        given : numpy.ndarray (time, own, latitude, longitude)
            Values of the input for each of ``targets``.
        """
        for t, m in np.ndindex(drawn.shape[:2]):
            for own, target in enumerate(self.targets):
                field = drawn[t, m, target]
                field += correction(field, given[t, own], self.at).astype(np.float32)


def conservable(config: ModelConfig) -> tuple[str, ...]:
    """Return targets that can be conserved: values of a moment, without bounds, in the input too.

    A correction could bring a field with bounds beyond them.
    """
    predictors = {v.name: v for v in config.predictors}
    return tuple(
        v.name
        for v in config.targets
        if v.name in predictors
        and _meaning(v) == _meaning(predictors[v.name])
        and v.over_time == "point"
        and v.lower is None
        and v.upper is None
    )


def _meaning(v: Variable) -> tuple[str, str, str]:
    return v.standard_name, v.units, v.over_time


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
            f"{', '.join(can) or 'nothing'} can: targets of a moment and without bounds that are "
            "predictors too"
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


def raised(
    given: xr.DataArray, names: Sequence[str], change: xr.DataArray, at: Constraint
) -> xr.DataArray:
    """Add to values of the input what an alignment added to them on the coarse cells.

    A value gets the mean of the change over its footprint.

    Parameters
    ----------
    given : DataArray (..., own, latitude, longitude)
    names : sequence of str
        Of targets, along ``own``.
    change : DataArray (..., predictor, y, x)
        Aligned less plain predictors.
    at : Constraint
    """
    own = change.sel(predictor=list(names)).drop_vars(change.coords).rename(predictor="own")
    if own.chunks is not None:
        own = own.chunk(y=-1, x=-1)
    added = xr.apply_ufunc(
        _over_footprints,
        own,
        kwargs={"at": at},
        input_core_dims=[["y", "x"]],
        output_core_dims=[["latitude", "longitude"]],
        dask="parallelized",
        output_dtypes=["float32"],
        dask_gufunc_kwargs={"output_sizes": {n: given.sizes[n] for n in ("latitude", "longitude")}},
    )
    return (given + added.transpose(*given.dims)).astype("float32")


def _over_footprints(change: np.ndarray, *, at: Constraint) -> np.ndarray:
    """Average changes (..., y, x) on the coarse cells over footprints; 0 where nothing is known."""
    shape = (*change.shape[:-2], len(at.latitude), len(at.longitude))
    out = np.empty(shape, "float32")
    for lead in np.ndindex(change.shape[:-2]):
        fine = np.kron(change[lead], np.ones((at.grid.factor, at.grid.factor)))
        out[lead] = np.nan_to_num(means(fine, at))
    return out


def said(names: Sequence[str], at: Constraint, *, aligned: bool) -> str:
    """Return in words what was conserved, for provenance; empty if nothing was.

    Examples
    --------
    >>> from xldm.grids.projected import ITALY
    >>> said(["t2m"], Constraint(ITALY, (44.0, 43.75), (9.0, 9.25), 31e3), aligned=False)
    't2m: means over footprints of 31 km as in the input'
    """
    if not names:
        return ""
    over = "the input's cells" if at.width is None else f"footprints of {at.width / 1e3:g} km"
    kept = "after alignment" if aligned else "as in the input"
    return f"{', '.join(names)}: means over {over} {kept}"
