"""What a store says of itself in its root's attributes: what it was begun with, and completeness.

A writer notes what it begins with (`CONTENT`) before all else, and `COMPLETE` after all else. A
later run resumes a store only with the same content; readers refuse a store that is not complete.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..errors import StoreError
from .claims import FOLDER
from .location import Place, reaching
from .objects import content, keys, put

__all__ = [
    "COMPLETE", "CONTENT", "begun", "complete_attrs", "mark_complete", "refuse_foreign",
    "refuse_other", "root_attrs", "stamp",
]  # fmt: skip

#: Root attributes: what a store was begun with, and when it was complete.
CONTENT, COMPLETE = "xldm_content", "xldm_complete"


def root_attrs(place: Place, *, zarr_format: int = 3) -> dict[str, Any] | None:
    """Return the attributes of the root group at a place; None if there is no group."""
    if zarr_format == 2:
        found = None if content(place, ".zgroup") is None else content(place, ".zattrs") or b"{}"
    else:
        found = content(place, "zarr.json")
    try:
        attrs = None if found is None else json.loads(found)
        return attrs if found is None or zarr_format == 2 else dict(attrs.get("attributes", {}))
    except (ValueError, AttributeError):
        return {}


def stamp(digest: str = "") -> str:
    """Return the value of `COMPLETE`: now in UTC, and the sha256 of what was verified, if any."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"{now} sha256:{digest}" if digest else now


def mark_complete(place: Place, digest: str = "") -> str:
    """Mark a Zarr 3 store complete in its root object, unless it is; return the mark."""
    with reaching(place):
        root = json.loads(content(place, "zarr.json") or b"")
    if COMPLETE not in root["attributes"]:
        root["attributes"][COMPLETE] = stamp(digest)
        put(place, "zarr.json", json.dumps(root, indent=2).encode())
    return root["attributes"][COMPLETE]


def begun(place: Place) -> dict[str, Any] | None:
    """Return the root attributes of a store that xldm began; None if the place is free.

    Raises
    ------
    StoreError
        If the place holds anything else, or cannot be reached.
    """
    with reaching(place):
        found = root_attrs(place)
        if found is None:
            there = keys(place)
            if "zarr.json" in there:  # another writer created it this moment
                return begun(place)
            refuse_foreign(place, there)
    if found is not None and CONTENT not in found:
        raise StoreError(
            f"{place.url}: there is a Zarr store that xldm did not begin; nothing was written. "
            "Choose another place or delete it."
        )
    return found


def refuse_foreign(place: Place, there: Iterable[str]) -> None:
    """Refuse a place that holds objects beside claims and unfinished files.

    Raises
    ------
    StoreError
        With the first of these objects.
    """
    ours = (f"{FOLDER}/", ".partial")
    if other := sorted(k for k in there if not (k.startswith(ours[0]) or k.endswith(ours[1]))):
        raise StoreError(
            f"{place.url}: there is something else already ({other[0]}); nothing was written. "
            "Choose another place or delete it."
        )


def refuse_other(
    place: Place,
    found: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    resume: bool,
    final: bool = True,
) -> None:
    """Refuse to write a store that exists, unless it is resumed with what it was begun with.

    Parameters
    ----------
    place : Place
    found, given : mapping of str
        Root attributes of the store and of what is to be written.
    resume : bool
        Whether the run asks to resume.
    final : bool
        Refuse a complete store even so.

    Raises
    ------
    StoreError
        With every difference.
    """
    if COMPLETE in found and (final or not resume):
        raise StoreError(
            f"{place.url}: there is a complete store already, which is never overwritten; nothing "
            "was written. Choose another place or delete it."
        )
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
    """Return the root attributes of a complete store, to be read.

    Parameters
    ----------
    place : Place
    what : str
        What the store is to be, for messages.
    key : str
        The attribute by which it is known as that.
    schema : str
        The value of ``xldm_schema`` that this xldm reads.
    remedy : str
        How to complete it, for messages.
    zarr_format : int

    Raises
    ------
    StoreError
        If there is no store, if it is something else or of another schema, or if it is not
        complete.
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
