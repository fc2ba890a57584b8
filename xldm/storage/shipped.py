"""Files that ship with xldm: the catalogs and the assets."""

from __future__ import annotations

from pathlib import Path

__all__ = ["assets", "catalogs"]

_PACKAGE = Path(__file__).parents[1]


def catalogs() -> Path:
    """Return the folder of the catalogs: inside an installed package, beside it in a checkout.

    Raises
    ------
    FileNotFoundError
        If it is in neither place.

    Examples
    --------
    >>> (catalogs() / "catalog.yaml").is_file()
    True
    """
    for place in (_PACKAGE / "catalogs", _PACKAGE.parent / "catalogs"):
        if (place / "catalog.yaml").is_file():
            return place
    raise FileNotFoundError(
        f"no catalogs in {_PACKAGE} or beside it: the installation is incomplete, install xldm anew"
    )


def assets() -> Path:
    """Return the folder of the assets: the embedded model and the sample data."""
    return _PACKAGE / "assets"
