"""Score a model on real fields: what is it worth beside the simplest methods?

python benchmarks/real.py --members 8 --json real.json

Real fields of other models are averaged to 0.25 degrees, downscaled, and compared with themselves
at the places of their own grid; see docs/explanation/reality.md. RMSE is in K and m/s (of wind,
that of the vector); CRPS is the fair score.
"""

from __future__ import annotations

import argparse
import itertools
import json
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse
import xarray as xr
from real_cases import (
    HEIGHTS,
    LAPSE,
    Case,
    cases,
    fine_places,
    folder,
    quadratic,
    regressed_lapse,
    whole_cells,
)
from real_stations import nest, trentino

import xldm
from xldm import statics
from xldm.evaluation.ensemble import crps
from xldm.models.model import Model

SIMPLE = ("quadratic", "lapse 6.5", "local lapse")
WINDS = ("u10", "v10")
#: Options of `downscale` that are compared, by the end of a column's name.
WAYS: dict[str, dict] = {"": {"conserve": False}, " conserved": {"conserve": True}}


def simple(case: Case, name: str, lon: np.ndarray, lat: np.ndarray, orog: np.ndarray) -> dict:
    """Interpolate one field to fine cells by the methods that need no model."""
    values = case.coarse[name].values
    smooth = quadratic(case.coarse, values, lon, lat)
    if name != "t2m":
        return {"quadratic": smooth}
    rise = orog - quadratic(case.coarse, case.terrain[None], lon, lat)
    slope = quadratic(case.coarse, regressed_lapse(values, case.terrain), lon, lat)
    return {
        "quadratic": smooth,
        "lapse 6.5": smooth - LAPSE * rise,
        "local lapse": smooth + slope * rise,
    }


@dataclass(frozen=True)
class Verified:
    """Errors {(target, column): (member, time, place)}, and what the places are like."""

    errors: dict[tuple[str, str], np.ndarray]
    land: np.ndarray
    height: np.ndarray


def drawn(case: Case, model: Model, members: int, options: dict) -> dict[str, xr.Dataset]:
    """Downscale by the regression alone (one field), and by the whole model (members)."""
    options = options | {"region": "covered"}
    out = {}
    for end, way in WAYS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            whole = xldm.downscale(case.coarse, model, members=members, **options, **way)
            mean = xldm.downscale(case.coarse, model.baseline("regression"), **options, **way)
        out[f"UNET{end}"], out[f"members{end}"] = mean.load(), whole.load()
    return out


def averaging(nearest: np.ndarray, inside: np.ndarray, places: int) -> scipy.sparse.csr_array:
    """Return the means over fine cells of each place, empty where cells of a place are outside."""
    counts = np.bincount(nearest[nearest >= 0], minlength=places)
    here = nearest[inside]
    whole = np.bincount(here[here >= 0], minlength=places) == counts
    used = np.flatnonzero((here >= 0) & whole[here])
    weights = 1 / counts[here[used]]
    return scipy.sparse.csr_array((weights, (here[used], used)), shape=(places, here.size))


def forecasts(case: Case, model: Model, members: int, options: dict) -> list[Verified]:
    """Return forecasts at the places of the truth, and averaged back to the input's cells."""
    produced = drawn(case, model, members, options)
    sample = next(iter(produced.values()))
    static = statics.embedded()
    rows = np.isin(static["y"].values, sample["y"].values)
    columns = np.isin(static["x"].values, sample["x"].values)
    inside = (rows[:, None] & columns).ravel()
    lon, lat = (f.ravel()[inside] for f in fine_places())
    orog, land = (static[n].values.ravel()[inside].astype("float64") for n in ("orog", "land_mask"))
    fine = {}
    for name in case.truth:
        fine[name] = {k: v[None] for k, v in simple(case, name, lon, lat, orog).items()}
        fine[name] |= {k: flat(ds[name]) for k, ds in produced.items()}
    at_input = whole_cells(*np.meshgrid(case.coarse["longitude"], case.coarse["latitude"]))
    given = {n: case.coarse[n].values.reshape(case.coarse.sizes["time"], -1) for n in case.truth}
    out = []
    for truth, nearest in ((case.truth, case.nearest), (given, at_input)):
        places = averaging(nearest, inside, next(iter(truth.values())).shape[1])
        errors = {
            (name, column): np.stack([[places @ f for f in m] for m in field]) - truth[name]
            for name, fields in fine.items()
            for column, field in fields.items()
        }
        # A place without cells has the height NaN, and belongs to no class.
        known = np.where(places.sum(1) > 0.5, 1, np.nan)
        out.append(Verified(errors, places @ land * known, places @ orog * known))
    return out


def flat(field: xr.DataArray) -> np.ndarray:
    """Return (member, time, cell); a field without members has one."""
    values = field.values.astype("float64")
    values = values if "member" in field.dims else values[None]
    return values.reshape(*values.shape[:2], -1)


def classes(place: Verified) -> dict[str, np.ndarray]:
    land = place.land >= 0.5
    out = {"all": np.isfinite(place.height), "sea": place.land < 0.5, "land": land}
    for low, high in itertools.pairwise(HEIGHTS):
        title = f"{low}-{high} m" if high < HEIGHTS[-1] else f"above {low} m"
        out[title] = land & (place.height >= low) & (place.height < high)
    return out


def scored(case: Case, at_truth: Verified, at_input: Verified) -> list[dict]:
    """Score all forecasts of a case in each class of places, and against the input itself."""
    groups = {"T2m": ("t2m",), "wind": WINDS} if "u10" in case.truth else {"T2m": ("t2m",)}
    rows = []
    for title, names in groups.items():
        for where, chosen in classes(at_truth).items():
            rows.append({"case": case.title, "of": title, "where": where})
            rows[-1] |= scores(at_truth, names, chosen, case.one_offset)
        rows.append({"case": case.title, "of": title, "where": "input's cells"})
        rows[-1] |= scores(at_input, names, np.isfinite(at_input.height), False)
    return [r for r in rows if r["places"]]


def scores(place: Verified, names: tuple[str, ...], where: np.ndarray, one_offset: bool) -> dict:
    """Return RMSE of every column, CRPS and mean absolute error of members and their mean.

    The mean of many is an estimate: its error cannot be seen, but that of the mean of n and the
    variance of members tell it without bias.
    """
    out: dict = {"places": int(where.sum()), "rmse": {}, "crps": {}, "mae": {}}
    for column in (c for n, c in place.errors if n == names[0]):
        error = np.stack([place.errors[n, column] for n in names])  # target, member, time, place
        if one_offset:
            held = np.isfinite(place.height)
            error = error - error[..., held].mean((1, 3))[:, None, :, None]
        error = error[..., where]
        if not where.any():
            continue
        title = column.replace("members", "mean of members")
        out["rmse"][title] = float(np.sqrt((error.mean(1) ** 2).sum(0).mean()))
        if column.startswith("members"):
            if (members := error.shape[1]) > 1:
                # The mean of n members errs by a part in n of their variance more than of many.
                square = error.mean(1) ** 2 - error.var(1, ddof=1) / members
                many = float(np.sqrt(max(square.sum(0).mean(), 0)))
                out["rmse"][column.replace("members", "mean of many")] = many
            fair = [crps(e, np.zeros(e.shape[1:]), fair=True).mean() for e in error]
            out["crps"][title] = float(np.mean(fair))
            out["mae"][title] = float(np.abs(error.mean(1)).mean())
    return out


def table(rows: list[dict]) -> str:
    """Return the scores as a table in Markdown."""
    columns = list(dict.fromkeys(k for r in rows for k in r["rmse"]))
    probabilistic = list(dict.fromkeys(k for r in rows for k in r["crps"]))
    head = ["case", "of", "where", "places", *columns]
    for key in probabilistic:
        head += [
            f"CRPS{key.removeprefix('mean of members')}",
            f"/ MAE{key.removeprefix('mean of members')}",
        ]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for r in rows:
        cells = [r["case"], r["of"], r["where"], str(r["places"])]
        cells += [f"{r['rmse'][k]:.2f}" if k in r["rmse"] else "-" for k in columns]
        for key in probabilistic:
            cells += [f"{r['crps'][key]:.2f}", f"{r['crps'][key] / r['mae'][key]:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def station_table(columns: list[str], rows: list[dict]) -> str:
    lines = ["| statistic | " + " | ".join(columns) + " |", "| --- " * (len(columns) + 1) + "|"]
    lines += [
        f"| {r['title']} | " + " | ".join(f"{r[c]:.1f}" for c in columns) + " |" for r in rows
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the real files")
    parser.add_argument("--model", default="italy-2km", help="name or path of a package")
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--steps", type=int, help="of the sampler")
    parser.add_argument("--hours", type=int, default=12, help="of ARPEGE")
    parser.add_argument("--days", type=int, default=4, help="of each season, for the stations")
    parser.add_argument("--only", default="", help="run the cases whose title begins so")
    parser.add_argument("--device")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    data = folder(asked.data)
    model = xldm.load_model(asked.model).drawing(["t2m", "u10", "v10"])
    print(f"model {model.config.name}, sha256 {model.sha256[:12]}, {asked.members} members\n")
    options = {"missing": "climatology", "progress": False}
    options |= {"device": asked.device, "steps": asked.steps}
    found: dict = {"sha256": model.sha256, "members": asked.members, "rows": []}
    for case in cases(data, asked.hours, asked.only):
        found["rows"] += scored(case, *forecasts(case, model, asked.members, options))
    if found["rows"]:
        print(table(found["rows"]))
    if "Trentino".startswith(asked.only):
        columns, rows = trentino(data, model, asked.days, WAYS, options)
        found["stations"] = rows
        print("\n" + station_table(columns, rows))
    if "WRF".startswith(asked.only):
        found["nest"] = nest(data)
        print("\nWRF in Tibet, T2m from 30 to 10 km, quadratic:", end=" ")
        print(", ".join(f"{k} {v:.2f} K" for k, v in found["nest"].items()))
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
