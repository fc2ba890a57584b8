"""A model on disk: ``model.yaml``, ``<component>.safetensors``, ``static.nc``, ``README.md``.

``model.yaml`` holds the sha256 of every other file, so its own sha256 identifies the package. No
file is used before its hash is verified, and a package contains no code.
"""

from __future__ import annotations

import glob
import io
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

from .. import statics
from ..config import ComponentConfig, ModelConfig, to_yaml
from ..errors import PackageError
from ..models import card as cards
from ..models.coarse_scale import CoarseScale
from ..models.components import ResidualDiffusion
from ..models.model import Model
from ..storage.aside import remove_old
from ..storage.zips import is_url, pour
from .package_files import PackageFiles, open_package, sha256_of

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
        config, components = files.config, {}
        static = _static(files)
        for part in config.components:
            name = f"{part.name}.safetensors"
            components[part.name] = load_component(
                part,
                config.coarse_channels,
                config.static_channels,
                safetensors.torch.load(files.read(name)),
                f"{location}: {name}",
                CoarseScale.of(part, config.predictors, config.grid.factor),
            )
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
    except (PackageError, LookupError, OSError) as error:
        raise PackageError(
            f"this work was planned with the model {location} of sha256 {sha256}, but this process "
            f"cannot load the same model: {error}"
        ) from error


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
    fields.to_netcdf(aside / "static.nc", engine="h5netcdf", encoding=packed)
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
    for name in ("model.yaml", *files.config.files):
        with files.open(name) as stream:
            pour(stream, folder / name, name, progress=progress)


def load_component(
    part: ComponentConfig,
    predictors: int,
    static_channels: int,
    tensors: Mapping[str, torch.Tensor],
    where: str,
    coarse_scale: CoarseScale | None = None,
) -> ResidualDiffusion:
    """Build the networks of a component and load its weights as float32.

    Parameters
    ----------
    part : ComponentConfig
        Targets and widths.
    predictors, static_channels : int
        Channels of its inputs.
    tensors : mapping of str to Tensor
        Weights by the names of the component's state dict.
    where : str
        Origin of the weights, for error messages.
    coarse_scale : CoarseScale, optional
        That of the component's smoothing.

    Returns
    -------
    ResidualDiffusion
        In evaluation mode.

    Raises
    ------
    PackageError
        If a tensor is missing, unknown to the networks, not finite, or of another shape.
    """
    with torch.random.fork_rng(devices=[]):  # the initial weights are discarded
        net = ResidualDiffusion(part, predictors, static_channels, coarse_scale)
    wanted = net.state_dict()
    wrong = [f"{name} is missing" for name in wanted.keys() - tensors.keys()]
    wrong += [f"{name} is not part of the networks" for name in tensors.keys() - wanted.keys()]
    for name in wanted.keys() & tensors.keys():
        found, fitting = tuple(tensors[name].shape), tuple(wanted[name].shape)
        if found != fitting:
            wrong.append(f"{name} has shape {found} instead of {fitting}")
        elif not tensors[name].isfinite().all():
            wrong.append(f"{name} holds values that are not finite")
    if wrong:
        listed = "; ".join(sorted(wrong)[:5])
        more = f" (and {len(wrong) - 5} more)" if len(wrong) > 5 else ""
        raise PackageError(
            f"{where}: the weights do not fit the configuration: {listed}{more}; weights and "
            "configuration must come from the same model"
        )
    kept = {name: tensor.to(wanted[name].dtype) for name, tensor in tensors.items()}
    net.load_state_dict(kept, strict=True, assign=True)
    return net.eval()


def _static(files: PackageFiles) -> xr.Dataset:
    where, config = f"{files.location}: static.nc", files.config
    try:
        static = statics.read(io.BytesIO(files.read("static.nc")), config.grid)
    except PackageError:
        raise
    except ValueError as error:
        raise PackageError(f"{where}: {error}") from error
    bands = tuple(str(n) for n in static["land_cover_class"].values)
    if bands != config.land_cover:
        raise PackageError(
            f"{where} has land cover {', '.join(bands)}; model.yaml says "
            f"{', '.join(config.land_cover)}; the two come from different models"
        )
    return static


def _on_disk(net: torch.nn.Module, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    def cast(tensor: torch.Tensor) -> torch.Tensor:
        tensor = tensor.detach().cpu()
        return (tensor.to(dtype) if tensor.is_floating_point() else tensor).contiguous()

    return {name: cast(tensor) for name, tensor in net.state_dict().items()}
