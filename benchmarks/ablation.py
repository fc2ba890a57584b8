"""Measure the parts of the method: residuals, KL weights, a GAN instead, fewer steps.

All variants are trained from the same regression, for the same numbers of steps, on one region of a
training store and with a narrower denoiser, which takes an hour or two on a CPU core. Then hours of
the twin's year 2008 are scored. The figures compare variants; the embedded model is better::

    OMP_NUM_THREADS=1 python benchmarks/ablation.py italy.zarr --folder ablation --json table.json

Variants with an existing package are not trained again.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

import xldm
from xldm.evaluation.ensemble import crps
from xldm.evaluation.spectra import wind_spectra
from xldm.grids import regridding
from xldm.grids.projected import axes
from xldm.inputs.predictors import check, predictors
from xldm.models.downscaler import Sampling
from xldm.models.model import Model
from xldm.packages import package
from xldm.training import train
from xldm.training.model_config import narrowed
from xldm.training.preset import Preset, read_preset
from xldm.training.stages import AutoencoderPhase, DiffusionPhase, DistillationPhase, GANPhase
from xldm.twin import both_sides, hours_over_year

#: Coarse rows and columns: the western Alps, the Po valley, and the sea to Corsica.
REGION = slice(12, 44), slice(12, 44)
EVERY = 4  # hours of the store
TARGETS = ("t2m", "u10", "v10")
SMALL = (5e3, 20e3)  # m, wavelengths

# Settings that all variants share.
MUON = {"lr": 1e-3, "warmup": 50, "precision": "bf16-mixed", "validate_every": None}
AUTOENCODER = {**MUON, "muon_lr": 3e-3, "batch_size": 8, "size": (12, 12), "windows": 4,
               "weights": {"t2m": 4.0}, "standardise": 40}  # fmt: skip
OF_LATENTS = {**MUON, "muon_lr": 4e-3, "batch_size": 8, "average": 0.998, "cache_latents": True,
              "latent_limit": 4.0}  # fmt: skip
ADVERSARIAL = {"lr": 3e-4, "batch_size": 6, "size": (16, 16), "windows": 2, "start": 50,
               "weight": 0.2, "width": 32, "norm_steps": 0, "schedule": "cosine",
               "validate_every": None}  # fmt: skip


def region(path: str) -> xr.DataTree:
    """Load the hours and cells of a store for training."""
    store = xldm.open_training_store(path, dask=False)
    nodes = {"/": store.to_dataset()}
    for name, node in store.children.items():
        ds = node.to_dataset()
        if name in ("coarse", "fine", "static"):
            factor = 1 if name == "coarse" else 8
            rows, columns = (slice(s.start * factor, s.stop * factor) for s in REGION)
            ds = ds.isel(y=rows, x=columns)
        nodes[name] = ds.isel(time=slice(None, None, EVERY)) if "time" in ds.dims else ds
    return xr.DataTree.from_dict({name: ds.load() for name, ds in nodes.items()})


def begun(store: xr.DataTree, name: str, folder: Path) -> Path:
    """Write a package of the region with a trained regression, from which all variants start."""
    target = folder / "regression"
    if not target.exists():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = xldm.load_model(name).on(store["static"].to_dataset())
        parts = tuple(narrowed(c, ("regression",)) for c in model.config.components)
        for net in model.components.values():
            net.autoencoder = net.conditioner = net.denoiser = None
        config = replace(model.config, components=parts, files={})
        package.write(target, config, model.components, model.static, "For an ablation.\n")
    static = package.read(target).static
    store["static"] = xr.DataTree(static.assign_coords(store["static"].coords))
    return target


def preset(steps: tuple[int, int], **changes) -> Preset:
    """Return the embedded model's preset with a narrower denoiser and given steps."""
    shipped = read_preset("italy-2km")
    (part,) = shipped.components
    part = replace(part, denoiser=replace(part.denoiser, width=24))
    kl_weight = changes.pop("kl_weight", 1e-5)
    return replace(
        shipped,
        components=(part,),
        regression=(),
        autoencoder=(AutoencoderPhase(steps=steps[0], kl_weight=kl_weight, **AUTOENCODER),),
        diffusion=(DiffusionPhase(steps=steps[1], train_static=False, **OF_LATENTS),),
        gan=() if changes.get("full_field") else (GANPhase(steps=steps[1], **ADVERSARIAL),),
        distillation=tuple(
            DistillationPhase(steps=max(1, steps[1] // 4), into=n, **OF_LATENTS) for n in (4, 2, 1)
        ),
        decoder=(),
        **changes,
    )


def trained(
    store: xr.DataTree, base: Path, folder: Path, steps: tuple[int, int]
) -> Iterator[tuple[str, Path]]:
    """Train the variants and yield the name and package of each."""

    def made(name: str, of: Preset, stage: str, start: Path | None) -> Path:
        last = "diffusion" if stage == "all" else stage
        at = folder / name.replace(" ", "-") / last / "package"
        if not (at / "model.yaml").exists():
            began = time.perf_counter()
            train(of, store, at.parents[1], stage=stage, start=start, device="cpu",
                  progress=False, resume=True)  # fmt: skip
            print(f"{name}: {(time.perf_counter() - began) / 60:.1f} min", flush=True)
        return at

    plain = preset(steps)
    residual = made("residual", plain, "all", base)
    yield "residual", residual
    yield "residual, distilled", made("residual, distilled", plain, "distillation", residual)
    yield "full field", made("full field", preset(steps, full_field=True), "all", None)
    yield "GAN", made("GAN", plain, "gan", base)
    for weight in (1e-3, 1e-2):
        name = f"residual, KL weight {weight:g}"
        yield name, made(name, preset(steps, kl_weight=weight), "all", base)


def scores(members: np.ndarray, truth: np.ndarray, again: np.ndarray | None) -> dict[str, float]:
    """Score members (m, time, C, H, W), and the truth after the autoencoder alone."""
    mean, several = members.mean(0), len(members) > 1
    out = {}
    for c, name in enumerate(TARGETS):
        out[f"crps_{name}"] = crps(members[:, :, c], truth[:, c], fair=several).mean()
        out[f"rmse_{name}"] = np.sqrt(((mean - truth)[:, c] ** 2).mean())
    speed, right = (np.hypot(*np.moveaxis(f[..., 1:, :, :], -3, 0)) for f in (members, truth))
    out["bias_speed"] = (speed - right).mean()
    wavelength, of_truth = energy(truth)
    inside = (wavelength >= SMALL[0]) & (wavelength < SMALL[1])
    for key, fields_of in {"spectrum": members, "spectrum_autoencoder": again}.items():
        if fields_of is not None:
            power = energy(fields_of)[1]
            out[key] = np.abs(10 * np.log10(power / of_truth))[inside].mean()
    return {k: float(v) for k, v in out.items()}


def energy(u_v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return wavelengths and mean kinetic energy of winds (..., C, H, W)."""
    u, v = np.moveaxis(u_v[..., 1:, :, :], -3, 0)
    wavelength, power = wind_spectra(u, v, 2000.0)
    energy = power["kinetic_energy"]
    return wavelength, energy.reshape(-1, energy.shape[-1]).mean(0)


def scored(model: Model, era5: xr.Dataset, fine: xr.Dataset, members: int, **how) -> dict:
    """Score a model over its region."""
    report = check(era5, model.config)
    coarse = regridding.to_coarse(predictors(era5, report), model.config, report.grid)
    y, x = axes(model.config.grid, fine=True)
    truth = fine[list(TARGETS)].sel(y=y, x=x).to_dataarray().transpose("time", ...).values
    draws = any(getattr(net, "denoiser", None) is not None for net in model.components.values())
    sampling = Sampling(members=range(members if draws else 1), **how)
    drawn = model.fields(coarse.values, coarse["time"].values, sampling)
    again = model.reconstruct(coarse.values, coarse["time"].values, truth) if draws else None
    return scores(drawn, truth, again)


COLUMNS = {
    "crps_t2m": "CRPS T2m [K]",
    "crps_u10": "u10 [m/s]",
    "crps_v10": "v10 [m/s]",
    "rmse_t2m": "RMSE of mean, T2m",
    "rmse_u10": "u10",
    "rmse_v10": "v10",
    "bias_speed": "bias of speed",
    "spectrum": "abs dB, 5-20 km",
    "spectrum_autoencoder": "of the autoencoder",
}


def table(rows: dict[str, dict]) -> str:
    """Format scores as a table in Markdown."""
    heads = ["", *COLUMNS.values()]
    lines = [heads, ["---"] * len(heads)]
    for name, row in rows.items():
        lines.append([name, *(f"{row[c]:.3f}" if c in row else "" for c in COLUMNS)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", help="training store, path or URL")
    parser.add_argument("--package", default="italy-2km", help="whose regression all start from")
    parser.add_argument("--folder", type=Path, required=True, help="for what is trained")
    parser.add_argument("--autoencoder-steps", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=600, help="of the other stages")
    parser.add_argument("--hours", type=int, default=12)
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--json", type=Path, help="where to write the scores")
    args = parser.parse_args()
    store = region(args.store)
    base = begun(store, args.package, args.folder)
    era5, fine = both_sides(hours_over_year(2008, args.hours))
    mean = package.read(base)
    rows = {"quadratic interpolation": scored(mean.baseline("interpolation"), era5, fine, 1)}
    rows["UNET (the mean)"] = scored(mean, era5, fine, 1)
    for name, location in trained(store, base, args.folder, (args.autoencoder_steps, args.steps)):
        how = {} if "distilled" not in name else {"sampler": "ddim-trailing"}
        rows[name] = scored(package.read(location), era5, fine, args.members, **how)
        if args.json:
            args.json.write_text(json.dumps(rows, indent=1))
    print(table(rows))


if __name__ == "__main__":
    main()
