"""How members move from hour to hour, beside the twin's truth.

Consecutive hours of the twin are downscaled with independent noise and with noise that persists as
the package says. Prints, for each target, the RMS change over some hours relative to the truth's,
the autocorrelation of what the UNET leaves, its temporal spectrum from 2 to 24 hours relative to
the truth's in dB, and the CRPS::

    python benchmarks/flicker.py --hours 48 --members 3
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping

import numpy as np
import xarray as xr

import xldm
from xldm.config import ModelConfig
from xldm.models.model import Model
from xldm.twin import both_sides

LAGS = (1, 3, 6, 12)
EVERY = 4  # cells along an axis: statistics need no more


def with_persistence(model: Model, octaves: Mapping[float, float]) -> Model:
    """Return the model with other octaves of noise."""
    parts = tuple(
        dataclasses.replace(p, diffusion=dataclasses.replace(p.diffusion, persistence=octaves))
        for p in model.config.components
    )
    config: ModelConfig = dataclasses.replace(model.config, components=parts)
    nets = dict(model.components)
    return Model(config, model.static, nets, model.sha256)


def values(ds: xr.Dataset, name: str) -> np.ndarray:
    """Return a target (..., time, cell) at some of the cells."""
    field = ds[name].isel(y=slice(None, None, EVERY), x=slice(None, None, EVERY))
    return field.transpose(..., "time", "y", "x").values.reshape(*field.shape[:-2], -1)


def change(field: np.ndarray, lag: int) -> float:
    """Return the RMS change of fields (..., time, cell) over a lag."""
    return float(np.sqrt(((field[..., lag:, :] - field[..., :-lag, :]) ** 2).mean()))


def correlation(left: np.ndarray, lag: int) -> float:
    """Return the correlation of residuals (..., time, cell) with themselves a lag later."""
    both = (left[..., lag:, :] * left[..., :-lag, :]).mean()
    return float(both / (left**2).mean())


def power(left: np.ndarray) -> np.ndarray:
    """Return the power of residuals (..., time, cell) by frequency, without the mean."""
    taper = np.hanning(left.shape[-2])[:, None]
    modes = np.abs(np.fft.rfft(left * taper, axis=-2)) ** 2
    return modes.mean(axis=(*range(modes.ndim - 2), -1))[2:]


def crps(members: np.ndarray, truth: np.ndarray) -> float:
    """Return the fair CRPS of members (member, time, cell)."""
    count = len(members)
    spread = sum(np.abs(members[i] - members[j]).mean() for i in range(count) for j in range(i)) / (
        count * (count - 1)
    )
    return float(np.abs(members - truth).mean() - spread)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="italy-2km")
    parser.add_argument("--start", default="2008-04-10")
    parser.add_argument("--hours", type=int, default=48)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument(
        "--octaves", nargs="*", default=[], help="HOURS=SHARE instead of the package's"
    )
    args = parser.parse_args()
    model = xldm.load_model(args.model).drawing(["t2m", "u10", "v10"])
    if args.octaves:
        given = (text.split("=") for text in args.octaves)
        model = with_persistence(model, {float(h): float(share) for h, share in given})
    sides = both_sides(np.datetime64(args.start, "h") + np.arange(args.hours))
    era5, fine = (side.load() for side in sides)
    mean = xldm.downscale(era5, model.baseline("regression"), members=None, progress=False)
    drawn = {
        how: xldm.downscale(era5, model, members=args.members, correlation=c, progress=False)
        for how, c in (("independent", 0.0), ("persistent", 1.0))
    }
    lags = [f"change over {lag} h" for lag in LAGS] + [f"correlation at {lag} h" for lag in LAGS]
    columns = [*lags, "spectrum 2-24 h, dB", "CRPS"]
    print("| target | noise |", " | ".join(columns), "|\n|", " --- |" * (len(columns) + 2))
    for name in (t.name for t in model.config.targets):
        truth, middle = values(fine, name), values(mean, name)
        rest = truth - middle
        row = [change(truth, lag) for lag in LAGS] + [correlation(rest, lag) for lag in LAGS]
        print(f"| {name} | truth |", " | ".join(f"{v:.2f}" for v in row), "| | |")
        for how, ds in drawn.items():
            members = values(ds, name)
            left = members - middle
            row = [change(members, lag) / change(truth, lag) for lag in LAGS]
            row += [correlation(left, lag) for lag in LAGS]
            decibel = 10 * np.log10(power(left) / power(rest))
            row += [decibel[np.argmax(np.abs(decibel))], crps(members, truth)]
            print(f"| {name} | {how} |", " | ".join(f"{v:.3f}" for v in row), "|")


if __name__ == "__main__":
    main()
