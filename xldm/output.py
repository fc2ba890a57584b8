"""Describe drawn targets: a CF dataset with coordinates, units and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from .config import ModelConfig
from .grids import projected
from .inputs.report import Report

if TYPE_CHECKING:
    import dask.array as da

    from .models.downscaler import Sampling
    from .models.model import Model

__all__ = ["described", "laid_on_grid"]


def described(
    drawn: np.ndarray | da.Array,
    coarse: xr.DataArray,
    model: Model,
    sampling: Sampling,
    report: Report,
    conserved: str = "",
    *,
    squeeze: bool,
) -> xr.Dataset:
    """Return a dataset of the targets with dims, coordinates, units and provenance."""
    dims = (*coarse.dims[:-3], "member", "y", "x")
    fields = {
        v.name: xr.Variable(dims, drawn[..., i, :, :])
        for i, v in enumerate(model.config.targets)
        if v.name not in report.undrawn
    }
    told = _provenance(model, sampling, report) | ({"conserved": conserved} if conserved else {})
    out = laid_on_grid(fields, coarse, model.config, report, told)
    numbered = ("member", np.asarray(sampling.members), {"standard_name": "realization"})
    out = out.assign_coords(member=numbered).transpose("member", ...)
    out["member"].attrs["units"] = "1"
    return out.isel(member=0, drop=True) if squeeze else out


def laid_on_grid(
    fields: Mapping[str, xr.Variable | xr.DataArray],
    like: xr.Dataset | xr.DataArray,
    config: ModelConfig,
    report: Report,
    told: Mapping[str, object],
) -> xr.Dataset:
    """Return fields (..., y, x) with the coordinates of a fine grid and the attributes of targets.

    Coordinates of members and simulations are those of ``like``; ``told`` becomes the attributes.
    """
    targets = {v.name: v for v in config.targets}
    variables = {
        name: (
            field.dims,
            field.data,
            {
                "standard_name": targets[name].standard_name,
                "long_name": targets[name].long_name or name,
                "units": targets[name].units,
                "grid_mapping": "spatial_ref",
                "cell_methods": targets[name].cell_methods,
            },
        )
        for name, field in fields.items()
    }
    assert report.time is not None
    beside = {
        name: (name, like[name].values, roles)
        for name, roles in report.roles.items()
        if name in like.coords
    }
    out = xr.Dataset(variables, {**report.time.coordinates(), **beside})
    out = out.assign_coords(projected.coordinates(report.grid, fine=True))
    return _timed(out, config.interval).assign_attrs(told)


def _timed(out: xr.Dataset, interval: float | None) -> xr.Dataset:
    """Mark valid time, and give the bounds of sums and means."""
    (valid,) = (n for n, c in out.coords.items() if c.attrs.get("standard_name") == "time")
    if valid in out.dims:
        out[valid].attrs["axis"] = "T"
    if interval is not None:
        end = out[valid].values
        bounds = np.stack([end - np.timedelta64(round(interval * 3600), "s"), end], axis=-1)
        out = out.assign_coords(time_bnds=((*out[valid].dims, "nv"), bounds))
        out[valid].attrs["bounds"] = "time_bnds"
    return out


def _provenance(model: Model, sampling: Sampling, report: Report) -> dict[str, object]:
    config = model.config
    # Components without noise have no sampler.
    chosen = [
        sampling.resolve(c.diffusion)
        for c in config.components
        if model.components[c.name].noise_shape(*config.grid.shape) is not None
    ]
    release = version("xldm")
    return {
        "Conventions": "CF-1.11",
        "title": f"{config.title}: downscaled fields",
        "model": config.name,
        "model_sha256": model.sha256,
        "sampler": ", ".join(sorted({s for s, _ in chosen})) or "none",
        "steps": max((n for _, n in chosen), default=0),
        "seed": int(sampling.seed),
        "correlation": float(sampling.correlation),
        "xldm_version": release,
        "training_data": config.training_data,
        "license": config.licence,
        "references": config.citation,
        "absent_predictors": ", ".join(report.absent),
        "input_notes": " ".join(report.changes),
        "history": f"xldm {release}: downscaled to {config.grid.spacing / config.grid.factor:g} m "
        f"from {', '.join(str(f.variable) for f in report.predictors if f.variable)}",
    }
