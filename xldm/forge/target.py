"""The target of a run: reached from any worker, begun once, and written by one run at a time."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
import zarr
from pangeo_forge_recipes.storage import FSSpecTarget

from ..errors import StoreError
from ..storage.claims import FOLDER as CLAIMS
from ..storage.location import Place, locate, reaching
from ..storage.objects import content

__all__ = ["RUN", "Target", "begin", "mark", "reach", "refuse_other_run", "store"]

log = logging.getLogger(__name__)

#: Where a part is written: a URL, or what ``pangeo-forge-runner`` injects.
Target = str | FSSpecTarget
#: Folder within the target with what a run notes until the part is complete.
RUN = ".xldm-run"


def reach(target: Target) -> Place:
    """The way to a target. That of a URL takes credentials from fsspec's configuration."""
    if isinstance(target, str):
        return locate(target)
    protocol = np.atleast_1d(target.fs.protocol)[0]
    if protocol == "file":
        return locate(target.root_path)
    return Place(f"{protocol}://{target.root_path}", target.fs, target.root_path.rstrip("/"))


def store(place: Place) -> zarr.storage.FSStore:
    """Zarr's way to a place."""
    return zarr.storage.FSStore(place.root, fs=place.fs)


def begin(target: Target, digest: str | None, template: Callable[[], xr.Dataset]) -> str:
    """Prepare a target, unless it was prepared for the same: metadata, no values of fields.

    Parameters
    ----------
    target : str or FSSpecTarget
    digest : str, optional
        What tells what is to be written from anything else; None, if nothing is ever gone on with.
    template : callable
        Gives the dataset whose metadata and coordinates are written.

    Returns
    -------
    str
        An id of this run, for `refuse_other_run`.

    Raises
    ------
    StoreError
        If there is a complete part, or something else that is not ours to remove.
    """
    place, run = reach(target), secrets.token_hex(16)
    with reaching(place):
        _refuse_foreign(place)
        if digest is not None and content(place, f"{RUN}/declared") == digest.encode():
            log.info("%s: going on with what an earlier run left", place.url)
        else:
            _clear(place)
            # First of all: whatever follows, the next run may clear it away.
            _note(place, "begun", b"")
            template().to_zarr(
                store(place), mode="a", compute=False, consolidated=False, zarr_format=2
            )
            _note(place, "declared", (digest or "").encode())
        _note(place, "writer", run.encode())
    return run


def _refuse_foreign(place: Place) -> None:
    attrs = content(place, ".zattrs")
    if attrs is not None and "xldm_complete" in json.loads(attrs):
        raise StoreError(
            f"{place.url}: there is a complete part already, which is never overwritten; choose "
            "another target or delete it."
        )
    others = [path for path in _entries(place) if not path.endswith(f"/{CLAIMS}")]
    if others and content(place, f"{RUN}/begun") is None:
        raise StoreError(f"{place.url}: there is something else already; choose another target.")


def _entries(place: Place) -> list[str]:
    place.fs.invalidate_cache()
    try:
        return [path.rstrip("/") for path in place.fs.ls(place.root, detail=False)]
    except FileNotFoundError:
        return []


def _clear(place: Place) -> None:
    """Remove what an earlier run of something else left, its right to be removed last of all."""
    last = f"/{RUN}"
    for path in sorted(_entries(place), key=lambda path: path.endswith(last)):
        if not path.endswith(f"/{CLAIMS}"):
            place.fs.rm(path, recursive=True)


def _note(place: Place, name: str, value: bytes) -> None:
    place.fs.pipe_file(f"{place.root}/{RUN}/{name}", value)


def refuse_other_run(place: Place, run: str) -> None:
    """To be called before each write: the run that began last is the one that goes on.

    Raises
    ------
    StoreError
        If another run has begun on the target since.
    """
    if content(place, f"{RUN}/writer") != run.encode():
        raise StoreError(
            f"{place.url}: another run has begun on this target, so this one stops; leave the "
            "target to that one."
        )


def mark(place: Place, attrs: dict[str, Any]) -> None:
    """Set attributes of the root, consolidate metadata, and remove what the run noted.

    The root's own attributes come last: where they say that a part is complete, all else is there.
    """
    zarr.consolidate_metadata(store(place))
    metadata = json.loads(content(place, ".zmetadata"))
    root = metadata["metadata"][".zattrs"]
    root.update(attrs)
    place.fs.pipe_file(f"{place.root}/.zmetadata", json.dumps(metadata, indent=4).encode())
    place.fs.pipe_file(f"{place.root}/.zattrs", json.dumps(root, indent=4).encode())
    place.fs.rm(f"{place.root}/{RUN}", recursive=True)
