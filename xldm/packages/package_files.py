"""The files of a model package, verified against the hashes in ``model.yaml``."""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import IO
from urllib.parse import urlsplit

import fsspec
import safetensors
import yaml

from ..config import SCHEMA, ModelConfig, from_yaml
from ..errors import ArchiveError, ConfigError, PackageError
from ..storage.zips import is_url, open_zip, unreachable

__all__ = ["PackageFiles", "open_package", "sha256_of"]

Opener = Callable[[str], IO[bytes]]


@dataclass(frozen=True)
class PackageFiles:
    """An open package, whose files are verified when they are read.

    Parameters
    ----------
    location : str
        Path or URL of the package.
    config : ModelConfig
        The validated content of ``model.yaml``.
    sha256 : str
        The hash of ``model.yaml``, which identifies the package.
    open : callable
        Opens a file of the package by name, without verification.
    """

    location: str
    config: ModelConfig
    sha256: str
    open: Opener

    def read(self, name: str) -> bytes:
        """Return the content of a file, after verifying its hash.

        Raises
        ------
        PackageError
            If the file is missing, truncated or altered.
        """
        with self.open(name) as stream:
            try:
                data = stream.read()
            except (zipfile.BadZipFile, EOFError) as error:
                raise PackageError(
                    f"{self.location}: {name} is damaged ({error}); fetch it again"
                ) from error
        expected, found = self.config.files[name], sha256_of(data)
        if found == expected:
            return data
        raise PackageError(
            f"{self.location}: {name} {_fault(name, data)}: its sha256 is {found}, model.yaml says "
            f"{expected}; fetch the package again"
        )


@contextmanager
def open_package(location: str | PathLike, sha256: str = "") -> Iterator[PackageFiles]:
    """Open a package and validate its ``model.yaml``.

    Parameters
    ----------
    location : str or path
        A folder or a ``.zip``, local or at any fsspec URL.
    sha256 : str, optional
        The expected hash of the package.

    Yields
    ------
    PackageFiles

    Raises
    ------
    PackageError
        If this is no package or another package, if its schema version is unknown, or if it names
        files outside itself.
    """
    location = str(location)
    with _files(location) as raw:

        def opened(name: str) -> IO[bytes]:
            try:
                return raw(name)
            except (FileNotFoundError, KeyError) as error:
                hint = unreachable(error) or f"there is no {name}, " + (
                    "so this is no model package; point to the folder or .zip that holds it"
                    if name == "model.yaml"
                    else "although model.yaml names it; fetch the package again"
                )
                raise PackageError(f"{location}: {hint}") from error

        with opened("model.yaml") as stream:
            content = stream.read()
        found = sha256_of(content)
        if sha256 and found != sha256:
            raise PackageError(
                f"{location}: model.yaml has sha256 {found}, expected {sha256}; this is another "
                "or an altered package: fetch it again, or correct the hash if you trust it"
            )
        yield PackageFiles(location, _config(content, location), found, opened)


def sha256_of(data: bytes) -> str:
    """Return the sha256 as a hexadecimal string."""
    return hashlib.sha256(data).hexdigest()


def _fault(name: str, data: bytes) -> str:
    if name.endswith(".safetensors"):
        try:
            safetensors.deserialize(data)
        except safetensors.SafetensorError:
            return f"is truncated or damaged ({len(data)} bytes)"
    return "was altered or is incomplete"


def _config(content: bytes, location: str) -> ModelConfig:
    try:
        version = (yaml.safe_load(content) or {}).get("schema_version")
    except (yaml.YAMLError, AttributeError) as error:
        raise PackageError(
            f"{location}: model.yaml cannot be parsed ({error}); fetch the package again"
        ) from error
    if version != SCHEMA:
        raise PackageError(
            f"{location}: model.yaml has schema_version {version!r}, this xldm knows {SCHEMA}; if "
            "a newer xldm made the package, upgrade: pip install --upgrade xldm"
        )
    try:
        config = from_yaml(ModelConfig, content)
    except ConfigError as error:
        raise PackageError(f"{location}: model.yaml is refused: {error}") from error
    for name in config.files:
        if not re.fullmatch(r"\w[\w.-]*", name, re.ASCII) or name == "model.yaml":
            raise PackageError(
                f"{location}: model.yaml names the file {name!r}, which is not a plain name inside "
                "the package; do not use it and tell whoever gave it to you"
            )
    needed = {"static.nc", "README.md", *(f"{c.name}.safetensors" for c in config.components)}
    if absent := sorted(needed - config.files.keys()):
        raise PackageError(
            f"{location}: model.yaml gives no sha256 for {', '.join(absent)}, which can therefore "
            "not be verified; make the package anew with xldm.packages.package.write"
        )
    return config


@contextmanager
def _files(location: str) -> Iterator[Opener]:
    """Yield a function that opens the files of a package by name."""
    if urlsplit(location).path.endswith(".zip"):
        try:
            with open_zip(location) as archive:
                top = _top(archive, location)
                yield lambda name: archive.open(top + name)
        except ArchiveError as error:
            raise PackageError(str(error)) from error
        return
    fs, root = fsspec.url_to_fs(location)
    # Not every HTTP server supports byte ranges, and whole files do not need them.
    options = {"block_size": 0} if location.startswith("http") else {}

    def opened(name: str) -> IO[bytes]:
        if not is_url(location) and not _inside(Path(root), name):
            raise PackageError(
                f"{location}: {name} is a link that leaves the package; put the file itself there"
            )
        return fs.open(f"{root.rstrip('/')}/{name}", "rb", **options)

    yield opened


def _inside(root: Path, name: str) -> bool:
    return (root / name).resolve().is_relative_to(root.resolve())


def _top(archive: zipfile.ZipFile, location: str) -> str:
    """Return the folder within a zip that holds ``model.yaml``, empty for the top level."""
    for member in archive.infolist():
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(member.external_attr >> 16):
            raise PackageError(
                f"{location} holds {member.filename!r}, which leaves the package; do not use it "
                "and tell whoever gave it to you"
            )
    paths = [PurePosixPath(n) for n in archive.namelist()]
    tops = sorted(p.parts[:-1] for p in paths if p.name == "model.yaml" and len(p.parts) <= 2)
    return "".join(f"{part}/" for part in tops[0]) if tops else ""
