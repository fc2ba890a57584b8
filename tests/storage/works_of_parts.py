"""Parts of training stores that kill_everywhere.py disturbs; in the recipes' environment."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numcodecs.blosc
from kill_everywhere import Work

from xldm.errors import XldmError
from xldm.forge.__main__ import main
from xldm.stores.parts import open_part
from xldm.twin.archives import write

# Its threads may pack the same values otherwise.
numcodecs.blosc.set_nthreads(1)
DAY = "2001-07-15"
KEPT = tempfile.TemporaryDirectory()
#: A day of the twin, as the Climate Data Store delivers it.
ARCHIVE = write(Path(KEPT.name), DAY, DAY, forms=("cds-netcdf-new",)) / "cds-netcdf-new"


def recipe(folder: Path, again: bool) -> None:
    """Run the recipe, which goes on by itself where it was stopped, and refuses a whole part."""
    if again and whole(folder):
        return
    given = {"source": ARCHIVE, "target": folder / "out.zarr", "period": f"{DAY}/{DAY}"}
    options = [part for key, value in given.items() for part in (f"--{key}", str(value))]
    if main(["era5_cds_netcdf", *options]):
        raise XldmError("the recipe ended with an error")


def whole(folder: Path) -> bool:
    try:
        open_part(str(folder / "out.zarr"))
    except XldmError:
        return False
    return True


WORKS = {"part": Work(recipe, whole)}
