"""Compare transforms of hourly rain on real fields: how even wet values become, and what errors do.

python benchmarks/rain_transforms.py ../shared/realdata

An error of 0.1 or 0.3 is one of the normalised field: in units of its standard deviation, dry cells
included. Dry cells lie in the margin of `xldm.numerics.dry`.
"""

from __future__ import annotations

import argparse
import gzip
import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr
from scipy import stats

DRY = 0.1  # mm
Pair = tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]
TRANSFORMS: dict[str, Pair] = {
    "none": (lambda x: 1.0 * x, lambda y: 1.0 * y),
    "sqrt": (np.sqrt, lambda y: np.maximum(y, 0) ** 2),
    "cbrt": (np.cbrt, lambda y: np.maximum(y, 0) ** 3),
    "log(R)": (lambda x: np.log(np.maximum(x, DRY / 5)), np.exp),
    "log1p(R/0.1)": (lambda x: np.log1p(x / 0.1), lambda y: 0.1 * np.expm1(y)),
    "log1p(R/1)": (np.log1p, np.expm1),
    "asinh(R/0.1)": (lambda x: np.arcsinh(x / 0.1), lambda y: 0.1 * np.sinh(y)),
}


def hours(folder: Path) -> dict[str, np.ndarray]:
    """Return hourly sums in mm: AROME over south-eastern France, radar over Emilia-Romagna."""
    warnings.simplefilter("ignore")
    file = folder / "meteonet_20180501/mn_arome_PRECIP_SE_20180501000000.grib"
    with xr.open_dataset(file, engine="cfgrib", backend_kwargs={"indexpath": ""}) as ds:
        arome = np.diff(ds["tp"].values.astype(float), axis=0, prepend=0)
    radar = []
    for packed in sorted((folder / "radar_tp_er_20200326").glob("*.nc.gz")):
        content = io.BytesIO(gzip.decompress(packed.read_bytes()))
        with xr.open_dataset(content, engine="scipy") as ds:
            radar.append(ds["cum_pr_mm"].values.astype(float).ravel())
    seen = np.concatenate(radar)
    return {"AROME": np.maximum(arome, 0).ravel(), "radar": seen[seen >= 0]}


def quantiles(rain: np.ndarray) -> Pair:
    """Return the map of a sample to normal quantiles, and back."""
    wet, dry = np.sort(rain[rain >= DRY]), (rain < DRY).mean()
    z = stats.norm.ppf(dry + (1 - dry) * (np.arange(wet.size) + 0.5) / wet.size)
    wet, first = np.unique(wet, return_index=True)
    return lambda x: np.interp(x, wet, z[first]), lambda y: np.interp(y, z[first], wet)


def row(rain: np.ndarray, forward: Callable, inverse: Callable, low: float) -> str:
    """Return the numbers of a transform whose value of no rain is ``low``."""
    rng, dry = np.random.default_rng(0), rain < DRY
    threshold = float(forward(np.array(DRY)))
    z = forward(np.maximum(rain, DRY))
    z[dry] = low + (threshold - low) / 2 * rng.random(dry.sum())
    wet, std = z[~dry], z.std()
    at = forward(np.array([1.0, 10.0, 50.0]))
    of_error = (inverse(at + 0.1 * std) - inverse(at - 0.1 * std)) / 2
    off = z + 0.3 * std * rng.standard_normal(z.size)
    again = np.where(off < threshold, 0, inverse(off))
    false = ((again > 0) & dry).sum() / (~dry).sum()
    extreme = np.quantile(again, 0.9999) / np.quantile(rain, 0.9999)
    return (
        f"{stats.skew(wet):6.2f} {stats.kurtosis(wet):6.2f}   "
        + " ".join(f"{e:5.2f}" for e in of_error)
        + f"   {false:5.2f} {extreme:5.2f}"
    )


def main() -> None:
    """Print a table for each source."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="real files, ../shared/realdata")
    rain = hours(parser.parse_args().folder)
    of_arome = quantiles(rain["AROME"])
    for name, values in rain.items():
        print(f"{name}: {values.size} values, {(values >= DRY).mean():.1%} wet")
        print(f"{'':14}  skew kurtosis  error at 1, 10, 50 mm/h   false q99.99")
        for kind, (forward, inverse) in TRANSFORMS.items():
            print(f"{kind:14}", row(values, forward, inverse, float(forward(np.array(0.0)))))
        low = float(of_arome[0](np.array(DRY))) - 1
        print(f"{'quantiles':14}", row(values, *of_arome, low))


if __name__ == "__main__":
    main()
