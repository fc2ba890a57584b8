"""A result as ``xldm.evaluate`` gives it, for tests of what reads it. MADE UP, all of it.

The fields are small and random; what is read is what the package makes of them. Nothing in it says
anything about a model.
"""

from __future__ import annotations

import functools

import numpy as np
import xarray as xr
from pyproj import CRS
from scipy.ndimage import gaussian_filter

from xldm.evaluation import evaluate

SHAPE, SPACING, MEMBERS = (48, 40), 2000.0, 8
FORECASTS = ("quadratic", "UNET", "LDM_res", "LDM_res mean")
UNITS = {"t2m": "K", "u10": "m s-1", "v10": "m s-1"}


def smooth_noise(rng: np.random.Generator, lead: tuple[int, ...], slope: float = 1.6) -> np.ndarray:
    """Periodic random fields (*lead, y, x) of unit variance whose amplitude falls with scale."""
    ky, kx = np.fft.fftfreq(SHAPE[0])[:, None], np.fft.rfftfreq(SHAPE[1])[None]
    amplitude = (np.hypot(ky, kx) + 0.01) ** -slope
    noise = np.fft.rfft2(rng.normal(size=(*lead, *SHAPE)))
    field = np.fft.irfft2(noise * amplitude, SHAPE)
    return field / field.std((-2, -1), keepdims=True)


def terrain() -> xr.Dataset:
    """Height and land mask of an island with a ridge, on the example's grid."""
    y, x = (np.arange(n) * SPACING for n in SHAPE)
    across, along = np.meshgrid(np.linspace(-1, 1, SHAPE[1]), np.linspace(-1, 1, SHAPE[0]))
    height = 2800 * np.exp(-3.5 * (across + 0.3 * along) ** 2 - 1.2 * along**2) - 700
    height += 60 * np.sin(7 * across) * np.cos(9 * along)
    land = height > 0
    return xr.Dataset(
        {"orog": (("y", "x"), np.where(land, height, 0.0)), "land_mask": (("y", "x"), land * 1)},
        {
            "y": ("y", 2.5e6 - y, {"units": "m"}),
            "x": ("x", 4.3e6 + x, {"units": "m"}),
            "spatial_ref": ((), 0, CRS("EPSG:3035").to_cf()),
        },
    )


def times() -> np.ndarray:
    """48 hours: every second hour of one day in each season."""
    days = np.array(["2020-01-15", "2020-04-15", "2020-07-15", "2020-10-15"], "datetime64[ns]")
    return (days[:, None] + np.arange(0, 24, 2) * np.timedelta64(1, "h")).ravel()


@functools.cache
def fields(seed: int = 3) -> dict[str, dict[str, np.ndarray]]:
    """Truth (time, y, x), forecasts the same, "LDM_res" with members first; by source, variable."""
    rng = np.random.default_rng(seed)
    when = times()
    day = 15 + 12 * np.repeat([-0.8, 0.0, 1.0, 0.1], 12) + 4 * np.sin((np.arange(48) % 12 - 4) / 2)
    cool = day[:, None, None] + 273.15 - 0.0065 * terrain()["orog"].values
    scale = {"t2m": 1.5, "u10": 4.0, "v10": 4.0}
    known = {v: s * smooth_noise(rng, (when.size,), 2.6) for v, s in scale.items()}
    known["t2m"] = known["t2m"] + cool

    def unknown(lead: tuple[int, ...], share: float) -> dict[str, np.ndarray]:
        return {v: known[v] + share * s * smooth_noise(rng, lead, 0.8) for v, s in scale.items()}

    drawn = unknown((MEMBERS, when.size), 0.38)
    out = {
        "truth": unknown((when.size,), 0.4),
        "quadratic": {v: 0.3 + gaussian_filter(f, (0, 3, 3)) for v, f in known.items()},
        "UNET": unknown((when.size,), 0.1),
        "LDM_res": drawn,
        "LDM_res mean": {v: f.mean(0) for v, f in drawn.items()},
    }
    for source in out.values():
        source["wind_speed"] = np.hypot(source["u10"], source["v10"])
    out["LDM_res mean"]["wind_speed"] = out["LDM_res"]["wind_speed"].mean(0)
    return out


@functools.cache
def example_result() -> xr.Dataset:
    """The evaluation of the made-up fields. It is not to be changed in place."""
    static, made = terrain(), fields()

    def dataset(source: str, **attrs: object) -> xr.Dataset:
        dims = ("member", "time", "y", "x")[-made[source]["t2m"].ndim :]
        data = {v: (dims, made[source][v], {"units": UNITS[v]}) for v in UNITS}
        coords = {"time": times(), "y": static["y"], "x": static["x"]}
        return xr.Dataset(data, coords, attrs)

    model = {"model": "example", "model_sha256": "0123456789abcdef" * 4, "sampler": "ddim",
             "steps": 100, "seed": 0, "training_data": "synthetic: random numbers"}  # fmt: skip
    return evaluate(
        {"quadratic": dataset("quadratic"), "UNET": dataset("UNET")}
        | {"LDM_res": dataset("LDM_res", **model)},
        dataset("truth", title="made-up fields"),
        static=static,
        thresholds={"wind_speed": (10.0, 15.0), "t2m": (273.15, 303.15)},
        progress=False,
    )
