"""Make the fine part from VHR-REA_IT, monthly netCDF files of the CMCC Data Delivery System.

``download_vhr_rea_it.py`` beside this file requests them: ``vhr-rea-it-2001-07.nc`` with 2 m
temperature and the two components of 10 m wind, on COSMO's rotated grid of 0.02 degrees. The system
calls the components ``grid_eastward_wind`` and ``grid_northward_wind``. They point along the
rotated grid. This recipe rotates them to point east and north (by up to 5.3 degrees; speeds stay),
and then interpolates them. The layout follows the documentation; we have read no file of the
provider here.
"""

import functools

from pangeo_forge_recipes.patterns import ConcatDim, FilePattern

from xldm.forge import StoreDays, settings
from xldm.forge.archive_files import open_netcdf
from xldm.grids.projected import ITALY
from xldm.stores.fine_side import to_grid

run = settings()


def url(month: str) -> str:
    return f"{run.source}/vhr-rea-it-{month}.nc"


recipe = StoreDays(
    FilePattern(url, ConcatDim("month", run.period.months), file_type="netcdf4"),
    period=run.period,
    part="fine",
    names=("t2m", "u10", "v10"),
    opener=open_netcdf,
    transform=functools.partial(to_grid, grid=ITALY, pole=(47.0, -168.0)),
    attrs={
        "title": "VHR-REA_IT over Italy on 2 km cells",
        "source": "ERA5 downscaled over Italy by COSMO-CLM at 0.02 degrees, CMCC DDS, netCDF",
        "license": "stated by CMCC at the time of download; ask before passing it on",
        "references": "Raffa et al. 2021, doi:10.3390/data6080088",
    },
)
