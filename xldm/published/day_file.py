"""One day of the paper's dataset: a compressed file of scaled tensors, read without running code.

``YYYY-MM-DD_<kind>.pt.zst`` is the output of ``torch.save``, compressed with Zstandard: for each of
24 hours a mapping from the paper's names to tensors (y, x), scaled to mean 0 and standard
deviation 1.
"""

from __future__ import annotations

import io
import logging
import math
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import IO, Any

import numpy as np
import torch
import xarray as xr

from .. import statics
from ..errors import MissingPackageError, PublishedError
from ..grids.projected import ITALY
from ..inputs.lists import PAPER_PREDICTORS
from ..vocabulary import VOCABULARY
from .weights import TARGETS

__all__ = ["FIELDS", "GAP", "HOURS", "KINDS", "RAIN", "day_and_kind", "read_day"]

log = logging.getLogger(__name__)

HOURS = 24
#: The value that marks a missing sea surface temperature after scaling, as NaN does.
GAP = -10.0
#: Names in the paper of the fields that are read, by kind of file.
FIELDS: dict[str, tuple[str, ...]] = {
    "low": tuple(VOCABULARY[name].paper_name for name in PAPER_PREDICTORS),
    **{f"high_{part}": tuple(v.paper_name for v in found) for part, found in TARGETS.items()},
}
#: Kind of the files of precipitation, of which units are not documented.
RAIN = "high_TP"
#: Names of fields of all kinds of file.
KINDS = FIELDS | {RAIN: ("TP",)}

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})_(\w+)\.pt\.zst")
# Bytes of a file beside its fields: records of a zip file and a pickle.
_OVERHEAD = 2**20


def day_and_kind(name: str) -> tuple[np.datetime64, str] | None:
    """Parse the day and the kind from a file name; return None for other names.

    Examples
    --------
    >>> day_and_kind("2001/2001-07-15_high_UV.pt.zst")
    (np.datetime64('2001-07-15'), 'high_UV')
    >>> day_and_kind("metadata.csv")
    """
    found = _NAME.fullmatch(PurePosixPath(name).name)
    if found is None:
        return None
    try:
        return np.datetime64(found[1], "D"), found[2]
    except ValueError:  # the 31st of June
        return None


def read_day(stream: IO[bytes], name: str) -> xr.Dataset:
    """Read the scaled fields of one file.

    Parameters
    ----------
    stream : binary file
        Content of the file.
    name : str
        Name of the file, from which day and kind are parsed.

    Returns
    -------
    Dataset (time, y, x)
        24 hours in UTC of the fields in :data:`KINDS`, under their names in the paper. Values stay
        as in the file: scaled, in half or single precision, north up. The only coordinate is
        ``time``. The files hold one more predictor, which is left out because it is not
        documented.

    Raises
    ------
    PublishedError
        If the file is damaged, too large, or holds objects other than tensors; if an hour or a
        field is missing, unknown, or of another shape or type; if values other than the sea surface
        temperature over land are not finite; if rows or columns run in the wrong direction.
        Messages name the file, hour and field.
    MissingPackageError
        If zstandard is not installed.
    """
    named = day_and_kind(name)
    if named is None or named[1] not in KINDS:
        raise PublishedError(
            f"{name}: expected a name such as 2001-07-15_low.pt.zst, of the kinds "
            f"{', '.join(KINDS)}"
        )
    day, kind = named
    shape = ITALY.shape if kind == "low" else ITALY.fine_shape
    limit = HOURS * math.prod(shape) * 4 * (len(KINDS[kind]) + 1) + _OVERHEAD
    hours = _by_hour(_load(_inflated(stream, name, limit), name, limit), name)
    spare = {_spare(hours[hour], kind, f"{name}, hour {hour}") for hour in range(HOURS)}
    if len(spare) > 1:
        raise PublishedError(f"{name}: hours hold different unknown fields: {spare}")
    if left_out := spare.pop():
        log.info("%s: %s is left out, since it is not documented", name, left_out)
    fields = {
        field: np.stack(
            [_values(hours[h][field], field, shape, f"{name}, hour {h}") for h in range(HOURS)]
        )
        for field in KINDS[kind]
    }
    if "SST" in fields:
        _refuse_turned(fields["SST"][0], name)
    time = day.astype("datetime64[ns]") + np.arange(HOURS) * np.timedelta64(1, "h")
    return xr.Dataset(
        {field: (("time", "y", "x"), values) for field, values in fields.items()},
        {"time": ("time", time, {"standard_name": "time"})},
    )


def _inflated(stream: IO[bytes], name: str, limit: int) -> bytes:
    """Decompress a Zstandard file, up to a limit of bytes."""
    try:
        import zstandard
    except ImportError as error:
        raise MissingPackageError(
            "reading the paper's dataset needs zstandard: pip install 'xldm[published]'"
        ) from error
    try:
        with zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True) as reader:
            content = reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise PublishedError(
            f"{name} is no complete Zstandard file ({error}); download it again"
        ) from error
    if len(content) > limit:
        raise PublishedError(
            f"{name} inflates to more than {limit / 1e6:.0f} MB, the most that a day can take, so "
            "it was not read further; download it from the official record, or report this if you "
            "did"
        )
    return content


def _load(content: bytes, name: str, limit: int) -> Any:
    """Load tensors and plain values that torch saved, and refuse everything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as records:
            size = sum(record.file_size for record in records.infolist())
    except zipfile.BadZipFile as error:
        raise PublishedError(
            f"{name} holds no complete file of torch ({error}): it may be truncated; download it "
            "again"
        ) from error
    if size > limit:
        raise PublishedError(f"{name} holds records of {size / 1e6:.0f} MB, so it is not loaded")
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise PublishedError(
            f"{name} holds objects other than tensors ({_refused(content)}), so it was not loaded "
            "and none of its code was run; download it from the official record, or report this "
            "if you did"
        ) from error
    except Exception as error:  # a damaged file can raise anything
        raise PublishedError(f"{name} cannot be loaded ({error}); download it again") from error


def _refused(content: bytes) -> str:
    """Name the refused objects of a file, as far as torch can tell."""
    try:
        found = torch.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(content))
    except Exception:  # the file is refused already; this only explains it
        found = []
    return ", ".join(sorted(found)) or "unknown objects"


def _by_hour(content: Any, name: str) -> dict[int, Any]:
    """Return the fields by hour, and refuse them unless the hours are 0 to 23."""
    hours: dict[int, Any] | None = None
    try:
        if isinstance(content, Mapping):
            hours = {int(hour): fields for hour, fields in content.items()}
        elif isinstance(content, (list, tuple)):
            hours = dict(enumerate(content))
    except (TypeError, ValueError):
        pass
    if hours is None:
        raise PublishedError(
            f"{name}: expected a list of 24 hours or a mapping from hours to fields, got a "
            f"{type(content).__name__}"
        )
    wrong = [
        f"hours {', '.join(map(str, sorted(found)))} {are}"
        for found, are in (
            (set(range(HOURS)) - set(hours), "are missing"),
            (set(hours) - set(range(HOURS)), "are not of a day"),
        )
        if found
    ]
    if wrong or len(hours) != len(content):
        raise PublishedError(
            f"{name}: {'; '.join(wrong) or 'hours occur twice'}: expected 0 to 23, each once"
        )
    return hours


def _spare(fields: Any, kind: str, where: str) -> str:
    """Return the name of an hour's one unknown field, empty if there is none."""
    if not isinstance(fields, Mapping):
        raise PublishedError(
            f"{where}: expected fields by their names, got a {type(fields).__name__}"
        )
    if missing := [field for field in KINDS[kind] if field not in fields]:
        raise PublishedError(
            f"{where}: {', '.join(missing)} missing; found {', '.join(map(str, fields))}"
        )
    unknown = sorted(str(field) for field in fields if field not in KINDS[kind])
    if len(unknown) > (kind == "low"):
        raise PublishedError(
            f"{where}: {', '.join(unknown)} not known: expected {', '.join(KINDS[kind])}"
            + (" and one more" if kind == "low" else "")
        )
    return unknown[0] if unknown else ""


def _values(tensor: Any, field: str, shape: tuple[int, int], where: str) -> np.ndarray:
    """Return a field's tensor as an array, after checking type, shape and values."""
    floats = (torch.float16, torch.float32)
    if not (isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided):
        raise PublishedError(f"{where}: {field} is a {type(tensor).__name__}, expected a tensor")
    if tuple(tensor.shape) != shape or tensor.dtype not in floats:
        raise PublishedError(
            f"{where}: {field} is {tensor.dtype} {tuple(tensor.shape)}, expected float16 (or "
            f"float32) {shape} (y, x)"
        )
    values = tensor.detach().numpy()
    lost = np.isinf(values) if field == "SST" else ~np.isfinite(values)
    if lost.any():
        raise PublishedError(
            f"{where}: {field} is not finite in {lost.sum()} of {lost.size} cells; only SST may "
            "have gaps"
        )
    return values


def _refuse_turned(sst: np.ndarray, name: str) -> None:
    """Refuse fields whose gaps of SST match the land only when flipped."""
    gaps = np.isnan(sst) | (sst == GAP)
    land = statics.embedded()["land_mask"].coarsen(y=ITALY.factor, x=ITALY.factor).mean() >= 0.5
    fit = (gaps == land.values).mean()
    for how, turned in (("south up", gaps[::-1]), ("east to the left", gaps[:, ::-1])):
        if (turned == land.values).mean() > fit:
            raise PublishedError(
                f"{name}: gaps of SST fit the land better with {how}; expected fields with north "
                "up and west to the left: report this"
            )
