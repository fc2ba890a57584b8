"""Ask where members spread as they err: in every decile of spread, and for means over 32 km.

python benchmarks/spread_skill.py --hours 12 --members 8

Hours of the twin are downscaled with twice as many members as asked for. Places are sorted by the
spread of the first half. Spread and error in each decile are those of the second half: otherwise
chance would sort too, and the places that spread most by chance would seem to spread too much. 1 is
reliable. Beside the model stands a perfect ensemble of the twin's law (`benchmarks/floor.py`).
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr
from floor import TARGETS, Given, perfect

import xldm
from xldm.evaluation.ensemble import spread_skill
from xldm.models.model import Model
from xldm.twin import Twin, hours_over_year
from xldm.twin.hourly import whole_hours

DECILES = 10
#: Fine cells along an axis over which means are taken, of 2 km each.
SCALES = {"2 km": 1, "32 km": 16}


def pooled(field: np.ndarray, size: int) -> np.ndarray:
    """Return the means of fields (..., y, x) over size x size cells."""
    return field.reshape(*field.shape[:-2], -1, size, field.shape[-1] // size, size).mean((-3, -1))


def moments(ensemble: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return what sorts places, variance, and squared error of the mean: (3, place), float32."""
    first, second = np.split(ensemble.astype("float64"), 2)
    error = (second.mean(0) - truth) ** 2
    kept = (first.var(0, ddof=1), second.var(0, ddof=1), error)
    return np.stack([f.ravel() for f in kept]).astype("float32")


def by_decile(found: np.ndarray, members: int) -> np.ndarray:
    """Return spread over skill in each decile of what sorts places, (DECILES,)."""
    ranked = found[:, found[0].argsort()]
    means = [part.mean(1, dtype="float64") for part in np.array_split(ranked, DECILES, axis=1)]
    _, variance, error = np.transpose(means)
    return spread_skill(variance, error, members)


def ensembles(
    model: Model | None, hours: int, members: int, device: str | None
) -> Iterator[tuple[str, xr.Dataset, xr.Dataset]]:
    """Return title, members and truth of each hour, for a perfect ensemble and the model."""
    twin = Twin(seed=0)
    given = Given(twin)
    for time in hours_over_year(2008, hours):
        era5, truth = twin.hour(time)
        yield "perfect", perfect(twin, given, whole_hours(time), members), truth
        if model:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                out = xldm.downscale(era5, model, members=members, progress=False, device=device)
            yield model.config.name, out.isel(time=0).load(), truth


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="italy-2km", help="name or path; '' for none")
    parser.add_argument("--hours", type=int, default=12)
    parser.add_argument("--members", type=int, default=8, help="in each half")
    parser.add_argument("--device")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    model = xldm.load_model(asked.model).drawing(TARGETS) if asked.model else None
    found: dict[tuple[str, str, str], list[np.ndarray]] = {}
    for title, drawn, truth in ensembles(model, asked.hours, 2 * asked.members, asked.device):
        for name in TARGETS:
            for scale, size in SCALES.items():
                fields = (pooled(ds[name].values, size) for ds in (drawn, truth))
                found.setdefault((name, scale, title), []).append(moments(*fields))
    if model:
        print(f"model {model.config.name}, sha256 {model.sha256[:12]}")
    tenths = [f"{n + 1}" for n in range(DECILES)]
    print("| target | means over | ensemble |", " | ".join(["all", *tenths]), "|")
    print("| --- " * (DECILES + 4) + "|")
    rows = []
    for (name, scale, title), parts in found.items():
        whole = np.concatenate(parts, axis=1)
        _, variance, error = whole.mean(1, dtype="float64")
        every = float(spread_skill(variance, error, asked.members))
        ratios = by_decile(whole, asked.members).tolist()
        print(
            f"| {name} | {scale} | {title} |", " | ".join(f"{r:.2f}" for r in [every, *ratios]), "|"
        )
        rows.append({"target": name, "scale": scale, "ensemble": title, "all": every, "by": ratios})
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
