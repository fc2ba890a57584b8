"""Legends of land-cover maps: the classes of codes, and the codes of sea, lakes and no data.

Each map has codes of its own, so a raster of codes is useless without its legend.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..errors import ArgumentError

__all__ = ["CGLS_LC100", "GLC2000", "IGBP", "LEGENDS", "SEA", "Legend", "one_hot", "refuse_unknown"]

INLAND_WATER, SEA = "inland_water", "sea"


@dataclass(frozen=True)
class Legend:
    """Meanings of the codes of one land-cover map.

    Parameters
    ----------
    title : str
        The map's name.
    classes : mapping of int to str
        Code -> class of land, lakes included, in the order of the bands. Codes with the same class
        make one band.
    sea : frozenset of int
        Codes of the open sea. If such a code is in ``classes`` too, the map uses it for lakes and
        sea alike.
    unknown : frozenset of int
        Codes of pixels without data.
    attrs : mapping of str
        ``source``, ``license`` and ``references`` of the map.

    Examples
    --------
    >>> CGLS_LC100.classes[111], CGLS_LC100.tells_sea, IGBP.tells_sea
    ('closed_evergreen_needleleaf_forest', True, False)
    """

    title: str
    classes: Mapping[int, str]
    sea: frozenset[int]
    unknown: frozenset[int]
    attrs: Mapping[str, str]

    @property
    def tells_sea(self) -> bool:
        """Whether the map has different codes for lakes and sea."""
        return self.sea.isdisjoint(self.classes)


def refuse_unknown(codes: np.ndarray, legend: Legend) -> None:
    """Refuse codes that a legend does not have.

    Raises
    ------
    ArgumentError
        If there are such codes; the message lists them and the legend's codes.

    Examples
    --------
    >>> refuse_unknown(np.array([[20, 200], [20, 21]]), CGLS_LC100)
    Traceback (most recent call last):
    xldm.errors.ArgumentError: land cover holds 21, which the legend of CGLS-LC100 lacks; it has 0,
    20, 30, ...
    """
    known = {*legend.classes, *legend.sea, *legend.unknown}
    if strange := sorted(set(np.unique(codes).tolist()) - known):
        raise ArgumentError(
            f"land cover holds {', '.join(map(str, strange))}, which the legend of {legend.title} "
            f"lacks; it has {', '.join(map(str, sorted(known)))}: name the map's own legend, or "
            "recode the map"
        )


_IGBP = (
    "evergreen_needleleaf_forest",
    "evergreen_broadleaf_forest",
    "deciduous_needleleaf_forest",
    "deciduous_broadleaf_forest",
    "mixed_forest",
    "closed_shrubland",
    "open_shrubland",
    "woody_savanna",
    "savanna",
    "grassland",
    "permanent_wetland",
    "cropland",
    "urban",
    "cropland_natural_mosaic",
    "snow_and_ice",
    "barren",
)

#: IGBP classes of MODIS collection 6; water is 0 in its climate-modelling grid, 17 in its tiles.
IGBP = Legend(
    "IGBP",
    {**dict(enumerate(_IGBP, start=1)), 0: INLAND_WATER, 17: INLAND_WATER},
    sea=frozenset({0, 17}),
    unknown=frozenset({255}),
    attrs={
        "source": "MODIS land cover collection 6, IGBP classes",
        "license": "NASA data, free of restrictions on use and distribution",
        "references": "Friedl, M., Sulla-Menashe, D. (2019): MCD12Q1 MODIS/Terra+Aqua Land Cover "
        "Type Yearly L3 Global 500m SIN Grid V006. NASA LP DAAC. "
        "https://doi.org/10.5067/MODIS/MCD12Q1.006",
    },
)

#: Discrete classification of the Copernicus Global Land Service at 100 m, collection 3.
CGLS_LC100 = Legend(
    "CGLS-LC100",
    {
        20: "shrubs",
        30: "herbaceous_vegetation",
        40: "cropland",
        50: "urban",
        60: "bare",
        70: "snow_and_ice",
        80: INLAND_WATER,
        90: "wetland",
        100: "moss_and_lichen",
        111: "closed_evergreen_needleleaf_forest",
        112: "closed_evergreen_broadleaf_forest",
        113: "closed_deciduous_needleleaf_forest",
        114: "closed_deciduous_broadleaf_forest",
        115: "closed_mixed_forest",
        116: "closed_unknown_forest",
        121: "open_evergreen_needleleaf_forest",
        122: "open_evergreen_broadleaf_forest",
        123: "open_deciduous_needleleaf_forest",
        124: "open_deciduous_broadleaf_forest",
        125: "open_mixed_forest",
        126: "open_unknown_forest",
    },
    sea=frozenset({200}),
    unknown=frozenset({0, 255}),
    attrs={
        "source": "Copernicus Global Land Service, Land Cover 100 m, collection 3, discrete "
        "classification",
        "license": "CC-BY-4.0",
        "references": "Buchhorn, M., Smets, B., Bertels, L., De Roo, B., Lesiv, M., Tsendbazar, "
        "N.-E., Herold, M., Fritz, S. (2020): Copernicus Global Land Service: Land Cover 100m: "
        "collection 3: epoch 2019: Globe. https://doi.org/10.5281/zenodo.3939050",
    },
)

#: Global Land Cover 2000, global legend.
GLC2000 = Legend(
    "GLC2000",
    {
        1: "evergreen_broadleaf_forest",
        2: "closed_deciduous_broadleaf_forest",
        3: "open_deciduous_broadleaf_forest",
        4: "evergreen_needleleaf_forest",
        5: "deciduous_needleleaf_forest",
        6: "mixed_forest",
        7: "freshwater_flooded_forest",
        8: "saltwater_flooded_forest",
        9: "forest_natural_mosaic",
        10: "burnt_forest",
        11: "evergreen_shrubland",
        12: "deciduous_shrubland",
        13: "herbaceous_vegetation",
        14: "sparse_vegetation",
        15: "flooded_shrubs_or_herbs",
        16: "cropland",
        17: "cropland_forest_mosaic",
        18: "cropland_shrub_or_grass_mosaic",
        19: "bare",
        21: "snow_and_ice",
        22: "urban",
        20: INLAND_WATER,
    },
    sea=frozenset({20}),
    unknown=frozenset({23}),
    attrs={
        "source": "Global Land Cover 2000, global product",
        "license": "free of charge for non-commercial use, with reference",
        "references": "Global Land Cover 2000 database. European Commission, Joint Research "
        "Centre, 2003. https://forobs.jrc.ec.europa.eu/products/glc2000/data_access.php",
    },
)

#: Legends by their names in recipes and on the command line.
LEGENDS = {"cgls-lc100": CGLS_LC100, "igbp": IGBP, "glc2000": GLC2000}


def one_hot(codes: np.ndarray, land: np.ndarray, legend: Legend) -> tuple[list[str], np.ndarray]:
    """Return the classes of the cells of a grid as bands of zeros and ones.

    All cells that are not land are ``sea``. Coastlines of map and mask differ: where land has a
    code of the sea, it takes the class of the nearest dry land. If the legend has one code for
    lakes and sea, this holds for water that touches the sea, and other water is a lake.

    Parameters
    ----------
    codes : ndarray (y, x)
        Code of the class of each cell.
    land : ndarray (y, x) of bool
        True on land.
    legend : Legend
        Meanings of the codes.

    Returns
    -------
    names : list of str
        Classes that occur, in the order of the legend, ``sea`` last.
    bands : ndarray (class, y, x) int8
        One band per class.

    Raises
    ------
    ArgumentError
        If land has a code without a class of land.

    Examples
    --------
    >>> codes = np.array([[200, 200, 40, 80, 20]])
    >>> names, bands = one_hot(codes, np.array([[False, True, True, True, True]]), CGLS_LC100)
    >>> [names[band] for band in bands[:, 0].argmax(axis=0)]
    ['sea', 'cropland', 'cropland', 'inland_water', 'shrubs']
    """
    codes = _settled(codes, land, legend)
    bands: dict[str, np.ndarray] = {}
    for code, name in legend.classes.items():
        bands[name] = bands.get(name, False) | (land & (codes == code))
    bands[SEA] = ~land
    bands = {name: band for name, band in bands.items() if band.any()}
    return list(bands), np.stack([*bands.values()]).astype("int8")


def _settled(codes: np.ndarray, land: np.ndarray, legend: Legend) -> np.ndarray:
    wet = np.isin(codes, [*legend.sea])
    dry = land & ~wet
    bodies, _ = ndimage.label(wet | ~land)
    beside_sea = np.isin(bodies, np.unique(bodies[~land]))
    coast = land & wet & (beside_sea | ~np.isin(codes, [*legend.classes]))
    if coast.any() and dry.any():
        nearest = ndimage.distance_transform_edt(~dry, return_distances=False, return_indices=True)
        codes = np.where(coast, codes[tuple(nearest)], codes)
    if strange := sorted(set(np.unique(codes[land]).tolist()) - legend.classes.keys()):
        raise ArgumentError(
            f"land has the codes {', '.join(map(str, strange))}, which are no classes of land in "
            f"the legend of {legend.title}: check the legend, and that mask and map are of the "
            "same place"
        )
    return codes
