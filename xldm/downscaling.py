"""Downscale a dataset: check it, regrid it to the coarse grid, draw the fine fields."""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from . import conserving
from .drawing import draw
from .errors import InputWarning, SyntheticModelWarning
from .grids import regridding
from .inputs.predictors import check, predictors
from .output import described
from .packages.registry import load_model

if TYPE_CHECKING:
    from os import PathLike

    from .alignment.tables import Alignment
    from .models.downscaler import Sampling
    from .models.model import Model

__all__ = ["downscale"]


def downscale(
    ds: xr.Dataset,
    model: str | Model,
    *,
    members: int | Sequence[int] | None = 1,
    seed: int = 0,
    sampler: str | None = None,
    steps: int | None = None,
    correlation: float = 1.0,
    missing: str = "raise",
    align: Alignment | str | PathLike | None = None,
    conserve: bool | str | Sequence[str] | None = None,
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
        Fields of a reanalysis, forecast or climate model in the layout of their provider, on
        latitudes and longitudes that cover the model's domain;
        :meth:`ds.ldm.check <xldm.accessor.LDM.check>` reports how they are read.
    model : str or Model
        Name in :func:`xldm.list_models`, path or URL of a package, or a loaded model.
    members : int, sequence of int, or None
        Number of ensemble members, or their numbers; None for one field without a member dimension.
    seed : int
        Seed of the ensemble.
    sampler : str, optional
        Name of the sampler in :data:`xldm.numerics.samplers.SAMPLERS`, such as "ddim" or "unipc";
        that of the model's package by default.
    steps : int, optional
        Number of steps of the sampler; that of the package by default.
    correlation : float
        How members persist from hour to hour: from 0, independent noise in each hour, to 1, as the
        package was fitted to do.
    missing : {"raise", "climatology"}
        Refuse absent predictors, or set them to their mean in training. A target whose own coarse
        field is absent is left out then.
    align : Alignment, path or URL, optional
        Bring the predictors to the distribution of the training first, as
        :func:`xldm.fit_alignment` found it.
    conserve : bool, str, sequence of str, or None
        Whether the fine fields keep to the input: their means over the footprint of each of its
        points are its values, in every member. Or the targets that do. By default all do that can
        (values of a moment, without bounds) if the package states the footprint of its training.
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
        attributes. ``time_bnds`` has the hours of targets that are sums or means over time. Dims
        of initialisation, lead, input member, scenario and model are kept under the names of the
        input, and ``valid_time`` beside them; a dim ``member`` of the input becomes
        ``input_member``.

    Raises
    ------
    InputError
        If the dataset or an argument cannot be used; the message lists every reason.
    AlignmentError
        If the alignment is of another grid, or of other months, hours or leads.

    Warns
    -----
    InputWarning
        If predictors are absent.
    OutOfDistributionWarning
        If predictors lie far outside the distribution of training; see :func:`xldm.drift`.
    SyntheticModelWarning
        Once, if the model was trained on synthetic data.

    Examples
    --------
    >>> import xldm
    >>> era5 = xldm.open_catalog().era5_sample.read().isel(time=[0])
    >>> out = era5.ldm.downscale("italy-2km", missing="climatology", steps=2)
    >>> dict(out["t2m"].sizes)
    {'member': 1, 'time': 1, 'y': 672, 'x': 576}
    """
    model = load_model(model)
    sampling, faults = _sampling(model, members, seed, sampler, steps, correlation)
    faults += _runtime_faults(device, dtype, batch_size)
    names, unfit = conserving.chosen(conserve, model.config)
    faults += unfit
    report = check(ds, model.config, missing=missing, region=region)
    replace(report, problems=(*faults, *report.problems)).raise_for_problems()
    if model.config.warning:
        _warn_once(model.config.warning)
    if report.absent:
        warnings.warn(
            f"{', '.join(report.absent)} {'is' if len(report.absent) == 1 else 'are'} set to the "
            "mean of the training data. Notes on the input: " + " ".join(report.changes),
            InputWarning,
            stacklevel=3,  # of ds.ldm.downscale
        )
    fields = predictors(ds, report)
    coarse = regridding.to_coarse(fields, model.config, report.grid)
    assert report.time is not None  # else the report has problems
    coarse = coarse.transpose(*report.time.out, *report.beside.values(), "predictor", "y", "x")
    plain = coarse
    if align is not None:
        from .alignment.apply import aligned, opened, provenance

        align = opened(align)
        absent = coarse["predictor"].isin(report.absent)
        coarse = aligned(coarse, align).where(~absent, coarse)
    names = tuple(n for n in names if n not in report.undrawn)
    at = conserving.constraint(report, model.config.footprint)
    own = conserved = None
    if names:
        own = conserving.given_values(fields, names, coarse)
        if align is not None:
            own = conserving.raised(own, names, coarse - plain, at)
        targets = [v.name for v in model.config.targets]
        conserved = conserving.Conserved(tuple(map(targets.index, names)), at)
    drawn = draw(
        coarse,
        xr.DataArray(report.time.values, dims=report.time.out),
        report.given,
        model,
        sampling,
        progress=progress,
        absent=report.absent,
        own=own,
        conserved=conserved,
        rows=report.rows,
        columns=report.columns,
        device=device,
        dtype=dtype,
        batch_size=batch_size,
    )
    kept = conserving.said(names, at, aligned=align is not None)
    out = described(drawn, coarse, model, sampling, report, kept, squeeze=members is None)
    return out if align is None else out.assign_attrs(provenance(align))


def _sampling(
    model: Model,
    members: int | Sequence[int] | None,
    seed: int,
    sampler: str | None,
    steps: int | None,
    correlation: float,
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
    if not isinstance(correlation, (int, float)) or not 0 <= correlation <= 1:
        faults.append(f"correlation: expected a number from 0 to 1; got {correlation!r}")
        correlation = 1.0
    sampling = Sampling(numbers, seed, sampler, steps, correlation)
    for alone in (replace(sampling, steps=None), replace(sampling, sampler=None)):
        try:
            for component in model.config.components:
                alone.resolve(component.diffusion)
        except ValueError as error:
            faults.append(str(error))
    return sampling, faults


def _runtime_faults(device: str | None, dtype: str | None, batch_size: int | None) -> list[str]:
    from .models.on_device import device_fault

    faults = [fault] if (fault := device_fault(device)) else []
    if dtype not in (None, "float32", "bfloat16", "float16"):
        faults.append(f"dtype: expected float32, bfloat16 or float16; got {dtype!r}")
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        faults.append(f"batch_size: expected a positive integer; got {batch_size!r}")
    return faults


@functools.cache
def _warn_once(text: str) -> None:
    warnings.warn(text, SyntheticModelWarning, stacklevel=4)
