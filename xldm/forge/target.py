"""The target of a run: reached from any worker, begun once, written by one run, marked complete."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
import zarr
from pangeo_forge_recipes.storage import FSSpecTarget

from ..errors import StoreError
from ..storage.claims import FOLDER as CLAIMS
from ..storage.location import Place, locate, reaching
from ..storage.marks import COMPLETE, refuse_complete, refuse_foreign, root_attrs, stamp
from ..storage.objects import content, keys, put, remove, sweep

__all__ = ["RUN", "Target", "begin", "mark", "reach", "refuse_other_run", "store"]

log = logging.getLogger(__name__)

#: Where a part is written: a URL, or an object that ``pangeo-forge-runner`` injects.
Target: TypeAlias = "str | FSSpecTarget"
#: Folder within the target that holds a run's notes until the part is complete.
RUN = ".xldm-run"


def reach(target: Target) -> Place:
    """Return the place of a target; a URL takes credentials from fsspec's configuration."""
    if isinstance(target, str):
        return locate(target)
    protocol = np.atleast_1d(target.fs.protocol)[0]
    if protocol == "file":
        return locate(target.root_path)
    return Place(f"{protocol}://{target.root_path}", target.fs, target.root_path.rstrip("/"))


def store(place: Place) -> Any:
    """Return Zarr 2's store at a place.

    By default the store turns a full disk into the KeyError of an absent object.
    """
    return zarr.storage.FSStore(  # type: ignore[attr-defined]
        place.root, fs=place.fs, exceptions=(KeyError,)
    )


def begin(target: Target, digest: str | None, template: Callable[[], xr.Dataset]) -> str:
    """Prepare a target, unless it was prepared for the same: metadata, no values of fields.

    Parameters
    ----------
    target : str or FSSpecTarget
    digest : str, optional
        Digest of the declaration, by which a later run knows that it may resume; None, if none may.
    template : callable () -> Dataset
        Gives the dataset whose metadata and coordinates are written.

    Returns
    -------
    str
        An id of this run, for `refuse_other_run`.

    Raises
    ------
    StoreError
        If the target holds a complete part, or anything that no run of a recipe began.
    """
    place, run = reach(target), secrets.token_hex(16)
    with reaching(place):
        found = root_attrs(place, zarr_format=2) or {}
        if COMPLETE in found:
            _remove_notes(place)  # of a run that was killed in its last moment
        refuse_complete(place, found, "part")
        sweep(place)
        if content(place, f"{RUN}/begun") is None:
            refuse_foreign(place, keys(place))
        if digest is not None and content(place, f"{RUN}/declared") == digest.encode():
            log.info("%s: resuming an earlier run", place.url)
        else:
            _clear(place)
            # First: it permits the next run to remove all that follows.
            put(place, f"{RUN}/begun", b"")
            template().to_zarr(
                store(place), mode="a", compute=False, consolidated=False, zarr_format=2
            )
            put(place, f"{RUN}/declared", (digest or "").encode())
        put(place, f"{RUN}/writer", run.encode())
    return run


def _clear(place: Place) -> None:
    """Remove the objects of an earlier, other run; the note that permits it goes last."""
    for name in {key.partition("/")[0] for key in keys(place)} - {CLAIMS, RUN}:
        place.fs.rm(f"{place.root}/{name}", recursive=True)
    for key in sorted(keys(place, RUN), key=lambda key: key == f"{RUN}/begun"):
        remove(place, key)


def refuse_other_run(place: Place, run: str) -> None:
    """Refuse to write if another run has begun since; to be called before each write.

    Raises
    ------
    StoreError
        If the last run that began on the target is another one.
    """
    if content(place, f"{RUN}/writer") != run.encode():
        raise StoreError(
            f"{place.url}: another run has begun on this target, so this one stops; leave the "
            "target to that one."
        )


def mark(place: Place, digest: str) -> str:
    """Mark a part complete, with consolidated metadata, and remove the run's notes.

    The root's own attributes come last: once they say that a part is complete, all else exists.

    Returns
    -------
    str
        The mark: the time, and the sha256 of the verified content.
    """
    complete = stamp(digest)
    history = f"{complete.partition(' ')[0]} written and verified by xldm {version('xldm')}"
    zarr.consolidate_metadata(store(place))
    metadata = json.loads(content(place, ".zmetadata") or b"")
    root = metadata["metadata"][".zattrs"]
    root.update({"history": history, COMPLETE: complete})
    for key, value in ((".zmetadata", metadata), (".zattrs", root)):
        put(place, key, json.dumps(value, indent=4).encode())
    _remove_notes(place)
    return complete


def _remove_notes(place: Place) -> None:
    if keys(place, RUN):
        place.fs.rm(f"{place.root}/{RUN}", recursive=True)
