"""Fit how a model's noise persists to how long the latents of the twin's truth do.

Encodes what the regression leaves of consecutive hours, and prints the autocorrelation of the
latents by lag, and the octaves of `xldm.numerics.persistence` that fit it with theirs. The sampler
changes the correlation of its noise: ``--aim`` gives numbers to fit instead of the latents'::

    python tools/fit_persistence.py italy-2km --starts 2008-01-15 2008-07-15 --hours 30
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from scipy.optimize import nnls

import xldm
from xldm.grids import regridding
from xldm.inputs.predictors import check, predictors
from xldm.models.components import ResidualDiffusion, present
from xldm.models.model import Model
from xldm.numerics import scaling
from xldm.numerics.persistence import autocorrelation
from xldm.twin import both_sides

LAGS = (1, 2, 3, 4, 6, 9, 12, 18, 24)
OCTAVES = (2.0, 4.0, 8.0, 16.0, 32.0)


def latents(model: Model, times: np.ndarray) -> np.ndarray:
    """Return the latents (time, L, h, w) of the first component's residuals."""
    rain = any(t.name == "tp" for t in model.config.components[0].targets)
    era5, fine = both_sides(times, rain=rain)
    report = check(era5, model.config)
    coarse = regridding.to_coarse(predictors(era5, report), model.config, report.grid)
    part, everywhere = model.config.components[0], slice(None)
    on = model._on(part, everywhere, everywhere, torch.device("cpu"))
    assert isinstance(on.net, ResidualDiffusion)
    out = []
    with torch.inference_mode():
        for i, time in enumerate(times):
            seen = model._seen(coarse.values[i : i + 1], times[i : i + 1], everywhere, everywhere)
            mean = on.net.mean.condition(torch.from_numpy(seen), on.prepared[0])
            truth = np.stack([fine[t.name].sel(time=time).values for t in part.targets])[None]
            left = torch.from_numpy(scaling.normalise(truth, part.targets)) - mean
            code, _ = present(on.net.autoencoder, "autoencoder").encode(left)
            out.append(code[0].numpy())
    return np.stack(out)


def correlations(series: np.ndarray) -> list[float]:
    """Return the correlation at each lag, over all channels and cells."""
    square = (series**2).mean()
    return [float((series[lag:] * series[:-lag]).mean() / square) for lag in LAGS]


def fitted(wanted: np.ndarray) -> dict[float, float]:
    """Return shares of the octaves whose autocorrelation is nearest."""
    matrix = np.stack([autocorrelation(np.array(LAGS), {h: 1.0}) for h in OCTAVES], axis=1)
    shares, _ = nnls(matrix, wanted)
    shares /= max(1.0, shares.sum())
    return {h: round(float(s), 3) for h, s in zip(OCTAVES, shares, strict=True) if s > 0.005}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--starts", nargs="+", default=["2008-01-15", "2008-07-15"])
    parser.add_argument("--hours", type=int, default=30)
    parser.add_argument("--targets", nargs="+", help="take the component of these targets")
    parser.add_argument("--aim", type=float, nargs=len(LAGS), help="correlations to fit instead")
    args = parser.parse_args()
    model, found = xldm.load_model(args.model), []
    if args.targets:
        model = model.drawing(args.targets)
    for start in args.starts if args.aim is None else ():
        times = np.datetime64(start, "h") + np.arange(args.hours)
        found.append(correlations(latents(model, times.astype("M8[ns]"))))
    wanted = np.array(args.aim) if args.aim else np.mean(found, axis=0)
    octaves = fitted(wanted)
    print("lag [h]  ", *(f"{lag:6d}" for lag in LAGS))
    print("wanted   ", *(f"{c:6.3f}" for c in wanted))
    print("fitted   ", *(f"{c:6.3f}" for c in autocorrelation(np.array(LAGS), octaves)))
    print("persistence:", octaves)


if __name__ == "__main__":
    main()
