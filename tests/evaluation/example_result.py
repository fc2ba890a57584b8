"""A result as ``xldm.evaluate`` gives it, for tests of what reads it. MADE UP, all of it.

Scores of fields are computed here from small random fields by the shortest NumPy there is; spectra,
distributions and what belongs to the physics are closed forms with noise. Nothing in it says
anything about a model.
"""

from __future__ import annotations

import functools
import json
from itertools import pairwise

import numpy as np
import xarray as xr
from scipy.ndimage import gaussian_filter

SHAPE, SPACING, MEMBERS = (48, 40), 2000.0, 8
FORECASTS = ("quadratic", "UNET", "LDM_res", "LDM_res mean")
UNITS = {"t2m": "K", "u10": "m s-1", "v10": "m s-1", "wind_speed": "m s-1"}
LONG_NAMES = {
    "t2m": "2 m temperature",
    "u10": "10 m eastward wind",
    "v10": "10 m northward wind",
    "wind_speed": "10 m wind speed",
}
SEASONS = ("DJF", "MAM", "JJA", "SON")
BANDS = ("4-10 km", "10-20 km", "20-50 km", "50-100 km", "100-1000 km")
EXPOSURES = ("deep valley", "valley", "level", "slope top", "ridge")
STRATA = ("all", "land", "sea", "below 200 m", "200-500 m", "500-1000 m", "1000-1500 m",
          "1500-2000 m", "above 2000 m")  # fmt: skip
EVENTS = {"wind_speed > 10": ("wind_speed", 10.0), "wind_speed > 15": ("wind_speed", 15.0),
          "t2m > 273.15": ("t2m", 273.15), "t2m > 303.15": ("t2m", 303.15)}  # fmt: skip
# Variance lost at the small scales, by forecast: the wavelength [km] where half of it is gone.
CUTOFF = {"truth": 0.0, "quadratic": 60.0, "UNET": 15.0, "LDM_res": 1.5, "LDM_res mean": 13.0}


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
    crs = {"grid_mapping_name": "lambert_azimuthal_equal_area", "crs_wkt": "made up"}
    return xr.Dataset(
        {"orog": (("y", "x"), np.where(land, height, 0.0)), "land_mask": (("y", "x"), land * 1)},
        {
            "y": ("y", 2.5e6 - y, {"units": "m"}),
            "x": ("x", 4.3e6 + x, {"units": "m"}),
            "spatial_ref": ((), 0, crs),
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


def strata() -> dict[str, np.ndarray]:
    """Cells (y, x) of each stratum."""
    static = terrain()
    land, height = static["land_mask"].values > 0, static["orog"].values
    edges = (0, 200, 500, 1000, 1500, 2000, 9000)
    bands = [land & (height >= a) & (height < b) for a, b in pairwise(edges)]
    return dict(zip(STRATA, [np.ones(SHAPE, bool), land, ~land, *bands], strict=True))


def periods() -> dict[str, np.ndarray]:
    """Indices into the times of each period."""
    hour, month = times().astype("datetime64[h]").astype(int) % 24, np.repeat(range(4), 12)
    season = {name: month == i for i, name in enumerate(SEASONS)}
    return (
        {"all": np.full(48, True)}
        | season
        | {f"{h:02d} UTC": hour == h for h in range(24) if h % 2 == 0}
    )


def scores(forecast: np.ndarray, truth: np.ndarray, axis: tuple[int, ...]) -> dict:
    """The deterministic scores over some axes of arrays that broadcast."""
    truth = np.broadcast_to(truth, forecast.shape)
    error = forecast - truth
    f, t = (a - a.mean(axis, keepdims=True) for a in (forecast, truth))
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "rmse": np.sqrt((error**2).mean(axis)),
            "bias": error.mean(axis),
            "mae": np.abs(error).mean(axis),
            "r2": 1 - (error**2).sum(axis) / (t**2).sum(axis),
            "pcc": (f * t).sum(axis) / np.sqrt((f**2).sum(axis) * (t**2).sum(axis)),
        }


def ensemble_scores(members: np.ndarray, truth: np.ndarray) -> dict:
    """Spread, skill, their ratio and CRPS of members (m, ...) about a truth (...)."""
    m = len(members)
    between = np.abs(members[:, None] - members[None]).mean((0, 1))
    to_truth = np.abs(members - truth).mean(0)
    spread = np.sqrt(members.var(0, ddof=1).mean())
    skill = np.sqrt(((members.mean(0) - truth) ** 2).mean())
    return {
        "crps": (to_truth - between / 2).mean(),
        "crps_fair": (to_truth - between / 2 * m / (m - 1)).mean(),
        "spread": spread,
        "skill": skill,
        "spread_skill": np.sqrt((m + 1) / m) * spread / skill,
    }


@functools.cache
def example_result(forecasts: tuple[str, ...] = FORECASTS, seed: int = 3) -> xr.Dataset:
    """A made-up result of the four forecasts; see the module. It is not to be changed in place."""
    static, when, sources = terrain(), times(), ("truth", *forecasts)
    out = xr.Dataset(
        coords={
            "forecast": list(forecasts),
            "source": list(sources),
            "variable": list(UNITS),
            "units": ("variable", list(UNITS.values())),
            "long_name": ("variable", [LONG_NAMES[v] for v in UNITS]),
            "stratum": list(STRATA),
            "period": list(periods()),
            "time": when,
            **static.coords,
            "land_mask": static["land_mask"],
        }
    )
    made = fields(seed)
    out = xr.merge(
        [out, _field_scores(made, forecasts), _ensembles(made, forecasts)], combine_attrs="override"
    )
    out = out.merge(_distributions(sources, seed)).merge(_spectra(sources, when, seed))
    out = out.merge(_events(forecasts, seed)).merge(_physics(sources, seed))
    out["quantile_error"] = (
        (out["quantiles"] - out["quantiles"].sel(source="truth", drop=True))
        .sel(source=list(forecasts))
        .rename(source="forecast")
    )
    model = {"model": "example", "model_sha256": "0123456789abcdef" * 4, "sampler": "ddim",
             "steps": 100, "seed": 0, "training_data": "random numbers"}  # fmt: skip
    out.attrs = {
        "times": when.size,
        "first_time": str(when[0])[:16],
        "last_time": str(when[-1])[:16],
        "missing_values": 0,
        "grid_spacing_m": SPACING,
        "truth": "made-up fields",
        "forecast_models": json.dumps({n: model for n in forecasts if n.startswith("LDM")}),
        "synthetic": json.dumps([n for n in forecasts if n.startswith("LDM")]),
    }
    return out


def _field_scores(made: dict, forecasts: tuple[str, ...]) -> xr.Dataset:
    names = ("rmse", "bias", "mae", "r2", "pcc")
    shape = (len(forecasts), len(UNITS))
    whole = {n: np.full((*shape, len(STRATA), len(periods())), np.nan) for n in (*names, "n")}
    hourly = {n: np.full((*shape, len(STRATA), 48), np.nan) for n in names}
    maps = {n: np.full((*shape, *SHAPE), np.nan) for n in names}
    for i, name in enumerate(forecasts):
        for j, variable in enumerate(UNITS):
            f, t = (np.atleast_3d(made[s][variable]) for s in (name, "truth"))
            f = f.reshape(-1, 48, *SHAPE)
            for n, values in scores(f, t, (0, 1)).items():
                maps[n][i, j] = values
            for k, cells in enumerate(strata().values()):
                for n, values in scores(f[..., cells], t[..., cells], (0, -1)).items():
                    hourly[n][i, j, k] = values
                for p, hours in enumerate(periods().values()):
                    part = scores(f[:, hours][..., cells], t[hours][..., cells], (0, 1, 2))
                    for n, value in part.items():
                        whole[n][i, j, k, p] = value
                    whole["n"][i, j, k, p] = hours.sum() * cells.sum()
    lead = ("forecast", "variable")
    return xr.Dataset(
        {n: ((*lead, "stratum", "period"), v) for n, v in whole.items()}
        | {f"{n}_hourly": ((*lead, "stratum", "time"), v) for n, v in hourly.items()}
        | {f"{n}_map": ((*lead, "y", "x"), v) for n, v in maps.items()}
    )


def _ensembles(made: dict, forecasts: tuple[str, ...]) -> xr.Dataset:
    names = ("crps", "crps_fair", "spread", "skill", "spread_skill")
    shape = (len(forecasts), len(UNITS), len(STRATA))
    out = {n: np.full((*shape, len(periods())), np.nan) for n in names}
    ranks = np.full((*shape, MEMBERS + 1), np.nan)
    for i, name in enumerate(forecasts):
        for j, variable in enumerate(UNITS):
            f, t = made[name][variable], made["truth"][variable]
            for k, cells in enumerate(strata().values()):
                for p, hours in enumerate(periods().values()):
                    if f.ndim == 3:
                        error = np.abs(f - t)[hours][:, cells]
                        out["crps"][i, j, k, p] = error.mean()
                        continue
                    part = ensemble_scores(f[:, hours][..., cells], t[hours][..., cells])
                    for n, value in part.items():
                        out[n][i, j, k, p] = value
                if f.ndim == 4:
                    rank = (f < t).sum(0)[:, cells]
                    ranks[i, j, k] = np.bincount(rank.ravel(), minlength=MEMBERS + 1) / rank.size
    dims = ("forecast", "variable", "stratum")
    members = [MEMBERS if made[n]["t2m"].ndim == 4 else 1 for n in forecasts]
    return xr.Dataset(
        {n: ((*dims, "period"), v) for n, v in out.items()}
        | {"rank_histogram": ((*dims, "rank"), ranks), "members": ("forecast", members)},
        {"rank": np.arange(MEMBERS + 1)},
    )


def _distributions(sources: tuple[str, ...], seed: int) -> xr.Dataset:
    rng = np.random.default_rng(seed + 1)
    t, w = np.arange(240.5, 315, 1.0), np.arange(0.25, 35, 0.5)
    wind = np.arange(-29.5, 30, 1.0)
    probability = np.array([0.01, 0.5, 0.99, 0.999])
    out = {n: [] for n in ("t", "w", "c", "q")}
    for source in sources:
        narrow = 1 - 0.001 * CUTOFF[source] ** 1.2 / 2
        mean, width, reach = 284.0, 9.0 * narrow, 5.0 * narrow
        out["t"].append(np.exp(-(((t - mean) / width) ** 2) / 2) / width / np.sqrt(2 * np.pi))
        out["w"].append(2 * w / reach**2 * np.exp(-((w / reach) ** 2)))
        out["c"].append(np.exp(-((wind / reach) ** 2)) / reach / np.sqrt(np.pi))
        speed = reach * np.sqrt(-np.log(1 - probability))
        normal = np.array([-2.326, 0, 2.326, 3.09])
        out["q"].append([mean + width * normal, reach * normal / 1.4, reach * normal / 1.4, speed])
    noise = rng.normal(0, 0.02, (len(sources), 1, 1))
    by_stratum = [len(STRATA), 1]
    lone = {k: np.tile(np.array(out[k])[:, None], (1, *by_stratum)) for k in "tw"}
    lone = {k: np.where(v < 1e-7, 0, v * (1 + noise)) for k, v in lone.items()}
    both = np.tile(np.array(out["c"])[:, None, None], (1, 2, *by_stratum))
    quantiles = np.tile(np.array(out["q"])[:, :, None], (1, 1, *by_stratum))
    distance = np.abs(quantiles[1:] - quantiles[:1]).mean(-1)
    return xr.Dataset(
        {
            "density_t2m": (("source", "stratum", "t2m_bin"), lone["t"]),
            "density_wind_speed": (("source", "stratum", "wind_speed_bin"), lone["w"]),
            "density_wind": (("source", "component", "stratum", "wind_bin"), both),
            "quantiles": (("source", "variable", "stratum", "quantile"), quantiles),
            "wasserstein": (("forecast", "variable", "stratum"), distance),
        },
        {"t2m_bin": t, "wind_speed_bin": w, "wind_bin": wind, "component": ["u10", "v10"],
         "quantile": probability},
    )  # fmt: skip


def _spectra(sources: tuple[str, ...], when: np.ndarray, seed: int) -> xr.Dataset:
    """Power laws with a cut-off, over the wavelengths of the grid of 672 x 576 cells."""
    rng = np.random.default_rng(seed + 2)
    wavelength = 1152.0 / np.arange(1, 289)
    at = np.array([269.0, 20.0, 9.0, 5.0])
    slopes = {"t2m": 2.6, "kinetic_energy": 2.2, "vorticity": 0.4, "divergence": 0.3}
    size = {"t2m": 5e3, "kinetic_energy": 8e3, "vorticity": 1e-7, "divergence": 5e-8}
    wobble = 1 + 0.05 * rng.normal(size=wavelength.size)
    weather = rng.lognormal(0, 0.6, (4, 4, when.size))

    def power(source: str, field: str, at: np.ndarray) -> np.ndarray:
        kept = 1 / (1 + (CUTOFF[source] / at) ** 3)
        return size[field] * (at / 1000) ** slopes[field] * kept

    mean = np.array([[power(s, f, wavelength) * wobble for f in slopes] for s in sources])
    hourly = np.array([[power(s, f, at)[:, None] for f in slopes] for s in sources]) * weather
    edges = [(float(a), float(b)) for a, b in (band[:-3].split("-") for band in BANDS)]
    sums = np.stack(
        [mean[..., (wavelength >= a) & (wavelength < b)].sum(-1) for a, b in edges], axis=-1
    )
    half = [[CUTOFF[s] if CUTOFF[s] > 4 else np.nan for _ in slopes] for s in sources[1:]]
    return xr.Dataset(
        {
            "spectrum": (("source", "field", "wavelength"), mean),
            "spectrum_hourly": (("source", "field", "at_wavelength", "time"), hourly),
            "spectral_error": (("forecast", "field", "band"), 10 * np.log10(sums[1:] / sums[:1])),
            "effective_resolution": (("forecast", "field"), half),
        },
        {"wavelength": wavelength, "at_wavelength": at, "field": list(slopes),
         "band": list(BANDS), "field_units": ("field", ["K2", "m2 s-2", "s-2", "s-2"])},
    )  # fmt: skip


def _events(forecasts: tuple[str, ...], seed: int) -> xr.Dataset:
    rng = np.random.default_rng(seed + 3)
    probability = np.linspace(0, 1, 11)
    shape = (len(forecasts), len(EVENTS), probability.size)
    observed = np.clip(0.05 + 0.85 * probability + rng.normal(0, 0.03, shape), 0, 1)
    count = np.round(1e5 * np.exp(-4 * probability) + 500 * probability**8) + np.zeros(shape)
    inner = (probability > 0) & (probability < 1)
    for i, name in enumerate(forecasts):
        if name != "LDM_res":
            observed[i][:, inner], count[i][:, inner] = np.nan, 0
    return xr.Dataset(
        {
            "brier": (
                ("forecast", "event", "stratum"),
                rng.uniform(0.01, 0.1, (*shape[:2], len(STRATA))),
            ),
            "reliability_observed": (("forecast", "event", "probability"), observed),
            "reliability_count": (("forecast", "event", "probability"), count),
            "base_rate": ("event", [0.08, 0.01, 0.2, 0.05]),
        },
        {
            "event": list(EVENTS),
            "event_variable": ("event", [v for v, _ in EVENTS.values()]),
            "threshold": ("event", [t for _, t in EVENTS.values()]),
            "probability": probability,
        },
    )


def _physics(sources: tuple[str, ...], seed: int) -> xr.Dataset:
    rng = np.random.default_rng(seed + 4)
    lag = np.array([1, 3, 6, 12, 24])
    decay = np.array([30.0 + 0.2 * CUTOFF[s] for s in sources])[:, None, None]
    kept = np.exp(-lag / decay) * np.ones((1, len(UNITS), 1))
    kept[:, 0] += 0.1 * (np.cos(2 * np.pi * lag / 24) - 1)
    hour = np.array([int(p[:2]) if p.endswith("UTC") else 9 for p in periods()])
    wave = np.cos(2 * np.pi * (hour - 14) / 24)
    shift = rng.normal(0, 0.3, (len(sources), 1))
    windy = np.array([2.1, 2.6, 3.4, 4.2, 5.9]) * (1 + 0.1 * shift)
    return xr.Dataset(
        {
            "autocorrelation": (("source", "variable", "lag"), kept),
            "increment_rms": (("source", "variable", "lag"), 5 * np.sqrt(2 * (1 - kept))),
            "lapse_rate": (("source", "period"), -5.5 - 1.2 * wave + 0.4 * shift),
            "coast_contrast": (("source", "period"), 1.5 * wave - 0.5 + shift),
            "wind_by_exposure": (("source", "exposure"), windy),
        },
        {"lag": lag, "exposure": list(EXPOSURES)},
    )
