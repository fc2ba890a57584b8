"""Protocols: each answers one question about a model, and draws the forecasts for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ..arguments import refuse, whole
from ..downscaling import downscale
from ..errors import InputError
from ..grids import regridding
from ..inputs.axes.leads import stated_times
from ..inputs.decode import decode
from ..inputs.predictors import check, predictors
from ..interpolation import STANDARD, interpolate
from ..models.components import ResidualDiffusion
from ..models.model import Model
from ..packages.registry import load_model
from . import figures
from .align import comparable
from .evaluate import evaluate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PROTOCOLS", "comparison", "evaluate_protocol", "reconstruction", "residual", "sampling"]

Pair = tuple[dict[str, xr.Dataset], xr.Dataset]


def comparison(
    model: Model,
    era5: xr.Dataset,
    truth: xr.Dataset,
    members: int = 8,
    beside: Mapping[str, Model] = MappingProxyType({}),
) -> Pair:
    """Compare interpolation, regression, the whole model and its autoencoder, as the paper does.

    "quadratic" interpolates from the input's own points. "lapse rate" does so too, and brings
    temperature to the height of the fine terrain by 6.5 K/km; "local lapse rate" by a regression
    on the heights of the points around (`xldm.interpolate`).
    "autoencoder" is the mean plus the true residual, encoded and decoded: its errors would remain
    if the diffusion were perfect.

    Parameters
    ----------
    model : Model
    era5 : Dataset
        Input of the model. Each hour becomes one chunk.
    truth : Dataset (time, y, x)
        The model's targets at the same times.
    members : int
        Size of the ensemble.
    beside : mapping of str to Model
        Other models to compare, by name, for example a GAN.

    Returns
    -------
    forecasts : dict of str to Dataset
        Dask-backed: the evaluation computes them block by block.
    truth : Dataset (time, y, x)
    """
    era5 = hourly(era5)
    whole = _whole(model)
    forecasts = {"quadratic": interpolate(era5, model)}
    if any(v.standard_name == "air_temperature" for v in model.config.targets):
        forecasts["lapse rate"] = interpolate(era5, model, lapse_rate=STANDARD)
        forecasts["local lapse rate"] = interpolate(era5, model, lapse_rate="local")
    if whole:
        forecasts["UNET"] = downscale(era5, model.baseline("regression"), members=None)
    for name, other in beside.items():
        forecasts[name] = downscale(era5, other, members=members if _draws(other) else None)
    forecasts["LDM_res" if whole else model.config.name] = downscale(era5, model, members=members)
    if whole:
        forecasts["autoencoder"] = reconstruction(model, era5, truth)
    return forecasts, truth


def residual(model: Model, era5: xr.Dataset, truth: xr.Dataset, members: int = 8) -> Pair:
    """Compare the residual of the truth with those of the autoencoder and of the whole model.

    Fields are residuals of the regression, named ``t2m_residual`` and so on. Spectra show at which
    wavelengths the autoencoder loses power; errors of "no residual" are those of the regression.
    """
    era5 = hourly(era5)
    # As the networks give them: to keep to the input would change all three in different ways.
    mean = downscale(era5, model.baseline("regression"), members=None, conserve=False)
    parts = {
        "no residual": mean,
        "autoencoder": reconstruction(model, era5, truth),
        "LDM_res": downscale(era5, model, members=members, conserve=False),
    }
    targets = [t.name for t in model.config.targets]

    def left(ds: xr.Dataset) -> xr.Dataset:
        difference = {f"{t}_residual": ds[t] - mean[t] for t in targets}
        named = {k: v.assign_attrs(ds[k[:-9]].attrs) for k, v in difference.items()}
        return xr.Dataset(named, attrs=ds.attrs)

    return {name: left(ds) for name, ds in parts.items()}, left(truth)


def sampling(
    model: Model,
    era5: xr.Dataset,
    truth: xr.Dataset,
    members: int = 8,
    steps: tuple[int, ...] = (4, 8, 16),
    yardstick: int = 100,
) -> Pair:
    """Compare samplers at several numbers of steps, with DDIM of many steps as the yardstick."""
    era5 = hourly(era5)
    ways = [("dpm-solver++", n) for n in steps] + [("ddim", n) for n in (*steps, yardstick)]
    return {
        f"{sampler} {n}": downscale(era5, model, members=members, sampler=sampler, steps=n)
        for sampler, n in ways
    }, truth


#: Protocols by name.
PROTOCOLS: dict[str, Callable[..., Pair]] = {
    "comparison": comparison,
    "residual": residual,
    "sampling": sampling,
}


def evaluate_protocol(
    name: str,
    model: str,
    era5: xr.Dataset,
    truth: xr.Dataset,
    *,
    members: int = 8,
    beside: Mapping[str, str] = MappingProxyType({}),
) -> tuple[xr.Dataset, dict[str, Figure]]:
    """Draw the forecasts of a protocol from a model, and evaluate them.

    Parameters
    ----------
    name : str
        In `PROTOCOLS`.
    model : str
        Name, path or URL. Of its targets, those that the truth has are drawn.
    era5, truth : Dataset
    members : int
        Size of each ensemble.
    beside : mapping of str to str
        Other models in the comparison, by the name to list each under.

    Returns
    -------
    result : Dataset
    snapshots : dict of str to Figure
        Fields of one hour, for a report.

    Raises
    ------
    InputError
        If there is no such protocol, or other models are given to one that takes none.
    """
    if name not in PROTOCOLS:
        raise InputError(f"protocol must be one of {', '.join(PROTOCOLS)}; got {name!r}")
    if beside and name != "comparison":
        raise InputError(f"other models are for the comparison; the protocol is {name!r}")
    refuse(members=(members, whole(1)))
    loaded = _of_truth(load_model(model), truth)
    others = {n: _of_truth(load_model(m), truth) for n, m in beside.items()}
    more = {"beside": others} if others else {}
    forecasts, observed = PROTOCOLS[name](loaded, era5, truth, members, **more)
    # One part: a model's networks run one block at a time anyway.
    result = evaluate(forecasts, observed, static=loaded.static, parts=1)
    result.attrs["protocol"] = name
    return result, figures.snapshots(forecasts, observed, result, loaded.static)


def _of_truth(model: Model, truth: xr.Dataset) -> Model:
    """Return the model of the targets that the truth has."""
    targets = [t.name for t in model.config.targets if t.name in truth]
    return model.drawing(targets) if targets else model


def hourly(era5: xr.Dataset) -> xr.Dataset:
    """Return the data in chunks of one hour, so that fields are drawn hour by hour."""
    stated = stated_times(decode(era5)[0])
    if stated.dims[1] in stated.valid.dims:
        raise InputError(
            "era5: a protocol takes a series of valid times, and this has leads; choose one, e.g. "
            f"use era5.isel({stated.dims[1]}=0)"
        )
    return era5.chunk(dict.fromkeys(stated.valid.dims, 1))


def reconstruction(model: Model, era5: xr.Dataset, truth: xr.Dataset) -> xr.Dataset:
    """Return the regression's mean plus the true residual after encoding and decoding.

    Parameters
    ----------
    model : Model
        Its components need an autoencoder.
    era5 : Dataset
    truth : Dataset (time, y, x)
        On the model's whole fine grid.

    Returns
    -------
    Dataset (time, y, x)
        Dask-backed.

    Raises
    ------
    InputError
        If the model has no autoencoder, or the truth is not on its grid at the input's times.
    """
    if not _whole(model):
        raise InputError(
            f"{model.config.name} has no autoencoder, so there is nothing to reconstruct with"
        )
    report = check(era5, model.config)
    coarse = regridding.to_coarse(predictors(era5, report), model.config, report.grid)
    names = [t.name for t in model.config.targets]
    drawn = downscale(era5, model.baseline("regression"), members=None)
    _, truth = comparable({"the model's grid": drawn}, truth[names])
    fine = truth.to_dataarray("target").transpose("time", "target", "y", "x")
    fine = fine.rename(y="fine_y", x="fine_x").drop_vars(["fine_y", "fine_x"])
    values = xr.apply_ufunc(
        model.reconstruct,
        coarse.chunk(time=1),
        coarse["time"].chunk(time=1),
        fine.chunk(time=1, target=-1),
        input_core_dims=[["predictor", "y", "x"], [], ["target", "fine_y", "fine_x"]],
        output_core_dims=[["target", "fine_y", "fine_x"]],
        dask="parallelized",
        output_dtypes=[np.float32],
    )
    out = drawn.assign(
        {n: (("time", "y", "x"), values.data[:, i], drawn[n].attrs) for i, n in enumerate(names)}
    )
    return out.assign_attrs(oracle="it is given the true residual")


def _draws(model: Model) -> bool:
    """Whether any component draws noise."""
    return any(part.noise_shape(*model.config.grid.shape) for part in model.components.values())


def _whole(model: Model) -> bool:
    """Whether every component has regression, autoencoder and denoiser."""
    return all(
        isinstance(part, ResidualDiffusion) and not part.config.partial
        for part in model.components.values()
    )
