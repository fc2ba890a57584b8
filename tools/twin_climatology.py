"""Measure the climate of the twin for docs/explanation/twin.md.

Prints the tables of ``docs/explanation/twin.md``; takes a few minutes on one core::

    python tools/twin_climatology.py --seed 0
"""

from __future__ import annotations

import argparse

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter

from xldm import statics
from xldm.evaluation.spectra import radial_spectrum
from xldm.grids import projected
from xldm.twin import Twin

PLACES = {
    "Milan": (45.47, 9.19),
    "Bolzano": (46.50, 11.35),
    "Rome": (41.90, 12.50),
    "Palermo": (38.11, 13.35),
}
NAMES = ("t2m", "u10", "v10")
MONTHS = {"Jan": 1, "Apr": 4, "Jul": 7, "Oct": 10}


def quadratic(era5: xr.Dataset) -> xr.Dataset:
    """Interpolate the ERA5 side bilinearly to 16 km, then by splines of degree 2 to 2 km."""
    coarse = projected.coordinates(projected.ITALY, fine=False)
    fine = projected.coordinates(projected.ITALY, fine=True)
    near = era5[list(NAMES)].isel(valid_time=0)
    near = near.interp(latitude=coarse["lat"], longitude=coarse["lon"])
    for axis in "yx":
        near = near.interp(
            {axis: fine[axis].values}, method="quadratic", kwargs={"fill_value": "extrapolate"}
        )
    return near


def scores(name: str, estimate: np.ndarray, truth: np.ndarray, land: np.ndarray) -> dict:
    """Return RMSE (all, land, sea), bias, R2 and correlation of one hour."""
    error = estimate - truth
    return {
        f"{name} RMSE": np.sqrt((error**2).mean()),
        f"{name} RMSE, land": np.sqrt((error[land] ** 2).mean()),
        f"{name} RMSE, sea": np.sqrt((error[~land] ** 2).mean()),
        f"{name} bias": error.mean(),
        f"{name} R2": 1 - (error**2).mean() / truth.var(),
        f"{name} PCC": np.corrcoef(estimate.ravel(), truth.ravel())[0, 1],
    }


def unresolved(twin: Twin, stamp: np.datetime64) -> dict:
    """Return the spread of the random part that the coarse side cannot show (below about 60 km)."""
    hour = int(stamp.astype("datetime64[h]").astype(int))
    expected, spread = twin._expected(hour)
    random = twin._fine(hour) - expected
    means = twin.era5(stamp)[list(NAMES)]
    for name, mean in zip(NAMES, twin._mean(random), strict=True):
        means[name].values[0] = mean
    seen = quadratic(means)
    rest = [part - seen[n].values for n, part in zip(NAMES, random, strict=True)]
    return {
        "random T2m std": rest[0].std(),
        "random wind std": np.sqrt((rest[1].var() + rest[2].var()) / 2),
        "random wind std, 5 % of cells": np.percentile(spread[1], 5),
        "random wind std, 95 % of cells": np.percentile(spread[1], 95),
    }


def lapse(t2m: np.ndarray, orog: np.ndarray, where: np.ndarray) -> float:
    """Return the regression of temperature on height in K per km."""
    return float(np.polyfit(orog[where] / 1000, t2m[where], 1)[0])


def year(twin: Twin, hours: int) -> None:
    """Print scores, speeds and spectra for hours spread evenly over 2001 and over the day."""
    static = statics.embedded()
    land, orog = static["land_mask"].values > 0, static["orog"].values
    alps = land & (orog > 100) & (static["lat"].values > 45)
    rows, speeds, energy = [], [], 0.0
    for i in range(hours):
        day = np.datetime64("2001-01-01") + int((i + 0.5) * 365 / hours)
        stamp = day.astype("datetime64[h]") + (7 * i) % 24
        era5, fine = twin.hour(stamp)
        guess = quadratic(era5)
        speed = np.hypot(fine["u10"].values, fine["v10"].values)
        row = scores("T2m", guess["t2m"].values, fine["t2m"].values, land)
        row |= scores("speed", np.hypot(guess["u10"], guess["v10"]).values, speed, land)
        row |= unresolved(twin, stamp)
        row |= {"speed, land": speed[land].mean(), "speed, sea": speed[~land].mean()}
        hour = int(stamp.astype(int) % 24)
        if 10 <= hour <= 14:
            row["lapse, Alps, 10-14 UTC"] = lapse(fine["t2m"].values, orog, alps)
        if hour <= 5:
            row["lapse, Alps, 0-5 UTC"] = lapse(fine["t2m"].values, orog, alps)
        row["tp, mm a year"] = float(era5["tp"].mean()) * 8766e3
        rows.append(row)
        speeds.append(speed.ravel()[::7])
        wavelength, power = radial_spectrum(np.stack([fine["u10"].values, fine["v10"].values]), 2.0)
        energy = energy + power.sum(0)
    print(f"\n{hours} hours of 2001: mean (least to largest)\n")
    for key in dict.fromkeys(k for row in rows for k in row):
        values = np.array([row[key] for row in rows if key in row])
        print(f"| {key} | {values.mean():.2f} | {values.min():.2f} to {values.max():.2f} |")
    speeds = np.concatenate(speeds)
    quantiles = np.percentile(speeds, [50, 90, 99, 99.9, 100])
    print("| speed: 50, 90, 99, 99.9 %, largest |", quantiles.round(1), "|")
    band = (wavelength > 10) & (wavelength < 100)
    # The mean over directions is a density in the plane, one power steeper than by wavenumber.
    slope = np.polyfit(np.log(1 / wavelength[band]), np.log(energy[band]), 1)[0] + 1
    print(f"| slope of kinetic energy, 10 to 100 km | {slope:.2f} |")


def months(twin: Twin) -> None:
    """Monthly mean and daily range at places: four days of three years, every three hours."""
    lon, lat = projected.lon_lat(projected.ITALY, fine=True)
    cells = [
        np.unravel_index(np.argmin((lat - a) ** 2 + (0.72 * (lon - o)) ** 2), lat.shape)
        for a, o in PLACES.values()
    ]
    print("\n| place | " + " | ".join(f"{m} mean, range" for m in MONTHS) + " |")
    table = {}
    for month in MONTHS.values():
        days = [
            np.datetime64(f"{y}-{month:02d}-{d:02d}")
            for y in (2001, 2002, 2003)
            for d in (4, 12, 20, 28)
        ]
        fields = [
            twin.fine(day.astype("datetime64[h]") + h)["t2m"].values
            for day in days
            for h in range(0, 24, 3)
        ]
        for place, cell in zip(PLACES, cells, strict=True):
            t = np.array([f[cell] for f in fields]).reshape(-1, 8) - 273.15
            table.setdefault(place, []).append(f"{t.mean():.1f}, {np.ptp(t, axis=1).mean():.1f}")
    for place, entries in table.items():
        print(f"| {place} | " + " | ".join(entries) + " |")


def hollows(twin: Twin) -> None:
    """Alpine valleys against the crests beside them, January nights against days."""
    static = statics.embedded()
    orog = static["orog"].values
    relief = orog - gaussian_filter(orog, 4, mode="nearest")
    alps = (static["lat"].values > 45.5) & (orog > 200)
    low, high = alps & (relief < -150), alps & (relief > 150)
    print("\nJanuary 2001, Alpine valleys minus crests (over 150 m below, above 8 km around), K:")
    print("| hour | least | mean | largest |")
    for hour in (5, 13):
        contrasts = []
        for day in range(1, 32):
            t2m = twin.fine(f"2001-01-{day:02d}T{hour:02d}")["t2m"].values
            contrasts.append(t2m[low].mean() - t2m[high].mean())
        least, largest = min(contrasts), max(contrasts)
        print(f"| {hour} UTC | {least:.1f} | {np.mean(contrasts):.1f} | {largest:.1f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hours", type=int, default=120)
    options = parser.parse_args()
    made = Twin(options.seed)
    year(made, options.hours)
    months(made)
    hollows(made)
