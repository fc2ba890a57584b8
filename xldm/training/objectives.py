"""What each stage optimises: which networks, what is drawn for a sample, and the loss.

An objective is plain functions of networks and tensors; the loop around it is in `module`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ..components import ResidualDiffusion
from ..config import ComponentConfig
from . import adversarial, losses
from .preset import AutoencoderPhase, DiffusionPhase, GANPhase, Phase, RegressionPhase

__all__ = ["OBJECTIVES", "Sample", "residual"]


class Sample(NamedTuple):
    """Tensors of a batch: what was read, and what was drawn for each of its windows."""

    #: Row and column of each window's first coarse cell.
    corner: Sequence[tuple[int, int]]

    #: (B, P, h, w).
    coarse: Tensor
    #: (B, C, H, W), or None where the latent is known.
    fine: Tensor | None
    #: Standard normal (B, L, h, w); empty where none is needed.
    noise: Tensor
    #: Diffusion steps (B,); empty where none are needed.
    t: Tensor
    #: (B, S, H, W), or (1, S, y, x) of the whole grid where windows are it or latents are known.
    static: Tensor | None = None
    #: Posterior means (B, L, h, w).
    latent: Tensor | None = None

    def on(self, whole_static: Tensor) -> Sample:
        """The same with static channels, cut from those (S, y, x) of the whole grid."""
        if self.latent is not None:
            return self._replace(static=whole_static[None])
        height, width = self.fine.shape[2:]
        if whole_static.shape[1:] == (height, width):
            return self._replace(static=whole_static[None])
        factor = height // self.coarse.shape[2]
        cut = [
            whole_static[:, y * factor : y * factor + height, x * factor : x * factor + width]
            for y, x in self.corner
        ]
        return self._replace(static=torch.stack(cut))


@dataclass(frozen=True)
class Objective:
    """What the stages have in common: a phase of a preset, for a component."""

    phase: Phase
    part: ComponentConfig

    #: Networks of the component that the stage fits, and all that its package then has.
    fits: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Modules that are fitted."""
        return [getattr(net, name) for name in self.fits]

    def draw(
        self, rng: np.random.Generator, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Noise (L, h, w) and step of a sample on (h, w) coarse cells; nothing here."""
        return np.empty(0, np.float32), np.empty(0, np.int64)

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Modules whose activations may be recomputed instead of kept."""
        return []


@dataclass(frozen=True)
class Regression(Objective):
    """Squared error of the mean, or its logarithm."""

    phase: RegressionPhase
    fits: tuple[str, ...] = ("regression",)
    holds: tuple[str, ...] = ("regression",)

    def begin_step(self, net: ResidualDiffusion, step: int) -> None:
        """Batch normalisation keeps its statistics from ``norm_steps`` on."""
        kept = self.phase.norm_steps
        net.regression.train(kept is None or step < kept)

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Of a batch."""
        mean = net.mean.condition(sample.coarse, sample.static).float()
        share = _weights(self.phase.weights, self.part).to(mean)
        if self.phase.loss == "mse":
            return losses.squared_error(mean, sample.fine, share)
        return losses.log_squared_error(mean, sample.fine, share, self.phase.floor)


@dataclass(frozen=True)
class Autoencoder(Objective):
    """Mean absolute error of what is decoded, and the divergence of the posterior."""

    phase: AutoencoderPhase
    fits: tuple[str, ...] = ("autoencoder",)
    holds: tuple[str, ...] = ("regression", "autoencoder")

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """The half after the latent may be all that is fitted."""
        if self.phase.decoder_only:
            return [net.autoencoder.to_decoder, net.autoencoder.decoder]
        return super().modules(net)

    def begin_step(self, net: ResidualDiffusion, step: int) -> None:
        """What is not fitted is evaluated."""
        net.eval()
        net.autoencoder.train()

    def draw(
        self, rng: np.random.Generator, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Noise of the posterior."""
        latent = self.part.autoencoder.latent_channels
        return rng.standard_normal((latent, *shape), np.float32), np.empty(0, np.int64)

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Of a batch."""
        left = residual(net, sample)
        return losses.autoencoder_loss(
            net.autoencoder,
            left,
            sample.noise,
            kl_weight=self.phase.kl_weight,
            spectral_weight=self.phase.spectral_weight,
            mean_field=sample.fine - left,
            weights=_weights(self.phase.weights, self.part).to(sample.fine)[:, None, None],
        )

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Residual blocks of both halves."""
        return [*net.autoencoder.encoder.net, *net.autoencoder.decoder.net]


@dataclass(frozen=True)
class Diffusion(Objective):
    """Squared error of the velocity that the denoiser predicts."""

    phase: DiffusionPhase
    fits: tuple[str, ...] = ("conditioner", "denoiser")
    holds: tuple[str, ...] = ("regression", "autoencoder", "conditioner", "denoiser")
    #: Features of the whole static fields, where they stay the same from step to step.
    _kept: list[Tensor] = field(default_factory=list, init=False, repr=False, compare=False)

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """The conditioner's static branch may stay as it is."""
        if self.phase.train_static:
            return super().modules(net)
        named = net.conditioner.named_children()
        return [*(m for name, m in named if not name.startswith("static_")), net.denoiser]

    def begin_step(self, net: ResidualDiffusion, step: int) -> None:
        """What is not fitted is evaluated."""
        net.eval()
        net.conditioner.train()
        net.denoiser.train()

    def draw(
        self, rng: np.random.Generator, shape: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The step, and the noise that is added."""
        t = rng.integers(self.part.diffusion.timesteps)
        latent = self.part.autoencoder.latent_channels
        return rng.standard_normal((latent, *shape), np.float32), np.array(t)

    def loss(
        self, net: ResidualDiffusion, sample: Sample, denoiser: nn.Module | None = None
    ) -> Tensor:
        """Of a batch, with another denoiser if one is given."""
        clean = sample.latent
        if clean is None:
            with torch.no_grad():
                clean = net.autoencoder.encode(residual(net, sample))[0].float()
        context = net.conditioner.context(self._static_features(net, sample), sample.coarse)
        net_or_average = net.denoiser if denoiser is None else denoiser
        return losses.diffusion_loss(
            net_or_average, net.schedule, clean, context, sample.t, sample.noise
        )

    def _static_features(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        if sample.latent is None:
            with torch.set_grad_enabled(torch.is_grad_enabled() and self.phase.train_static):
                return net.conditioner.static_features(sample.static)
        # Of the whole grid, which is what its windows are cut from when a whole field is drawn.
        features = next(iter(self._kept), None)
        if self.phase.train_static:
            features = net.conditioner.static_features(sample.static)
        elif features is None:
            # Not in inference mode: steps to come take gradients of what follows from them.
            with torch.inference_mode(False), torch.no_grad():
                features = net.conditioner.static_features(sample.static.clone())
            self._kept.append(features)
        height, width = sample.latent.shape[2:]
        if features.shape[1:3] == (height, width):
            return features
        return torch.cat([features[:, y : y + height, x : x + width] for y, x in sample.corner])

    def blocks(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Levels of the denoiser and of the conditioner's static branch."""
        levels = [*net.denoiser.input_blocks, net.denoiser.middle_block]
        return [*levels, *net.denoiser.output_blocks, *net.conditioner.static_encoder]


@dataclass(frozen=True)
class GAN(Objective):
    """Mean absolute error and, after a while, a discriminator."""

    phase: GANPhase
    fits: tuple[str, ...] = ("regression",)
    holds: tuple[str, ...] = ("regression",)

    def begin_step(self, net: ResidualDiffusion, step: int) -> None:
        """Everything is fitted."""
        net.train()

    def generated(self, net: ResidualDiffusion, sample: Sample) -> tuple[Tensor, Tensor]:
        """The generator's field, and its mean absolute error."""
        field = net.mean.condition(sample.coarse, sample.static).float()
        return field, (field - sample.fine).abs().mean()

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Mean absolute error of a batch, which validation goes by."""
        return self.generated(net, sample)[1]

    def adversarial_loss(
        self, net: ResidualDiffusion, discriminator: nn.Module, field: Tensor, error: Tensor
    ) -> Tensor:
        """Loss of the generator once the discriminator takes part."""
        last = net.regression.outputs.weight
        return adversarial.generator_loss(
            error, discriminator(field), last, weight=self.phase.weight
        )


OBJECTIVES: Mapping[str, Any] = {
    "regression": Regression,
    "autoencoder": Autoencoder,
    "diffusion": Diffusion,
    "gan": GAN,
}


@torch.no_grad()
def residual(net: ResidualDiffusion, sample: Sample) -> Tensor:
    """What the regression leaves of the targets (B, C, H, W); the targets without one."""
    if net.regression is None:
        return sample.fine
    return sample.fine - net.mean.condition(sample.coarse, sample.static).float()


def _weights(by_name: Mapping[str, float], part: ComponentConfig) -> Tensor:
    wanted: Sequence[float] = [by_name.get(t.name, 1.0) for t in part.targets]
    return torch.tensor(wanted)
