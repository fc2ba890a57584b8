"""Files in the layout of the paper's release, small and with random numbers."""

from __future__ import annotations

import functools
import pickle
import zipfile
from pathlib import Path

import numpy as np
import tifffile
import tiny
import torch

from xldm.grids.projected import ITALY, axes

#: Plausible means of the predictors, in the paper's order.
MEANS = {
    "2mT": 286, "PMSL": 101500, "U10": 0.4, "V10": -0.3, "dp2mT": 280, "SST": 291, "SNDPT": 0.01,
    "TP": 1e-4, "SSRadIn": 6e5, "Q850": 0.005, "T850": 280, "U850": 2, "V850": -1, "W850": 0.01,
}  # fmt: skip
RASTERS = "{}_2km_domain_trim_EPSG3035.tif"

#: Beginnings of names here and in the release, the inverse of what the reader does.
NAMES = (
    ("regression.", "autoencoder.unet_regr.net."),
    ("conditioner.static_encoder.", "context_encoder.autoencoder.0.encoder.net."),
    ("conditioner.static_moments.", "context_encoder.autoencoder.0.to_moments."),
    ("conditioner.static_proj.", "context_encoder.proj.0."),
    ("conditioner.coarse_proj.", "context_encoder.proj.1."),
    ("conditioner.static_analysis.", "context_encoder.analysis.0."),
    ("conditioner.coarse_analysis.", "context_encoder.analysis.1."),
    ("conditioner.fusion.", "context_encoder.fusion.fusion."),
    ("conditioner.cascade.", "context_encoder.resnet."),
)


def state(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Weights under the release's names; the raw denoiser's are the averaged ones + 1."""
    tensors = {}
    for name, tensor in net.state_dict().items():
        for ours, theirs in NAMES:
            if name.startswith(ours):
                name = theirs + name.removeprefix(ours)
        if name.startswith("denoiser."):
            flat = name.removeprefix("denoiser.").replace(".", "")
            tensors["denoiser_ema." + flat] = tensor
            tensor = tensor + 1
        tensors[name] = tensor
        if ".conv1." in name and "encoder.net" in name:
            tensors[name.replace(".conv1.", ".sequence.2.")] = tensor
    tensors["denoiser_ema.decay"] = torch.tensor(0.9999)
    tensors["context_encoder.autoencoder.0.to_decoder.weight"] = torch.zeros(16, 8, 1, 1)
    steps = torch.linspace(1e-4**0.5, 2e-2**0.5, 1000, dtype=torch.float64)
    tensors["betas"] = (steps**2).float()
    return tensors


def checkpoint(path: Path, net: torch.nn.Module, **more: object) -> Path:
    """A training checkpoint, as Lightning saves it."""
    optimiser = functools.partial(torch.optim.Adam, lr=1e-3)
    torch.save(
        {"state_dict": state(net), "hyper_parameters": {"optimizer": optimiser}, **more}, path
    )
    return path


def scaling(path: Path, **means: float) -> Path:
    """``normalization_data.pkl``, in numpy's numbers; means can be put wrong."""
    predictors = {n: np.float32(means.get(n, m)) for n, m in MEANS.items()}
    targets = {n: np.float64(MEANS[n]) for n in ("2mT", "U10", "V10")}
    content = {
        group: {"mean": mean, "std": {n: np.array(abs(m) / 10 + 1e-3) for n, m in mean.items()}}
        for group, mean in (("ERA5", predictors), ("CMCC", targets))
    }
    path.write_bytes(pickle.dumps(content))
    return path


def raster(path: Path, bands: np.ndarray, corner: tuple[float, float] = (3910e3, 2698e3)) -> Path:
    """A GeoTIFF of (band, y, x), with the tags that GDAL writes."""
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 3035)
    tags = [
        (33550, "d", 3, (2000.0, 2000.0, 0.0), True),
        (33922, "d", 6, (0.0, 0.0, 0.0, *corner, 0.0), True),
        (34735, "H", len(keys), keys, True),
    ]
    data = bands[0] if len(bands) == 1 else bands
    planar = {} if len(bands) == 1 else {"planarconfig": "separate"}
    tifffile.imwrite(
        path, data, photometric="minisblack", compression="zlib", extratags=tags, metadata=None,
        **planar,
    )  # fmt: skip
    return path


def rasters(folder: Path) -> dict[str, Path]:
    """The three static rasters on the Italian grid."""
    y, x = axes(ITALY, fine=True)
    code = np.random.default_rng(0).integers(0, 16, (y.size, x.size))
    cover = (np.arange(16)[:, None, None] == code).astype("float32")
    height = np.where(code == 15, 0, 50.0 * code).astype("float32")
    northing = np.repeat(y[:, None], x.size, axis=1).astype("float32")
    return {
        field: raster(folder / RASTERS.format(field), bands)
        for field, bands in {
            "dtm": height[None], "land_cover_classes": cover, "lat": northing[None]
        }.items()
    }  # fmt: skip


def network(variable: str) -> torch.nn.Module:
    """A narrow component that takes what the release's take: 14 predictors, 18 static channels."""
    count = {"2mT": 1, "UV": 2}[variable]
    names = [tiny.TARGET, tiny.replace(tiny.TARGET, name="other")][:count]
    return tiny.network(tiny.part(variable, tuple(names)), 14, 18)


def archive(path: Path, members: dict[str, Path], filler: int = 0) -> Path:
    """A zip with members at these inner paths, and a filler that nobody asks for between them."""
    with zipfile.ZipFile(path, "w") as file:
        for number, (name, source) in enumerate(members.items()):
            if filler:
                file.writestr(f"2020/2020-02-{number:02}_low.pt.zst", bytes(filler))
            file.write(source, name)
    return path
