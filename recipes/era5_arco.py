"""ERA5 from the Zarr store of ARCO-ERA5 on Google Cloud Storage -> the coarse part.

Needs no account: ``--source gs://gcp-public-data-arco-era5/ar/full_37-1h-0p25deg-chunk-1.zarr-v3``
with ``pip install gcsfs`` and ``FSSPEC_GS_TOKEN=anon``. What it costs is reading. A chunk is an
hour of the globe, and on all 37 levels: 4 MB of a surface field, 154 MB of an upper-air field
before compression, of which this recipe keeps one level over Italy, 17 kB. For the 14 predictors
that is 0.8 GB for an hour, 19 GB for a day, 7 TB for a year. It is meant for days, and for machines
in us-central1, where the store lies; for years, requests to the Climate Data Store with an area
(``era5_cds_grib.py``) move some thousandth of it.

Months are read side by side, the hours of a day one after another, so that a worker holds a chunk.
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
