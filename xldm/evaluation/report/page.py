"""The page of a report: one HTML file with all figures."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from markupsafe import Markup

from .. import figures
from ..figures.style import SCORE_NAMES, WIDTH, ensembles, has, oracles, variables
from . import rain, tables
from .template import render
from .texts import CAPTIONS, DEFINITIONS, HEDGING, ONE_LEAD, ORACLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["html"]

DPI = 150


def html(result: xr.Dataset, *, title: str | None, snapshots: Mapping[str, Figure]) -> str:
    """Return the whole page.

    Parameters
    ----------
    result : xarray.Dataset
        In memory.
    title : str or None
        Title of the page; None for the attribute of the result.
    snapshots : mapping of str to matplotlib.figure.Figure
        By caption.

    Returns
    -------
    str
        The template escapes everything that comes from the result.
    """
    title = title or result.attrs.get("title") or "Evaluation of downscaled fields"
    result = _oracles_last(result)
    about, result = result, _of_one_lead(result)
    sections = {
        "What was compared": _compared(about),
        "Scores by lead": _by_lead(about),
        "Scores": _scores(result),
        "Snapshots": _joined(
            _figure(f, CAPTIONS["snapshot"].format(name=n)) for n, f in snapshots.items()
        ),
        "By place and time": _by_place_and_time(result),
        "Distributions": _distributions(result),
        "Spectra": _spectra(result),
        "Ensembles": _ensembles(result),
        "Precipitation": _rain(result),
        "Changes in time": _in_time(result),
        "Physics": _physics(result),
        "Definitions": _definitions(),
        "How this was made": _made(result),
    }
    return render(
        "page",
        title=title,
        synthetic=_json(result, "synthetic", "[]"),
        sections={heading: body for heading, body in sections.items() if body},
    )


def _oracles_last(result: xr.Dataset) -> xr.Dataset:
    """Return the result with the forecasts that are given part of the truth at the end."""
    names = result["forecast"].values.astype(str)
    return result.isel(forecast=np.argsort(np.isin(names, oracles(result)), kind="stable"))


def _of_one_lead(result: xr.Dataset) -> xr.Dataset:
    """Return the lead in the middle, as a result without leads."""
    if "lead" not in result.dims:
        return result
    return result.isel(lead=result.sizes["lead"] // 2)


def _by_lead(result: xr.Dataset) -> Markup:
    if "lead" not in result.dims:
        return Markup()
    shown = f"{_of_one_lead(result)['lead'].item():g} h"
    return _joined([
        _drawn(result, "scores_by_lead"),
        *(tables.by_lead(result, score) for score in ("crps", "rmse", "bias")),
        Markup("<p>{}</p>").format(ONE_LEAD.format(lead=shown)),
    ])  # fmt: skip


def _figure(figure: Figure, caption: str) -> Markup:
    """Return a figure with its caption, as the smaller of SVG and PNG."""
    images = {}
    for kind, mime in (("svg", "svg+xml"), ("png", "png")):
        file = io.BytesIO()
        # Without the date, which would differ each time.
        figure.savefig(file, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else {})
        images[mime] = file.getvalue()
    mime = min(images, key=lambda m: len(images[m]))
    data = base64.b64encode(images[mime]).decode()
    width = f"{min(figure.get_figwidth() / WIDTH, 1):.0%}"
    return render("figure", data=data, mime=mime, width=width, caption=caption)


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def _drawn(result: xr.Dataset, name: str, **options: object) -> Markup:
    return _figure(getattr(figures, name)(result, **options), CAPTIONS[name])


def _json(result: xr.Dataset, name: str, default: str) -> Any:
    return json.loads(result.attrs.get(name) or default)


def _compared(result: xr.Dataset) -> Markup:
    """Describe the record and the forecasts."""
    models = _json(result, "forecast_models", "{}")
    keys = {"model": "model", "sampler": "sampler", "steps": "steps", "seed": "seed",
            "training_data": "trained on", "model_sha256": "sha256"}  # fmt: skip
    rows = []
    for name in map(str, result["forecast"].values):
        known = {k: v for k, v in (models.get(name) or {}).items() if v not in (None, "")}
        known["model_sha256"] = str(known.get("model_sha256", "–"))[:12]
        if "sampler" not in known or known["sampler"] == "none":
            known |= {"sampler": "none", "steps": "–", "seed": "–"}
        count = result["members"].sel(forecast=name).item() if "members" in result else 1
        shown = f"{name} (oracle)" if name in oracles(result) else name
        rows.append([shown, count if count > 1 else "–", *(known.get(k, "–") for k in keys)])
    header = ["forecast", "members", *keys.values()]
    table = render("table", caption="Forecasts", header=header, rows=rows, text=True)
    return render("facts", pairs=_facts(result).items()) + table


def _facts(result: xr.Dataset) -> dict[str, str]:
    about = result.attrs
    facts = {name: about[name] for name in ("protocol", "truth") if about.get(name)}
    if "times" in about:
        first, last = (str(about.get(f"{end}_time", "")) for end in ("first", "last"))
        span = f", {first} to {last}".replace("T", " ") + " UTC" if first else ""
        facts["hours"] = f"{int(about['times']):,}{span}"
    if "lead" in result.dims:
        leads = result["lead"].values
        facts["leads"] = f"{leads.size}, {leads[0]:g} to {leads[-1]:g} h"
        facts["initialisations"] = str(result.sizes["init"])
    if "y" in result.sizes:
        spacing = about.get("grid_spacing_m")
        of = f" of {spacing / 1e3:g} km" if spacing else ""
        facts["grid"] = f"{result.sizes['y']} x {result.sizes['x']} cells{of}"
    names = map(str, result["variable"].values)
    facts["variables"] = "; ".join(tables.units_of(result, v) for v in names)
    if "n" in result:
        used = result["n"].sel(stratum="all", period="all")
        low, high = int(used.min()), int(used.max())
        facts["values used"] = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        facts["values used"] += " of each forecast and variable"
    if "missing_values" in about:
        facts["missing values"] = f"{int(about['missing_values']):,}, left out in all forecasts"
    return facts


def _scores(result: xr.Dataset) -> Markup:
    out = [tables.main_scores(result), Markup("<p>{}</p>").format(HEDGING)]
    if oracles(result):
        out.append(Markup("<p>{}</p>").format(ORACLES.format(names=", ".join(oracles(result)))))
    if has(result, "rmse_hourly"):
        out.append(_drawn(result, "score_boxes"))
    for variable in variables(result):
        for score in ("rmse", "bias"):
            if has(result, f"{score}_map", variable=variable):
                name = tables.units_of(result, variable).rpartition(",")[0] or variable
                caption = CAPTIONS["error_maps"].format(score=SCORE_NAMES[score], variable=name)
                drawn = figures.error_maps(result, score, variable)
                out.append(_figure(drawn, caption[0].upper() + caption[1:]))
    return _joined(out)


def _by_place_and_time(result: xr.Dataset) -> Markup:
    out = []
    if result.sizes["stratum"] > 1:
        out += [tables.by_stratum(result, score) for score in ("rmse", "bias")]
        out.append(_drawn(result, "scores_by_stratum"))
    if has(result, "rmse"):
        out.append(_drawn(result, "scores_by_period"))
    return _joined(out)


def _distributions(result: xr.Dataset) -> Markup:
    out = tables.distribution(result)
    if any(has(result, f"density_{v}") for v in ("t2m", "wind_speed")):
        out += _drawn(result, "distributions")
    return out


def _spectra(result: xr.Dataset) -> Markup:
    if not has(result, "spectrum"):
        return Markup()
    turned = [f for f in ("vorticity", "divergence") if f in result["field"]]
    out = tables.spectral(result) + _drawn(result, "spectra")
    return out + (_drawn(result, "spectra", fields=turned) if turned else Markup())


def _ensembles(result: xr.Dataset) -> Markup:
    if not ensembles(result):
        return Markup()
    out = [tables.ensemble(result), tables.events(result)]
    out += [
        _drawn(result, name)
        for name, score in {
            "rank_histograms": "rank_histogram",
            "reliability": "reliability_observed",
            "spread_skill": "spread",
        }.items()
        if has(result, score, forecast=ensembles(result))
    ]
    return _joined(out)


def _rain(result: xr.Dataset) -> Markup:
    if not has(result, "rain_quantiles"):
        return Markup()
    return _joined([
        rain.amounts(result), _drawn(result, "rain_quantiles"), _drawn(result, "rain_fss"),
        rain.indices(result),
    ])  # fmt: skip


def _in_time(result: xr.Dataset) -> Markup:
    return _drawn(result, "temporal") if has(result, "autocorrelation") else Markup()


def _physics(result: xr.Dataset) -> Markup:
    there = any(has(result, n) for n in ("lapse_rate", "coast_contrast", "wind_by_exposure"))
    return _drawn(result, "physics") if there else Markup()


def _definitions() -> Markup:
    return render("facts", pairs=DEFINITIONS)


def _made(result: xr.Dataset) -> Markup:
    day = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    command = result.attrs.get("command")
    return render("made", version=version("xldm"), day=day, command=command)
