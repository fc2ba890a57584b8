"""Sources of terrain: attribution, licence, and the heights that occur."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["TERRAINS", "Terrain"]


@dataclass(frozen=True)
class Terrain:
    """A source of terrain.

    Parameters
    ----------
    attrs : mapping of str
        ``source``, ``license`` and ``references``.
    lowest, highest : float
        Range of heights [m]; values outside are refused, as undeclared fill values.
    sea_bed : bool
        Whether heights below 0 m are the sea bed, and count as 0 m.
    """

    attrs: Mapping[str, str]
    lowest: float = -430.0
    highest: float = 8850.0
    sea_bed: bool = False


def _copernicus(number: int) -> Terrain:
    notice = (
        f"produced using Copernicus WorldDEM-{number} © DLR e.V. 2010-2014 and © Airbus Defence "
        "and Space GmbH 2014-2018 provided under COPERNICUS by the European Union and ESA; all "
        "rights reserved. The organisations in charge of the Copernicus programme by law or by "
        "delegation do not incur any liability for any use of the Copernicus "
        f"WorldDEM-{number}"
    )
    return Terrain(
        {
            "source": f"Copernicus DEM GLO-{number}, a model of the surface with what stands on it",
            "license": f"licence for Copernicus DEM instance COP-DEM-GLO-{number}-F: {notice}",
            "references": "European Space Agency: Copernicus Global Digital Elevation Model. "
            "https://doi.org/10.5270/ESA-c5d3d65",
        }
    )


#: Sources of terrain by name.
TERRAINS = {
    "copernicus-glo-30": _copernicus(30),
    "copernicus-glo-90": _copernicus(90),
    "etopo-2022": Terrain(
        {
            "source": "ETOPO 2022, surface elevation",
            "license": "public domain (NOAA)",
            "references": "NOAA National Centers for Environmental Information (2022): ETOPO 2022 "
            "15 Arc-Second Global Relief Model. https://doi.org/10.25921/fd45-gt74",
        },
        lowest=-11000.0,
        sea_bed=True,
    ),
    "globe": Terrain(
        {
            "source": "GLOBE 1.0, 30 arc-seconds",
            "license": "no restriction on distribution (the unrestricted edition of GLOBE)",
            "references": "NOAA National Geophysical Data Center (1999): Global Land One-kilometer "
            "Base Elevation (GLOBE) v.1. https://doi.org/10.7289/V52R3PMS",
        }
    ),
}
