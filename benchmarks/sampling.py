"""Measure quality against steps for every sampler, relative to DDIM with 100 steps.

The hours are spread over the twin's year 2008. All samplers start from the same noise::

    python benchmarks/sampling.py --hours 4 --members 4 --json curve.json --figure curve.png

Prints a table in Markdown and marks the rows in which CRPS and energy spectra are within 2 % of the
reference. CPU time is that of a member, with its share of what all members of an hour have in
common.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from few_steps import TARGETS, fields

import xldm
from xldm.evaluation.ensemble import crps
from xldm.evaluation.spectra import band_error, wind_spectra
from xldm.models.model import Model
from xldm.numerics.samplers import SAMPLERS
from xldm.twin import both_sides, hours_over_year

STEPS = (4, 6, 8, 10, 15, 20, 30)
YARDSTICK = ("ddim", 100)
SMALL, FINE = (5e3, 20e3), (7e3, 13e3)  # m, wavelengths
WITHIN = 0.02


def energy(u_v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return wavelengths and kinetic energy of winds (..., 2, H, W)."""
    wavelength, power = wind_spectra(u_v[..., 0, :, :], u_v[..., 1, :, :], 2000.0)
    return wavelength, power["kinetic_energy"]


def scores(
    draw: Callable[[xr.Dataset], xr.Dataset], era5: xr.Dataset, fine: xr.Dataset
) -> dict[str, float]:
    """Score one setting over all hours and cells."""
    sums, seconds, power, truth_power = [], 0.0, 0.0, 0.0
    for i in range(fine.sizes["time"]):
        # Of this thread: what else the machine does should not count.
        start = time.thread_time()
        out = draw(era5.isel(valid_time=[i]))
        seconds += time.thread_time() - start
        members = fields(out.isel(time=0))
        truth = fields(fine.isel(time=i).sel(y=out["y"], x=out["x"]))
        error = members - truth
        fair = [crps(members[:, c], t, fair=True).mean() for c, t in enumerate(truth)]
        squares = (error.mean(0) ** 2).mean((1, 2)), (error**2).mean((0, 2, 3))
        sums.append(np.concatenate([fair, *squares]))
        wavelength, of_members = energy(members[:, 1:])
        power = power + of_members.mean(0)
        truth_power = truth_power + energy(truth[1:])[1]
    crpss, of_mean, of_member = np.mean(sums, 0).reshape(3, -1)
    inside = (wavelength >= SMALL[0]) & (wavelength < SMALL[1])
    decibels = 10 * np.log10(power[inside] / truth_power[inside])
    out = {f"crps_{t}": v for t, v in zip(TARGETS, crpss, strict=True)}
    out |= {f"rmse_mean_{t}": v for t, v in zip(TARGETS, np.sqrt(of_mean), strict=True)}
    out |= {f"rmse_{t}": v for t, v in zip(TARGETS, np.sqrt(of_member), strict=True)}
    out["spectrum_error"] = np.abs(decibels).mean()
    out["small"] = band_error(wavelength, power, truth_power, SMALL)
    out["fine"] = band_error(wavelength, power, truth_power, FINE)
    out["seconds"] = seconds / fine.sizes["time"] / len(members)
    return {k: float(v) for k, v in out.items()}


def curve(model: Model, count: int, members: int, steps: tuple[int, ...]) -> list[dict]:
    """Score the reference, and every sampler with every number of steps."""
    era5, fine = (side.load() for side in both_sides(hours_over_year(2008, count)))
    rows = []
    for sampler, n in [YARDSTICK, *((sampler, n) for sampler in SAMPLERS for n in steps)]:

        def draw(hour: xr.Dataset, sampler: str = sampler, n: int = n) -> xr.Dataset:
            options = {"sampler": sampler, "steps": n, "members": members, "progress": False}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it is a twin's model, once an hour
                return xldm.downscale(hour, model, **options).load()

        row = scores(draw, era5, fine)
        rows.append({"sampler": sampler, "steps": n, **row})
        rows[-1]["within"] = within(rows[-1], rows[0])
        print(f"{sampler} {n}: CRPS of t2m {row['crps_t2m']:.4f} K", file=sys.stderr)
    return rows


def within(row: dict, yardstick: dict) -> bool:
    """Return whether each CRPS, and the energy in both bands, is within 2 % of the reference."""
    crpss = [abs(row[c] / yardstick[c] - 1) for c in (f"crps_{t}" for t in TARGETS)]
    energies = [abs(10 ** ((row[b] - yardstick[b]) / 10) - 1) for b in ("small", "fine")]
    return max(*crpss, *energies) <= WITHIN


COLUMNS = {
    "crps_t2m": "CRPS T2m [K]",
    "crps_u10": "u10 [m/s]",
    "crps_v10": "v10 [m/s]",
    "rmse_mean_t2m": "RMSE of mean, T2m",
    "rmse_mean_u10": "u10",
    "rmse_t2m": "RMSE of member, T2m",
    "rmse_u10": "u10",
    "spectrum_error": "abs dB, 5-20 km",
    "small": "dB, 5-20 km",
    "fine": "dB, 7-13 km",
    "seconds": "CPU s/member",
}


def table(rows: list[dict]) -> str:
    """Format the curve as a table in Markdown."""
    heads = ["sampler", "steps", *COLUMNS.values(), "within 2 %"]
    lines = [heads, ["---"] * len(heads)]
    for row in rows:
        digits = {"seconds": 2, "spectrum_error": 2, "small": 2, "fine": 2}
        values = [f"{row[c]:.{digits.get(c, 3)}f}" for c in COLUMNS]
        lines.append([row["sampler"], str(row["steps"]), *values, "yes" if row["within"] else ""])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw_figure(rows: list[dict], path: Path) -> None:
    """Plot CRPS of the temperature and energy of the smallest scales against steps."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from PIL import Image

    shown = {"crps_t2m": "fair CRPS of T2m [K]", "crps_u10": "fair CRPS of u10 [m/s]"}
    shown["fine"] = "energy at 7-13 km, error [dB]"
    figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
    for ax, (column, label) in zip(axes, shown.items(), strict=True):
        ax.axhline(rows[0][column], color="0.6", linestyle="--", label="ddim 100")
        for sampler in SAMPLERS:
            own = [r for r in rows[1:] if r["sampler"] == sampler]
            ax.plot([r["steps"] for r in own], [r[column] for r in own], "o-", label=sampler)
        ax.set(xlabel="steps", ylabel=label, xscale="log")
        ticks = sorted({r["steps"] for r in rows[1:]})
        ax.set_xticks(ticks, ticks, minor=False)
        ax.set_xticks([], minor=True)
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
    Image.open(path).convert("RGB").quantize(32).save(path, optimize=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", default="italy-2km", help="name, path or URL of a model")
    parser.add_argument("--hours", type=int, default=4)
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS)
    parser.add_argument("--json", type=Path, help="where to write the scores")
    parser.add_argument("--figure", type=Path, help="where to draw them, as PNG")
    args = parser.parse_args()
    torch.set_num_threads(1)  # so that the thread's time is all the time there is
    model = xldm.load_model(args.package).drawing(TARGETS)
    rows = curve(model, args.hours, args.members, tuple(args.steps))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))
    if args.figure:
        draw_figure(rows, args.figure)
    print(table(rows))


if __name__ == "__main__":
    main()
