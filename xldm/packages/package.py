"""A model on disk: ``model.yaml``, ``<component>.safetensors``, ``static.nc``, ``README.md``.

``model.yaml`` holds the sha256 of every other file, so its own sha256 identifies the package. No
file is used before its hash is verified, and a package contains no code.
"""

from __future__ import annotations

import glob
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path

import safetensors
import safetensors.torch
import torch
import xarray as xr
from tqdm.auto import tqdm

from ..config import ModelConfig, to_yaml
from ..errors import PackageError, XldmError
from ..models import card as cards
from ..models.model import Model
from ..storage.aside import remove_old
from ..storage.location import raise_alone, reason, shown
from ..storage.zips import is_url
from .networks import load_component, most_bytes, of_package, read_component
from .package_files import PackageFiles, open_package, sha256_of
from .static_file import read_static

__all__ = ["PackageError", "copy", "load_component", "planned", "read", "write"]


def read(location: str | PathLike, *, sha256: str = "") -> Model:
    """Read a model package and verify each of its files.

    Parameters
    ----------
    location : str or path
        A folder or a ``.zip``, local or at any fsspec URL.
    sha256 : str, optional
        The expected hash of the package.

    Returns
    -------
    Model
        Ready for inference; weights stored in half precision are converted to float32.

    Raises
    ------
    PackageError
        If a file is missing, truncated, altered or outside the package, if the schema version is
        unknown, or if weights or static fields do not fit the configuration.
    """
    with open_package(location, sha256) as files:
        config, static = files.config, read_static(files)
        components = {part.name: read_component(files, part) for part in config.components}
        used = {"static.nc", *(f"{c.name}.safetensors" for c in config.components)}
        for name in config.files.keys() - used:
            files.read(name)
    # An absolute path, so that processes with another working directory find it.
    where = str(location) if is_url(str(location)) else str(Path(location).absolute())
    return Model(config, static, components, files.sha256, (_again, (where, files.sha256)))


def _again(location: str, sha256: str) -> Model:
    with planned(location, sha256):
        return read(location, sha256=sha256)


@contextmanager
def planned(location: str, sha256: str) -> Iterator[None]:
    """Turn failures to load a package into an error about work planned elsewhere.

    Raises
    ------
    PackageError
        In place of the error that says that the package is missing, altered or unreachable.
    """
    try:
        yield
    except (XldmError, OSError) as error:
        said = error if isinstance(error, XldmError) else reason(error)
        raise_alone(
            PackageError(
                f"this work was planned with the model {shown(location)} of sha256 {sha256}, but "
                f"this process cannot load the same model: {said}"
            )
        )


def write(
    folder: str | PathLike,
    config: ModelConfig,
    components: Mapping[str, torch.nn.Module],
    static: xr.Dataset,
    card: str | None = None,
    *,
    dtype: torch.dtype = torch.float32,
    extra: Mapping[str, bytes] | None = None,
) -> str:
    """Write a model package to a temporary folder, read it back, and move it into place.

    Parameters
    ----------
    folder : str or path
        Local folder that does not exist yet.
    config : ModelConfig
        Configuration; its ``files`` are filled in here.
    components : mapping of str to Module
        The networks, by the component names of ``config``.
    static : xarray.Dataset
        Static fields on the fine grid.
    card : str, optional
        Content of ``README.md``; generated from ``config`` by default.
    dtype : torch.dtype
        Precision of the weights on disk; float16 halves the package.
    extra : mapping of str to bytes, optional
        Further files by name, e.g. the settings of the training.

    Returns
    -------
    str
        The sha256 of the package.

    Raises
    ------
    PackageError
        If the folder exists, the package cannot be written, or it cannot be read back.
    """
    folder = Path(folder).absolute()
    if folder.exists():
        raise PackageError(
            f"{folder} exists, and packages are never overwritten; remove it or choose another"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_old(folder.parent, f".{glob.escape(folder.name)}-*")
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as aside:
            return _written(Path(aside), folder, config, components, static, card, dtype, extra)
    except (OSError, safetensors.SafetensorError) as error:
        why = getattr(error, "strerror", None) or error
        raise PackageError(
            f"{folder}: the package could not be written ({why}); nothing of it is left. Check the "
            "path, its rights and space, then write it again"
        ) from error


def _written(
    aside: Path,
    folder: Path,
    config: ModelConfig,
    components: Mapping[str, torch.nn.Module],
    static: xr.Dataset,
    card: str | None,
    dtype: torch.dtype,
    extra: Mapping[str, bytes] | None,
) -> str:
    """Write a package aside, read it back and rename it; return its sha256."""
    for name, net in components.items():
        safetensors.torch.save_file(_on_disk(net, dtype), aside / f"{name}.safetensors")
    # Longitude and latitude follow from the grid, and would take most of the file.
    fields = static.drop_vars(["lat", "lon"], errors="ignore")
    packed = {n: {"zlib": True, "shuffle": True} for n, v in fields.items() if v.ndim > 1}
    # In memory: HDF5 ends the process where a disk is full.
    static_file = fields.to_netcdf(engine="h5netcdf", encoding=packed)
    (aside / "static.nc").write_bytes(static_file)
    count = sum(p.numel() for net in components.values() for p in net.parameters())
    readme = cards.markdown(config, count) if card is None else card
    (aside / "README.md").write_text(readme, encoding="utf-8")
    for name, content in (extra or {}).items():
        (aside / name).write_bytes(content)
    files = {p.name: sha256_of(p.read_bytes()) for p in sorted(aside.iterdir())}
    (aside / "model.yaml").write_text(to_yaml(replace(config, files=files)), encoding="utf-8")
    sha256 = read(aside).sha256
    # Temporary folders and safetensors files are private; let other users read the package.
    for path in aside.iterdir():
        path.chmod(0o644)
    aside.chmod(0o755)
    aside.rename(folder)
    return sha256


def copy(files: PackageFiles, folder: Path, *, progress: bool = True) -> None:
    """Copy the files of an open package to a folder, unverified; :func:`read` verifies them.

    Parameters
    ----------
    files : PackageFiles
        The open package.
    folder : Path
        An existing folder.
    progress : bool
        Show a bar for each file.
    """
    most = {
        f"{part.name}.safetensors": most_bytes(of_package(files, part))
        for part in files.config.components
    }
    for name in ("model.yaml", *files.config.files):
        bar = tqdm(desc=name, unit="B", unit_scale=True, disable=not progress)
        with bar, open(folder / name, "wb") as out:
            for piece in files.pieces(name, most.get(name)):
                out.write(piece)
                bar.update(len(piece))


def _on_disk(net: torch.nn.Module, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    def cast(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.detach().cpu()
        return (tensor.to(dtype) if tensor.is_floating_point() else tensor).contiguous()

    return {name: cast(tensor) for name, tensor in net.state_dict().items()}
