"""Tables of scores: all of them in long form, and the main ones in HTML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from markupsafe import Markup

from ..figures.style import SCORE_NAMES, ensembles, event_label, has, oracles, variables
from .template import render

__all__ = [
    "by_lead",
    "by_stratum",
    "distribution",
    "ensemble",
    "events",
    "long_form",
    "main_scores",
    "scored",
    "spectral",
    "units_of",
]

COLUMNS = ["score", "forecast", "variable", "stratum", "period", "value", "units", "n"]
RENAMED = {"source": "forecast", "field": "variable", "event": "variable"}
# Dimensions that become columns, and dimensions whose value joins the name of the score.
PLAIN = ("forecast", "source", "variable", "field", "event", "stratum", "period", "lead")
NAMED = ("band", "quantile", "lag", "exposure", "rank", "probability", "rain_threshold", "scale",
         "rain_quantile", "rain_field", "places", "index", "other_variable")  # fmt: skip

# The least loss is the best of a column.
Loss = Callable[[np.ndarray], np.ndarray]
LOSS: dict[str, Loss] = {"r2": np.negative, "pcc": np.negative, "bias": np.abs,
                         "spread_skill": lambda ratio: np.abs(ratio - 1)}  # fmt: skip


def long_form(result: xr.Dataset) -> pd.DataFrame:
    """Return a table of all scores, a row for each number; maps, series and curves are left out.

    Parameters
    ----------
    result : xarray.Dataset
        From :func:`xldm.evaluate`.

    Returns
    -------
    pandas.DataFrame
        Columns score, forecast, variable, stratum, period, value, units, n, and the lead in hours
        if scores are by lead. The name of a score
        includes its quantile, band, lag, exposure, rank or probability; n is the number of values
        used, where known. Missing values are left out.

    Examples
    --------
    >>> rmse = xr.DataArray([[0.5]], dims=("forecast", "variable"))
    >>> coords = {"forecast": ["UNET"], "variable": ["t2m"], "units": ("variable", ["K"])}
    >>> long_form(xr.Dataset({"rmse": rmse}, coords))[["score", "forecast", "value", "units"]]
      score forecast  value units
    0  rmse     UNET    0.5     K
    """
    columns = [*COLUMNS, "lead"] if "lead" in result.dims else COLUMNS
    names = [n for n in result.data_vars if n != "n" and {*result[n].dims} <= {*PLAIN, *NAMED}]
    frame = pd.concat([_rows(result, str(n)) for n in names], ignore_index=True)
    if "n" not in result:
        return frame.assign(n=np.full(len(frame), pd.NA))[columns]
    count = _rows(result, "n")
    keys = list(result["n"].dims)
    count = count[keys].assign(n=count["value"].astype("Int64"))
    counted = [n for n in names if {*keys} <= {*result[n].dims}]
    frame = frame.merge(count, "left", on=keys)
    # Scores over other dimensions have no count.
    frame["n"] = frame["n"].where(frame["score"].isin(counted))
    return frame[columns]


def _rows(result: xr.Dataset, name: str) -> pd.DataFrame:
    array = result[name].reset_coords(drop=True).rename("value")
    extra = [d for d in NAMED if d in array.dims]
    rows = array.to_series().dropna().reset_index().rename(columns=RENAMED)
    rows["score"] = [" ".join([name, *map(_word, at)]) for at in rows[extra].to_numpy()]
    for column, default in {
        "forecast": "",
        "variable": "",
        "stratum": "all",
        "period": "all",
    }.items():
        rows[column] = rows[column].astype(str) if column in rows else default
    rows["units"] = result[name].attrs.get("units", "1")
    if "units" not in result[name].attrs and {"units", "variable"} <= {*result.coords}:
        of = dict(zip(result["variable"].values, result["units"].values, strict=True))
        rows["units"] = rows["variable"].map(of)
    return rows.drop(columns=extra)


def _word(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(
    caption: str,
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    best: np.ndarray,
    apart: Sequence[str] = (),
) -> Markup:
    """Return a table with ``best``, bool (rows, columns - 1), in bold, and some rows apart."""
    return render("table", caption=caption, header=header, rows=rows, best=best, apart=apart)


def _units(units: str) -> str:
    """Return units with raised exponents, in plain text."""
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    return re.sub(r"(?<=[A-Za-z])-?\d+", lambda m: m.group().translate(raised), units)


def units_of(result: xr.Dataset, variable: str) -> str:
    """Return name and units of a variable, for a caption."""
    name, units = variable, ""
    if "long_name" in result.coords:
        name = str(result["long_name"].sel(variable=variable).item())
    if "units" in result.coords:
        units = _units(str(result["units"].sel(variable=variable).item()))
    return f"{name}, {units}" if units else name


def _column(values: np.ndarray) -> list[str]:
    """Format numbers so that the largest has four digits."""
    finite = np.abs(values[np.isfinite(values)])
    largest = finite.max(initial=0.0)
    digits = 3 - int(np.floor(np.log10(largest))) if largest > 0 else 3
    style = f".{max(digits, 0)}f" if digits <= 7 else ".3e"
    return [f"{v:{style}}".replace("-", "−") if np.isfinite(v) else "–" for v in values]


def _best(
    values: np.ndarray, shown: Sequence[str], loss: Loss | None, judged: np.ndarray
) -> np.ndarray:
    """Mark the best of the judged values and all that read the same; nothing without a loss."""
    size = loss(values.astype(float)) if loss else np.full(values.shape, np.nan)
    size = np.where(judged, size, np.nan)
    if judged.sum() < 2 or not np.isfinite(size).any():
        return np.zeros(values.size, bool)
    at = int(np.nanargmin(size))
    same = [
        s == shown[at] or (loss is np.abs and s.strip("−") == shown[at].strip("−")) for s in shown
    ]
    return np.array(same) & judged


def scored(caption: str, corner: str, result: xr.Dataset, columns: dict[str, np.ndarray],
            losses: Mapping[str, Loss | None]) -> Markup:  # fmt: skip
    """Return a table of numbers by forecast, the best of every column in bold."""
    shown = {c: _column(v) for c, v in columns.items()}
    judged = _judged(result)
    best = [_best(v, shown[c], losses[c], judged) for c, v in columns.items()]
    names = _names(result)
    rows = list(zip(names, *shown.values(), strict=True))
    apart = [n for n, judge in zip(names, judged, strict=True) if not judge]
    return _table(caption, [corner, *columns], rows, np.transpose(best), apart)


def _names(result: xr.Dataset) -> list[str]:
    """Return the forecasts as tables name them."""
    known = oracles(result)
    return [f"{n} (oracle)" if n in known else str(n) for n in result["forecast"].values]


def _judged(result: xr.Dataset) -> np.ndarray:
    """Return which forecasts may be the best: not those that are given part of the truth."""
    return ~np.isin(result["forecast"].values.astype(str), oracles(result))


def main_scores(result: xr.Dataset) -> Markup:
    """Return the scores of all values, the user's own last, as a table per variable."""
    out = []
    dims = {"forecast", "variable", "stratum", "period"}
    own = [str(s) for s, a in result.items() if {*a.dims} == dims and s not in {"n", *SCORE_NAMES}]
    for variable in variables(result):
        one = result.sel(variable=variable, stratum="all", period="all")
        scores = [s for s in ("rmse", "bias", "mae", "r2", "pcc", "crps", *own) if s in one]
        columns = {SCORE_NAMES.get(s, s): one[s].values for s in scores}
        known = {s: LOSS.get(s, None if s in own else np.positive) for s in scores}
        losses = {SCORE_NAMES.get(s, s): loss for s, loss in known.items()}
        out.append(scored(units_of(result, variable), "forecast", result, columns, losses))
    return Markup("").join(out)


def by_lead(result: xr.Dataset, score: str) -> Markup:
    """Return a score of all values by lead, a table per variable, the best of every row in bold."""
    out, loss = [], LOSS.get(score, np.positive)
    leads = [f"{lead:g} h" for lead in result["lead"].values]
    for variable in variables(result):
        of_all = result[score].sel(variable=variable, stratum="all", period="all")
        values = of_all.transpose("lead", "forecast").values
        shown = np.array(_column(values.ravel())).reshape(values.shape)
        judged = _judged(result)
        best = np.array([_best(v, s, loss, judged) for v, s in zip(values, shown, strict=True)])
        rows = [[lead, *s] for lead, s in zip(leads, shown, strict=True)]
        caption = f"{SCORE_NAMES[score]}, {units_of(result, variable)}"
        out.append(_table(caption, ["lead", *_names(result)], rows, best))
    return Markup("").join(out)


def by_stratum(result: xr.Dataset, score: str) -> Markup:
    """Return a score by stratum, a table per variable, the best of every row in bold."""
    out, loss = [], LOSS.get(score, np.positive)
    for variable in variables(result):
        values = result[score].sel(variable=variable, period="all").transpose("stratum", "forecast")
        shown = np.array(_column(values.values.ravel())).reshape(values.shape)
        pairs, judged = zip(values.values, shown, strict=True), _judged(result)
        best = np.array([_best(v, s, loss, judged) for v, s in pairs])
        rows = [[n, *s] for n, s in zip(result["stratum"].values, shown, strict=True)]
        if "n" in result:
            count = result["n"].sel(variable=variable, period="all").isel(forecast=0).values
            rows = [[*r, f"{c:,.0f}"] for r, c in zip(rows, count, strict=True)]
            best = np.column_stack([best, np.zeros(len(rows), bool)])
        header = ["", *_names(result), *(["values"] if "n" in result else [])]
        caption = f"{SCORE_NAMES[score]}, {units_of(result, variable)}"
        out.append(_table(caption, header, rows, best))
    return Markup("").join(out)


def distribution(result: xr.Dataset) -> Markup:
    """Return errors of quantiles and Wasserstein distances, a table per variable."""
    out = []
    for variable in variables(result):
        one = result.sel(variable=variable, stratum="all")
        if not has(one, "quantile_error"):
            continue
        columns = {
            f"{100 * q:g} %": one["quantile_error"].sel(quantile=q).values
            for q in one["quantile"].values
        }
        losses: dict[str, Loss | None] = dict.fromkeys(columns, np.abs)
        columns["Wasserstein"], losses["Wasserstein"] = one["wasserstein"].values, np.positive
        caption = f"Errors of quantiles, {units_of(result, variable)}"
        out.append(scored(caption, "forecast", result, columns, losses))
    return Markup("").join(out)


def _decibels(value: float) -> str:
    # Adding 0 removes the sign of a value that rounds to 0.
    return f"{round(value, 1) + 0.0:.1f}".replace("-", "−") if np.isfinite(value) else "–"


def spectral(result: xr.Dataset) -> Markup:
    """Return errors of power by band and effective resolution, a table per field."""
    out = []
    for field in result["field"].values if has(result, "spectral_error") else []:
        one = result.sel(field=field)
        errors = one["spectral_error"].transpose("forecast", "band").values
        shown = np.array([[_decibels(e) for e in row] for row in errors])
        resolution = [f"{r:.3g} km" if np.isfinite(r) else "never under half"
                      for r in one["effective_resolution"].values]  # fmt: skip
        columns = zip(errors.T, np.strings.strip(shown.T, "−"), strict=True)
        judged = _judged(result)
        best = [_best(e, s, np.abs, judged) for e, s in columns]
        apart = [n for n, judge in zip(_names(result), judged, strict=True) if not judge]
        no_best = np.zeros(len(resolution), bool)
        header = ["forecast", *one["band"].values, "effective resolution"]
        rows = [[n, *s, r] for n, s, r in zip(_names(result), shown, resolution, strict=True)]
        known = field in result["variable"].values
        name = units_of(result, field).rpartition(",")[0] if known else field.replace("_", " ")
        caption = f"Error of power by wavelength, dB: {name}"
        out.append(_table(caption, header, rows, np.column_stack([*best, no_best]), apart))
    return Markup("").join(out)


def ensemble(result: xr.Dataset) -> Markup:
    """Return CRPS, spread and skill of ensembles, a table per variable."""
    names, out = ensembles(result), []
    scores = ("crps", "crps_fair", "spread", "skill", "spread_skill")
    for variable in variables(result) if names else []:
        one = result.sel(forecast=names, variable=variable, stratum="all", period="all")
        columns = {SCORE_NAMES[s]: one[s].values for s in scores}
        losses = {SCORE_NAMES[s]: LOSS.get(s, np.positive) for s in scores} | {"spread": None}
        out.append(scored(units_of(result, variable), "ensemble", one, columns, losses))
    return Markup("").join(out)


def events(result: xr.Dataset) -> Markup:
    """Return Brier scores, a row per event."""
    if not has(result, "brier"):
        return Markup()
    brier = result["brier"].sel(stratum="all").transpose("event", "forecast").values
    shown = [[f"{b:.4f}" if np.isfinite(b) else "–" for b in row] for row in brier]
    judged = _judged(result)
    best = np.array([_best(b, s, np.positive, judged) for b, s in zip(brier, shown, strict=True)])
    best = np.column_stack([np.zeros(len(shown), bool), best])
    labels = [event_label(result, e) for e in result["event"].values]
    named = [f"{words} {_units(units)}" for words, units in labels]
    rows = [
        [e, f"{100 * rate:.2g} %", *s]
        for e, rate, s in zip(named, result["base_rate"].values, shown, strict=True)
    ]
    return _table("Brier score", ["event", "comes in", *_names(result)], rows, best)
