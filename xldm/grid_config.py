"""Two nested grids, as ``model.yaml`` writes them."""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from .errors import ArgumentError
from .variable import strict

__all__ = ["GridConfig"]

#: Fine cells of a grid, so that no count overflows; packages have narrower limits.
MOST_CELLS = 2**30
Metres = Annotated[float, Field(ge=-1e8, le=1e8)]
# Parameters of PROJ and words of WKT that name files to read.
_FILES = re.compile(r"grids?\s*=|init\s*=|pipeline|parameterfile|file\s*=", re.IGNORECASE)


def _reads_no_file(crs: str) -> str:
    if len(crs) > 5000 or _FILES.search(crs):
        raise ArgumentError(
            "a projection is a code such as EPSG:3035, or PROJ or WKT text that names no file; got "
            f"{crs[:80]!r}"
        )
    return crs


@dataclass(frozen=True, config=strict)
class GridConfig:
    """Two nested projected grids: coarse cells that each hold ``factor`` x ``factor`` fine cells.

    ``x`` and ``y`` are (first, last) coarse cell centres in metres, in array order;
    ``spacing`` is the coarse cell width in metres.
    """

    crs: Annotated[str, AfterValidator(_reads_no_file)]
    x: tuple[Metres, Metres]
    y: tuple[Metres, Metres]
    spacing: Annotated[float, Field(gt=0)]
    factor: Annotated[int, Field(gt=0, le=4096)] = 8

    @model_validator(mode="after")
    def _whole_cells(self) -> GridConfig:
        for axis, (first, last) in {"x": self.x, "y": self.y}.items():
            cells = abs(last - first) / self.spacing
            if cells > MOST_CELLS:
                raise ArgumentError(f"{axis} has {cells:g} cells, expected {MOST_CELLS:g} at most")
            if not math.isclose(cells, round(cells), abs_tol=1e-6):
                raise ArgumentError(
                    f"{axis} runs from {first} to {last} m, which is not a whole number of "
                    f"steps of {self.spacing} m"
                )
        rows, columns = self.fine_shape
        if rows * columns > MOST_CELLS:
            raise ArgumentError(
                f"the grid has {rows} x {columns} fine cells, expected {MOST_CELLS:g} at most"
            )
        return self

    @property
    def shape(self) -> tuple[int, int]:
        """Coarse (rows, columns)."""
        rows, columns = (round(abs(b - a) / self.spacing) + 1 for a, b in (self.y, self.x))
        return rows, columns

    @property
    def fine_shape(self) -> tuple[int, int]:
        """Fine (rows, columns)."""
        h, w = self.shape
        return h * self.factor, w * self.factor
