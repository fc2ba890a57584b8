"""The chain of training: stage after stage, each from the package of the one before."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np
import torch
import xarray as xr

from ..config import ComponentConfig, ModelConfig, to_yaml
from ..errors import TrainingError
from ..models.components import ResidualDiffusion
from ..storage.location import Place, locate
from ..stores.open import open_training_store
from . import checkpoints, initialisation
from .fitting import fit
from .latents import encode
from .lightning_module import Stage, trained_weights
from .model_config import compared, model_config
from .objectives.adversarial import AdversarialStage
from .objectives.base import residual
from .objectives.fields import OBJECTIVES
from .ownership import claim, holds
from .packaging import Base, write_package
from .phases import Phase
from .preset import STAGES, Preset, read_preset
from .samples import Draws, Source, StoreData

__all__ = ["train"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Run:
    """What stays the same from stage to stage."""

    preset: Preset
    store: xr.DataTree
    place: Place | None
    folder: Place
    device: str
    devices: int
    allow_leaky: bool
    resume: bool
    progress: bool


def train(
    preset: Preset | str | PathLike,
    store: xr.DataTree | str | PathLike,
    folder: str | PathLike,
    *,
    stage: str = "all",
    start: str | PathLike | None = None,
    device: str = "auto",
    devices: int = 1,
    allow_leaky: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    resume: bool = False,
    progress: bool = True,
) -> str:
    """Train a model from a training store, each stage from the package that the one before wrote.

    Parameters
    ----------
    preset : Preset, str or path
        A YAML file, or the name of a shipped preset.
    store : DataTree, str or path
        A training store, or where it is.
    folder : str or path
        For checkpoints, logs and packages, a folder for each stage; any fsspec URL.
    stage : str
        ``all`` for regression, autoencoder, diffusion and decoder in turn, as far as the preset has
        settings for them, or one of them, ``gan`` or ``distillation``.
    start : str or path, optional
        Package to start from: what it has of the stage's networks is trained on, what comes before
        is taken as it is. The package of the stage before in the same folder unless given.
    device : str
        ``auto``, ``cpu``, ``cuda`` and what else Lightning knows.
    devices : int
        How many; each has a batch of its own, gradients are averaged.
    allow_leaky : bool
        Take a store whose hours of different splits are neighbours.
    storage_options : mapping, optional
        What fsspec needs to reach ``store``. The way to ``folder``, where loggers write too, comes
        from the environment or fsspec's own configuration.
    resume : bool
        Go on where an interrupted run left off: whole stages stay, the one that was interrupted
        goes on from its newest checkpoint.
    progress : bool
        Show a bar with loss, samples a second and the share of time that was waited for data.

    Returns
    -------
    str
        Where the last stage's package is.

    Raises
    ------
    ImportError
        Without the packages that training needs.
    ConfigError, StoreError, TrainingError, PackageError
        If preset, store, folder or package do not go together, and where training cannot go on.

    Examples
    --------
    >>> train("italy-3km", "s3://bucket/italy.zarr", "run")
    Traceback (most recent call last):
    xldm.errors.ConfigError: italy-3km: there is no such file, and shipped presets are ...
    """
    preset = read_preset(preset)
    chosen = preset.chain if stage == "all" else (stage,)
    _refuse_stages(preset, stage, chosen)
    place = None if isinstance(store, xr.DataTree) else locate(store, storage_options)
    opened = store if place is None else open_training_store(store, storage_options, dask=False)
    model_config(preset, opened)
    at = locate(folder)
    run = _Run(preset, opened, place, at, device, devices, allow_leaky, resume, progress)
    base = None if start is None else Base.read(str(start))
    location = ""
    for name in chosen:
        location = _stage(run, name, base or _before(run, name))
        base = Base.read(location) if name != chosen[-1] else None
    return location


def _refuse_stages(preset: Preset, stage: str, chosen: tuple[str, ...]) -> None:
    if stage not in ("all", *STAGES):
        raise TrainingError(f"stage is all, {', '.join(STAGES)}; got {stage!r}")
    if absent := [name for name in chosen if not getattr(preset, name)]:
        raise TrainingError(
            f"preset {preset.name} has no settings for {', '.join(absent)}; it has them for "
            f"{', '.join(s for s in STAGES if getattr(preset, s))}"
        )
    if not chosen:
        raise TrainingError(f"preset {preset.name} has no settings for any stage")


def _before(run: _Run, stage: str) -> Base | None:
    """The package that an earlier stage left in the same folder."""
    chain = run.preset.chain
    before = {later: earlier for earlier, later in itertools.pairwise(chain)}
    # A calibrated denoiser is one for its own few steps, and no teacher of others.
    teachers = [name for name in chain if name != "calibration"]
    before |= {"distillation": teachers[-1]} if teachers else {}
    if stage not in before:
        return None
    package = run.folder.within(f"{before[stage]}/package")
    return Base.read(package.location) if holds(package, "model.yaml") else None


def _stage(run: _Run, stage: str, base: Base | None) -> str:
    """Train all components of a stage and write their package; returns where it is."""
    place = run.folder.within(stage)
    target = place.within("package")
    config = compared(model_config(run.preset, run.store), run.preset, stage, base)
    claim(place, stage, _record(run, base), resume=run.resume)
    if holds(target, "model.yaml"):
        log.info("%s: the package is there already", target.location)
        return target.location
    nets, curves = {}, {}
    for part in config.components:
        net = _network(run, stage, part, config, base)
        for number, phase in enumerate(getattr(run.preset, stage), start=1):
            curves[part.name, number] = _phase(run, stage, number, phase, part, config, net)
        nets[part.name] = net.eval()
    sha256 = write_package(place, config, nets, run.store, run.preset, stage, curves, base)
    log.info("%s: package %s", target.location, sha256)
    return target.location


def _record(run: _Run, base: Base | None) -> str:
    """What a stage is trained with: YAML with comments."""
    mark = run.store.attrs.get("xldm_complete", "")
    sha256 = base.model.sha256 if base else "nothing"
    return f"# store {mark}\n# from {sha256}\n{to_yaml(run.preset)}"


def _number(stage: str, phase: int) -> int:
    return 100 * STAGES.index(stage) + phase


def _network(
    run: _Run, stage: str, part: ComponentConfig, config: ModelConfig, base: Base | None
) -> ResidualDiffusion:
    """A component with the weights of the package before, new ones drawn from the preset's seed."""
    seed = np.random.default_rng([run.preset.seed, _number(stage, 0)]).integers(2**31)
    known = base.model.components[part.name].state_dict() if base else {}
    with torch.random.fork_rng():
        torch.manual_seed(int(seed))
        net = ResidualDiffusion(part, len(config.predictors), config.static_channels)
        fresh = not any(name.startswith("regression.") for name in known)
        if stage == "regression" and fresh and run.preset.regression[0].from_coarse:
            initialisation.start_from_coarse(net, config.predictors, part.targets)
    own = net.state_dict()
    net.load_state_dict(own | {n: t for n, t in known.items() if n in own})
    return net


def _phase(
    run: _Run,
    stage: str,
    number: int,
    phase: Phase,
    part: ComponentConfig,
    config: ModelConfig,
    net: ResidualDiffusion,
) -> list[dict]:
    """Fit a component for a phase, or go on with it; returns the losses by step."""
    place = run.folder.within(f"{stage}/{part.name}/{number}/checkpoints")
    where = f"{stage} of {part.name}, phase {number}"
    objective = OBJECTIVES[stage](phase, part)
    key = (run.preset.seed, _number(stage, number))
    source = Source(
        run.store, config.predictors, part.targets, run.place, allow_leaky=run.allow_leaky
    )
    seed = run.preset.seed + 1000 * _number(stage, number)
    found = checkpoints.newest(place)
    if found is None or not found[1]["xldm"]["finished"]:
        draws = Draws(objective, (*key, 0))
        known = {}
        if getattr(phase, "cache_latents", False):
            at = run.folder.within(f"{stage}/{part.name}/{number}/latents")
            known = {
                split: encode(
                    net, source, split, draws, at.within(split),
                    seed=seed, device=_torch_device(run.device), progress=run.progress,
                )
                for split in ("train", *(["val"] if phase.validate_every else []))
            }  # fmt: skip
        data = StoreData(source, phase, draws, seed, known)
        made = AdversarialStage if stage == "gan" else Stage
        with torch.random.fork_rng():  # a discriminator has weights to begin with
            torch.manual_seed(seed)
            module = made(net, objective, source.static, where)
        fit(
            module, data, place, found and found[0],
            logs=place.within("..").location, device=run.device, devices=run.devices,
            progress=run.progress,
        )  # fmt: skip
        found = checkpoints.newest(place)
    end = found[1]
    chosen = (checkpoints.best(place) if phase.patience else None) or end
    net.load_state_dict(trained_weights(chosen["state_dict"]))
    if wanted := getattr(phase, "standardise", 0):
        _standardise(net, source, replace(phase, dropout=0.0), Draws(objective, (*key, 0)), wanted)
    return end["xldm"]["curve"]


@torch.no_grad()
def _standardise(
    net: ResidualDiffusion, source: Source, phase: Phase, draws: Draws, wanted: int
) -> None:
    """Bring the latents of some training batches to mean 0 and spread 1."""
    batches, static = source.batches("train", phase, draws.key[0], (0, 1)), source.static
    some = itertools.islice(source.reading(batches.epoch(0)), wanted)
    samples = (draws.sample(batch).on(static) for batch in some)
    net.eval()
    latents = [net.autoencoder.encode(residual(net, sample))[0] for sample in samples]
    initialisation.standardise_latent(net.autoencoder, torch.cat(latents))


def _torch_device(name: str) -> str:
    """Torch's name of what Lightning calls a device."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return {"gpu": "cuda"}.get(name, name)
