"""Import of the release as a model package into the cache."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from ..arguments import FLAG, OPTIONS, PATH, Kind, refuse
from ..config import ModelConfig, Variable, from_yaml
from ..errors import PublishedError
from ..grids.projected import ITALY
from ..models.components import ResidualDiffusion
from ..packages import package, registry
from ..packages.package_files import sha256_of
from ..storage.aside import remove_old
from ..storage.location import shown
from ..storage.zips import fetch, is_url
from .statics_and_scaling import RASTERS, SCALING, read_scaling, read_statics
from .weights import TARGETS, channels, checkpoint, component

__all__ = ["import_ldm_res"]

log = logging.getLogger(__name__)
_VARIABLES = Kind(
    f"some of {', '.join(TARGETS)}, as ('2mT', 'UV')", (tuple, list),
    lambda v: v and all(isinstance(n, str) and n in TARGETS for n in v) and len({*v}) == len(v),
)  # fmt: skip

DEFAULT = "italy-2km-ldm-res"


def import_ldm_res(
    source: str | Path | None = None,
    name: str = DEFAULT,
    *,
    sample_data: str | Path | None = None,
    variables: Sequence[str] = ("2mT", "UV"),
    storage_options: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> Path:
    """Import the paper's release as a model that :func:`xldm.load_model` finds by name.

    Parameters
    ----------
    source : str or Path, optional
        Folder, zip, or http(s) URL of a zip with the checkpoints; only the needed members of a zip
        are read. By default the record on Zenodo that the registry names.
    name : str
        Name of the model.
    sample_data : str or Path, optional
        Folder, zip or URL of a zip with the rasters and ``normalization_data.pkl``; by default
        ``source``, or the record on Zenodo if ``source`` is not given.
    variables : sequence of {"2mT", "UV"}
        Components to import.
    storage_options : mapping, optional
        For fsspec, if the files are at a URL.
    progress : bool
        Show bars while downloading.

    Returns
    -------
    Path
        Folder of the model package.

    Raises
    ------
    PublishedError
        If a file does not match the release's documentation, or differs from the first import.
    ArchiveError
        If a file is missing in its source, or the source cannot be read.
    RegistryError
        If ``name`` is not valid as the name of a model, or if the cache cannot be written.
    """
    refuse(
        source=(source, PATH.or_none), name=(name, PATH), sample_data=(sample_data, PATH.or_none),
        variables=(variables, _VARIABLES), storage_options=(storage_options, OPTIONS),
        progress=(progress, FLAG),
    )  # fmt: skip
    entries, folder = registry.entries(), registry.imported(name)
    if "location" in entries.get(name, {}):
        raise PublishedError(f"{name} is another model of the registry; choose another name")
    if source is None:
        source = entries[DEFAULT]["weights"]
        sample_data = sample_data or entries[DEFAULT]["sample_data"]
    sample_data = sample_data or source
    work = registry.cache() / "downloads" / sha256_of(f"{source} {sample_data}".encode())[:16]
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise registry.no_room(name, work, error) from error
    remove_old(work, "*.part")
    # Small files first, so that a fault in them shows before gigabytes are downloaded.
    given: dict[str, Any] = {"options": storage_options, "progress": progress}
    small = fetch(sample_data, [*RASTERS, SCALING], work, **given)
    static, scaling = read_statics(small), read_scaling(small[SCALING])
    large = fetch(source, [checkpoint(v) for v in variables], work, **given)
    hashes = {file: _file_digest(path) for file, path in {**large, **small}.items()}
    _compare(hashes, entries.get(name, {}).get("files") or {}, "catalogs/models.yaml")
    if folder.exists():
        _compare(hashes, _recorded(folder), f"{folder} (remove it to accept the new files)")
        log.info("%s was imported from these files before", name)
    else:
        nets = {v: component(large[checkpoint(v)], v, scaling[v]) for v in variables}
        places = {f"from {shown(p)}": "" for p in (source, sample_data) if is_url(p)}
        config = _config(name, nets, scaling["predictors"], static, {**hashes, **places})
        log.info("wrote %s, sha256 %s", folder, package.write(folder, config, nets, static))
    shutil.rmtree(work, ignore_errors=True)
    return folder


def _config(
    name: str,
    nets: Mapping[str, ResidualDiffusion],
    predictors: tuple[Variable, ...],
    static: xr.Dataset,
    provenance: Mapping[str, str],
) -> ModelConfig:
    bands = tuple(str(n) for n in static["land_cover_class"].values)
    for part, net in nets.items():
        takes, wanted = channels(net.state_dict()), (len(predictors), len(bands) + 2)
        if takes != wanted:
            raise PublishedError(
                f"{checkpoint(part)} takes {takes[0]} predictors and {takes[1]} static channels, "
                f"not {wanted[0]} and {wanted[1]}, so it is not a checkpoint of the release"
            )
    return ModelConfig(
        name=name,
        title="LDM_res: ERA5 to 2 km over Italy, weights of the paper's release",
        domain="Italy",
        grid=ITALY,
        predictors=predictors,
        land_cover=bands,
        components=tuple(net.config for net in nets.values()),
        training_data=(
            "ERA5 as predictors, VHR-REA_IT (COSMO-CLM, 2.2 km, CMCC) as targets, 2000-2020, by "
            "the paper's authors; hours drawn at random for training and test"
        ),
        licence="not stated where we looked; ask the authors before redistributing",
        citation=(
            "Tomasi, Franch and Cristoforetti (2025), Can AI be enabled to perform dynamical "
            "downscaling?, Geosci. Model Dev. 18, 2051-2078, arXiv 2406.13627"
        ),
        provenance=dict(provenance),
    )


def _recorded(folder: Path) -> dict[str, str]:
    return from_yaml(ModelConfig, folder / "model.yaml").provenance


def _compare(found: Mapping[str, str], known: Mapping[str, str], where: str) -> None:
    """Refuse files whose hashes differ from the hashes of an earlier import or the registry."""
    changed = [f for f in found if f in known and known[f] != found[f]]
    if changed:
        raise PublishedError(
            f"{', '.join(changed)} changed: sha256 {found[changed[0]]} is not the "
            f"{known[changed[0]]} recorded in {where}; find out why before you use it"
        )


def _file_digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
