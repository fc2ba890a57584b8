"""Compare packages that draw in few steps with one that takes more, each as it is shipped.

python benchmarks/few_steps.py italy-2km TWO_STEPS ONE_STEP --hours 8 --members 4

Hours are spread over the twin's year 2008. Each package draws with its own sampler and number of
steps, conserved. Prints for each the fair CRPS (Ferro 2014) and its ratio to the first package's,
spread over skill, kinetic energy in bands of wavelength in dB relative to the truth's, the bias of
wind speed, and CPU seconds a field of one thread.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import torch
import xarray as xr

import xldm
from xldm.evaluation.ensemble import crps, spread_skill
from xldm.evaluation.spectra import band_error, wind_spectra
from xldm.twin import both_sides, hours_over_year

TARGETS = ("t2m", "u10", "v10")
BANDS = {"4-10 km": (4e3, 10e3), "10-20 km": (10e3, 20e3), "20-50 km": (20e3, 50e3)}


def fields(dataset: xr.Dataset) -> np.ndarray:
    """Return (..., target, y, x) in double precision."""
    stacked = dataset[list(TARGETS)].to_dataarray().transpose(..., "variable", "y", "x")
    return stacked.values.astype("float64")


def scores(name: str, era5: xr.Dataset, fine: xr.Dataset, members: int) -> dict[str, float]:
    """Draw the hours with a package, and score them."""
    model = xldm.load_model(name).drawing(TARGETS)
    found, power, truth_power, seconds = [], 0.0, 0.0, 0.0
    for i in range(fine.sizes["time"]):
        start = time.thread_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is a twin's model, once an hour
            out = xldm.downscale(
                era5.isel(valid_time=[i]), model, members=members, progress=False
            ).load()
        seconds += time.thread_time() - start
        drawn, truth = fields(out.isel(time=0)), fields(fine.isel(time=i))
        fair = [crps(drawn[:, c], truth[c], fair=True).mean() for c in range(len(TARGETS))]
        variance = drawn.var(0, ddof=1).mean((1, 2))
        error = ((drawn.mean(0) - truth) ** 2).mean((1, 2))
        fast = np.hypot(drawn[:, 1], drawn[:, 2]).mean() - np.hypot(truth[1], truth[2]).mean()
        found.append([*fair, *variance, *error, fast])
        wavelength, spectra = wind_spectra(drawn[:, 1], drawn[:, 2], 2000.0)
        power = power + spectra["kinetic_energy"].mean(0)
        truth_power = truth_power + wind_spectra(truth[1], truth[2], 2000.0)[1]["kinetic_energy"]
    means = np.mean(found, axis=0)
    out = {f"CRPS {t}": means[c] for c, t in enumerate(TARGETS)}
    for c, t in enumerate(TARGETS):
        out[f"spread/skill {t}"] = spread_skill(means[3 + c], means[6 + c], members)
    for band, ends in BANDS.items():
        out[f"dB, {band}"] = band_error(wavelength, power, truth_power, ends)
    out |= {"bias of speed": means[9], "CPU s/field": seconds / fine.sizes["time"] / members}
    return {key: float(value) for key, value in out.items()}


def table(rows: dict[str, dict[str, float]]) -> str:
    """Format the scores in Markdown, CRPS relative to the first package's too."""
    first = next(iter(rows.values()))
    lines = [["package", *first], ["---"] * (1 + len(first))]
    for title, row in rows.items():
        cells = [
            f"{v:.3f} ({v / first[k] - 1:+.1%})" if k.startswith("CRPS") else f"{v:+.2f}"
            for k, v in row.items()
        ]
        lines.append([title, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="+", help="names, paths or URLs")
    parser.add_argument("--hours", type=int, default=8)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)  # so that the thread's time is all the time there is
    era5, fine = both_sides(hours_over_year(2008, asked.hours))
    era5, fine = era5.load(), fine.load()
    rows = {name: scores(name, era5, fine, asked.members) for name in asked.packages}
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))
    print(table(rows))


if __name__ == "__main__":
    main()
