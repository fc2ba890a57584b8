"""Make the coarse part from ERA5, monthly GRIB files of the Climate Data Store.

``download_era5.py`` beside this file requests them: ``era5-surface-2001-07.grib`` with the nine
surface variables and ``era5-pressure-2001-07.grib`` with the five at 850 hPa. ECMWF archives GRIB,
and says that the form of its netCDF may change. Sums (tp, ssrd) are forecasts from 06 and 18 UTC;
this recipe assigns them to the hour at which they are valid.
"""

from pangeo_forge_recipes.patterns import ConcatDim, FilePattern, MergeDim

from xldm.forge import StoreDays, settings
from xldm.forge.archive_files import open_grib
from xldm.forge.era5_files import FIELDS, attributes
from xldm.stores.coarse_side import coarse

run = settings()


def url(month: str, kind: str) -> str:
    return f"{run.source}/era5-{kind}-{month}.grib"


months, kinds = ConcatDim("month", run.period.months), MergeDim("kind", list(FIELDS))
recipe = StoreDays(
    FilePattern(url, months, kinds, file_type="grib"),
    period=run.period,
    part="coarse",
    names=FIELDS,
    opener=open_grib,
    transform=coarse,
    attrs=attributes("Climate Data Store, GRIB"),
)
