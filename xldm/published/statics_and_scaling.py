"""Static rasters and scaling of the release, as laid out in its ``sample_data.zip``."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ..config import Variable
from ..errors import ArgumentError, MissingPackageError, PublishedError
from ..grids.projected import ITALY, axes, coordinates
from ..inputs.lists import predictor_variables
from ..statics.landcover import CGLS_LC100, SEA
from ..vocabulary import VOCABULARY, units_of
from .weights import TARGETS

__all__ = ["RAIN_UNITS", "RASTERS", "SCALING", "read_scaling", "read_statics"]

SCALING = "normalization_data.pkl"
RASTERS = tuple(
    f"{field}_2km_domain_trim_EPSG3035.tif" for field in ("dtm", "land_cover_classes", "lat")
)

#: Land-cover bands: codes of CGLS-LC100 in ascending order, inferred from their areas.
LAND_COVER = {
    code: CGLS_LC100.classes.get(code, SEA)
    for code in (20, 30, 40, 50, 60, 70, 80, 90, 111, 114, 115, 116, 121, 124, 126, 200)
}

#: Bounds of means over Italy, for variables whose bounds in ERA5 cannot tell units apart.
MEANS = {"sd": (0.0, 0.5), "tp": (0.0, 2e-3), "ssrd": (1e5, 2e6)}
#: Millimetres in the units that precipitation of the fine side may be in.
RAIN_UNITS = {"m": 1e3, "mm": 1.0}
#: Bounds of its mean, in mm in an hour: 0.1 mm is 880 mm in a year.
RAIN_MEAN = (0.02, 0.5)


def read_statics(files: Mapping[str, Path]) -> xr.Dataset:
    """Read the release's GeoTIFFs as static fields on the Italian grid.

    Parameters
    ----------
    files : mapping of str to Path
        Paths of :data:`RASTERS`.

    Returns
    -------
    Dataset
        ``orog`` [m], ``northing`` [m], ``land_mask`` (y, x), ``land_cover`` (land_cover_class, y,
        x).

    Raises
    ------
    PublishedError
        If a raster is not on the grid, has gaps, or holds unexpected bands or values.
    MissingPackageError
        If tifffile or imagecodecs is not installed.
    """
    height, cover, northing = (_raster(files[name]) for name in RASTERS)
    _check_bands(height, RASTERS[0], 1)
    _check_bands(cover, RASTERS[1], len(LAND_COVER))
    _check_bands(northing, RASTERS[2], 1)
    if not (np.isin(cover, (0, 1)).all() and (cover.sum(axis=0) == 1).all()):
        raise PublishedError(f"{RASTERS[1]} is not one-hot: each cell must be in one class")
    y = axes(ITALY, fine=True)[0]
    if not np.allclose(northing[0], y[:, None], atol=1.0):
        raise PublishedError(
            f"{RASTERS[2]} runs from {northing[0, 0, 0]:.0f} to {northing[0, -1, 0]:.0f} down its "
            f"first column; expected the northing of EPSG:3035, {y[0]:.0f} to {y[-1]:.0f} m"
        )
    source = {"source": "static rasters of the release of arXiv 2406.13627"}
    flags = {"standard_name": "land_binary_mask", "units": "1"}
    return xr.Dataset(
        {
            "orog": (
                ("y", "x"),
                height[0].astype("float32"),
                {"standard_name": "surface_altitude", "units": "m", **source},
            ),
            "northing": (
                ("y", "x"),
                northing[0].astype("float32"),
                {"standard_name": "projection_y_coordinate", "units": "m", **source},
            ),
            "land_mask": (("y", "x"), (cover[-1] == 0).astype("int8"), {**flags, **source}),
            "land_cover": (("land_cover_class", "y", "x"), cover.astype("int8"), source),
        },
        coords=coordinates(ITALY, fine=True),
    ).assign_coords(land_cover_class=list(LAND_COVER.values()))


def read_scaling(path: Path, rain_units: str | None = None) -> dict[str, tuple[Variable, ...]]:
    """Read the release's means and standard deviations of predictors and targets.

    Parameters
    ----------
    path : Path
        ``normalization_data.pkl``: ``['ERA5' | 'CMCC']['mean' | 'std'][name in the paper]``. The
        file states no units; ERA5's are assumed, and each mean must be plausible in them.
    rain_units : "m" or "mm", optional
        What hourly precipitation of the fine side is in.

    Returns
    -------
    dict
        Variables under ``"predictors"``, and targets under the name of their component; with
        ``rain_units``, precipitation in mm under ``"TP"``.

    Raises
    ------
    PublishedError
        If the pickle holds anything but numbers, lacks a number, or if a mean does not fit the
        units.
    """
    content = _unpickle(path)
    rain = {"TP": _rain(content, rain_units, path.name)} if rain_units else {}
    return rain | {
        "predictors": _scaled(predictor_variables(), content, "ERA5", path.name),
        **{name: _scaled(v, content, "CMCC", path.name) for name, v in TARGETS.items()},
    }


def _rain(content: Any, units: str, where: str) -> tuple[Variable, ...]:
    """Return precipitation in mm; its mean over Italy tells whether it is in the units stated."""
    if units not in RAIN_UNITS:
        raise ArgumentError(f"rain_units: expected {' or '.join(RAIN_UNITS)}; got {units!r}")
    try:
        mean, std = (float(content["CMCC"][moment]["TP"]) for moment in ("mean", "std"))
    except (KeyError, TypeError, ValueError, IndexError):
        raise PublishedError(f"{where}: CMCC: no number for TP, so it cannot be scaled") from None
    in_mm = RAIN_UNITS[units]
    low, high = RAIN_MEAN
    if not (low <= mean * in_mm <= high and 0 < std < np.inf):
        raise PublishedError(
            f"{where}: the mean of CMCC's TP is {mean:.4g} and its standard deviation {std:.4g}. "
            f"Hourly rain over Italy has a mean of {low:g} to {high:g} mm, so it is "
            f"not in {units}, or not as it fell: check that this is the release's file"
        )
    known = VOCABULARY["tp"]
    return (
        Variable(
            "tp", known.standard_names[0], units_of("tp", "fine"), mean * in_mm, std * in_mm,
            paper_name="TP",
        ),
    )  # fmt: skip


def _scaled(
    variables: tuple[Variable, ...], content: Any, group: str, where: str
) -> tuple[Variable, ...]:
    scaled, wrong = [], []
    for v in variables:
        try:
            mean, std = (float(content[group][moment][v.paper_name]) for moment in ("mean", "std"))
        except (KeyError, TypeError, ValueError, IndexError):
            wrong.append(f"no number for {v.paper_name}")
            continue
        low, high = MEANS.get(v.name, (VOCABULARY[v.name].low, VOCABULARY[v.name].high))
        if not low <= mean <= high:
            wrong.append(f"mean of {v.paper_name} is {mean:.4g}, which is not in {v.units}")
        elif not 0 < std < np.inf:
            wrong.append(f"std of {v.paper_name} is {std}")
        else:
            scaled.append(replace(v, mean=mean, std=std))
    if wrong:
        raise PublishedError(
            f"{where}: {group}: {'; '.join(wrong)}. Predictors scaled with these numbers would be "
            "wrong: check that this is the release's file, and report it if it is"
        )
    return tuple(scaled)


class _NumbersOnly(pickle.Unpickler):
    """An unpickler that accepts plain values and numpy numbers, and refuses everything else."""

    ALLOWED = frozenset(
        {
            ("_codecs", "encode"),  # how older protocols write bytes
            ("collections", "OrderedDict"),
            ("numpy", "dtype"),
            ("numpy", "ndarray"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "scalar"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        """Return a class or function of the allow-list, and refuse others."""
        module = module.replace("numpy.core.", "numpy._core.")  # the name before numpy 2
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return super().find_class(module, name)


def _unpickle(path: Path) -> Any:
    try:
        with open(path, "rb") as file:
            return _NumbersOnly(file).load()
    except Exception as error:  # a damaged pickle can raise anything
        raise PublishedError(
            f"{path.name} is damaged, or holds more than names and numbers ({error}), so it was "
            "not loaded and none of its code was run; download it again from the official record"
        ) from error


def _raster(path: Path) -> np.ndarray:
    """Read the bands (band, y, x) of a GeoTIFF on the Italian grid."""
    try:
        import tifffile
    except ImportError as error:
        raise MissingPackageError(
            "reading the release's GeoTIFFs needs tifffile: pip install 'xldm[published]'"
        ) from error
    try:
        with tifffile.TiffFile(path) as tiff:
            page, tags = tiff.pages.first, tiff.geotiff_metadata or {}
            cells = tuple(n for n in page.shape if n > len(LAND_COVER))
            if cells != ITALY.fine_shape:  # before gigabytes are unpacked
                raise PublishedError(
                    f"{path.name} has {page.shape} cells, the grid has {ITALY.fine_shape} (y, x)"
                )
            bands = page.asarray()
            banded_last = page.planarconfig == tifffile.PLANARCONFIG.CONTIG
    except PublishedError:
        raise
    except Exception as error:  # a damaged file can raise anything
        raise PublishedError(
            f"{path.name} cannot be read ({error}). If it asks for imagecodecs: pip install "
            "'xldm[published]'; otherwise fetch it again"
        ) from error
    if bands.ndim == 2:
        bands = bands[None]
    elif banded_last:
        bands = np.moveaxis(bands, -1, 0)
    if bands.shape[1:] != ITALY.fine_shape:
        raise PublishedError(
            f"{path.name} has {bands.shape[1:]} cells, the grid has {ITALY.fine_shape} (y, x)"
        )
    if not np.isfinite(bands).all():
        raise PublishedError(f"{path.name} has gaps; every cell needs a value")
    _check_place(tags, path.name)
    return bands


def _check_place(tags: Mapping[str, Any], name: str) -> None:
    """Compare the corner, cell size and projection of a GeoTIFF with the grid, where stated."""
    y, x = axes(ITALY, fine=True)
    cell = ITALY.spacing / ITALY.factor
    area = int(tags.get("GTRasterTypeGeoKey", 1)) == 1
    shift = cell / 2 if area else 0.0
    expected = {"ModelTiepoint": [x[0] - shift, y[0] + shift], "ModelPixelScale": [cell, cell]}
    stated = {"ModelTiepoint": tags.get("ModelTiepoint", ())[3:5]}
    stated["ModelPixelScale"] = tags.get("ModelPixelScale", ())[:2]
    for tag, value in stated.items():
        if len(value) and not np.allclose(value, expected[tag], atol=1.0):
            raise PublishedError(f"{name}: {tag} is {list(value)}, the grid has {expected[tag]}")
    code = int(tags.get("ProjectedCSTypeGeoKey", 3035))
    if code not in (3035, 32767):  # 32767: described in words, not by number
        raise PublishedError(f"{name} is in EPSG:{code}, the grid in EPSG:3035")


def _check_bands(raster: np.ndarray, name: str, count: int) -> None:
    if len(raster) != count:
        raise PublishedError(f"{name} has {len(raster)} bands, expected {count}")
