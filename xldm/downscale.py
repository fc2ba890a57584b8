"""Downscale a dataset: check it, regrid it to the coarse grid, draw the fine fields."""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from .errors import InputError, SyntheticModelWarning
from .grids import projected, regridding
from .inputs.predictors import check, predictors
from .inputs.report import Report
from .packages.registry import load_model

if TYPE_CHECKING:
    import dask.array as da

    from .models.downscaler import Sampling
    from .models.model import Model
    from .models.pickling import Held

__all__ = ["downscale"]

Draw = Callable[..., np.ndarray]

BLOCK_BYTES = 2**27


def downscale(
    ds: xr.Dataset,
    model: str | Model,
    *,
    members: int | Sequence[int] | None = 1,
    seed: int = 0,
    sampler: str | None = None,
    steps: int | None = None,
    missing: str = "raise",
    device: str | None = None,
    dtype: str | None = None,
    batch_size: int | None = None,
    region: str | tuple[float, float, float, float] | None = None,
    progress: bool | None = None,
) -> xr.Dataset:
    """Downscale coarse fields with a residual latent diffusion model.

    Dask-backed input gives dask-backed output and nothing is computed; NumPy-backed input is
    computed at once, with a progress bar. On a CPU a field is the same bit for bit, whatever the
    chunks of the input and whatever other members and times are drawn with it. On an accelerator
    this holds with a ``batch_size`` of 1, and within rounding with others.

    Parameters
    ----------
    ds : xarray.Dataset
        ERA5 in any of its dialects, on a latitude-longitude grid that covers the model's domain;
        :meth:`ds.ldm.check <xldm.accessor.LDM.check>` reports how it is read.
    model : str or Model
        Name in :func:`xldm.list_models`, path or URL of a package, or a loaded model.
    members : int, sequence of int, or None
        Number of ensemble members, or their numbers; None for one field without a member dimension.
    seed : int
        Seed of the ensemble.
    sampler : str, optional
        A name in :data:`xldm.numerics.samplers.SAMPLERS`, as "ddim" or "unipc".
        The sampler; that of the model's package by default.
    steps : int, optional
        Steps of the sampler; those of the package by default.
    missing : {"raise", "climatology"}
        Refuse absent predictors, or set them to their mean in training.
    device : str, optional
        Device that the networks run on, e.g. ``"cuda"``; the CPU by default.
    dtype : str, optional
        Precision of the networks, e.g. ``"bfloat16"``; float32 by default.
    batch_size : int, optional
        Fields (times and members) that go through the networks together on an accelerator; as many
        as its memory holds by default. A CPU takes them one by one.
    region : "covered" or (lon_min, lat_min, lon_max, lat_max), optional
        Downscale the part of the domain that the input covers, or this part of it.
    progress : bool, optional
        Whether to show a progress bar for NumPy-backed input; if the terminal is interactive by
        default.

    Returns
    -------
    xarray.Dataset
        Targets with dims (member, time, y, x) in physical units, with CF coordinates and
        attributes. ``time_bnds`` has the hours of targets that are sums or means over time.

    Raises
    ------
    InputError
        If the dataset or an argument cannot be used; the message lists every reason.

    Examples
    --------
    >>> import xldm
    >>> era5 = xldm.open_catalog().era5_sample.read().isel(time=[0])
    >>> out = era5.ldm.downscale("italy-2km", missing="climatology", steps=2)
    >>> dict(out["t2m"].sizes)
    {'member': 1, 'time': 1, 'y': 672, 'x': 576}
    """
    model = load_model(model)
    sampling, faults = _sampling(model, members, seed, sampler, steps)
    faults += _runtime_faults(device, dtype, batch_size)
    report = check(ds, model.config, missing=missing, region=region)
    replace(report, problems=(*faults, *report.problems)).raise_for_problems()
    if model.config.warning:
        _warn_once(model.config.warning)
    coarse = regridding.to_coarse(predictors(ds, report), model.config, report.grid)
    draw = functools.partial(
        _draw,
        sampling=sampling,
        rows=report.rows,
        columns=report.columns,
        device=device,
        dtype=dtype,
        batch_size=batch_size,
    )
    drawn: Any = (
        _lazily(draw, coarse, model, sampling)
        if coarse.chunks
        else _now(draw, coarse, model, sampling, progress)
    )
    return _describe(drawn, coarse, model, sampling, report, squeeze=members is None)


def _sampling(
    model: Model,
    members: int | Sequence[int] | None,
    seed: int,
    sampler: str | None,
    steps: int | None,
) -> tuple[Sampling, list[str]]:
    """Return what to draw, and the faults of the arguments."""
    from .models.downscaler import Sampling

    faults = []
    counted: Any = 1 if members is None else members  # a count, or member numbers
    try:
        numbers = tuple(range(operator.index(counted)))
    except TypeError:
        numbers = tuple(counted)
    if not numbers or any(not isinstance(n, (int, np.integer)) or n < 0 for n in numbers):
        faults.append(
            f"members: expected a positive count, member numbers from 0, or None; got {members!r}"
        )
    elif len(set(numbers)) < len(numbers):
        faults.append(f"members: each number once, or two fields are the same; got {members!r}")
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        faults.append(f"seed: expected an integer from 0 to 2**63 - 1; got {seed!r}")
    faults += [
        f"{part.name}: its denoiser is not trained yet, and it has no regression either"
        for part in model.config.components
        if not part.downscales
    ]
    sampling = Sampling(numbers, seed, sampler, steps)
    for alone in (replace(sampling, steps=None), replace(sampling, sampler=None)):
        try:
            for component in model.config.components:
                alone.resolve(component.diffusion)
        except ValueError as error:
            faults.append(str(error))
    return sampling, faults


def _runtime_faults(device: str | None, dtype: str | None, batch_size: int | None) -> list[str]:
    import torch

    faults = []
    try:
        torch.empty(0, device=device or "cpu")
    except (RuntimeError, AssertionError) as error:
        faults.append(f"device: {device!r} cannot be used here: {str(error).splitlines()[0]}")
    if dtype not in (None, "float32", "bfloat16", "float16"):
        faults.append(f"dtype: expected float32, bfloat16 or float16; got {dtype!r}")
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        faults.append(f"batch_size: expected a positive integer; got {batch_size!r}")
    return faults


@functools.cache
def _warn_once(text: str) -> None:
    warnings.warn(text, SyntheticModelWarning, stacklevel=4)


def _draw(
    coarse: np.ndarray, times: np.ndarray, *, held: Held, sampling: Sampling, **runtime: Any
) -> np.ndarray:
    """Draw targets (time, member, C, H, W) from predictors (time, P, h, w) and times (time,)."""
    model = held()
    allowed = [v.only_at_sea for v in model.config.predictors]
    bad = np.isnan(coarse).any((2, 3)) & ~np.array(allowed)
    if bad.any():
        t, p = np.argwhere(bad)[0]
        raise InputError(
            f"{model.config.predictors[p].name} holds NaN at {times[t]}, which would spread over "
            "the whole field; fill or drop these times before downscaling"
        )
    return model.fields(coarse, times, sampling, **runtime).swapaxes(0, 1)


def _now(
    draw: Draw, coarse: xr.DataArray, model: Model, sampling: Sampling, progress: bool | None
) -> np.ndarray:
    """Draw all targets now, with a progress bar that counts fields."""
    from tqdm.auto import tqdm

    from .models.pickling import Held

    total = coarse.sizes["time"] * len(sampling.members) * len(model.config.components)
    disable = None if progress is None else not progress
    with tqdm(total=total, disable=disable, unit="field", desc=model.config.name) as bar:
        times = coarse["time"].values
        return draw(coarse.values, times, held=Held(model), observe=bar.update)


def _lazily(draw: Draw, coarse: xr.DataArray, model: Model, sampling: Sampling) -> da.Array:
    """Return the targets as a dask array, in time chunks that bound the memory of a block."""
    import dask
    import dask.array as da

    from .models.pickling import Held

    factor = model.config.grid.factor
    sizes = {
        "member": len(sampling.members),
        "target": len(model.config.targets),
        "fine_y": coarse.sizes["y"] * factor,
        "fine_x": coarse.sizes["x"] * factor,
    }
    per_time = 4 * np.prod(list(sizes.values()))
    most = max(1, int(BLOCK_BYTES // per_time))
    if max(coarse.chunksizes["time"]) > most:
        coarse = coarse.chunk(time=most)
    # A key of its own: tasks refer to the model and do not carry it.
    held = dask.delayed(Held(model), name=f"model-{dask.base.tokenize(model)}", traverse=False)
    return da.blockwise(
        draw,
        ("time", *sizes),
        coarse.data,
        ("time", "predictor", "y", "x"),
        da.from_array(coarse["time"].values, chunks=(coarse.chunksizes["time"],)),
        ("time",),
        new_axes=sizes,
        concatenate=True,
        meta=np.empty((0,) * 5, np.float32),
        name=f"downscaled-{dask.base.tokenize(draw, model, coarse.data)}",
        held=held,
    )


def _describe(
    drawn: np.ndarray | da.Array,
    coarse: xr.DataArray,
    model: Model,
    sampling: Sampling,
    report: Report,
    *,
    squeeze: bool,
) -> xr.Dataset:
    """Return a dataset of the targets with dims, coordinates, units and provenance."""
    dims = ("time", "member", "y", "x")
    config = model.config
    variables = {
        v.name: (
            dims,
            drawn[:, :, i],
            {
                "standard_name": v.standard_name,
                "long_name": v.long_name or v.name,
                "units": v.units,
                "grid_mapping": "spatial_ref",
                "cell_methods": v.cell_methods,
            },
        )
        for i, v in enumerate(config.targets)
    }
    members = np.asarray(sampling.members)
    out = xr.Dataset(
        variables,
        {
            "time": coarse["time"],
            "member": ("member", members, {"standard_name": "realization", "units": "1"}),
        },
    ).assign_coords(projected.coordinates(report.grid, fine=True))
    out = out.transpose("member", ...)
    out["time"].attrs = {"standard_name": "time", "axis": "T"}
    if config.interval is not None:
        start = out["time"].values - np.timedelta64(round(config.interval * 3600), "s")
        bounds = np.stack([start, out["time"].values], axis=1)
        out = out.assign_coords(time_bnds=(("time", "nv"), bounds))
        out["time"].attrs["bounds"] = "time_bnds"
    chosen = [sampling.resolve(c.diffusion) for c in config.components]
    release = version("xldm")
    out.attrs = {
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
        "history": f"xldm {release}: downscaled to {config.grid.spacing / config.grid.factor:g} m "
        f"from {', '.join(str(f.variable) for f in report.predictors if f.variable)}",
    }
    return out.isel(member=0, drop=True) if squeeze else out
