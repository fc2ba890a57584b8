"""Models and trainings that kill_everywhere.py disturbs."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import release
import tiny
import torch
import training_store
from kill_everywhere import Work

from xldm.packages import package, registry
from xldm.published import import_ldm_res
from xldm.training import train
from xldm.training import trainer as _trainer  # noqa: F401, imported before the fork
from xldm.training.preset import Preset, read_preset
from xldm.training.stages import CalibrationPhase, DecoderPhase

__all__ = ["WORKS"]

torch.set_num_threads(1)
STORE = training_store.made()
QUIET = {"device": "cpu", "progress": False}


def packages(folder: Path) -> bool:
    """Whether every package that a reader finds can be read."""
    found = [path.parent for path in folder.rglob("[!.]*/model.yaml") if "/." not in str(path)]
    for path in found:
        package.read(path)
    return False


def write_package(folder: Path, again: bool) -> None:
    config = tiny.config()
    if not (folder / "model").exists():
        package.write(
            folder / "model", config, {"2mT": tiny.network(config.components[0])}, tiny.static()
        )


def release_of(folder: Path) -> None:
    models, sample = folder / "source/pretrained_models", folder / "source/sample_data"
    models.mkdir(parents=True)
    (sample / "static_var").mkdir(parents=True)
    release.checkpoint(models / "LDM_residual_2mT.ckpt", release.network("2mT"))
    release.rasters(sample / "static_var")
    release.scaling(sample / "normalization_data.pkl")
    release.archive(
        folder / "source.zip",
        {f"a/{p.name}": p for p in sorted((folder / "source").rglob("*")) if p.is_file()},
    )


def imported(folder: Path, again: bool) -> None:
    os.environ["XLDM_CACHE"] = str(folder / "cache")
    import_ldm_res(folder / "source.zip", "mine", variables=["2mT"], progress=False)


def downloaded(folder: Path, again: bool) -> None:
    os.environ["XLDM_CACHE"] = str(folder / "cache")
    registry.load_model(f"file://{folder}/model", progress=False)


def preset() -> Preset:
    """All that has a state, in few steps: checkpoints fall on validations, and beside them."""
    few = training_store.changed(
        read_preset("tiny"), steps=6, dropout=0.5, validate_every=2, checkpoint_every=3, patience=3,
        batch_size=1, validate_batches=1, standardise=1,
    )  # fmt: skip
    cached = replace(few.diffusion[0], size=None, cache_latents=True, latent_limit=4.0)
    alike = {"steps": 4, "batch_size": 1, "lr": 1e-3, "validate_every": 2, "validate_batches": 1}
    return replace(
        few,
        diffusion=(cached,),
        decoder=(DecoderPhase(size=(8, 8), checkpoint_every=2, **alike),),
        calibration=(CalibrationPhase(size=(8, 8), margin=1, checkpoint_every=2, **alike),),
    )


def stage(name: str, before: str | None = None) -> Work:
    """A stage of training, from the package of another one."""

    def write(folder: Path, again: bool) -> None:
        start = f"{folder}/start/{before}/package" if before else None
        train(preset(), STORE, folder / "run", stage=name, start=start, resume=again, **QUIET)

    def prepare(folder: Path) -> None:
        for earlier in ("regression", "autoencoder", "diffusion"):
            train(preset(), STORE, folder / "start", stage=earlier, **QUIET)
            if earlier == before:
                break

    return Work(write, packages, prepare if before else None)


WORKS = {
    "package": Work(write_package, packages),
    "download": Work(downloaded, packages, lambda folder: write_package(folder, False)),
    "import": Work(imported, packages, release_of),
    "regression": stage("regression"),
    "autoencoder": stage("autoencoder", "regression"),
    "diffusion": stage("diffusion", "autoencoder"),
    "decoder": stage("decoder", "diffusion"),
    "calibration": stage("calibration", "diffusion"),
    "distillation": stage("distillation", "diffusion"),
    "gan": stage("gan"),
}
