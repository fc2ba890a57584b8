"""What a component of a model can be: interpolation, regression, or residual diffusion.

Three phases keep work from being done twice: ``prepare`` sees the static fields (once for a model),
``condition`` the predictors (once for a time), ``draw`` the noise (once for a member).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..config import ComponentConfig, DiffusionConfig
from ..errors import ArgumentError
from ..nets.autoencoder import Autoencoder
from ..nets.conditioner import Conditioner
from ..nets.denoiser import Denoiser
from ..nets.regression import RegressionUNet
from ..numerics.samplers import SAMPLERS, check_sampler, check_steps
from ..numerics.schedule import Schedule
from .interpolation import Interpolation

__all__ = ["Downscaler", "Interpolation", "Regression", "ResidualDiffusion", "Sampling"]


@dataclass(frozen=True)
class Sampling:
    """Which fields to draw and how.

    Parameters
    ----------
    members : sequence of int
        Numbers of the ensemble members.
    seed : int
        Seed of the ensemble; member, valid time and component complete the address of the noise.
    sampler, steps : str, int, optional
        As the component's configuration says unless given.
    """

    members: Sequence[int] = (0,)
    seed: int = 0
    sampler: str | None = None
    steps: int | None = None

    def resolve(self, config: DiffusionConfig) -> tuple[str, int]:
        """Sampler and steps for a component.

        Raises
        ------
        ArgumentError
            If the sampler is unknown or the steps are out of its range.
        """
        sampler = check_sampler(self.sampler or config.sampler)
        steps = config.steps if self.steps is None else self.steps
        check_steps(steps, schedule(config))
        return sampler, steps


@functools.cache
def schedule(config: DiffusionConfig) -> Schedule:
    """The noise schedule that a configuration describes."""
    return Schedule.linear(config.timesteps, config.beta_start, config.beta_end)


def for_members(of_hours: Tensor, count: int) -> Tensor:
    """What belongs to hours (B, ...), repeated for the members of each in turn (count, ...).

    For one hour, or one member, it is a view.
    """
    each = count // len(of_hours)
    return of_hours[:, None].expand(-1, each, *of_hours.shape[1:]).flatten(0, 1)


class Downscaler(Protocol):
    """Normalised predictors and static fields in, normalised targets out."""

    def prepare(self, static: Tensor) -> Any:
        """Everything that depends on static channels (1, S, H, W) only."""

    def condition(self, coarse: Tensor, prepared: Any) -> Any:
        """Everything that depends on predictors (B, P, h, w) but not on noise."""

    def draw(self, condition: Any, noise: Tensor | None, sampling: Sampling) -> Tensor:
        """Targets (B * M, C, H, W) of B times and M members of each in turn, as the noise has them.

        Without noise there is one field of a time (B, C, H, W).
        """

    def noise_shape(self, height: int, width: int) -> tuple[int, ...] | None:
        """Shape of the noise for a coarse grid, or None if there is nothing to draw."""


class Regression(nn.Module):
    """The regression UNET alone: the mean, smooth where the small scales are uncertain."""

    def __init__(self, net: RegressionUNet) -> None:
        super().__init__()
        self.net = net

    def prepare(self, static: Tensor) -> Tensor:
        """The static channels themselves."""
        return static

    def condition(self, coarse: Tensor, prepared: Tensor) -> Tensor:
        """Mean of the targets (B, C, H, W)."""
        upsampled = nn.functional.interpolate(coarse, size=prepared.shape[-2:], mode="nearest")
        static = prepared.expand(len(coarse), -1, -1, -1)
        return self.net(torch.cat((upsampled, static), dim=1))

    def draw(self, condition: Tensor, noise: None, sampling: Sampling) -> Tensor:
        """The mean: there is one member only."""
        return condition

    def noise_shape(self, height: int, width: int) -> None:
        """No noise."""


class ResidualDiffusion(nn.Module):
    """A regression gives the mean, a latent diffusion model adds the small scales (LDM_res).

    Parts that the configuration leaves out are None. Without a denoiser, there is the mean only;
    without a regression, the diffusion is of the field itself.

    Parameters
    ----------
    config : ComponentConfig
        Targets and widths.
    predictors, static_channels : int
        Channels of the coarse predictors and of the static fields.

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

    def __init__(self, config: ComponentConfig, predictors: int, static_channels: int) -> None:
        super().__init__()
        targets = len(config.targets)
        self.config = config
        self.regression = self.autoencoder = self.conditioner = self.denoiser = None
        if config.regression is not None:
            channels = predictors + static_channels
            self.regression = RegressionUNet(channels, targets, config.regression)
        if config.autoencoder is not None:
            self.autoencoder = Autoencoder(targets, config.autoencoder)
        if config.denoiser is not None:
            latent = config.autoencoder.latent_channels
            self.conditioner = Conditioner(predictors, static_channels, config.conditioner)
            self.denoiser = Denoiser(latent, config.denoiser, config.conditioner)
        self.schedule = schedule(config.diffusion)

    @property
    def mean(self) -> Regression:
        """The regression, as a downscaler of its own.

        Raises
        ------
        ArgumentError
            If there is none.
        """
        if self.regression is None:
            raise ArgumentError(
                f"the component {self.config.name} has no regression: it diffuses the field itself"
            )
        return Regression(self.regression)

    def prepare(self, static: Tensor) -> tuple[Tensor, Tensor | None]:
        """Static channels and the conditioner's features of them."""
        return static, self.conditioner and self.conditioner.static_features(static)

    def condition(self, coarse: Tensor, prepared: tuple[Tensor, Tensor | None]) -> _Condition:
        """Mean and context of predictors (B, P, h, w)."""
        static, features = prepared
        return _Condition(
            self.regression and self.mean.condition(coarse, static),
            self.conditioner and self.conditioner.context(features, coarse),
        )

    def denoise(
        self, context: Sequence[Tensor], denoiser: nn.Module | None = None
    ) -> Callable[[Tensor, int], Tensor]:
        """The denoiser (or another) bound to a context: (noisy latent, step) -> clean latent."""
        net = self.denoiser if denoiser is None else denoiser

        def clean(x: Tensor, t: int) -> Tensor:
            step = torch.full((len(x),), t, device=x.device)
            v = net(x, step, [for_members(c, len(x)) for c in context])
            return self.schedule.clean_from_v(x, v.to(x.dtype), t)

        return clean

    def draw(self, condition: _Condition, noise: Tensor | None, sampling: Sampling) -> Tensor:
        """Mean plus the decoded latent that the sampler reaches from the noise (B * M, L, h, w)."""
        if self.denoiser is None:
            return condition.mean
        latent = self.draw_latent(condition, noise, *sampling.resolve(self.config.diffusion))
        small_scales = self.autoencoder.decode(latent)
        if condition.mean is None:
            return small_scales
        return for_members(condition.mean, len(small_scales)) + small_scales

    def draw_latent(
        self,
        condition: _Condition,
        noise: Tensor,
        sampler: str,
        steps: int,
        denoiser: nn.Module | None = None,
    ) -> Tensor:
        """The latent (B, L, h, w) that the sampler reaches from the noise."""
        denoise = self.denoise(condition.context, denoiser)
        return SAMPLERS[sampler](denoise, self.schedule, noise, steps)

    def noise_shape(self, height: int, width: int) -> tuple[int, int, int] | None:
        """(L, h, w), or None without a denoiser."""
        if self.denoiser is None:
            return None
        return self.config.autoencoder.latent_channels, height, width

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
        """Normalised targets (B, C, H, W) from normalised inputs and given starting noise.

        Parameters
        ----------
        coarse : Tensor
            Predictors (B, P, h, w).
        static : Tensor
            Static channels (1, S, H, W).
        noise : Tensor
            Standard normal (B, L, h, w).
        sampler, steps : str, int, optional
            As the configuration says unless given.
        """
        condition = self.condition(coarse, self.prepare(static))
        return self.draw(condition, noise, Sampling(sampler=sampler, steps=steps))


@dataclass(frozen=True)
class _Condition:
    mean: Tensor | None
    context: list[Tensor] | None
