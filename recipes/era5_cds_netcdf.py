"""Make the coarse part from ERA5, old or new monthly netCDF files of the Climate Data Store.

Old files (before September 2024) are classic netCDF with packed integers. New files are netCDF-4;
those of the surface arrive as a zip of two files, one for instantaneous variables and one for sums.
``download_era5.py --form netcdf`` beside this file requests new files. Both forms may be in one
folder, by month: ``era5-surface-2001-07.zip`` or ``.nc``, ``era5-pressure-2001-07.nc``. Where both
exist, the zip is read.
"""

from pangeo_forge_recipes.patterns import ConcatDim, FilePattern, MergeDim

from xldm.forge import StoreDays, settings
from xldm.forge.archive_files import open_netcdf
from xldm.forge.era5_files import FIELDS, attributes, which
from xldm.stores.coarse_side import coarse

run = settings()


def url(month: str, kind: str) -> str:
    return which(run.source, (f"era5-{kind}-{month}.zip", f"era5-{kind}-{month}.nc"))


months, kinds = ConcatDim("month", run.period.months), MergeDim("kind", list(FIELDS))
recipe = StoreDays(
    FilePattern(url, months, kinds, file_type="unknown"),
    period=run.period,
    part="coarse",
    names=FIELDS,
    opener=open_netcdf,
    transform=coarse,
    attrs=attributes("Climate Data Store, netCDF"),
)
