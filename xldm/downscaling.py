"""Downscale a dataset: check it, regrid it to the coarse grid, draw the fine fields."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING, Any

import xarray as xr

from . import arguments, conserving
from .drawing import draw, memory_fault
from .errors import InputWarning, SyntheticModelWarning
from .grids import regridding
from .inputs.predictors import check, predictors
from .inputs.report import Report
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
    targets: str | Sequence[str] | None = None,
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
    compile: bool = False,
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
    targets : str or sequence of str, optional
        Targets to draw, as ``"t2m"``; by default all whose own coarse field is given. Only the
        networks of their components run.
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
        (values of a moment without bounds; sums such as rain, which are multiplied, so that a dry
        cell of the input is dry) if the package states the footprint of its training.
    device : str, optional
        Device that the networks run on, e.g. ``"cuda"``; the CPU by default.
    dtype : str, optional
        Precision of the networks, e.g. ``"bfloat16"``; float32 by default.
    batch_size : int, optional
        Fields (times and members) that go through the networks together on an accelerator; as many
        as its memory holds by default. A CPU takes them one by one.
    compile : bool
        Compile the denoiser and the decoder with ``torch.compile`` when they first run, which takes
        a minute or more, for blocks of ``batch_size`` fields (16 by default). For many fields.
        Bits may differ from those of networks that are not compiled.
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
    model, asked, unknown = _asked(load_model(model), targets)
    sampling, faults = _sampling(model, members, seed, sampler, steps, correlation)
    faults += unknown + _runtime_faults(device, dtype, batch_size, compile, progress)
    names, unfit = conserving.chosen(conserve, model.config)
    faults += unfit
    if align is not None:
        from .alignment.apply import aligned, opened, provenance

        align = opened(align)
    report = check(ds, model.config, missing=missing, region=region)
    if not (faults or report.problems):
        faults += _room(ds, len(sampling.members), model, report)
    replace(report, problems=(*faults, *report.problems)).raise_for_problems()
    asked = tuple(n for n in asked if n not in report.undrawn)
    model = model.drawing(asked)
    sampling = replace(sampling, members=tuple(map(int, sampling.members)))
    _warn_once(model.config.warning)
    if report.absent:
        # One of the changes says what is absent. The level is that of ds.ldm.downscale.
        warnings.warn(" ".join(report.changes), InputWarning, stacklevel=3)
    fields = predictors(ds, report)
    coarse = regridding.to_coarse(fields, model.config, report.grid)
    assert report.time is not None  # else the report has problems
    coarse = coarse.transpose(*report.time.out, *report.beside.values(), "predictor", "y", "x")
    plain = coarse
    if align is not None:
        absent = coarse["predictor"].isin(report.absent)
        coarse = aligned(coarse, align).where(~absent, coarse)
    names = tuple(n for n in names if n in asked)
    at = conserving.constraint(report, model.config.footprint)
    kept = conserving.kept(model.config, names, at)
    own = None
    if kept:
        own = conserving.given_values(fields, names, coarse)
        if align is not None:
            own = conserving.raised(own, kept, coarse - plain)
    drawn = draw(
        coarse,
        xr.DataArray(report.time.values, dims=report.time.out),
        report.given,
        model,
        sampling,
        progress=progress,
        absent=report.absent,
        own=own,
        conserved=conserving.Conserved(kept) if kept else None,
        rows=report.rows,
        columns=report.columns,
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        compile=compile,
    )
    told = conserving.said(kept, aligned=align is not None)
    out = described(drawn, coarse, model, asked, sampling, report, told, squeeze=members is None)
    return out if align is None else out.assign_attrs(provenance(align))


def _asked(
    model: Model, targets: str | Sequence[str] | None
) -> tuple[Model, tuple[str, ...], list[str]]:
    """Return the model that draws the targets asked for, their names, and the faults of them."""
    known = tuple(v.name for v in model.config.targets)
    if targets is None:
        return model, known, []
    try:
        asked = (targets,) if isinstance(targets, str) else tuple(targets)
    except TypeError:
        asked = ()
    if not asked or any(not isinstance(name, str) or name not in known for name in asked):
        return model, known, [f"targets: expected some of {', '.join(known)}; got {targets!r}"]
    return model.drawing(asked), asked, []


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

    faults = arguments.faults(
        members=(members, arguments.NUMBERS),
        seed=(seed, arguments.SEED),
        correlation=(correlation, arguments.number(0, 1)),
    )
    if faults:
        members, correlation = 1, 1.0
    faults += [
        f"{part.name}: its denoiser is not trained yet, and it has no regression either"
        for part in model.config.components
        if not part.downscales
    ]
    # A range, since a count may be greater than what memory holds.
    counted: Any = 1 if members is None else members
    numbers = range(int(counted)) if isinstance(counted, Integral) else counted
    sampling = Sampling(numbers, seed, sampler, steps, correlation)
    for alone in (replace(sampling, steps=None), replace(sampling, sampler=None)):
        try:
            for component in model.config.components:
                alone.resolve(component.diffusion)
        except ValueError as error:
            faults.append(str(error))
    return sampling, faults


def _runtime_faults(
    device: str | None,
    dtype: str | None,
    batch_size: int | None,
    compile: bool,
    progress: bool | None,
) -> list[str]:
    from .models.compiled import compile_fault
    from .models.on_device import device_fault

    faults = arguments.faults(
        dtype=(dtype, arguments.choice("float32", "bfloat16", "float16").or_none),
        batch_size=(batch_size, arguments.whole(1).or_none),
        compile=(compile, arguments.FLAG),
        progress=(progress, arguments.FLAG.or_none),
    )
    fault = device_fault(device)
    if not (faults or fault) and compile:
        fault = compile_fault(str(device or "cpu"))
    return [fault] * bool(fault) + faults


def _room(ds: xr.Dataset, members: int, model: Model, report: Report) -> list[str]:
    """Return why the fields that are drawn at once need more memory than there is, if they do."""
    assert report.time is not None  # else the report has problems
    cells = math.prod(report.grid.fine_shape) * len(model.config.targets)
    lazy = any(v.chunks is not None for v in ds.variables.values())
    fields = members * (1 if lazy else report.time.values.size * math.prod(report.given.shape))
    fault = memory_fault(4 * cells * fields)
    if not fault:
        return []
    less = "members=range(0, 10), then range(10, 20) and so on, are the same members as range(20)"
    if lazy or members == fields:
        return [f"members: {members} of one hour {fault}; draw fewer at a time: {less}"]
    return [
        f"members: {members} at all {fields // members} times {fault}; make the input lazy, as by "
        f"ds.chunk(), and write block by block with xldm.to_store, or draw fewer at a time: {less}"
    ]


@functools.cache
def _warn_once(text: str) -> None:
    if text:
        warnings.warn(text, SyntheticModelWarning, stacklevel=4)
