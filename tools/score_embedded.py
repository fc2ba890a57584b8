"""Score a model on a year of the twin that it was not trained on.

Prints RMSE and bias of temperature and wind speed for quadratic interpolation, the regression UNET,
one member and the mean of the members, and the kinetic energy by wavelength relative to the truth::

    python tools/score_embedded.py italy-2km --hours 120
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
import xarray as xr

import xldm
from xldm.data.twin import Twin
from xldm.evaluation.spectra import radial_spectrum
from xldm.model import Model

TEST_YEAR = 2008
TWIN_SEED = 0
BANDS = {"5-10 km": (5, 10), "10-20 km": (10, 20), "5-20 km": (5, 20), "20-50 km": (20, 50)}


def draws(model: Model, era5: xr.Dataset, members: int) -> dict[str, xr.Dataset]:
    """Fields of each way to downscale an hour, each with dims (y, x)."""
    quiet = {"members": None, "progress": False}
    ensemble = xldm.downscale(era5, model, members=members, progress=False).isel(time=0)
    return {
        "quadratic": xldm.downscale(era5, model.baseline("interpolation"), **quiet).isel(time=0),
        "UNET": xldm.downscale(era5, model.baseline("regression"), **quiet).isel(time=0),
        "LDM_res, one member": ensemble.isel(member=0),
        f"LDM_res, mean of {members}": ensemble.mean("member"),
    }


def speed(ds: xr.Dataset) -> np.ndarray:
    """Wind speed (y, x) in m/s."""
    return np.hypot(ds["u10"].values, ds["v10"].values)


def energy(ds: xr.Dataset) -> np.ndarray:
    """Kinetic energy spectrum by wavelength."""
    return sum(radial_spectrum(ds[v].values.astype(float), 2.0)[1] for v in ("u10", "v10")) / 2


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="italy-2km")
    parser.add_argument("--hours", type=int, default=120)
    parser.add_argument("--members", type=int, default=4)
    args = parser.parse_args()
    model, twin = xldm.load_model(args.model), Twin(TWIN_SEED)
    year = np.arange(f"{TEST_YEAR}-01-01", f"{TEST_YEAR + 1}-01-01", dtype="datetime64[h]")
    sums: dict[str, np.ndarray] = {}
    spectra: dict[str, np.ndarray] = {}
    # Prime to 24, so that every hour of the day and every season is met.
    times = year[:: max(1, len(year) // args.hours) | 1][: args.hours]
    for time in times:
        era5, truth = twin.hour(time)
        spectra["truth"] = spectra.get("truth", 0) + energy(truth)
        for name, ds in draws(model, era5, args.members).items():
            errors = [ds["t2m"].values - truth["t2m"].values, speed(ds) - speed(truth)]
            parts = np.array([s for e in errors for s in ((e**2).mean(), e.mean())])
            sums[name] = sums.get(name, 0) + parts
            spectra[name] = spectra.get(name, 0) + energy(ds)
    table = pd.DataFrame(sums, ["t2m MSE", "t2m bias", "speed MSE", "speed bias"]).T / len(times)
    for v in ("t2m", "speed"):
        table.insert(0, f"{v} RMSE", table.pop(f"{v} MSE") ** 0.5)
    wavelength = 2.0 * 576 / np.arange(1, 289)
    for band, (short, long) in BANDS.items():
        inside = (wavelength >= short) & (wavelength <= long)
        truth = spectra["truth"][inside].sum()
        table[f"KE {band}"] = [spectra[n][inside].sum() / truth for n in table.index]
    print(
        f"{model.config.name} {model.sha256[:12]} on {len(times)} hours of {TEST_YEAR}; "
        "KE as a share of the truth's"
    )
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
