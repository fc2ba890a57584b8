"""Score a model's rain on real rain: what is it worth beside the simplest methods?

python benchmarks/real_rain.py --model PACKAGE --members 8 --json real_rain.json

Hourly rain of a forecast of 0.025 degrees and of a radar, given its own means over cells of 0.25
degrees, or the rain of a coarser forecast of the same hours; see docs/howto/evaluation.md. The
package needs the target ``tp`` on the Italian domain or a part of it. Without --model, only the
simple methods and the law of the twin are scored.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.interpolate
import xarray as xr
from real_cases import folder
from real_rain_cases import Case, cases

import xldm
from xldm import statics
from xldm.config import GridConfig
from xldm.evaluation.ensemble import crps
from xldm.evaluation.figures.maps import snapshot
from xldm.evaluation.figures.rain_colours import in_mm
from xldm.evaluation.spectra import radial_spectrum
from xldm.grids import projected, regions
from xldm.grids.footprints import footprints
from xldm.models.model import Model
from xldm.nets.field_sizes import FieldSizes, field_sizes
from xldm.twin import rain
from xldm.twin.carried import Carried

WET = 0.1  # mm in an hour
HIGH = 0.999  # the quantile of all hours, wet and dry
BANDS = ((5, 10), (10, 20), (20, 50))  # km
SPACING = 2000.0  # m, of the fine cells
# Windows of the Italian domain, where there is no model to ask.
SIZES = FieldSizes(multiple=4, least=8)


def window(case: Case, model: Model | None) -> GridConfig:
    """Return the largest part of the model's domain inside the coarse input."""
    lon, lat = (case.coarse[n].values for n in ("longitude", "latitude"))
    grid, sizes = projected.ITALY, SIZES
    if model:
        grid = model.config.grid
        sizes = field_sizes(model.config.components, grid.factor)
    return regions.crop(grid, *regions.window(grid, "covered", lon, lat, sizes))


def bilinear(case: Case, grid: GridConfig) -> np.ndarray:
    """Interpolate the coarse rain (time, latitude, longitude) to the fine cells, (time, y, x)."""
    lon, lat = projected.lon_lat(grid, fine=True)
    rows, columns = case.coarse["latitude"].values[::-1], case.coarse["longitude"].values
    values = np.moveaxis(case.rain[:, ::-1], 0, -1)
    at = scipy.interpolate.RegularGridInterpolator((rows, columns), values)((lat, lon))
    return np.moveaxis(at, -1, 0)


def spread(case: Case, grid: GridConfig) -> np.ndarray:
    """Give each fine cell the mean of the coarse cell in which its centre lies."""
    row, column = (np.rint(n).astype(int) for n in places(case, grid))
    return case.rain[:, row, column]


def places(case: Case, grid: GridConfig) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the fine cells among the coarse ones."""
    lon, lat = projected.lon_lat(grid, fine=True)
    north, west = case.coarse["latitude"].values[0], case.coarse["longitude"].values[0]
    return (north - lat) / 0.25, (lon - west) / 0.25


def law(case: Case, grid: GridConfig, members: int, known: float | None = None) -> np.ndarray:
    """Draw from the law of the twin given the coarse rain, (member, time, y, x).

    Unless a kind of rain is ``known``, kinds vary as the twin's do where it is not hot. The coarse
    rain is as sharp as can be; neither terrain nor wind plays a part, since the wind aloft of these
    hours is not known.
    """
    lat, lon = (tuple(case.coarse[n].values.tolist()) for n in ("latitude", "longitude"))
    shape = len(lat), len(lon)
    at = rain.cells(footprints(grid, lat, lon, None).means, shape, *places(case, grid))
    still = np.zeros(grid.fine_shape)
    usual, _, varies = rain.LAW["kind"]
    rng = np.random.default_rng(0)
    out = np.empty((members, len(case.rain), *grid.fine_shape))
    for m, t in np.ndindex(out.shape[:2]):
        drawn = np.clip(usual + varies * rng.normal(), 0, 1)
        kind = np.full(shape, drawn if known is None else known)
        field = Carried(1000 * t + m, grid.fine_shape, SPACING)
        gauss = field.at(0.5, lambda _: (still, still), rain.LAW["small"])
        out[m, t] = rain.amounts(
            gauss, case.rain[t], at, rain.Weather(kind, still, still, sharp=1.0)
        )
    return out


def drawn(case: Case, model: Model, members: int, options: dict) -> dict[str, np.ndarray]:
    """Downscale the coarse rain, and with it the other fields of these hours, by a model."""
    out = {}
    for title, names in case.given.items():
        given = case.coarse[names]
        # Hours far apart are no series.
        parts = [given.isel(time=[i]) for i in range(given.sizes["time"])]
        parts = parts if case.apart else [given]
        for what, of, count in (("UNET", model.baseline("regression"), None), ("", model, members)):
            found = [forecast(part, of, count, options) for part in parts]
            out[f"{what or 'members'}, given {title}"] = np.concatenate(found, axis=1)
    return out


def forecast(given: xr.Dataset, model: Model, members: int | None, options: dict) -> np.ndarray:
    """Return the rain of a model in mm, (member, time, y, x)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = xldm.downscale(
            given, model, targets=["tp"], members=members, region="covered", **options
        )
    field = in_mm(made["tp"].load())
    field = field if "member" in field.dims else field.expand_dims("member")
    return field.transpose("member", "time", "y", "x").values.astype("float64")


def decibels(field: np.ndarray, *, logarithm: bool) -> np.ndarray:
    """Return the power of fields (..., y, x) in each of the bands, in dB."""
    if logarithm:
        field = 10 * np.log10(np.maximum(field, WET) / WET)
    wavelength, power = radial_spectrum(field, SPACING)
    power = power.reshape(-1, wavelength.size).mean(0)
    bands = [(wavelength >= a * 1e3) & (wavelength < b * 1e3) for a, b in BANDS]
    return 10 * np.log10([power[b].mean() for b in bands])


def scores(field: np.ndarray, truth: np.ndarray, plain: float) -> dict:
    """Score a forecast (member, time, y, x) against a truth (time, y, x), both in mm.

    ``plain`` is the mean absolute error of bilinear interpolation.
    """
    single = len(field) == 1
    error = np.abs(field[0] - truth) if single else crps(field, truth, fair=True)
    out = {
        "wet share": float((field >= WET).mean()),
        "mean": float(field.mean()),
        "99.9 %": float(np.quantile(field, HIGH)),
        "MAE" if single else "CRPS": float(error.mean()),
    }
    out["wet share / truth"] = out["wet share"] / float((truth >= WET).mean())
    out["mean / truth"] = out["mean"] / float(truth.mean())
    out["99.9 % / truth"] = out["99.9 %"] / float(np.quantile(truth, HIGH))
    for title, logarithm in (("log rain", True), ("rain", False)):
        apart = decibels(field, logarithm=logarithm) - decibels(truth, logarithm=logarithm)
        for (low, high), of_band in zip(BANDS, apart, strict=True):
            out[f"{title}, {low}-{high} km"] = float(of_band)
    out["score / bilinear MAE"] = float(error.mean()) / plain
    return out


def forecasts(case: Case, grid: GridConfig, members: int) -> dict[str, np.ndarray]:
    """Return what needs no model, (member, time, y, x)."""
    return {
        "bilinear": bilinear(case, grid)[None],
        "conservative spread": spread(case, grid)[None],
        "law of the twin": law(case, grid, members),
        "law, steady rain": law(case, grid, members, known=0.0),
        "law, showers": law(case, grid, members, known=0.6),
    }


def figure(fields: dict[str, np.ndarray], truth: np.ndarray, grid: GridConfig, to: Path) -> None:
    """Draw the hour of most rain: the truth, and the first member of each forecast."""
    hour = int(truth.mean((1, 2)).argmax())
    y, x = projected.axes(grid, fine=True)

    def held(values: np.ndarray) -> xr.Dataset:
        return xr.Dataset({"tp": (("y", "x"), values, {"units": "mm"})}, {"y": y, "x": x})

    static = statics.embedded()[["land_mask"]].sel(y=y, x=x, method="nearest")
    shown = {name: held(field[0, hour]) for name, field in fields.items()}
    snapshot(held(truth[hour]), shown, static, "tp").savefig(to, dpi=110)


#: Columns of the table: in the scores, as they are titled, and how they are written.
COLUMNS = {
    "wet share / truth": ("wet share / truth", ".2f"),
    "mean / truth": ("mean / truth", ".2f"),
    "99.9 % / truth": ("99.9 % / truth", ".2f"),
    **{f"log rain, {a}-{b} km": (f"log rain {a}-{b} km, dB", "+.1f") for a, b in BANDS},
    **{f"rain, {a}-{b} km": (f"rain {a}-{b} km, dB", "+.1f") for a, b in BANDS},
}


def table(rows: list[dict]) -> str:
    """Return the scores as a table in Markdown."""
    head = ["case", "forecast", *(title for title, _ in COLUMNS.values())]
    head += ["MAE or CRPS, mm", "/ bilinear MAE"]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for r in rows:
        cells = [r["case"], r["forecast"], *(f"{r[k]:{form}}" for k, (_, form) in COLUMNS.items())]
        cells += [f"{r['MAE' if 'MAE' in r else 'CRPS']:.3f}", f"{r['score / bilinear MAE']:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def scored(
    chosen: Iterator[Case], model: Model | None, members: int, options: dict, pictures: Path | None
) -> Iterator[dict]:
    """Score all forecasts of the cases."""
    for case in chosen:
        grid = window(case, model)
        truth = case.truth(grid)
        fields = forecasts(case, grid, members)
        if model:
            fields |= drawn(case, model, members, options)
        wet, high = (truth >= WET).mean(), np.quantile(truth, HIGH)
        print(
            f"{case.title}: {len(truth)} hours of {' x '.join(map(str, grid.fine_shape))} cells, "
            f"{wet:.1%} wet, mean {truth.mean():.2f} mm, 99.9 % {high:.1f} mm"
        )
        plain = float(np.abs(fields["bilinear"][0] - truth).mean())
        for name, field in fields.items():
            yield {"case": case.title, "forecast": name} | scores(field, truth, plain)
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
            figure(fields, truth, grid, pictures / f"{case.title.split(':')[0]}.png")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the real files")
    parser.add_argument("--model", help="name or path of a package with the target tp")
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--steps", type=int, help="of the sampler")
    parser.add_argument("--hours", type=int, default=12, help="of the forecasts")
    parser.add_argument("--only", default="", help="run the cases whose title begins so")
    parser.add_argument("--device")
    parser.add_argument("--figures", type=Path, help="folder for a map of each case")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    data = folder(asked.data)
    model = xldm.load_model(asked.model) if asked.model else None
    if model:
        print(f"model {model.config.name}, sha256 {model.sha256[:12]}, {asked.members} members")
    options = {"missing": "climatology", "progress": False, "conserve": True}
    options |= {"device": asked.device, "steps": asked.steps}
    chosen = cases(data, asked.hours, asked.only)
    rows = list(scored(chosen, model, asked.members, options, asked.figures))
    print("\n" + table(rows))
    if asked.json:
        found = {"sha256": model.sha256 if model else "", "members": asked.members, "rows": rows}
        asked.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
