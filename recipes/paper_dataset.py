"""Make the coarse or the fine part (``--part``) from the paper's own dataset (Zenodo, ``.pt.zst``).

``--source`` is a folder or a zip with ``YYYY/YYYY-MM-DD_{low,high_2mT,high_UV}.pt.zst`` and
``normalization_data.pkl``. Fields are scaled back to physical units. It is not documented whether
the winds point east and north: set ``XLDM_WIND_FRAME=earth`` to state that they do. Nor are the
units of precipitation: set ``XLDM_RAIN_UNITS`` to ``m`` or ``mm`` to have ``high_TP`` files in the
fine part. The layout follows the documentation; we have read no file of the record here.
"""

import functools
import os
from pathlib import Path

import numpy as np
from pangeo_forge_recipes.patterns import ConcatDim, FilePattern, MergeDim

from xldm.errors import InputError, PublishedError
from xldm.forge import StoreDays, settings
from xldm.published.dataset import ATTRS, accept_winds, physical
from xldm.published.dataset_files import compare_metadata, find, scaling, url, whole_days
from xldm.published.day_file import read_day

run = settings()
accept_winds(os.environ.get("XLDM_WIND_FRAME"))
rain = os.environ.get("XLDM_RAIN_UNITS") or None
files = find([run.source], rain=rain is not None)
kinds = [kind for kind in files.days if (kind == "low") == (run.part == "coarse")]
compare_metadata(files, whole_days(files, run.period.first, run.period.last, kinds=kinds))
variables = {kind: of for kind, of in scaling(files, rain).items() if kind in kinds}


def url_of(day: str, kind: str) -> str:
    return url(*files.days[kind][np.datetime64(day)])


def open_day(path: str, folder: Path) -> list:
    with open(path, "rb") as stream:
        try:
            return [read_day(stream, Path(path).name)]
        except PublishedError as error:
            raise InputError(str(error)) from error


recipe = StoreDays(
    FilePattern(
        url_of, ConcatDim("day", run.period.days), MergeDim("kind", kinds), file_type="unknown"
    ),
    period=run.period,
    part=run.part,
    names={kind: [v.name for v in of] for kind, of in variables.items()},
    opener=open_day,
    transform=functools.partial(physical, variables=[v for of in variables.values() for v in of]),
    attrs=ATTRS,
)
