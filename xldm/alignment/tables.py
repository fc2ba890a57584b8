"""An alignment: its tables, their hash, and the one netCDF file that holds them."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import xarray as xr

from ..arguments import PATH, instance, refuse
from ..errors import AlignmentError
from ..storage.location import Place, locate
from ..storage.objects import content, put

__all__ = ["SCHEMA", "Alignment", "open_alignment", "rounded"]

SCHEMA = 1
_NAMES = ("mean", "spread", "shift", "factor", "nodes", "change", "fitted")
_NEEDED = {
    *_NAMES,
    "amount",
    "least",
    "most",
    "trace",
    "lead",
    "month",
    "predictor",
    "hour",
    "y",
    "x",
}
# Bits of a number's fraction that are kept, of 23: one part in 8192. Files shrink to a third.
_BITS = 12


@dataclass(frozen=True, eq=False, repr=False)
class Alignment:
    """A map from a provider's predictors to the distribution of a reference.

    It is made by :func:`xldm.fit_alignment`, and given to ``downscale`` as ``align``.

    Parameters
    ----------
    tables : xarray.Dataset
        Tables by lead, month and predictor; see ``docs/howto/alignment.md``.
    """

    tables: xr.Dataset

    def __post_init__(self) -> None:
        """Refuse what are no tables."""
        refuse(tables=(self.tables, instance(xr.Dataset, "an xarray.Dataset of tables")))

    @property
    def sha256(self) -> str:
        """Hash of all tables and attributes."""
        digest = hashlib.sha256()
        for name in sorted(map(str, self.tables.variables)):
            values = np.ascontiguousarray(self.tables[name].values)
            if values.dtype.kind in "OUT":
                values = np.array("\0".join(map(str, values.ravel())).encode())
            elif values.dtype.kind == "b":
                values = values.astype("int8")
            if values.dtype.kind == "f":  # one NaN, since there are several
                values = np.where(np.isnan(values), values.dtype.type(np.nan), values)
            digest.update(f"{name} {self.tables[name].dims} {values.dtype.str}".encode())
            digest.update(values.tobytes())
        digest.update(json.dumps(_plain(self.tables.attrs), sort_keys=True).encode())
        return digest.hexdigest()

    @property
    def predictors(self) -> tuple[str, ...]:
        """Names of the predictors that are aligned."""
        return tuple(map(str, self.tables["predictor"].values))

    @property
    def leads(self) -> tuple[float, float] | None:
        """The least and the greatest lead in hours that it was fitted for; None if for none."""
        low_high = self.tables.attrs["lead_hours"]
        return (float(low_high[0]), float(low_high[1])) if len(low_high) else None

    def to_netcdf(self, path: str | PathLike) -> None:
        """Write to a local path or an fsspec URL; a file there is overwritten, whole.

        Raises
        ------
        StoreError
            If the place cannot be reached.
        """
        folder, name = _located(path)
        kept = self.tables.assign_attrs(sha256=self.sha256)
        packed = {n: {"zlib": True, "complevel": 5, "shuffle": True} for n in _NAMES}
        buffer = io.BytesIO()
        kept.to_netcdf(buffer, engine="h5netcdf", encoding=packed)
        put(folder, name, buffer.getvalue())

    def __repr__(self) -> str:
        attrs = self.tables.attrs
        months = [str(m + 1) for m in np.flatnonzero(self.tables["fitted"].values.any(0))]
        lines = {
            "predictors": ", ".join(self.predictors),
            "months": ", ".join(months) + f" (with {attrs['window_days']:g} days on either side)",
            "leads": "none" if self.leads is None else "{:g} to {:g} hours".format(*self.leads),
            "provider": attrs["provider_period"],
            "reference": attrs["reference_period"],
            "sha256": self.sha256,
        }
        return "Alignment\n" + "\n".join(f"  {k:<11} {v}" for k, v in lines.items())


def open_alignment(path: str | PathLike) -> Alignment:
    """Open an alignment, and check that nothing in it was changed.

    Parameters
    ----------
    path : str or path
        A file that :meth:`Alignment.to_netcdf` wrote: a local path or an fsspec URL.

    Raises
    ------
    AlignmentError
        If there is no such file, if it is no alignment, or if its content is not what was written.

    Examples
    --------
    >>> open_alignment("memory://nowhere.nc")
    Traceback (most recent call last):
    xldm.errors.AlignmentError: memory://nowhere.nc: there is no such file; ...
    """
    refuse(path=(path, PATH))
    folder, name = _located(path)
    data = content(folder, name)
    again = "fit it with xldm.fit_alignment and write it with to_netcdf"
    if data is None:
        raise AlignmentError(f"{path}: there is no such file; {again}.")
    try:
        with xr.open_dataset(io.BytesIO(data), engine="h5netcdf", decode_timedelta=False) as opened:
            tables = opened.load()
    except (OSError, ValueError) as error:
        raise AlignmentError(f"{path}: not a netCDF file of an alignment; {again}.") from error
    stated = tables.attrs.pop("sha256", None)
    if tables.attrs.get("xldm_alignment") != SCHEMA or _NEEDED - {*tables.variables}:
        raise AlignmentError(f"{path}: no alignment of schema {SCHEMA}; {again}.")
    tables.attrs = _plain(tables.attrs)
    for variable in tables.variables.values():
        variable.encoding = {}
    found = Alignment(tables)
    if found.sha256 != stated:
        raise AlignmentError(
            f"{path}: its content has the hash {found.sha256[:12]}, but {str(stated)[:12]} "
            f"was written: it was changed or damaged. Get it again, or {again}."
        )
    return found


def _located(path: str | PathLike) -> tuple[Place, str]:
    """Return the folder of a file, and its name in it."""
    place = locate(path)
    return place.within(".."), place.root.rpartition("/")[2]


def _plain(attrs: dict[Any, Any]) -> dict[str, Any]:
    """Return attributes as plain numbers, lists and text, as before they were written."""
    return {
        str(k): v.tolist() if isinstance(v, np.ndarray | np.generic) else v
        for k, v in attrs.items()
    }


def rounded(values: np.ndarray) -> np.ndarray:
    """Return float32 whose fractions end in zeros, which compress well.

    Examples
    --------
    >>> rounded(np.array([1 / 3, np.nan])).tolist()
    [0.3333...,  nan]
    """
    bits = np.asarray(values, "float32").view("uint32")
    dropped = np.uint32(23 - _BITS)
    half = np.uint32(1 << (int(dropped) - 1))
    whole = ((bits + half) >> dropped) << dropped
    return np.where(np.isfinite(values), whole.view("float32"), np.float32(np.nan)).astype(
        "float32"
    )
