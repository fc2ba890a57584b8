"""The report of a check of the input, for terminals and notebooks."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from ..config import GridConfig
from ..errors import InputError
from .axes.horizontal import Horizontal
from .axes.times import Time
from .windows import Over

__all__ = ["Found", "Report"]

_WIDTH = 100
_HEADINGS = ("predictor", "found as", "units", "becomes", "problem")


@dataclass(frozen=True)
class Found:
    """One predictor in the input, and its conversion to the model's units.

    Parameters
    ----------
    name : str
        Name within the model.
    variable : hashable, optional
        Variable of the input; None if the predictor is absent.
    level : float, optional
        Pressure level in hPa that is selected from ``level_dim``.
    units : str
        Units that the input states.
    scale, offset : float
        The model's units are ``scale * input + offset``.
    becomes : str
        The conversion in words.
    problem : str
        Why the variable cannot be used; empty if it can.
    attrs : dict
        CF attributes of the converted field.
    parts : tuple of Found
        The fields that it is derived from, if the input lacks it; ``variable`` names theirs.
    rule : callable, optional
        Gives the field from its parts, in units that ``scale`` and ``offset`` convert.
    over : Over, optional
        What the values of an accumulated predictor are over.
    """

    name: str
    variable: object = None
    level: float | None = None
    level_dim: str | None = None
    level_index: int = 0
    units: str = ""
    scale: float = 1.0
    offset: float = 0.0
    becomes: str = ""
    problem: str = ""
    attrs: dict[str, str] = field(default_factory=dict)
    parts: tuple[Found, ...] = ()
    rule: Callable[..., Any] | None = None
    over: Over | None = None

    @property
    def row(self) -> tuple[str, str, str, str, str]:
        """Cells in the table of the report."""
        level = f" at {self.level:g} hPa" if self.level is not None else ""
        found = "-" if self.variable is None else f"{self.variable}{level}"
        return self.name, found, self.units or "-", self.becomes, self.problem


@dataclass(frozen=True, eq=False)
class Report:
    """What a check found in the input, and the plan that follows.

    Parameters
    ----------
    predictors : tuple of Found
        In the model's order.
    time, horizontal : Time, Horizontal, optional
        Axes of the input; None if the check found none.
    grid : GridConfig
        The window of the model's grid to be produced.
    rows, columns : slice
        The same window in coarse cells of the model's grid.
    problems : tuple of str
        Every reason to refuse the input.
    notes : tuple of str
        Assumptions, and steps beside plain conversion.
    seen : tuple of str
        Those of the notes that tell only by what evidence a field is as the model wants it.
    looked_at : str
        Which values were checked, in words.
    undrawn : tuple of str
        Targets that are left out, since their own coarse fields are absent.
    beside : dict
        Dims of the input that are carried through beside time: members and simulations; and their
        names in what is made of it.
    roles : dict
        CF attributes of these dims, by their new names.
    given : xarray.DataArray of str
        Labels of the input's members along these dims; see `xldm.inputs.standardise.labels`.
    era5 : bool
        Whether the input says that it is ERA5; see `xldm.inputs.origin.is_era5`.
    """

    predictors: tuple[Found, ...]
    time: Time | None
    horizontal: Horizontal | None
    grid: GridConfig
    rows: slice
    columns: slice
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    looked_at: str = ""
    undrawn: tuple[str, ...] = ()
    beside: dict[Hashable, str] = field(default_factory=dict)
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    given: xr.DataArray = field(default_factory=lambda: xr.DataArray(""))
    era5: bool = False

    @property
    def changes(self) -> tuple[str, ...]:
        """Notes of what was done to the input, for provenance."""
        return tuple(n for n in self.notes if n not in self.seen)

    @property
    def ok(self) -> bool:
        """Whether the input can be downscaled."""
        return not self.problems

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the predictors that the input lacks."""
        return tuple(f.name for f in self.predictors if f.variable is None)

    def raise_for_problems(self) -> None:
        """Refuse the input if it has problems.

        Raises
        ------
        InputError
            With every problem and its remedy.
        """
        if self.problems:
            count = f"{len(self.problems)} problem" + "s" * (len(self.problems) > 1)
            lines = [f"The input cannot be used, for {count}:"]
            raise InputError("\n".join(lines + _numbered(self.problems)))

    @property
    def _summary(self) -> list[tuple[str, str]]:
        total = len(self.predictors)
        verdict = "ready" if self.ok else f"{len(self.problems)} to put right"
        rows = [("input", f"{total - len(self.absent)} of {total} predictors; {verdict}")]
        if self.time is not None:
            rows += _times(self.time)
        if self.beside:
            rows.append(("carried", ", ".join(map(str, self.beside))))
        if self.horizontal is not None:
            lat, lon = self.horizontal.lat, self.horizontal.lon
            step = " x ".join(f"{s:g}" for s in self.horizontal.spacing)
            box = f"{lat.min():g} to {lat.max():g} N, {lon.min():g} to {lon.max():g} E"
            rows.append(("grid", f"{box}, step {step} degrees"))
        if self.looked_at:
            rows.append(("values", self.looked_at))
        fine, coarse = (" x ".join(map(str, s)) for s in (self.grid.fine_shape, self.grid.shape))
        size = f"{fine} cells of {self.grid.spacing / self.grid.factor / 1000:g} km"
        rows.append(("output", f"{size} (from {coarse} of {self.grid.spacing / 1000:g} km)"))
        return rows

    def __repr__(self) -> str:
        lines = [f"{name:<10} {text}" for name, text in self._summary]
        # Problems of predictors follow the table.
        table = [_HEADINGS[:4], *(_short(f) for f in self.predictors)]
        widths = [max(len(str(row[i])) for row in table) for i in range(3)]
        lines.append("")
        for row in table:
            cells = [str(c).ljust(w) for c, w in zip(row, widths, strict=False)]
            line = "  ".join([*cells, row[3]]).rstrip()
            lines.append(line if len(line) <= _WIDTH else line[: _WIDTH - 3] + "...")
        for title, texts in (("problems", self.problems), ("notes", self.notes)):
            if texts:
                lines += ["", title, *_numbered(texts)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        # The last column is for problems, which most inputs have none of.
        last = None if any(f.problem for f in self.predictors) else -1
        rows = [
            _html_row(f.row[:last], style="opacity:0.6;font-style:italic" * (f.variable is None))
            for f in self.predictors
        ]
        parts = [
            f"<table>{''.join(map(_html_row, self._summary))}</table>",
            f"<table><thead>{_html_row(_HEADINGS[:last], 'th')}</thead>",
            f"<tbody>{''.join(rows)}</tbody></table>",
        ]
        for title, texts in (("Problems", self.problems), ("Notes", self.notes)):
            if texts:
                items = "".join(f"<li>{html.escape(t)}</li>" for t in texts)
                parts.append(f"<b>{title}</b><ol>{items}</ol>")
        # No colours: the theme of the notebook has them.
        return f"<div class='xldm-report'>{''.join(parts)}</div>"


def _html_row(cells: Iterable[object], tag: str = "td", style: str = "") -> str:
    texts = (f"<{tag} style='text-align:left'>{html.escape(str(c))}</{tag}>" for c in cells)
    return f"<tr style='{style}'>{''.join(texts)}</tr>" if style else f"<tr>{''.join(texts)}</tr>"


def _times(time: Time) -> list[tuple[str, str]]:
    values = time.values
    first, last = (np.datetime_as_string(t, unit="m") for t in (values.min(), values.max()))
    rows = [("time", f"{values.size} steps, {first} to {last} UTC")]
    if time.start is not None and time.lead is not None and time.lead.any():
        starts = np.unique(time.start)
        hours = " to ".join(
            f"{lead / np.timedelta64(1, 'h'):g}" for lead in np.unique(time.lead)[[0, -1]]
        )
        begun = np.datetime_as_string(starts[0], unit="m") + " UTC"
        rows.append(("forecasts", f"{starts.size}, the first of {begun}; leads {hours} hours"))
    return rows


def _short(found: Found) -> tuple[str, ...]:
    # What a field is derived from is in the column before.
    becomes = found.becomes.replace(f"derived from {found.variable}: ", "derived: ")
    return *found.row[:3], "(see problems)" if found.problem else becomes


def _numbered(texts: tuple[str, ...]) -> list[str]:
    return [
        textwrap.fill(text, _WIDTH, initial_indent=f"{i:>2}. ", subsequent_indent="    ")
        for i, text in enumerate(texts, 1)
    ]
