"""Make the coarse part from ERA5 in the Zarr store of ARCO-ERA5 on Google Cloud Storage.

It needs no account: ``--source gs://gcp-public-data-arco-era5/ar/full_37-1h-0p25deg-chunk-1.zarr-v3``
with ``pip install gcsfs`` and ``FSSPEC_GS_TOKEN=anon``. The cost is reading. A chunk holds an hour
of the globe, on all 37 levels: 4 MB of a surface field, 154 MB of an upper-air field before
compression. Of these 154 MB this recipe keeps one level over Italy, 17 kB. The 14 predictors cost
0.8 GB for an hour, 19 GB for a day, 7 TB for a year. Use this recipe for days, on machines in
us-central1, where the store is. For years, request an area from the Climate Data Store
(``era5_cds_grib.py``): that moves about a thousandth of the data.

Months are read in parallel, and the hours of a day one after another, so a worker holds one chunk.
"""

from pangeo_forge_recipes.patterns import ConcatDim, FilePattern

from xldm.forge import StoreDays, settings
from xldm.forge.era5_files import FIELDS, attributes, open_arco
from xldm.stores.coarse_side import coarse

run = settings()


def url(month: str) -> str:
    return run.source


recipe = StoreDays(
    FilePattern(url, ConcatDim("month", run.period.months), file_type="zarr"),
    period=run.period,
    part="coarse",
    names=[name for of in FIELDS.values() for name in of],
    opener=open_arco,
    transform=coarse,
    attrs=attributes("ARCO-ERA5 (Carver & Merose 2023), Google Cloud Storage"),
)
