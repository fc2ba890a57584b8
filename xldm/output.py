"""Describe drawn targets: a CF dataset with coordinates, units and where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
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

__all__ = ["about", "described", "laid_on_grid"]

#: What CF asks of temperatures and times: a point on a scale, and days without leap seconds.
_ON_SCALE = {"units_metadata": "temperature: on_scale"}
_NO_LEAPS = {"units_metadata": "leap_seconds: none"}


def described(
    drawn: np.ndarray | da.Array,
    coarse: xr.DataArray,
    model: Model,
    asked: Sequence[str],
    sampling: Sampling,
    report: Report,
    conserved: str = "",
    *,
    squeeze: bool,
) -> xr.Dataset:
    """Return a dataset of the targets asked for, with dims, coordinates, units and provenance."""
    dims = (*coarse.dims[:-3], "member", "y", "x")
    fields = {
        v.name: xr.Variable(dims, drawn[..., i, :, :])
        for i, v in enumerate(model.config.targets)
        if v.name in asked and v.name not in report.undrawn
    }
    parts = model.config.components
    kept = (tuple(v for v in part.targets if v.name in asked) for part in parts)
    parts = tuple(replace(p, targets=targets) for p, targets in zip(parts, kept, strict=True))
    config = replace(model.config, components=parts)
    told = _provenance(model, config, sampling, report)
    told |= {"conserved": conserved} if conserved else {}
    out = laid_on_grid(fields, coarse, config, report, told)
    numbered = ("member", np.asarray(sampling.members), {"standard_name": "realization"})
    out = out.assign_coords(member=numbered).transpose("member", ...)
    out["member"].attrs |= {"long_name": "ensemble member", "units": "1"}
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
                "cell_methods": targets[name].cell_methods,
                "coverage_content_type": "modelResult",
                # Not in encoding, which a user's own replaces.
                "grid_mapping": "spatial_ref",
            }
            | (_ON_SCALE if "temperature" in targets[name].standard_name else {}),
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


def about(config: ModelConfig, title: str) -> dict[str, object]:
    """Return the global attributes by which catalogs (ACDD) find any field on a model's grid."""
    return {
        "Conventions": "CF-1.11, ACDD-1.3",
        "title": title,
        "keywords": ", ".join(dict.fromkeys(["downscaling", *_words(config)])),
        "keywords_vocabulary": "CF Standard Names",
        "standard_name_vocabulary": "CF Standard Name Table v93",
        "cdm_data_type": "Grid",
    }


def _words(config: ModelConfig) -> list[str]:
    return [v.standard_name for v in config.targets]


def _names(config: ModelConfig) -> str:
    return ", ".join(v.long_name or v.name for v in config.targets)


def _metres(config: ModelConfig) -> str:
    return f"{config.grid.spacing / config.grid.factor:g} m"


def _timed(out: xr.Dataset, interval: float | None) -> xr.Dataset:
    """Mark valid time, and give the bounds of sums and means."""
    (valid,) = (n for n, c in out.coords.items() if c.attrs.get("standard_name") == "time")
    if valid in out.dims:
        out[valid].attrs["axis"] = "T"
    for coord in out.coords.values():
        if coord.dtype.kind in "mM" and "standard_name" in coord.attrs:
            coord.attrs.setdefault("long_name", coord.attrs["standard_name"].replace("_", " "))
        if coord.dtype.kind == "M":
            coord.attrs |= _NO_LEAPS
    if interval is not None:
        end = out[valid].values
        bounds = np.stack([end - np.timedelta64(round(interval * 3600), "s"), end], axis=-1)
        out = out.assign_coords(time_bnds=((*out[valid].dims, "nv"), bounds))
        out[valid].attrs["bounds"] = "time_bnds"
    return out


def _steps(by_component: dict[str, int]) -> int | str:
    """Return the steps of the sampler; by component, as text, where they differ."""
    if len(set(by_component.values())) > 1:
        return ", ".join(f"{n} ({name})" for name, n in by_component.items())
    return max(by_component.values(), default=0)


def _provenance(
    model: Model, config: ModelConfig, sampling: Sampling, report: Report
) -> dict[str, object]:
    # Components without noise have no sampler.
    chosen = {
        c.name: sampling.resolve(c.diffusion)
        for c in config.components
        if model.components[c.name].noise_shape(*config.grid.shape) is not None
    }
    release = version("xldm")
    return about(config, f"{config.title}: downscaled fields") | {
        "summary": f"Fields of {_names(config)} on a grid of {_metres(config)}, drawn by the "
        f"residual latent diffusion model {config.name} from coarse fields.",
        "source": f"{config.name} (xldm {release}): residual latent diffusion downscaling",
        "model": config.name,
        "model_sha256": model.sha256,
        "sampler": ", ".join(sorted({s for s, _ in chosen.values()})) or "none",
        "steps": _steps({name: n for name, (_, n) in chosen.items()}),
        "seed": int(sampling.seed),
        "correlation": float(sampling.correlation),
        "xldm_version": release,
        "training_data": config.training_data,
        "license": config.licence,
        **({"references": config.citation} if config.citation else {}),
        "absent_predictors": ", ".join(report.absent),
        "input_notes": " ".join(report.changes),
        "history": f"xldm {release}: downscaled to {_metres(config)} "
        f"from {', '.join(str(f.variable) for f in report.predictors if f.variable)}",
    }
