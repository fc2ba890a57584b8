"""What a store says of itself in its root's attributes: what it was begun with, and completeness.

A writer notes what it begins with (`CONTENT`) before all else, and `COMPLETE` after all else. A
later run resumes a store only with the same content; readers refuse a store that is not complete.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import reduce
from operator import getitem
from typing import Any

import numpy as np

from ..errors import StoreError
from .claims import FOLDER
from .location import Place, reaching
from .objects import content, keys, put

__all__ = [
    "COMPLETE", "CONTENT", "ROOT", "begun", "complete_attrs", "fields_absent", "mark_complete",
    "refuse_complete", "refuse_foreign", "refuse_other", "root_attrs", "stamp", "value_bytes",
]  # fmt: skip

#: Root attributes: what a store was begun with, and when it was complete.
CONTENT, COMPLETE = "xldm_content", "xldm_complete"
#: The object that holds the attributes of the root, by the format of Zarr.
ROOT = {3: "zarr.json", 2: ".zattrs"}


def root_attrs(place: Place, *, zarr_format: int = 3) -> dict[str, Any] | None:
    """Return the attributes of the root group at a place; None if there is no group."""
    with reaching(place):
        if zarr_format == 3:
            found = content(place, "zarr.json")
        else:
            found = content(place, ".zattrs") or (content(place, ".zgroup") and b"{}")
    if found is None:
        return None
    try:
        root = json.loads(found)
        return dict(root.get("attributes", {}) if zarr_format == 3 else root)
    except (ValueError, AttributeError):
        return {}


def value_bytes(values: np.ndarray) -> bytes:
    """Return the bytes of values that go into the digest of what a store was begun with."""
    return repr(values.tolist()).encode() if values.dtype.kind in "OUT" else values.tobytes()


def stamp(digest: str = "") -> str:
    """Return the value of `COMPLETE`: now in UTC, and the sha256 of what was verified, if any."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"{now} sha256:{digest}" if digest else now


def mark_complete(place: Place, digest: str = "", *, zarr_format: int = 3) -> str:
    """Mark a store complete in the attributes of its root, unless it is; return the mark.

    Consolidated metadata of Zarr 2 hold the attributes too, and are marked before.
    """
    mark = (root_attrs(place, zarr_format=zarr_format) or {}).get(COMPLETE)
    if mark is not None:
        return mark
    mark = stamp(digest)
    for key in ("zarr.json",) if zarr_format == 3 else (".zmetadata", ".zattrs"):
        with reaching(place):
            root = json.loads(content(place, key) or b"")
        within = {"zarr.json": ["attributes"], ".zmetadata": ["metadata", ".zattrs"]}
        reduce(getitem, within.get(key, []), root)[COMPLETE] = mark
        put(place, key, json.dumps(root, indent=2).encode())
    return mark


def begun(place: Place, *, zarr_format: int = 3) -> dict[str, Any] | None:
    """Return the root attributes of a store that xldm began; None if the place is free.

    Raise StoreError if the place holds anything else, or cannot be reached.
    """
    found = root_attrs(place, zarr_format=zarr_format)
    if found is None:
        there = keys(place)
        if ROOT[zarr_format] in there:  # another writer created it this moment
            return begun(place, zarr_format=zarr_format)
        refuse_foreign(place, there)
    elif CONTENT not in found:
        raise StoreError(
            f"{place.url}: there is a Zarr store that xldm did not begin; nothing was written. "
            "Choose another place or delete it."
        )
    return found


def fields_absent(place: Place, metadata: Iterable[str]) -> bool:
    """Return whether a place holds no objects beside claims and some keys of metadata."""
    return all(key.startswith(f"{FOLDER}/") for key in keys(place) - {*metadata})


def refuse_foreign(place: Place, there: Iterable[str]) -> None:
    """Raise StoreError if a place holds objects beside claims."""
    if other := sorted(key for key in there if not key.startswith(f"{FOLDER}/")):
        raise StoreError(
            f"{place.url}: there is something else already ({other[0]}); nothing was written. "
            "Choose another place or delete it."
        )


def refuse_complete(place: Place, found: Mapping[str, Any], what: str = "store") -> None:
    """Raise StoreError if root attributes say that a store, or part, is complete."""
    if COMPLETE in found:
        raise StoreError(
            f"{place.url}: there is a complete {what} already, which is never overwritten; nothing "
            "was written. Choose another place or delete it."
        )


def refuse_other(
    place: Place, found: Mapping[str, Any], given: Mapping[str, Any], *, resume: bool
) -> None:
    """Raise StoreError unless a run resumes a store with what the store was begun with.

    The message names every difference between the root attributes that the store has (``found``)
    and those of the run (``given``).
    """
    there, here = _content(found), _content(given)
    if other := [n for n in {**here, **there} if there.get(n) != here.get(n)]:
        said = (f"{n}: {_short(there.get(n))} there, {_short(here.get(n))} here" for n in other)
        raise StoreError(
            f"{place.url}: the existing store was begun with something else; nothing was written. "
            f"{'; '.join(said)}. Use the same inputs, choose another place, or delete it."
        )
    if not resume:
        raise StoreError(
            f"{place.url}: there is an incomplete store already; nothing was written. resume=True "
            "writes what it lacks; otherwise choose another place or delete it."
        )


def _content(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Root attributes with the content, a mapping or its JSON, among them."""
    rest = {name: value for name, value in attrs.items() if name not in (COMPLETE, CONTENT)}
    content = attrs.get(CONTENT, {})
    return rest | (json.loads(content) if isinstance(content, str) else content)


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    if re.fullmatch("[0-9a-f]{64}", text):
        return f"{text[:8]}..."
    return text if len(text) <= 120 else f"{text[:100]} ... ({len(text)} characters)"


def complete_attrs(
    place: Place, what: str, key: str, schema: str, remedy: str, *, zarr_format: int = 3
) -> dict[str, Any]:
    """Return the root attributes of a complete store, for readers.

    Raise StoreError if there is no store, if its root lacks the attribute ``key`` by which it is
    known as ``what``, if its schema is another, or if it is not complete; ``remedy`` completes it.
    """
    found = root_attrs(place, zarr_format=zarr_format)
    if found is None:
        raise StoreError(
            f"{place.url}: there is no Zarr {zarr_format} store; check the path or URL."
        )
    if key not in found:
        raise StoreError(
            f"{place.url}: this is a Zarr store, but its root has no {key}, so it is no {what}; "
            "open it with xarray.open_zarr."
        )
    if found.get("xldm_schema") != schema:
        raise StoreError(
            f"{place.url}: it has schema {found.get('xldm_schema')!r}, this xldm reads {schema!r}; "
            "if a newer xldm wrote it, upgrade: pip install --upgrade xldm"
        )
    if COMPLETE not in found:
        raise StoreError(
            f"{place.url}: not complete: its writing was interrupted or failed; {remedy} or "
            "delete it."
        )
    return found
