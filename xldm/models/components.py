"""Components of networks: the regression alone, and the residual diffusion on top of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..config import ComponentConfig, ModelConfig
from ..errors import ArgumentError
from ..nets.autoencoder import Autoencoder
from ..nets.conditioner import Conditioner
from ..nets.denoiser import Denoiser
from ..nets.regression import RegressionUNet
from ..numerics.samplers import SAMPLERS
from .coarse_scale import CoarseScale
from .downscaler import Downscaler, Sampling, schedule
from .own_predictors import OwnPredictors
from .terrain_slopes import TerrainSlopes

__all__ = ["Regression", "ResidualDiffusion", "for_members", "present"]

T = TypeVar("T")


def present(part: T | None, name: str) -> T:
    """Return a part of a component that must be there.

    Raises
    ------
    ArgumentError
        If it is None.
    """
    if part is None:
        raise ArgumentError(f"the component has no {name} yet: train it first")
    return part


def for_members(of_hours: Tensor, count: int) -> Tensor:
    """Repeat values of hours (B, ...) for the members of each hour in turn: (count, ...).

    For one hour, or one member, the result is a view.
    """
    each = count // len(of_hours)
    return of_hours[:, None].expand(-1, each, *of_hours.shape[1:]).flatten(0, 1)


class Regression(Downscaler):
    """The regression UNET alone: it gives the mean, smooth where small scales are uncertain."""

    def __init__(
        self,
        net: RegressionUNet,
        coarse_scale: CoarseScale | None = None,
        own_predictors: OwnPredictors | None = None,
        slopes: TerrainSlopes | None = None,
    ) -> None:
        super().__init__()
        self.net, self.coarse_scale, self.own_predictors = net, coarse_scale, own_predictors
        self.slopes = slopes

    @property
    def mean(self) -> Regression:
        """The regression itself."""
        return self

    def prepare(self, static: Tensor) -> Tensor:
        """Return the static channels as they are."""
        return static

    def condition(self, coarse: Tensor, prepared: Tensor) -> Tensor:
        """Compute the mean of the targets (B, C, H, W)."""
        seen = coarse if self.own_predictors is None else self.own_predictors(coarse)
        upsampled = nn.functional.interpolate(seen, size=prepared.shape[-2:], mode="nearest")
        inputs = [upsampled, prepared.expand(len(coarse), -1, -1, -1)]
        if self.slopes is not None:
            inputs.append(self.slopes(coarse, prepared).to(upsampled))
        mean = self.net(torch.cat(inputs, dim=1))
        return mean if self.coarse_scale is None else self.coarse_scale(mean, coarse)


class ResidualDiffusion(Downscaler):
    """A regression gives the mean, a latent diffusion model adds the small scales (LDM_res).

    Networks that the configuration leaves out are None. Without a denoiser the component gives the
    mean only; without a regression it diffuses the field itself.

    Parameters
    ----------
    config : ComponentConfig
        Targets and widths.
    predictors, static_channels : int
        Channels of the coarse predictors and of the static fields.
    coarse_scale : CoarseScale, optional
        It replaces the coarse scale of what the networks give.
    own_predictors : OwnPredictors, optional
        It changes how the networks see the predictors.
    slopes : TerrainSlopes, optional
        The regression sees them too. The configuration has a ``slope_window`` then.

    Examples
    --------
    >>> from xldm.config import *
    >>> t2m = Variable("t2m", "air_temperature", "K", mean=285.0, std=8.0)
    >>> config = ComponentConfig(
    ...     "2mT", (t2m,), RegressionConfig((4, 4, 4, 4)), AutoencoderConfig((4, 4, 16)),
    ...     ConditionerConfig((8, 8, 16), static_width=8, coarse_width=8, out_width=16, depth=1),
    ...     DenoiserConfig(width=16))
    >>> net = ResidualDiffusion(config, predictors=5, static_channels=6).eval()
    >>> coarse, static = torch.zeros(1, 5, 8, 8), torch.zeros(1, 6, 64, 64)
    >>> net.sample(coarse, static, steps=2, noise=torch.zeros(1, 8, 8, 8)).shape
    torch.Size([1, 1, 64, 64])

    References
    ----------
    Tomasi, Franch and Cristoforetti (2025), Geosci. Model Dev. 18, 2051-2078, arXiv 2406.13627.
    """

    def __init__(
        self,
        config: ComponentConfig,
        predictors: int,
        static_channels: int,
        coarse_scale: CoarseScale | None = None,
        own_predictors: OwnPredictors | None = None,
        slopes: TerrainSlopes | None = None,
    ) -> None:
        super().__init__()
        targets = len(config.targets)
        self.config, self.coarse_scale, self.own_predictors = config, coarse_scale, own_predictors
        self.slopes = slopes
        self.regression: RegressionUNet | None = None
        self.autoencoder: Autoencoder | None = None
        self.conditioner: Conditioner | None = None
        self.denoiser: Denoiser | None = None
        if config.regression is not None:
            extrapolated = 0 if config.slope_window is None else targets
            channels = predictors + static_channels + extrapolated
            self.regression = RegressionUNet(channels, targets, config.regression)
        if config.autoencoder is not None:
            self.autoencoder = Autoencoder(targets, config.autoencoder)
        if config.autoencoder and config.conditioner and config.denoiser:
            latent = config.autoencoder.latent_channels
            self.conditioner = Conditioner(predictors, static_channels, config.conditioner)
            self.denoiser = Denoiser(latent, config.denoiser, config.conditioner)
        self.schedule = schedule(config.diffusion)

    @classmethod
    def of(cls, part: ComponentConfig, config: ModelConfig) -> ResidualDiffusion:
        """Return a component of a model, with new weights."""
        scale = CoarseScale.of(part, config.predictors, config.grid.factor)
        own = OwnPredictors.of(part, config.predictors)
        slopes = TerrainSlopes.of(part, config, scale)
        return cls(part, config.coarse_channels, config.static_channels, scale, own, slopes)

    @property
    def mean(self) -> Regression:
        """The regression, as a component of its own.

        Raises
        ------
        ArgumentError
            If there is none.
        """
        if self.regression is None:
            raise ArgumentError(
                f"the component {self.config.name} has no regression: it diffuses the field itself"
            )
        return Regression(self.regression, self.coarse_scale, self.own_predictors, self.slopes)

    def prepare(self, static: Tensor) -> tuple[Tensor, Tensor | None]:
        """Compute the conditioner's features of the static channels, and return both."""
        net = self.conditioner
        return static, None if net is None else net.static_features(static)

    def condition(self, coarse: Tensor, prepared: tuple[Tensor, Tensor | None]) -> Condition:
        """Compute the mean, and the context of the denoiser, from predictors (B, P, h, w)."""
        static, features = prepared
        mean = context = None
        if self.regression is not None:
            mean = self.mean.condition(coarse, static)
        if features is not None:
            context = self.context(features, coarse)
        return Condition(mean, context)

    def context(self, features: Tensor, coarse: Tensor) -> list[Tensor]:
        """Compute maps for the denoiser from features of the static fields, and predictors."""
        seen = coarse if self.own_predictors is None else self.own_predictors(coarse)
        return present(self.conditioner, "conditioner").context(features, seen)

    def denoise(self, context: Sequence[Tensor]) -> Callable[[Tensor, int], Tensor]:
        """Bind the denoiser to a context: (noisy latent, step) -> clean latent."""
        net = present(self.denoiser, "denoiser")

        def clean(x: Tensor, t: int) -> Tensor:
            step = torch.full((len(x),), t, device=x.device)
            v = net(x, step, [for_members(c, len(x)) for c in context])
            return self.schedule.clean_from_v(x, v.to(x.dtype), t)

        return clean

    def draw(self, condition: Condition, noise: Tensor | None, sampling: Sampling) -> Tensor:
        """Sample a latent from noise (B * M, L, h, w), decode it, and add it to the mean."""
        if self.denoiser is None or noise is None:
            return present(condition.mean, "regression")
        latent = self.draw_latent(condition, noise, *sampling.resolve(self.config.diffusion))
        small_scales = present(self.autoencoder, "autoencoder").decode(latent)
        return self.joined(condition.mean, small_scales)

    def joined(self, mean: Tensor | None, small_scales: Tensor) -> Tensor:
        """Add small scales (B * M, C, H, W), without their coarse scale, to the mean (B, ...)."""
        if self.coarse_scale is not None:
            small_scales = self.coarse_scale.departure(small_scales)
        if mean is None:
            return small_scales
        return for_members(mean, len(small_scales)) + small_scales

    def given(self, coarse: Tensor) -> Tensor:
        """Return (B, C or 1, 1, 1): False where a target is not drawn, its predictor dropped."""
        if self.coarse_scale is None:
            return torch.ones(len(coarse), 1, 1, 1, dtype=torch.bool, device=coarse.device)
        return self.coarse_scale.given(coarse)

    def draw_latent(self, condition: Condition, noise: Tensor, sampler: str, steps: int) -> Tensor:
        """Draw the latent (B, L, h, w) that the sampler reaches from the noise."""
        denoise = self.denoise(present(condition.context, "conditioner"))
        return SAMPLERS[sampler](denoise, self.schedule, noise, steps)

    def reconstruct(
        self, coarse: Tensor, prepared: tuple[Tensor, Tensor | None], targets: Tensor
    ) -> Tensor:
        """Add the true residual of normalised targets, encoded and decoded, to the mean."""
        autoencoder, mean = present(self.autoencoder, "autoencoder"), torch.zeros(())
        if self.regression is not None:
            mean = self.mean.condition(coarse, prepared[0])
        latent, _ = autoencoder.encode(targets - mean)
        return self.joined(mean, autoencoder.decode(latent))

    def noise_shape(self, height: int, width: int) -> tuple[int, int, int] | None:
        """Return (L, h, w), or None without a denoiser."""
        latent = self.config.autoencoder
        if self.denoiser is None or latent is None:
            return None
        return latent.latent_channels, height, width

    @torch.inference_mode()
    def sample(
        self,
        coarse: Tensor,
        static: Tensor,
        *,
        noise: Tensor,
        sampler: str | None = None,
        steps: int | None = None,
    ) -> Tensor:
        """Draw normalised targets (B, C, H, W) from normalised inputs and starting noise.

        Parameters
        ----------
        coarse : Tensor
            Predictors (B, P, h, w).
        static : Tensor
            Static channels (1, S, H, W).
        noise : Tensor
            Standard normal (B, L, h, w).
        sampler, steps : str, int, optional
            Default: those of the configuration.
        """
        condition = self.condition(coarse, self.prepare(static))
        return self.draw(condition, noise, Sampling(sampler=sampler, steps=steps))


@dataclass(frozen=True)
class Condition:
    """Mean (B, C, H, W), and maps for the denoiser; None where the networks are absent."""

    mean: Tensor | None
    context: list[Tensor] | None
