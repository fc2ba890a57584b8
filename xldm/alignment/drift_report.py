"""The report of drift: predictors of a dataset against the training of a model."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr

from ..config import ModelConfig
from ..grids import regridding
from ..inputs.predictors import check, predictors
from . import axes
from .apply import aligned
from .drift import FAR, Drift, measure
from .tables import Alignment

__all__ = ["DriftReport", "report_drift"]

# Fields that are looked at, at most, spread over all.
_FIELDS = 96
_HEADINGS = (
    "predictor", "shift", "spread", f"beyond {FAR:g} std", "over land", "over sea", "outside bounds"
)  # fmt: skip


@dataclass(frozen=True)
class DriftReport:
    """How far predictors lie from their distribution in training.

    Parameters
    ----------
    rows : tuple of Drift
        One for each predictor and region.
    seen : str
        What was looked at, in words.
    """

    rows: tuple[Drift, ...]
    seen: str

    @property
    def outside(self) -> tuple[Drift, ...]:
        """The rows of which something lies beyond its bounds."""
        return tuple(row for row in self.rows if row.outside)

    @property
    def ok(self) -> bool:
        """Whether nothing lies beyond its bounds."""
        return not self.outside

    @property
    def _cells(self) -> list[tuple[str, ...]]:
        table: list[tuple[str, ...]] = []
        for row in (r for r in self.rows if r.region == "all"):
            own = [r for r in self.rows if r.predictor == row.predictor]
            parts = {r.region: f"{r.shift:+.2f}" for r in own}
            said = "; ".join(
                r.outside if r.region == "all" else f"over {r.region}: {r.outside}"
                for r in own
                if r.outside
            )
            numbers = f"{row.shift:+.2f}", f"{row.spread:.2f}", f"{row.far:.1%}"
            beside = parts.get("land", "-"), parts.get("sea", "-")
            table.append((row.predictor, *numbers, *beside, said))
        return table

    @property
    def verdict(self) -> str:
        """The report in one line."""
        names = dict.fromkeys(row.predictor for row in self.outside)
        said = f"outside: {', '.join(names)}" if names else "within bounds"
        return f"drift from training: {said} ({self.seen})"

    def __repr__(self) -> str:
        table = [_HEADINGS, *self._cells]
        widths = [max(len(row[i]) for row in table) for i in range(6)]
        lines = [
            "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[6]]).rstrip()
            for row in table
        ]
        return "\n".join([self.verdict, "", *lines])

    def _repr_html_(self) -> str:
        def line(cells: tuple[str, ...], tag: str) -> str:
            made = (f"<{tag} style='text-align:left'>{html.escape(c)}</{tag}>" for c in cells)
            return f"<tr>{''.join(made)}</tr>"

        body = "".join(line(row, "td") for row in self._cells)
        return (
            f"<div class='xldm-report'><p>{html.escape(self.verdict)}</p>"
            f"<table><thead>{line(_HEADINGS, 'th')}</thead><tbody>{body}</tbody></table></div>"
        )


def report_drift(
    ds: xr.Dataset,
    config: ModelConfig,
    static: xr.Dataset,
    *,
    align: Alignment | str | PathLike | None = None,
    missing: str = "climatology",
    region: Any = None,
) -> DriftReport:
    """Report the drift of a dataset from the training of a model, without a warning.

    Parameters are those of :func:`xldm.drift`, with the model's configuration and static fields.
    """
    report = check(ds, config, missing=missing, region=region)
    coarse = _sample(regridding.to_coarse(predictors(ds, report), config, report.grid))
    if align is not None:
        coarse = aligned(coarse, align)
    times = axes.valid_times(coarse)
    beside = [d for d in coarse.dims if d not in (*times.dims, "predictor", "y", "x")]
    values = coarse.transpose(*times.dims, *beside, "predictor", "y", "x").values
    present = [i for i, v in enumerate(config.predictors) if v.name not in report.absent]
    rows = measure(
        values.reshape(-1, *values.shape[-3:])[:, present],
        times.values.ravel(),
        [config.predictors[i] for i in present],
        share=math.prod(report.grid.shape) / math.prod(config.grid.shape),
        regions=_land_and_sea(static, config.grid.factor, report.rows, report.columns),
    )
    stamps = np.datetime_as_string(np.sort(times.values.ravel())[[0, -1]], unit="h")
    return DriftReport(tuple(rows), f"{times.size} fields, {stamps[0]} to {stamps[1]}")


def _sample(coarse: xr.DataArray) -> xr.DataArray:
    """Return fields spread over all, with the first members of an ensemble."""
    of_time = axes.valid_times(coarse).dims
    beside = {d: slice(0, 2) for d in coarse.dims if d not in (*of_time, "predictor", "y", "x")}
    most = round(_FIELDS ** (1 / max(1, len(of_time))))
    chosen = {
        d: np.unique(np.linspace(0, coarse.sizes[d] - 1, most).round().astype(int)) for d in of_time
    }
    return coarse.isel({**beside, **chosen}).compute()


def _land_and_sea(
    static: xr.Dataset, factor: int, rows: slice, columns: slice
) -> dict[str, np.ndarray]:
    if "land_mask" not in static:
        return {}
    share = static["land_mask"].coarsen(y=factor, x=factor).mean().values
    land = share[rows, columns] > 0.5
    both = {"land": land, "sea": ~land}
    return {name: cells for name, cells in both.items() if cells.any()}
