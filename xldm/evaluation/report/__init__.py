"""Reports of a result: a page to read and print, a table of scores, and the result."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from ...arguments import PATH, refuse
from ...errors import ExistsError
from .page import html
from .tables import long_form

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["long_form", "refuse_folder", "write"]

FILES = {"report.html", "scores.csv", "result.nc"}


def write(
    result: xr.Dataset,
    folder: str | os.PathLike[str],
    *,
    title: str | None = None,
    snapshots: Mapping[str, Figure] | None = None,
    maps: bool = True,
) -> Path:
    """Write ``report.html``, ``scores.csv`` and ``result.nc`` into a folder of their own.

    They are written aside and moved into place together, so the folder holds either the whole new
    report or its earlier content. The page needs no other file: it contains its figures.

    Parameters
    ----------
    result : xarray.Dataset
        From :func:`xldm.evaluate`.
    folder : path
        New, empty, or an earlier report, which is replaced. Parent folders are created.
    title : str, optional
        Title of the page; default the attribute ``title`` of the result.
    snapshots : mapping of str to matplotlib.figure.Figure, optional
        Figures of single hours by caption, from :func:`xldm.evaluation.figures.snapshots`.
    maps : bool
        Keep scores at every cell in ``result.nc``, most of its size; the page has them anyway.

    Returns
    -------
    pathlib.Path
        Path of ``report.html``.

    Raises
    ------
    ExistsError
        If the folder holds anything else; it is not touched.

    See Also
    --------
    xldm.evaluation.figures.snapshots : figures of one hour for the report.
    """
    refuse_folder(folder)
    folder = Path(folder).resolve()
    result = result.compute()
    aside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    aside.mkdir(parents=True)
    try:
        page = html(result, title=title, snapshots=snapshots or {})
        (aside / "report.html").write_text(page, encoding="utf-8")
        long_form(result).to_csv(aside / "scores.csv", index=False)
        _write_result(result, aside / "result.nc", maps)
        _put(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder / "report.html"


def _write_result(result: xr.Dataset, path: Path, maps: bool) -> None:
    """Write a result, compressed without loss."""
    if not maps:
        result = result.drop_vars([n for n in result.data_vars if str(n).endswith("_map")])
    packed = {"zlib": True, "complevel": 4, "shuffle": True}
    numbers = [n for n, a in result.data_vars.items() if a.ndim and a.dtype.kind in "iuf"]
    result.drop_encoding().to_netcdf(
        path, engine="h5netcdf", encoding=dict.fromkeys(numbers, packed)
    )


def refuse_folder(folder: str | PathLike) -> None:
    """Refuse a folder that holds anything but an earlier report.

    Raises
    ------
    ExistsError
        If it does, or is a file.
    """
    refuse(folder=(folder, PATH))
    folder = Path(folder)
    if not folder.exists():
        return
    held = {p.name for p in folder.iterdir()} if folder.is_dir() else {"a file, no folder"}
    if held and held != FILES:
        some = ", ".join(sorted(held - FILES)[:3] or sorted(held))
        raise ExistsError(
            f"{folder} is neither empty nor an earlier report (there is {some}), so nothing was "
            "written; name another folder, or move this one away"
        )


def _put(aside: Path, folder: Path) -> None:
    """Move a finished report into place; remove an earlier one only afterwards."""
    refuse_folder(folder)  # again: drawing took a while
    if not folder.exists():
        os.replace(aside, folder)
        return
    earlier = aside.with_name(f"{aside.name}.earlier")
    os.replace(folder, earlier)
    try:
        os.replace(aside, folder)
    except OSError:
        os.replace(earlier, folder)
        raise
    shutil.rmtree(earlier)
