"""Describe drawn targets: a CF dataset with coordinates, units and where they come from."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

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
    members = np.asarray(sampling.members)
    kept = {n: c for n, c in coarse.coords.items() if {*c.dims} <= {*outer} and n in _of(report)}
    out = xr.Dataset(
        variables,
        {**kept, "member": ("member", members, {"standard_name": "realization", "units": "1"})},
    ).assign_coords(projected.coordinates(report.grid, fine=True))
    out = _timed(out.transpose("member", ...), report, config.interval)
    out.attrs = _provenance(model, sampling, report)
    return out.isel(member=0, drop=True) if squeeze else out


def _of(report: Report) -> set[str]:
    assert report.time is not None
    return {*report.time.coordinates(), *report.beside.values()}


def _timed(out: xr.Dataset, report: Report, interval: float | None) -> xr.Dataset:
    """Add the roles of the times, and the bounds of sums and means."""
    assert report.time is not None
    for name, (_, _, attrs) in report.time.coordinates().items():
        out[name].attrs = dict(attrs)
    (valid,) = (n for n, (_, _, a) in report.time.coordinates().items()
                if a["standard_name"] == "time")  # fmt: skip
    if valid in out.dims:
        out[valid].attrs["axis"] = "T"
    for name in report.beside.values():
        if name in out.coords:
            out[name].attrs = dict(report.roles.get(name, {}))
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
