"""Models by name: ``catalogs/models.yaml`` locates them, a local cache keeps downloads.

In the cache, ``packages/<sha256>`` holds downloaded packages and ``models/<name>`` imported models.
Both appear there complete and verified, or not at all.
"""

from __future__ import annotations

import difflib
import os
import pickle
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..arguments import FLAG, OPTIONS, PATH, instance, refuse
from ..errors import RegistryError, XldmError
from ..storage import shipped
from ..storage.aside import remove_old
from ..storage.location import shown
from ..storage.zips import is_url

if TYPE_CHECKING:
    import pandas as pd

    from ..models.model import Model

__all__ = ["cache", "entries", "imported", "list_models", "load_model", "no_room"]

MODEL = PATH.such("a name in xldm.list_models(), the path or URL of a package")
COLUMNS = ("domain", "targets", "size", "source", "licence", "sha256")


def cache() -> Path:
    """Return the cache folder: ``XLDM_CACHE``, or xldm's folder in the user's cache."""
    import platformdirs

    return Path(os.environ.get("XLDM_CACHE") or platformdirs.user_cache_dir("xldm"))


def entries() -> dict[str, dict[str, Any]]:
    """Return the entries of ``catalogs/models.yaml`` by model name."""
    return yaml.safe_load((shipped.catalogs() / "models.yaml").read_text(encoding="utf-8"))


def imported(name: str) -> Path:
    """Return the folder of an imported model, whether or not it exists.

    Raises
    ------
    RegistryError
        If the name is not valid as the name of a folder.
    """
    if not name or name.startswith(".") or not all(c.isalnum() or c in "-_." for c in name):
        raise RegistryError(
            f"{name!r} cannot name a model: use letters, digits, '-', '_' and '.', but no '.' first"
        )
    return cache() / "models" / name


def list_models() -> pd.DataFrame:
    """List the models that :func:`load_model` finds by name.

    Returns
    -------
    DataFrame
        Indexed by ``name``; columns domain, targets, size, source, licence, and sha256 of the
        package, which is empty if it is unknown before an import.

    Examples
    --------
    >>> list_models().loc["italy-2km", "targets"]
    't2m, u10, v10, tp'
    """
    import pandas as pd

    rows = {n: {**entry, "targets": ", ".join(entry["targets"])} for n, entry in entries().items()}
    for path in sorted((cache() / "models").glob("[!.]*/model.yaml")):
        rows[path.parent.name] = _row(path)
    table = [{column: row.get(column) or "" for column in COLUMNS} for row in rows.values()]
    return pd.DataFrame(table, index=pd.Index(rows, name="name"))


def load_model(
    model: str | os.PathLike | Model,
    *,
    storage_options: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Model:
    """Load a model by name, path or URL.

    Parameters
    ----------
    model : str, path or Model
        A name from :func:`list_models`; the folder or ``.zip`` of a package; the fsspec URL of
        either, which is downloaded once; or a model, which is returned as it is.
    storage_options : mapping, optional
        For fsspec, if the model is at a URL. They travel with a pickled model, as to dask workers.
    progress : bool
        Show bars while downloading.

    Returns
    -------
    Model
        Each file is verified against its hash in the package, and the package against the hash in
        the registry.

    Raises
    ------
    RegistryError
        If no model has this name, or if it must be imported first.
    PackageError
        If the package is damaged, altered or not usable.

    Examples
    --------
    >>> load_model("itly-2km")
    Traceback (most recent call last):
        ...
    xldm.errors.RegistryError: no model 'itly-2km'; did you mean italy-2km, ...
    """
    refuse(storage_options=(storage_options, OPTIONS))
    if not isinstance(model, (str, os.PathLike)):
        from ..models.model import Model

        refuse(model=(model, MODEL | instance(Model, "a loaded model")))
        return model
    refuse(model=(model, MODEL), progress=(progress, FLAG))
    return _load(str(model), "", progress, dict(storage_options or {}))


def _load(name: str, sha256: str, progress: bool, options: dict[str, Any]) -> Model:
    from . import package  # torch comes with it, and takes seconds

    entry = entries().get(name, {})
    sha256 = sha256 or entry.get("sha256") or ""
    url = entry.get("location", name)
    if is_url(url):
        model = _install(url, sha256, progress, options)
    elif "location" in entry:
        model = package.read(Path(__file__).parents[1] / url, sha256=sha256)
    elif os.sep not in name and _exists(cache() / "models" / name / "model.yaml"):
        model = package.read(imported(name), sha256=sha256)
    elif "weights" in entry:
        raise RegistryError(_how_to_import(name, entry))
    elif _exists(name):
        return package.read(name, sha256=sha256)
    else:
        raise RegistryError(_unknown(name))
    # Another machine finds the model by its name or URL, in a cache of its own.
    # The arguments are hashed, which options may not be.
    packed = pickle.dumps(options) if options and is_url(url) else b""
    return replace(model, origin=(_again, (name, model.sha256, packed)))


def _exists(path: str | Path) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):  # no path can be called so
        return False


def _again(name: str, sha256: str, packed: bytes = b"") -> Model:
    from . import package

    with package.planned(name, sha256):
        return _load(name, sha256, False, pickle.loads(packed) if packed else {})


def _unknown(name: str) -> str:
    known = list(list_models().index)
    close = difflib.get_close_matches(name, known)
    return (
        f"no model {shown(name)[:100]!r}"
        + (f"; did you mean {', '.join(close)}" if close else "")
        + f"? Known are {', '.join(known)}; a folder or .zip of that name does not exist either"
    )


def _install(location: str, sha256: str, progress: bool, options: dict[str, Any]) -> Model:
    """Read a package at a URL through the cache, which keeps it under its hash."""
    from . import package

    home = cache() / "packages"
    if sha256 and (home / sha256).is_dir():
        return package.read(home / sha256, sha256=sha256)
    try:
        with package.open_package(location, sha256, options) as files:
            target = home / files.sha256
            if target.is_dir():
                return package.read(target, sha256=files.sha256)
            home.mkdir(parents=True, exist_ok=True)
            remove_old(home, ".partial-*")
            with tempfile.TemporaryDirectory(prefix=".partial-", dir=home) as folder:
                aside = Path(folder) / "package"
                aside.mkdir()
                package.copy(files, aside, progress=progress)
                model = package.read(aside, sha256=files.sha256)
                _settle(aside, target)
    except OSError as error:
        raise no_room(shown(location), home, error) from error
    return model


def no_room(what: str, folder: Path, error: OSError) -> RegistryError:
    """Return the error that says that the cache cannot be written."""
    return RegistryError(
        f"{what} could not be kept in {folder} ({error.strerror or error}); nothing was "
        "installed. Make room, or set XLDM_CACHE to a folder on a larger disk"
    )


def _settle(aside: Path, target: Path) -> None:
    """Move a verified package into place, unless another process has put the same one there."""
    try:
        aside.rename(target)
    except OSError:
        if not target.is_dir():
            raise


def _row(path: Path) -> dict[str, str]:
    from .package_files import open_package

    try:
        with open_package(path.parent) as files:
            config, sha256 = files.config, files.sha256
    except XldmError as error:
        return {"source": f"imported, cannot be used: {error}"}
    size = sum(p.stat().st_size for p in path.parent.iterdir())
    return {
        "domain": config.domain,
        "targets": ", ".join(v.name for v in config.targets),
        "size": f"{size / 1e6:.0f} MB",
        "source": f"imported from {', '.join(config.provenance) or 'elsewhere'}",
        "licence": config.licence,
        "sha256": sha256,
    }


def _how_to_import(name: str, entry: dict[str, Any]) -> str:
    return (
        f"{name} ({entry['title']}) is not part of xldm and has to be imported once:\n\n"
        f"    xldm models import {name}\n\n"
        f"Size: {entry['size']}; read by byte ranges from\n"
        f"    {entry['weights']}\n    {entry['sample_data']}\n"
        f"Licence: {entry['licence']}; make sure that you may use it. The first import records the "
        "hashes of the downloaded files, and later imports verify them. If you have the files "
        "already, add --source and --sample-data: a folder, a zip, or the URL of a zip."
    )
