"""Train a model stage by stage; each stage starts from the package of the previous one."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
import torch
import xarray as xr

from ..arguments import FLAG, OPTIONS, PATH, TEXT, instance, refuse, whole
from ..batches.batch import Batch
from ..config import ComponentConfig, ModelConfig, to_yaml
from ..errors import ArgumentError, TrainingError
from ..models.components import ResidualDiffusion, present
from ..models.on_device import device_fault
from ..storage import objects
from ..storage.location import Place, locate
from ..stores import splits
from ..stores.open import STORE, open_training_store
from . import checkpoints, initialisation
from .adversarial_module import AdversarialModule
from .averaging import trained_weights
from .datamodule import DataModule
from .latents import encode
from .lightning_module import TrainingModule
from .model_config import model_config, refuse_absent_hours, stage_config
from .objectives import objective_of
from .objectives.base import Objective, residual
from .objectives.gan import GAN
from .packaging import Base, write_package
from .phases import Phase
from .preset import Preset, read_preset
from .run_record import claim
from .samples import Draws
from .stages import STAGES, AutoencoderPhase, LatentPhase, RegressionPhase, Stage
from .trainer import fit

__all__ = ["train"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Run:
    """Arguments of `train` that all stages share."""

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
    """Train a model from a training store, stage by stage.

    Each stage writes a model package; the next stage starts from it.

    Parameters
    ----------
    preset : Preset, str or path
        A YAML file, or the name of a shipped preset.
    store : DataTree, str or path
        A training store, or its path or URL.
    folder : str or path
        Folder for checkpoints, logs and packages, with a folder for each stage; any fsspec URL.
    stage : str
        ``all`` for regression, autoencoder, diffusion, decoder and calibration in turn, as far as
        the preset has settings for them; or one of them, ``gan`` or ``distillation``.
    start : str or path, optional
        Package to start from. Networks that the stage fits are trained further, the others are
        taken as they are. Default: the package of the previous stage in the same folder.
    device : str
        ``auto``, ``cpu``, ``cuda`` or another name that Lightning knows.
    devices : int
        Number of devices; each has its own batch, gradients are averaged.
    allow_leaky : bool
        Accept a store in which hours of different splits are neighbours.
    storage_options : mapping, optional
        Options of fsspec to reach ``store``. ``folder``, where loggers write too, is reached by the
        environment or fsspec's own configuration.
    resume : bool
        Continue an interrupted run: finished stages are skipped, the interrupted stage continues
        from its newest checkpoint.
    progress : bool
        Show a bar with loss, samples a second and the share of time spent waiting for data.

    Returns
    -------
    str
        Location of the last stage's package.

    Raises
    ------
    ImportError
        If the packages of the extra ``train`` are not installed.
    ArgumentError
        If this machine has no such device.
    ConfigError, StoreError, TrainingError, PackageError
        If preset, store, folder or package do not fit each other, or training cannot continue.

    Examples
    --------
    >>> import xldm
    >>> xldm.train("italy-3km", "s3://bucket/italy.zarr", "run")
    Traceback (most recent call last):
    xldm.errors.ConfigError: italy-3km: there is no such file, and shipped presets are ...
    """
    text = PATH | instance(Preset, "a Preset")
    refuse(
        preset=(preset, text.such("a Preset, its file, or the name of a shipped preset")),
        store=(store, PATH | STORE),
        folder=(folder, PATH), stage=(stage, TEXT), start=(start, PATH.or_none),
        device=(device, TEXT), devices=(devices, whole(1)), allow_leaky=(allow_leaky, FLAG),
        storage_options=(storage_options, OPTIONS), resume=(resume, FLAG),
        progress=(progress, FLAG),
    )  # fmt: skip
    preset = read_preset(preset)
    names = preset.chain if stage == "all" else (stage,)
    _refuse_stages(preset, stage, names)
    # Lightning's own names are left to it.
    if device not in ("auto", "gpu", "tpu") and (fault := device_fault(device)):
        raise ArgumentError(fault)
    place = None if isinstance(store, xr.DataTree) else locate(store, storage_options)
    if not isinstance(store, xr.DataTree):
        store = open_training_store(store, storage_options, dask=False)
    model_config(preset, store)
    # Before the folder is begun, so that the corrected run may have it.
    splits.check(store["split"].to_dataset()["split"], allow_leaky=allow_leaky)
    refuse_absent_hours(preset, store, names)
    at = locate(folder)
    run = _Run(preset, store, place, at, device, devices, allow_leaky, resume, progress)
    base = None if start is None else Base.read(str(start))
    location = ""
    for name in names:
        location = _train_stage(run, STAGES[name], base or _previous(run, name))
        base = Base.read(location) if name != names[-1] else None
    return location


def _refuse_stages(preset: Preset, stage: str, names: tuple[str, ...]) -> None:
    if stage not in ("all", *STAGES):
        raise TrainingError(f"stage must be all or one of {', '.join(STAGES)}; got {stage!r}")
    if absent := [name for name in names if not preset.phases(name)]:
        raise TrainingError(
            f"preset {preset.name} has no settings for {', '.join(absent)}; it has them for "
            f"{', '.join(name for name in STAGES if preset.phases(name))}"
        )
    if not names:
        raise TrainingError(f"preset {preset.name} has no settings for any stage")


def _previous(run: _Run, stage: str) -> Base | None:
    """Read the package of the previous stage, if the same folder has it."""
    before = run.preset.before(stage)
    if before is None:
        return None
    package = run.folder.within(f"{before}/package")
    return Base.read(package.location) if objects.exists(package, "model.yaml") else None


def _train_stage(run: _Run, stage: Stage, base: Base | None) -> str:
    """Train all components of a stage and write their package; return its location."""
    place = run.folder.within(stage.name)
    target = place.within("package")
    config = stage_config(model_config(run.preset, run.store), run.preset, stage, base)
    claim(place, stage.name, _record(run, base), resume=run.resume)
    if objects.exists(target, "model.yaml"):
        log.info("%s: the package is there already", target.location)
        return target.location
    nets, curves = {}, {}
    for part in config.components:
        net = _network(run, stage, part, config, base)
        for number, phase in enumerate(run.preset.phases(stage.name), start=1):
            curves[part.name, number] = _train_phase(run, stage, number, phase, part, config, net)
        nets[part.name] = net.eval()
    sha256 = write_package(place, config, nets, run.store, run.preset, stage.name, curves, base)
    log.info("%s: package %s", target.location, sha256)
    return target.location


def _record(run: _Run, base: Base | None) -> str:
    """Describe a stage's inputs: the preset's YAML, with comments on store and package."""
    mark = run.store.attrs.get("xldm_complete", "")
    sha256 = base.model.sha256 if base else "nothing"
    return f"# store {mark}\n# from {sha256}\n{to_yaml(run.preset)}"


def _network(
    run: _Run, stage: Stage, part: ComponentConfig, config: ModelConfig, base: Base | None
) -> ResidualDiffusion:
    """Make a component with the weights of a package; new weights follow from the preset's seed."""
    seed = np.random.default_rng([run.preset.seed, stage.seed]).integers(2**31)
    known: dict[str, torch.Tensor] = {}
    if base and isinstance(module := base.model.components[part.name], torch.nn.Module):
        known = module.state_dict()
    with torch.random.fork_rng():
        torch.manual_seed(int(seed))
        net = ResidualDiffusion.of(part, config)
        first = run.preset.phases(stage.name)[0]
        fresh = not any(name.startswith("regression.") for name in known)
        if fresh and isinstance(first, RegressionPhase) and first.from_coarse:
            seen = {t.name: t for t in part.targets} if part.own_transform else {}
            predictors = [seen.get(p.name, p) for p in config.predictors]
            initialisation.start_from_coarse(net, predictors, part.targets)
    own = net.state_dict()
    net.load_state_dict(own | {n: t for n, t in known.items() if n in own})
    return net


def _train_phase(
    run: _Run,
    stage: Stage,
    number: int,
    phase: Phase,
    part: ComponentConfig,
    config: ModelConfig,
    net: ResidualDiffusion,
) -> list[dict]:
    """Fit a component in a phase, resuming if it was interrupted; return the losses by step."""
    folder = run.folder.within(f"{stage.name}/{part.name}/{number}")
    place = folder.within("checkpoints")
    objective = objective_of(stage, phase, part)
    key = (run.preset.seed, stage.seed + number)
    seed = run.preset.seed + 1000 * (stage.seed + number)
    draws = Draws(objective, key)
    end = checkpoints.newest(place)
    data = DataModule(
        run.store, predictors=config.predictors, targets=part.targets, size=phase.size,
        batch_size=phase.batch_size, windows=phase.windows, dropout=phase.dropout, seed=seed,
        subsets=run.preset.subsets, sun=config.sun,
        allow_leaky=run.allow_leaky, place=run.place, validate_batches=phase.validate_batches,
        start=end[1]["xldm"]["done"] * phase.accumulate if end else 0, prepare=draws.sample,
    )  # fmt: skip
    if end is None or not end[1]["xldm"]["finished"]:
        if isinstance(phase, LatentPhase) and phase.cache_latents:
            for split in ("train", "val") if phase.validate_every else ("train",):
                data.latents[split] = encode(
                    net, data, split, phase, folder.within(f"latents/{split}"),
                    device=_torch_device(run.device), progress=run.progress,
                )  # fmt: skip
        where = f"{stage.name} of {part.name}, phase {number}"
        module = _module(net, objective, data.static, where, seed)
        fit(
            module, data, place, end and end[0],
            logs=folder.location, device=run.device, devices=run.devices, progress=run.progress,
        )  # fmt: skip
        end = checkpoints.newest(place)
        if end is None:
            raise TrainingError(f"{where}: no checkpoint was written to {place.url}")
    last = end[1]
    chosen = (checkpoints.best(place) if phase.patience else None) or last
    net.load_state_dict(trained_weights(chosen["state_dict"]))
    if phase.channels_last:  # as a fit leaves it, if that was done before: sums keep their order
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if isinstance(phase, AutoencoderPhase) and phase.standardise:
        batches = data.batches("train", dropout=0.0, seed=run.preset.seed)
        _standardise(net, itertools.islice(batches, phase.standardise), data.static, draws)
    return last["xldm"]["curve"]


def _module(
    net: ResidualDiffusion, objective: Objective, static: torch.Tensor, where: str, seed: int
) -> TrainingModule:
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # the discriminator's first weights follow from it
        if isinstance(objective, GAN):
            return AdversarialModule(net, objective, static, where)
        return TrainingModule(net, objective, static, where)


@torch.no_grad()
def _standardise(
    net: ResidualDiffusion, batches: Iterable[Batch], static: torch.Tensor, draws: Draws
) -> None:
    """Bring the latents of some training batches to mean 0 and standard deviation 1."""
    samples = (draws.sample(batch).on(static) for batch in batches)
    net.eval()
    autoencoder = present(net.autoencoder, "autoencoder")
    latents = [autoencoder.encode(residual(net, sample))[0] for sample in samples]
    initialisation.standardise_latent(autoencoder, torch.cat(latents))


def _torch_device(name: str) -> str:
    """Translate a device name of Lightning to torch."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return {"gpu": "cuda"}.get(name, name)
