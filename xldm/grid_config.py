"""Two nested grids, as ``model.yaml`` writes them."""

from __future__ import annotations

import functools
import math
import re
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from .errors import ArgumentError
from .settings import checked

__all__ = ["GridConfig"]

#: Fine cells of a grid, so that no count overflows; packages have narrower limits.
MOST_CELLS = 2**30
Metres = Annotated[float, Field(ge=-1e8, le=1e8)]
# Parameters of PROJ and words of WKT that name files to read.
_FILES = re.compile(r"grids?\s*=|init\s*=|pipeline|parameterfile|file\s*=", re.IGNORECASE)


def _in_metres(crs: str) -> str:
    """Refuse what is no projection in metres, or names files that PROJ would read."""
    if len(crs) > 5000 or _FILES.search(crs):
        raise ArgumentError(
            "a projection is a code such as EPSG:3035, or PROJ or WKT text that names no file; got "
            f"{crs[:80]!r}"
        )
    _refuse_other_axes(crs)
    return crs


@functools.lru_cache(maxsize=64)
def _refuse_other_axes(crs: str) -> None:
    import pyproj

    try:
        known = pyproj.CRS(crs)
    except pyproj.exceptions.CRSError:
        raise ArgumentError(
            f"PROJ knows no projection {crs[:80]!r}; give a code such as EPSG:3035, or PROJ or WKT "
            "text"
        ) from None
    if not known.is_projected or any(axis.unit_name != "metre" for axis in known.axis_info[:2]):
        raise ArgumentError(
            f"{crs[:80]!r} is no projection in metres, in which cells are squares; choose one that "
            "suits the domain, such as EPSG:3035 in Europe"
        )


@checked
class GridConfig:
    """Two nested projected grids: coarse cells that each hold ``factor`` x ``factor`` fine cells.

    Parameters
    ----------
    crs : str
        A projection in metres: a code, or PROJ or WKT text.
    x, y : (float, float)
        First and last coarse cell centre in metres, in array order: ``y`` usually falls.
    spacing : float
        Coarse cell width in metres.
    factor : int
        Fine cells along a side of a coarse cell.

    Raises
    ------
    ArgumentError
        If a value cannot be used; the message names every one.

    Examples
    --------
    >>> grid = GridConfig("EPSG:3035", x=(4.2e6, 4.36e6), y=(2.5e6, 2.42e6), spacing=16e3, factor=8)
    >>> grid.shape, grid.fine_shape
    ((6, 11), (48, 88))
    >>> GridConfig("EPSG:3035", x=(4.2e6, 4.36e6), y=(2.5e6, 2.42e6), spacing=0)
    Traceback (most recent call last):
    xldm.errors.ArgumentError: GridConfig: spacing: input should be greater than 0; got 0
    """

    crs: Annotated[str, AfterValidator(_in_metres)]
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
