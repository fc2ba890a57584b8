"""Make a fine part of hourly rain from VHR-REA_IT, monthly netCDF files of the CMCC system.

``download_vhr_rea_it.py --rain`` beside this file requests them: ``vhr-rea-it-rain-2001-07.nc``
with ``TOT_PREC`` in kg m-2. ``xldm store`` merges the part with the one that
``cosmo_vhr_rea_it.py`` makes, as another ``--fine``.

What the sums are over is not documented. Bounds of time, cell methods and comments of the files
tell; running totals, rates and sums over other hours are refused. Where files state nothing, hourly
stamps and values that fall are taken for sums over the hour that ends at the stamp. Each cell of
2 km has the rain of the nearest point. We have read no file of the provider here.
"""

import functools

from pangeo_forge_recipes.patterns import ConcatDim, FilePattern

from xldm.forge import StoreDays, settings
from xldm.forge.archive_files import open_netcdf
from xldm.grids.projected import ITALY
from xldm.stores.fine_rain import hourly_rain

run = settings()


def url(month: str) -> str:
    return f"{run.source}/vhr-rea-it-rain-{month}.nc"


recipe = StoreDays(
    FilePattern(url, ConcatDim("month", run.period.months), file_type="netcdf4"),
    period=run.period,
    part="fine",
    names=("tp",),
    opener=open_netcdf,
    transform=functools.partial(hourly_rain, grid=ITALY, pole=(47.0, -168.0)),
    attrs={
        "title": "Hourly rain of VHR-REA_IT over Italy on 2 km cells",
        "source": "ERA5 downscaled over Italy by COSMO-CLM at 0.02 degrees, CMCC DDS, netCDF",
        "license": "stated by CMCC at the time of download; ask before passing it on",
        "references": "Raffa et al. 2021, doi:10.3390/data6080088",
    },
)
