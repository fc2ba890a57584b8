"""The intake catalog of the data that ships with the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import intake.catalog

__all__ = ["folder", "open_catalog"]

_PACKAGE = Path(__file__).parents[1]


def folder() -> Path:
    """Folder of the catalogs: inside an installed package, beside the package in a checkout.

    Raises
    ------
    FileNotFoundError
        If it is in neither place.

    Examples
    --------
    >>> (folder() / "catalog.yaml").is_file()
    True
    """
    for place in (_PACKAGE / "catalogs", _PACKAGE.parent / "catalogs"):
        if (place / "catalog.yaml").is_file():
            return place
    raise FileNotFoundError(
        f"no catalogs in {_PACKAGE} or beside it: the installation is incomplete, install xldm anew"
    )


def open_catalog() -> intake.catalog.Catalog:
    """Open the catalog; also found as ``intake.cat.xldm``.

    Returns
    -------
    intake.catalog.Catalog
        Of each entry ``.read()`` gives a lazily indexed Dataset, ``.to_dask()`` a chunked one.

    Examples
    --------
    >>> cat = open_catalog()
    >>> sorted(cat)
    ['era5_sample', 'italy_static']
    >>> dict(cat.era5_sample.to_dask().sizes)
    {'time': 24, 'latitude': 17, 'longitude': 21}
    """
    import intake

    # Where the assets lie, seen from the catalog, differs between a checkout and a wheel. A path
    # rather than text, because intake warns whenever it reads a text parameter.
    assets = {"description": "shipped files", "type": "other", "default": _PACKAGE / "assets"}
    return intake.open_catalog(
        str(folder() / "catalog.yaml"), name="xldm", user_parameters={"assets": assets}
    )


def __getattr__(name: str) -> Any:
    # intake wants an object at its entry point and not a function; it is made when asked for.
    if name == "cat":
        return open_catalog()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
