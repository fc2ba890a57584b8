"""The files of a model package, verified against the hashes in ``model.yaml``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import safetensors

from ..config import SCHEMA, ModelConfig, from_loaded, load_yaml
from ..errors import ConfigError, PackageError
from ..storage.location import raise_alone, shown
from ..storage.zips import unreachable
from .containers import TEXT, Opened, Opener, ceiling, container, pieces, reading

__all__ = ["PackageFiles", "open_package", "sha256_of"]

# Files that a package may have beside those of its components.
_MOST_FILES = 200


@dataclass(frozen=True)
class PackageFiles:
    """An open package, whose files are verified when they are read.

    Parameters
    ----------
    location : str
        Path or URL of the package, without secrets.
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
    open: Opener = field(repr=False)

    def pieces(self, name: str, most: int | None = None) -> Iterator[bytes]:
        """Yield the content of a file, not yet verified, of so many bytes at most.

        Raises
        ------
        PackageError
            If the file is missing, is no plain file, is too large, or cannot be read.
        """
        with reading(self.location, name):
            opened = self.open(name)
            with opened.stream:
                most = ceiling(name) if most is None else most
                yield from pieces(opened, most, f"{self.location}: {name}")

    def read(self, name: str, most: int | None = None) -> bytes:
        """Return the content of a file of so many bytes at most, after verifying its hash.

        Raises
        ------
        PackageError
            If the file is missing, too large, truncated or altered.
        """
        data = b"".join(self.pieces(name, most))
        expected, found = self.config.files[name], sha256_of(data)
        if found == expected:
            return data
        raise PackageError(
            f"{self.location}: {name} {_fault(name, data)}: its sha256 is {found}, model.yaml says "
            f"{expected}; fetch the package again"
        )


@contextmanager
def open_package(
    location: str | PathLike, sha256: str = "", options: Mapping[str, Any] | None = None
) -> Iterator[PackageFiles]:
    """Open a package and validate its ``model.yaml``.

    Parameters
    ----------
    location : str or path
        A folder or a ``.zip``, local or at any fsspec URL.
    sha256 : str, optional
        The expected hash of the package.
    options : mapping, optional
        Of fsspec, for a URL.

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
    where = shown(location)
    with container(location, options) as raw:

        def opened(name: str) -> Opened:
            try:
                return raw(name)
            except (FileNotFoundError, NotADirectoryError, KeyError) as error:
                hint = unreachable(error) or f"there is no {name}, " + (
                    "so this is no model package; point to the folder or .zip that holds it"
                    if name == "model.yaml"
                    else "although model.yaml names it; fetch the package again"
                )
                raise_alone(PackageError(f"{where}: {hint}"))

        with reading(where, "model.yaml"):
            first = opened("model.yaml")
            with first.stream:
                content = b"".join(pieces(first, TEXT, f"{where}: model.yaml"))
        found = sha256_of(content)
        if sha256 and found != sha256:
            raise PackageError(
                f"{where}: model.yaml has sha256 {found}, expected {sha256}; this is another "
                "or an altered package: fetch it again, or correct the hash if you trust it"
            )
        with reading(where, "model.yaml"):
            config = _config(content, where)
        yield PackageFiles(where, config, found, opened)


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
        loaded = load_yaml(content)
    except ConfigError as error:
        raise PackageError(
            f"{location}: model.yaml cannot be parsed ({error}); fetch the package again"
        ) from None
    version = loaded.get("schema_version") if isinstance(loaded, dict) else None
    if not isinstance(loaded, dict):
        raise PackageError(
            f"{location}: model.yaml cannot be parsed (it holds no keys); fetch the package again"
        )
    if version != SCHEMA:
        raise PackageError(
            f"{location}: model.yaml has schema_version {repr(version)[:50]}, this xldm knows "
            f"{SCHEMA}; if a newer xldm made the package, upgrade: pip install --upgrade xldm"
        )
    try:
        config: ModelConfig = from_loaded(ModelConfig, loaded)
    except ConfigError as error:
        raise PackageError(f"{location}: model.yaml is refused: {error}") from None
    if len(config.files) > _MOST_FILES:
        raise PackageError(
            f"{location}: model.yaml names {len(config.files)} files, expected {_MOST_FILES} at "
            "most; keep other files outside the package"
        )
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
