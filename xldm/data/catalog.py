"""The intake catalog: where it lies, and how it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import intake.catalog

__all__ = ["assets", "folder", "open_catalog"]

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


def assets() -> Path:
    """Folder of the files that ship with the package."""
    return _PACKAGE / "assets"


def open_catalog() -> intake.catalog.Catalog:
    """Open the catalog; also found as ``intake.cat.xldm``.

    Listing and describing entries touches neither data nor network.

    Returns
    -------
    intake.catalog.Catalog
        Of each entry, ``.read()`` gives a lazily indexed Dataset and ``.to_dask()`` a chunked one;
        what else an entry gives, it says. Arguments go to the entry: ``cat.part(url=...)``.

    Examples
    --------
    >>> cat = open_catalog()
    >>> list(cat)
    ['era5_sample', 'italy_static', 'era5_arco', 'training_store', 'part', 'twin', ...]
    >>> dict(cat.era5_sample.to_dask().sizes)
    {'time': 24, 'latitude': 17, 'longitude': 21}
    """
    import intake

    return intake.open_catalog(str(folder() / "catalog.yaml"), name="xldm")


def __getattr__(name: str) -> Any:
    # intake wants an object at its entry point and not a function; it is made when asked for.
    if name == "cat":
        return open_catalog()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
