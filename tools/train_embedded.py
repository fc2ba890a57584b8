"""Train the embedded model ``italy-2km`` on the synthetic twin and write its package.

Three steps, each resumable from what the one before left in the build folder::

    python tools/train_embedded.py data build/embedded     # twin hours, about 5 minutes
    python tools/train_embedded.py fit build/embedded      # three stages, about 120 minutes
    python tools/train_embedded.py package build/embedded xldm/assets/italy-2km

Times are for two CPU cores with nothing else running (OMP_WAIT_POLICY=PASSIVE helps where that
cannot be had). Weights differ in the last bits with the thread count and the processor, since
training sums in parallel. A run that was resumed between stages draws other batches than one in a
single go; the shipped one was: its latents were standardised on those of the first 560 hours that
had all predictors, and its denoiser had 1000 steps on these, then 1100 from a rate of 4e-4 on all.
"""

from __future__ import annotations

import argparse
import functools
import logging
import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from xldm import package
from xldm.components import ResidualDiffusion
from xldm.config import ModelConfig, from_yaml, to_yaml
from xldm.data import fields, regrid, statics
from xldm.data.twin import Twin
from xldm.numerics import scaling
from xldm.training import stages

log = logging.getLogger("train_embedded")

CONFIG = Path(__file__).with_name("italy-2km.yaml")
CARD = Path(__file__).with_name("italy-2km-card.md")
TWIN_SEED = 0
YEARS = [f"{y}" for y in range(2001, 2007)]
HOURS = 1600
DROPOUT = 0.25
# Errors of temperature are small in units of its climate's spread: without this, wind drowns them.
WEIGHTS = (4.0, 1.0, 1.0)
# Steps, crops in a batch, their size in coarse cells, and the learning rates of AdamW and of Muon
# in each phase of a stage: many small crops learn the local response soonest, large ones then see
# the context.
REGRESSION = [(7500, 6, (12, 12), 1.5e-3, 7e-3), (2500, 3, (24, 24), 7e-4, 3e-3)]
# The same again with the logarithm of the error as the loss, see `stages.fit_regression`.
REFINEMENT = [(5000, 4, (16, 16), 1e-3, 5e-3), (800, 3, (24, 24), 4e-4, 1.5e-3)]
FLOOR = 0.01
# Whole fields last, since the autoencoder's normalisation is over all of a field.
AUTOENCODER = [(4000, 8, (12, 12), 1e-3, 3e-3), (240, 1, (84, 72), 3e-4, 1e-3)]
# The static branch stays as it was initialised: its random features serve, and training it makes a
# step half as long again.
LATENT_HOURS, DENOISER_STEPS, STATIC_STEPS = 1260, 2100, 0
# Mean square of a latent, in units of that of whole input, beyond which its hour is left out: with
# most predictors dropped it is many times larger, and a network without normalisation diverges.
LARGEST_LATENT = 4.0


def training_hours(count: int) -> np.ndarray:
    """Distinct hours drawn from the training years, in order of drawing."""
    every = np.concatenate(
        [np.arange(f"{y}-01-01", f"{int(y) + 1}-01-01", dtype="datetime64[h]") for y in YEARS]
    )
    return np.random.default_rng(0).permutation(every)[:count]


def twin_hour(
    config: ModelConfig, twin: Twin, time: np.datetime64
) -> tuple[np.ndarray, np.ndarray]:
    """Predictors (P, h, w) and targets (C, H, W) of an hour, by the path of users' data."""
    era5, fine = twin.hour(time)
    coarse = regrid.to_coarse(
        fields.predictors(era5, fields.check(era5, config)), config, config.grid
    )
    return coarse.values[0], np.stack([fine[t.name].values for t in config.targets])


@functools.cache
def _twin() -> tuple[ModelConfig, Twin]:
    torch.set_num_threads(1)
    return from_yaml(ModelConfig, CONFIG), Twin(TWIN_SEED)


def _worker(time: np.datetime64) -> tuple[np.ndarray, np.ndarray]:
    return twin_hour(*_twin(), time)


def make_data(folder: Path, hours: int) -> None:
    """Write predictors and targets of the training hours as float32 arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    config = from_yaml(ModelConfig, CONFIG)
    times = training_hours(hours)
    shapes = {
        "coarse": (hours, len(config.predictors), *config.grid.shape),
        "fine": (hours, len(config.targets), *config.grid.fine_shape),
    }
    out = {
        k: np.lib.format.open_memmap(folder / f"{k}.npy", "w+", np.float32, shape)
        for k, shape in shapes.items()
    }
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for i, (coarse, fine) in enumerate(pool.imap(_worker, times, chunksize=4)):
            out["coarse"][i], out["fine"][i] = coarse, fine
            if i % 100 == 99:
                log.info("%d of %d hours", i + 1, hours)
    np.save(folder / "times.npy", times)


def with_statistics(config: ModelConfig, folder: Path) -> ModelConfig:
    """The configuration with means and standard deviations of the training hours."""
    coarse, fine = (np.load(folder / f"{k}.npy", mmap_mode="r") for k in ("coarse", "fine"))

    def scaled(variables, data):
        return tuple(
            replace(
                v,
                mean=float(np.nanmean(data[:, i], dtype=np.float64)),
                std=float(np.nanstd(data[:, i], dtype=np.float64)),
            )
            for i, v in enumerate(variables)
        )

    component = config.components[0]
    component = replace(component, targets=scaled(component.targets, fine[::4]))
    return replace(config, predictors=scaled(config.predictors, coarse), components=(component,))


class TwinBatches:
    """Normalised batches of the training hours, drawn with one seeded generator."""

    def __init__(self, config: ModelConfig, folder: Path, *, seed: int) -> None:
        coarse = np.load(folder / "coarse.npy")
        moments = [
            np.array([[v.mean, v.std] for v in vs]).T for vs in (config.predictors, config.targets)
        ]
        self.coarse = torch.from_numpy(
            scaling.fill_dry_land(
                scaling.normalise(coarse, *moments[0]), [v.only_at_sea for v in config.predictors]
            )
        )
        self.fine = np.load(folder / "fine.npy", mmap_mode="r")
        self.moments, self.factor = moments[1], config.grid.factor
        self.static = torch.from_numpy(statics.channels(statics.embedded()))[None]
        self.height = torch.nn.functional.avg_pool2d(self.static[:, :1], self.factor)[0, 0].numpy()
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator().manual_seed(seed)

    def crops(self, count: int, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """Predictors with dropout (B, P, h, w), targets (B, C, H, W) and static of crops."""
        parts = []
        for hour in self.rng.integers(len(self.coarse), size=count):
            coarse = max(self._window(size), self._window(size), key=self._relief)
            fine = tuple(slice(s.start * self.factor, s.stop * self.factor) for s in coarse)
            target = scaling.normalise(self.fine[(hour, slice(None), *fine)], *self.moments)
            parts.append(
                (
                    self._dropped(self.coarse[(hour, slice(None), *coarse)]),
                    torch.from_numpy(target),
                    self.static[(0, slice(None), *fine)],
                )
            )
        coarse, fine, static = map(torch.stack, zip(*parts, strict=True))
        return coarse, fine, static

    def _window(self, size: tuple[int, int]) -> tuple[slice, slice]:
        """A random window of coarse cells; it starts at even ones, for the UNET's four halvings."""
        starts = [
            2 * self.rng.integers((n - s) // 2 + 1)
            for n, s in zip(self.coarse.shape[2:], size, strict=True)
        ]
        return tuple(slice(a, a + s) for a, s in zip(starts, size, strict=True))

    def _relief(self, window: tuple[slice, slice]) -> float:
        """Spread of terrain height: of two windows the rougher one has more to learn from."""
        return float(self.height[window].std())

    def whole(self, hour: int, *, drop: bool) -> tuple[Tensor, Tensor]:
        """Predictors (1, P, h, w), some dropped on demand, and targets (1, C, H, W) of an hour."""
        target = torch.from_numpy(scaling.normalise(np.asarray(self.fine[hour]), *self.moments))
        coarse = self._dropped(self.coarse[hour]) if drop else self.coarse[hour]
        return coarse[None], target[None]

    def _dropped(self, coarse: Tensor) -> Tensor:
        return torch.from_numpy(scaling.drop_predictors(coarse.numpy(), self.rng, DROPOUT))


def fit(folder: Path) -> None:
    """Fit the three stages, saving weights after each."""
    config = with_statistics(from_yaml(ModelConfig, CONFIG), folder)
    (folder / "model.yaml").write_text(to_yaml(config))
    torch.manual_seed(0)
    net = ResidualDiffusion(config.components[0], len(config.predictors), config.static_channels)
    net.to(memory_format=torch.channels_last)
    data = TwinBatches(config, folder, seed=1)
    saved = folder / "net.pt"
    if (folder / "regression.done").exists():
        net.load_state_dict(torch.load(saved, weights_only=True))
    else:
        stages.start_from_coarse(net, config.predictors, config.targets)
        _fit_regression(net, data, REGRESSION, weights=WEIGHTS)
        torch.save(net.state_dict(), saved)
        (folder / "regression.done").touch()
    if not (folder / "refinement.done").exists():
        _fit_regression(net, data, REFINEMENT, floor=FLOOR)
        torch.save(net.state_dict(), saved)
        (folder / "refinement.done").touch()
    net.eval()
    if not (folder / "autoencoder.done").exists():
        _fit_autoencoder(net, data)
        hours = range(0, len(data.coarse), 40)
        latents = torch.cat([_latent(net, data, hour, drop=False)[1] for hour in hours])
        stages.standardise_latent(net.autoencoder, latents)
        torch.save(net.state_dict(), saved)
        (folder / "autoencoder.done").touch()
    pairs = _latents(net, data, folder)
    usable = np.flatnonzero((pairs[1] ** 2).mean((1, 2, 3)) < LARGEST_LATENT)

    def batch(step: int) -> tuple[Tensor, Tensor]:
        hours = data.rng.choice(usable, size=2)
        return tuple(torch.from_numpy(p[hours]) for p in pairs)

    stages.fit_denoiser(
        net,
        batch,
        data.static,
        DENOISER_STEPS,
        generator=data.generator,
        lr=5e-4,
        static_steps=STATIC_STEPS,
        average=0.998,
    )
    torch.save(net.state_dict(), saved)


def _fit_regression(net: ResidualDiffusion, data: TwinBatches, phases, **loss) -> None:
    for steps, count, size, lr, muon_lr in phases:
        stages.fit_regression(
            net,
            lambda step, count=count, size=size: data.crops(count, size),
            steps,
            lr=lr,
            muon_lr=muon_lr,
            norm_steps=0,
            **loss,
        )


def _fit_autoencoder(net: ResidualDiffusion, data: TwinBatches) -> None:
    def residual(count: int, size: tuple[int, int]) -> Tensor:
        coarse, fine, static = data.crops(count, size)
        with torch.no_grad():
            return fine - net.mean.condition(coarse, static).float()

    for steps, count, size, lr, muon_lr in AUTOENCODER:
        stages.fit_autoencoder(
            net.autoencoder,
            lambda step, count=count, size=size: residual(count, size),
            steps,
            generator=data.generator,
            kl_weight=1e-5,
            lr=lr,
            muon_lr=muon_lr,
            weights=WEIGHTS,
        )


@torch.no_grad()
def _latent(
    net: ResidualDiffusion, data: TwinBatches, hour: int, *, drop: bool = True
) -> tuple[Tensor, Tensor]:
    """Predictors, some dropped on demand, and the latent of the residual they leave."""
    coarse, fine = data.whole(hour, drop=drop)
    mean = net.mean.condition(coarse, data.static)
    return coarse, net.autoencoder.encode(fine - mean)[0]


def _latents(
    net: ResidualDiffusion, data: TwinBatches, folder: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Predictors and latents of every training hour, each with one draw of the dropout."""
    paths = [folder / f"latent_{k}.npy" for k in ("coarse", "clean")]
    if not all(p.exists() for p in paths):
        pairs = [_latent(net, data, hour) for hour in range(LATENT_HOURS)]
        for path, parts in zip(paths, zip(*pairs, strict=True), strict=True):
            np.save(path, torch.cat(parts).numpy())
    return tuple(np.load(p, mmap_mode="r") for p in paths)


def write_package(folder: Path, target: Path) -> None:
    """Write the package with half-precision weights, to keep the wheel small."""
    config = from_yaml(ModelConfig, folder / "model.yaml")
    net = ResidualDiffusion(config.components[0], len(config.predictors), config.static_channels)
    net.load_state_dict(torch.load(folder / "net.pt", weights_only=True))
    parts, static = {config.components[0].name: net.eval()}, statics.embedded()
    aside = target.with_name(f"{target.name}-new")
    sha256 = package.write(aside, config, parts, static, CARD.read_text(), dtype=torch.float16)
    # The folder holds the static fields already, which the new package holds too.
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)
    log.info("%s: sha256 %s, to be entered in catalogs/models.yaml", target, sha256)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=["data", "fit", "package"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("target", type=Path, nargs="?")
    parser.add_argument("--hours", type=int, default=HOURS)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if args.step == "data":
        make_data(args.folder, args.hours)
    elif args.step == "fit":
        fit(args.folder)
    else:
        write_package(args.folder, args.target)


if __name__ == "__main__":
    main()
