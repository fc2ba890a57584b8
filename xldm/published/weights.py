"""Checkpoints of the release as components: names, widths and weights.

``LDM_residual_<V>.ckpt`` holds all three networks of a component, and both raw and averaged (EMA)
weights of the denoiser. Widths follow from the shapes of the tensors.
"""

from __future__ import annotations

import functools
import pickle
import re
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import torch

from ..arguments import FLAG, PATH, choice, refuse
from ..config import (
    AutoencoderConfig,
    ComponentConfig,
    ConditionerConfig,
    DenoiserConfig,
    DiffusionConfig,
    RegressionConfig,
    Variable,
)
from ..errors import ArgumentError, PublishedError
from ..models.components import ResidualDiffusion
from ..numerics.schedule import Schedule
from ..packages import package
from ..storage.zips import fetch

__all__ = ["TARGETS", "channels", "checkpoint", "component", "read_component"]

Tensors = dict[str, torch.Tensor]


#: Targets of each component, not yet scaled.
TARGETS = {
    "2mT": (Variable("t2m", "air_temperature", "K", 0.0, 1.0, paper_name="2mT"),),
    "UV": (
        Variable("u10", "eastward_wind", "m s-1", 0.0, 1.0, paper_name="U10"),
        Variable("v10", "northward_wind", "m s-1", 0.0, 1.0, paper_name="V10"),
    ),
}

#: Prefixes of names in a checkpoint and in a component; None drops tensors that inference ignores.
RENAMES = {
    "autoencoder.unet_regr.net.": "regression.",
    "autoencoder.": "autoencoder.",
    "context_encoder.autoencoder.0.encoder.net.": "conditioner.static_encoder.",
    "context_encoder.autoencoder.0.to_moments.": "conditioner.static_moments.",
    "context_encoder.autoencoder.0.to_decoder.": None,
    "context_encoder.autoencoder.0.decoder.": None,
    "context_encoder.proj.0.": "conditioner.static_proj.",
    "context_encoder.proj.1.": "conditioner.coarse_proj.",
    "context_encoder.analysis.0.": "conditioner.static_analysis.",
    "context_encoder.analysis.1.": "conditioner.coarse_analysis.",
    "context_encoder.fusion.fusion.": "conditioner.fusion.",
    "context_encoder.resnet.": "conditioner.cascade.",
    "denoiser.": "denoiser.",
}
EMA = "denoiser_ema."

#: Objects allowed in a checkpoint beside tensors and plain values: those of its optimiser.
KNOWN_GLOBALS = (functools.partial, torch.optim.Adam, torch.optim.AdamW)


def read_component(
    source: str | Path, variable: str, *, progress: bool = True
) -> ResidualDiffusion:
    """Read one component of the release, with normalised tensors in and out.

    Parameters
    ----------
    source : str or Path
        Folder, zip, or http(s) URL of a zip with ``LDM_residual_<variable>.ckpt``; only this member
        of a zip is read.
    variable : {"2mT", "UV"}
        Which component.
    progress : bool
        Show a bar while downloading.

    Returns
    -------
    ResidualDiffusion
        With the averaged weights. Checkpoints do not hold the scaling of targets, so targets have
        mean 0 and std 1 here.

    Raises
    ------
    PublishedError
        If the checkpoint is not of the release's form, or holds unknown objects.
    PackageError
        If the tensors do not fit the networks.
    ArchiveError
        If the checkpoint is not in ``source``, or the source cannot be read.
    """
    refuse(source=(source, PATH), variable=(variable, choice(*TARGETS)), progress=(progress, FLAG))
    name = checkpoint(variable)
    with tempfile.TemporaryDirectory() as folder:
        path = fetch(source, [name], Path(folder), progress=progress)[name]
        return component(path, variable, TARGETS[variable])


def checkpoint(variable: str) -> str:
    """Return the name of the file that holds a component."""
    return f"LDM_residual_{variable}.ckpt"


def component(path: Path, name: str, targets: tuple[Variable, ...]) -> ResidualDiffusion:
    """Load the component in a checkpoint file, with widths inferred from its tensors."""
    state = _state(path)
    tensors = _renamed(state)
    try:
        config = _widths(tensors, name, targets, state.get("betas"))
        predictors, static = channels(tensors)
    except (KeyError, ValueError) as error:
        raise PublishedError(
            f"{path.name}: {_reason(error)}; this is not a checkpoint of the release's form, "
            "which docs/howto/published-weights.md describes"
        ) from error
    # Copies, since the tensors are mapped from the file, which may change or disappear later.
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    return package.load_component(config, predictors, static, tensors, path.name)


def channels(tensors: Mapping[str, torch.Tensor]) -> tuple[int, int]:
    """Return the numbers of predictors and static channels of a component, from its weights."""
    return (
        tensors["conditioner.coarse_proj.weight"].shape[1],
        tensors["conditioner.static_encoder.0.conv1.weight"].shape[1],
    )


def _state(path: Path) -> Tensors:
    """Load the state dict of a checkpoint without running code."""
    try:
        with torch.serialization.safe_globals(list(KNOWN_GLOBALS)):
            # Memory-mapped, since the unused optimiser states are the larger part.
            mapped = zipfile.is_zipfile(path)
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        raise PublishedError(
            f"{path.name} holds objects that are not known to be harmless "
            f"({_refused(path) or error}), so it was not loaded and none of its code was run; "
            "download it from the official record, or report this if you did"
        ) from error
    except Exception as error:  # a damaged checkpoint can raise anything
        raise PublishedError(
            f"{path.name} cannot be read and may be truncated ({error}); download it again"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise PublishedError(f"{path.name} has no state_dict, so it is not a training checkpoint")
    return content["state_dict"]


def _refused(path: Path) -> str:
    """Name the refused objects of a checkpoint, as far as torch can tell."""
    try:
        with torch.serialization.safe_globals(list(KNOWN_GLOBALS)):
            return ", ".join(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # the checkpoint is refused already; this only explains it
        return ""


def _renamed(state: Mapping[str, torch.Tensor]) -> Tensors:
    """Return the tensors under their names in a component, with the denoiser's averages."""
    tensors = {}
    beginnings = sorted(RENAMES, key=len, reverse=True)
    for name, tensor in state.items():
        # Each block's layers are stored a second time under this name.
        if ".sequence." in name:
            continue
        old = next((b for b in beginnings if name.startswith(b)), "")
        if new := RENAMES.get(old):
            tensors[new + name.removeprefix(old)] = tensor
    for name in [n for n in tensors if n.startswith("denoiser.")]:
        flat = EMA + name.removeprefix("denoiser.").replace(".", "")
        if flat not in state:
            raise PublishedError(f"no {flat}: the denoiser's averaged weights are not complete")
        tensors[name] = state[flat]
    return tensors


def _widths(
    tensors: Tensors, name: str, targets: tuple[Variable, ...], betas: torch.Tensor | None
) -> ComponentConfig:
    def out(key: str) -> int:
        return tensors[key].shape[0]

    def halvings(stem: str) -> tuple[int, ...]:
        count = 1 + max(_numbers(tensors, stem + r"(\d+)\."))
        return tuple(out(f"{stem}{i}.weight") for i in range(1, count, 2))

    if len(targets) != out("regression.outputs.weight"):
        raise ArgumentError(
            f"it has {out('regression.outputs.weight')} targets, {name} has {len(targets)}"
        )
    context = "conditioner."
    return ComponentConfig(
        name=name,
        targets=targets,
        regression=RegressionConfig(
            tuple(out(f"regression.e{i}.conv.conv.0.weight") for i in (1, 2, 3, 4))
        ),
        autoencoder=AutoencoderConfig(halvings("autoencoder.encoder.net.")),
        conditioner=ConditionerConfig(
            static_channels=halvings(context + "static_encoder."),
            static_width=out(context + "static_proj.weight"),
            coarse_width=out(context + "coarse_proj.weight"),
            out_width=out(context + "fusion.2.weight"),
            depth=len(_numbers(tensors, context + r"static_analysis\.(\d+)\.")),
            levels=1 + len(_numbers(tensors, context + r"cascade\.(\d+)\.")),
            blocks=tensors[context + "fusion.1.filter.w1"].shape[1],
        ),
        denoiser=_denoiser_widths(tensors),
        diffusion=_diffusion(betas),
    )


def _denoiser_widths(tensors: Tensors) -> DenoiserConfig:
    """Infer the denoiser's widths; each level but the last ends with a downsampling stage."""
    stem = "denoiser.input_blocks."
    width = tensors["denoiser.time_embed.0.weight"].shape[1]
    levels: list[list[int]] = [[]]
    for i in sorted(_numbers(tensors, stem + r"(\d+)\.") - {0}):
        if f"{stem}{i}.0.op.weight" in tensors:
            levels.append([])
        else:
            levels[-1].append(i)
    attended = [f"{stem}{level[0]}.1.filter.w1" in tensors for level in levels]
    return DenoiserConfig(
        width=width,
        multipliers=tuple(
            tensors[f"{stem}{level[0]}.0.in_layers.2.weight"].shape[0] // width for level in levels
        ),
        res_blocks=len(levels[0]),
        attention=tuple(2**i for i, yes in enumerate(attended) if yes),
        blocks=tensors["denoiser.middle_block.1.filter.w1"].shape[1],
    )


def _diffusion(betas: torch.Tensor | None) -> DiffusionConfig:
    """Return the published schedule, and refuse a checkpoint with another one."""
    config = DiffusionConfig()
    if betas is None:
        return config
    schedule = Schedule.linear(config.timesteps, config.beta_start, config.beta_end)
    abar = np.cumprod(1 - betas.double().numpy())
    if abar.shape != schedule.abar.shape or not np.allclose(abar, schedule.abar, rtol=1e-4):
        raise ArgumentError(
            f"its noise schedule has {len(betas)} steps from {betas[0]:.2g} to {betas[-1]:.2g}, "
            f"the published one {config.timesteps} from {config.beta_start} to {config.beta_end}"
        )
    return config


def _numbers(tensors: Collection[str], pattern: str) -> set[int]:
    """Return the numbers that a pattern's group matches in the names of tensors."""
    found = {int(m[1]) for m in map(re.compile(pattern).match, tensors) if m}
    if not found:
        raise KeyError(pattern)
    return found


def _reason(error: Exception) -> str:
    return f"no tensor {error}" if isinstance(error, KeyError) else str(error)
