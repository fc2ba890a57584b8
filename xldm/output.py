"""Describe drawn targets: a CF dataset with coordinates, units and where they come from."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from .grids import projected
from .inputs.report import Report

if TYPE_CHECKING:
    import dask.array as da

    from .models.downscaler import Sampling
    from .models.model import Model

__all__ = ["described"]


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
    outer = coarse.dims[:-3]
    dims = (*outer, "member", "y", "x")
    config = model.config
    variables = {
        v.name: (
            dims,
            drawn[..., i, :, :],
            {
                "standard_name": v.standard_name,
                "long_name": v.long_name or v.name,
                "units": v.units,
                "grid_mapping": "spatial_ref",
                "cell_methods": v.cell_methods,
            },
        )
        for i, v in enumerate(config.targets)
        if v.name not in report.undrawn
    }
    assert report.time is not None
    beside = {
        name: (name, coarse[name].values, roles)
        for name, roles in report.roles.items()
        if name in coarse.coords
    }
    members = np.asarray(sampling.members)
    coords: dict[str, Any] = {
        **report.time.coordinates(),
        **beside,
        "member": ("member", members, {"standard_name": "realization", "units": "1"}),
    }
    out = xr.Dataset(variables, coords)
    out = out.assign_coords(projected.coordinates(report.grid, fine=True))
    out = _timed(out.transpose("member", ...), config.interval)
    out.attrs = _provenance(model, sampling, report) | (
        {"conserved": conserved} if conserved else {}
    )
    return out.isel(member=0, drop=True) if squeeze else out


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
    chosen = [sampling.resolve(c.diffusion) for c in config.components]
    release = version("xldm")
    return {
        "Conventions": "CF-1.11",
        "title": f"{config.title}: downscaled fields",
        "model": config.name,
        "model_sha256": model.sha256,
        "sampler": ", ".join(sorted({s for s, _ in chosen})),
        "steps": max(n for _, n in chosen),
        "seed": int(sampling.seed),
        "xldm_version": release,
        "training_data": config.training_data,
        "license": config.licence,
        "references": config.citation,
        "absent_predictors": ", ".join(report.absent),
        "input_notes": " ".join(report.changes),
        "history": f"xldm {release}: downscaled to {config.grid.spacing / config.grid.factor:g} m "
        f"from {', '.join(str(f.variable) for f in report.predictors if f.variable)}",
    }
