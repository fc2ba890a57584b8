"""Files that ship with xldm: the catalogs, the recipes and the assets."""

from __future__ import annotations

from pathlib import Path

__all__ = ["assets", "catalogs", "recipes"]

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
    return _beside("catalogs", "catalog.yaml")


def recipes() -> Path:
    """Return the folder of the recipes and their constraints, found like the catalogs.

    Raises
    ------
    FileNotFoundError
        If it is in neither place.

    Examples
    --------
    >>> (recipes() / "constraints.txt").is_file()
    True
    """
    return _beside("recipes", "constraints.txt")


def _beside(folder: str, file: str) -> Path:
    for place in (_PACKAGE / folder, _PACKAGE.parent / folder):
        if (place / file).is_file():
            return place
    raise FileNotFoundError(
        f"no {folder} in {_PACKAGE} or beside it: the installation is incomplete, install xldm anew"
    )


def assets() -> Path:
    """Return the folder of the assets: the embedded model and the sample data."""
    return _PACKAGE / "assets"
