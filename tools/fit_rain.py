"""Fit the twin's rain to real rain, and measure both.

Prints the tables of ``docs/explanation/twin.md`` and the coefficients for ``xldm/twin/rain.py``::

    python tools/fit_rain.py ../shared/realdata

Needs cfgrib and the folder of real files, which the package does not hold. Fields of AROME
and ARPEGE: Meteo-France, MeteoNet (Larvor et al. 2020), Etalab Open Licence 2.0.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.ndimage
import scipy.optimize
import scipy.sparse
import xarray as xr

from xldm.evaluation.spectra import radial_spectrum
from xldm.twin import rain
from xldm.twin.carried import Carried

WET = 0.1  # mm in an hour
# Edges of classes of the coarse amount, mm in an hour, and of how much it varies among neighbours;
# how many boxes a class needs.
CLASSES, VARYING, LEAST = (0.02, 0.1, 0.3, 1.0, 30.0), (0, 0.4, 0.7, 1.0, 1.5, 3.0), 12
PARTS = (95, 99, 99.9)
BANDS = ((5, 10), (10, 20), (20, 50))  # km


class Source(NamedTuple):
    """Real hours (time, y, x) in mm, in whole boxes of about 0.25 degrees."""

    name: str
    hours: np.ndarray
    box: tuple[int, int]
    spacing: float


def boxes(field: np.ndarray, box: tuple[int, int]) -> np.ndarray:
    """Return the cells of each box, (..., row, column, cell)."""
    rows, columns = (n // b for n, b in zip(field.shape[-2:], box, strict=True))
    field = field[..., : rows * box[0], : columns * box[1]]
    field = field.reshape(*field.shape[:-2], rows, box[0], columns, box[1]).swapaxes(-3, -2)
    return field.reshape(*field.shape[:-2], box[0] * box[1])


def model_hours(file: Path) -> np.ndarray:
    """Return the hourly amounts of a forecast whose rain is summed from its start."""
    total = xr.open_dataset(file, engine="cfgrib", backend_kwargs={"indexpath": ""})["tp"]
    values = total.sortby("latitude").values.astype(float)
    return np.concatenate([values[:1], np.maximum(np.diff(values, axis=0), 0)])


def radar_hours(folder: Path) -> np.ndarray:
    """Return the radar's hours as means of 2 by 2 of its cells; NaN beyond its reach."""
    found = []
    for file in sorted(folder.glob("*.nc.gz")):
        with tempfile.NamedTemporaryFile(suffix=".nc") as plain:
            plain.write(gzip.decompress(file.read_bytes()))
            plain.flush()
            with xr.open_dataset(plain.name, decode_times=False) as ds:
                values = ds["cum_pr_mm"].values[0].astype(float)
        found.append(boxes(np.where(values < 0, np.nan, values), (2, 2)).mean(-1))
    return np.stack(found)


def cropped(name: str, hours: np.ndarray, box: tuple[int, int], spacing: float) -> Source:
    """Cut hours to whole boxes."""
    rows, columns = (n // b * b for n, b in zip(hours.shape[1:], box, strict=True))
    return Source(name, hours[:, :rows, :columns], box, spacing)


def sources(folder: Path) -> dict[str, Source]:
    """Return the hours of AROME and of the radar."""
    meteonet = folder / "meteonet_20180501"
    arome = model_hours(meteonet / "mn_arome_PRECIP_SE_20180501000000.grib")
    radar = radar_hours(folder / "radar_tp_er_20200326")
    return {
        "AROME": cropped("AROME", arome, (10, 10), 2400.0),
        "radar": cropped("radar", radar, (14, 10), 2000.0),
    }


def box_cells(source: Source) -> rain.Cells:
    """Return the boxes of a source as coarse cells."""
    rows, columns = source.hours.shape[1:]
    shape = rows // source.box[0], columns // source.box[1]
    y, x = np.indices((rows, columns))
    cell = (y // source.box[0] * shape[1] + x // source.box[1]).ravel()
    weight = np.full(cell.size, 1 / np.prod(source.box))
    means = scipy.sparse.csr_array(
        (weight, (cell, np.arange(cell.size))), shape=(np.prod(shape), cell.size)
    )
    row, column = ((i + 0.5) / b - 0.5 for i, b in zip((y, x), source.box, strict=True))
    return rain.cells(means, shape, row, column)


def drawn(source: Source, at: rain.Cells, kind: float) -> np.ndarray:
    """Draw fine rain from the box means of a source, as the twin does from its coarse cells."""
    still = np.zeros(source.hours.shape[1:])
    made = []
    for i, hour in enumerate(source.hours):
        coarse = np.nan_to_num(boxes(hour, source.box).mean(-1))
        field = Carried(1000 + i, hour.shape, source.spacing)
        gauss = field.at(0.5, lambda _: (still, still), rain.LAW["small"])
        weather = rain.Weather(np.full(coarse.shape, kind), still, still, sharp=1.0)
        made.append(rain.amounts(gauss, coarse, at, weather))
    return np.where(np.isfinite(source.hours), np.stack(made), np.nan)


def statistics(source: Source, hours: np.ndarray) -> dict[str, float]:
    """Return the figures in which a draw is compared with reality.

    Boxes are sorted by their mean, and by how much means vary among their neighbours.
    """
    seen = np.isfinite(hours)
    found = {"wet share": float((hours[seen] >= WET).mean())}
    found |= {f"{p} %": float(np.percentile(hours[seen], p)) for p in PARTS}
    inside, mean = boxes(hours, source.box), boxes(source.hours, source.box).mean(-1)
    vary = rain.varying(np.nan_to_num(mean))
    for low, high in itertools.pairwise(CLASSES):
        for calm, wild in itertools.pairwise(VARYING):
            chosen = (mean >= low) & (mean < high) & (vary >= calm) & (vary < wild)
            if chosen.sum() < LEAST:
                continue
            cells = inside[chosen]
            own = cells.mean(-1, keepdims=True)
            name = f"{low:g}-{high:g} mm, varying by {calm:g}-{wild:g}:"
            found[f"{name} wet share"] = float((cells >= WET).mean())
            found[f"{name} deviation over mean"] = float((cells.std(-1) / own[:, 0]).mean())
            found[f"{name} 99 % over mean"] = float(np.percentile(cells / own, 99))
    rain_or_0 = np.nan_to_num(hours)
    logarithm = 10 * np.log10(np.maximum(rain_or_0, WET) / WET)
    for kind, field in (("log rain", logarithm), ("rain", rain_or_0)):
        wavelength, power = radial_spectrum(field, source.spacing)
        power = power.reshape(-1, wavelength.size).mean(0)
        for low, high in BANDS:
            band = (wavelength >= low * 1e3) & (wavelength < high * 1e3)
            found[f"{kind}, {low}-{high} km"] = float(power[band].mean())
    return found


def error(real: dict[str, float], made: dict[str, float]) -> float:
    """Return the objective: squared errors of shares, and of logarithms of everything else.

    What holds for all hours weighs more than what holds for one class of boxes.
    """
    total = 0.0
    for name, value in real.items():
        if name == "wet share":
            total += 3 * ((made[name] / value - 1) / 0.05) ** 2
        elif "share" in name:
            total += 0.4 * ((made[name] - value) / 0.05) ** 2
        elif " km" in name:
            total += (np.log(made[name] / value) / 0.3) ** 2
        elif "mm" in name:
            total += 0.4 * (np.log(made[name] / value) / 0.15) ** 2
        else:
            total += 2 * (np.log(made[name] / value) / 0.1) ** 2
    return total / len(real)


# Coefficients that the fit may change: how far at first, and which of a pair.
FREE = (
    ("threshold", 0, 0.8), ("threshold", 1, 0.8), ("power", 0, 0.3), ("power", 1, 0.4),
    ("wetter", None, -0.3), ("patchy", None, 0.6), ("small", None, 0.08),
)  # fmt: skip
# Which kind of rain the hours of a source are taken for.
KIND = {"AROME": 0.6, "radar": 0.0}


def moved(moves: np.ndarray) -> dict:
    """Return coefficients of the law after some moves."""
    law = dict(rain.LAW)
    for (name, which, _), move in zip(FREE, moves.tolist(), strict=True):
        if which is None:
            law[name] += move
        else:
            law[name] = tuple(v + move * (i == which) for i, v in enumerate(law[name]))
    law["small"] = float(np.clip(law["small"], 0.02, 0.9))
    return law


def fit(real: dict[str, Source], rounds: int) -> None:
    """Print coefficients that lessen the objective, summed over both sources (Nelder and Mead)."""
    places = {name: box_cells(source) for name, source in real.items()}
    aims = {name: statistics(source, source.hours) for name, source in real.items()}
    before = dict(rain.LAW)

    def objective(moves: np.ndarray) -> float:
        rain.LAW.update(moved(moves))
        made = {n: drawn(source, places[n], KIND[n]) for n, source in real.items()}
        rain.LAW.update(before)
        return sum(error(aims[n], statistics(real[n], made[n])) for n in real)

    start = np.vstack([np.zeros(len(FREE)), np.diag([step for _, _, step in FREE])])
    options = {"initial_simplex": start, "maxfev": rounds}
    found = scipy.optimize.minimize(objective, start[0], method="Nelder-Mead", options=options)
    print(f"objective: {objective(start[0]):.2f} -> {found.fun:.2f}")
    for name in dict.fromkeys(name for name, _, _ in FREE):
        print(f"{name}: {before[name]} -> {moved(found.x)[name]}")


def compare(real: dict[str, Source]) -> None:
    """Print the law beside the hours of each source."""
    for name, source in real.items():
        aims = statistics(source, source.hours)
        made = statistics(source, drawn(source, box_cells(source), KIND[name]))
        print(f"\n| {name}: of the hours, of the boxes by their mean | measured | twin |")
        print("| --- | --- | --- |")
        for figure, value in aims.items():
            print(f"| {figure} | {value:.3g} | {made[figure]:.3g} |")


def explained(real: dict[str, Source]) -> None:
    """Print how far coarse amounts explain how much rain varies inside a box.

    The logarithm of its deviation over its mean is regressed on the logarithm of the mean, on how
    much means vary among 3 by 3 boxes (`xldm.twin.rain.patchiness`), and on the wet share of 9 by
    9 boxes.
    """
    print("\n| boxes of 0.1 to 10 mm | mean | variation | wet share | constant | R2 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, source in real.items():
        inside = boxes(np.nan_to_num(source.hours), source.box)
        mean, deviation = inside.mean(-1), inside.std(-1)
        wide = scipy.ndimage.uniform_filter((mean >= WET) * 1.0, (1, 9, 9), mode="nearest")
        whole = np.isfinite(boxes(source.hours, source.box)).all(-1)
        chosen = whole & (mean >= WET) & (mean < 10) & (deviation > 0)
        m, d = mean[chosen], deviation[chosen]
        given = np.stack([np.log(m), rain.patchiness(mean)[chosen], wide[chosen], np.ones_like(m)])
        wanted = np.log(d / m)
        slopes, *_ = np.linalg.lstsq(given.T, wanted)
        left = np.var(wanted - slopes @ given) / np.var(wanted)
        print(f"| {name} | " + " | ".join(f"{s:.2f}" for s in slopes) + f" | {1 - left:.2f} |")


def main() -> None:
    """Print the tables, and a fit if rounds are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=0, help="of the fit; none by default")
    options = parser.parse_args()
    real = sources(options.folder)
    compare(real)
    explained(real)
    if options.rounds:
        fit(real, options.rounds)


if __name__ == "__main__":
    main()
