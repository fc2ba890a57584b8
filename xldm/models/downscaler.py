"""The interface of a model's components, and how fields are drawn from them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..config import DiffusionConfig
from ..errors import ArgumentError
from ..numerics.samplers import check_sampler, check_steps
from ..numerics.schedule import Schedule

__all__ = ["Downscaler", "Sampling", "schedule"]


@dataclass(frozen=True)
class Sampling:
    """Members to draw, and the sampler that draws them.

    Parameters
    ----------
    members : sequence of int
        Numbers of the ensemble members.
    seed : int
        Seed of the ensemble; member, valid time and component complete the address of the noise.
    sampler, steps : str, int, optional
        Default: those of the component's configuration.
    correlation : float
        From 0, noise independent from time to time, to 1, noise as persistent as the component's
        configuration says.
    """

    members: Sequence[int] = (0,)
    seed: int = 0
    sampler: str | None = None
    steps: int | None = None
    correlation: float = 1.0

    def persistence(self, config: DiffusionConfig) -> dict[float, float]:
        """Return hours between knots of a component's noise, and shares of its variance."""
        return {h: self.correlation * share for h, share in config.persistence.items()}

    def resolve(self, config: DiffusionConfig) -> tuple[str, int]:
        """Return the sampler and the number of steps for a component.

        Raises
        ------
        ArgumentError
            If the sampler is unknown or the steps are out of its range.
        """
        sampler = check_sampler(config.sampler if self.sampler is None else self.sampler)
        steps = config.steps if self.steps is None else self.steps
        check_steps(steps, schedule(config))
        return sampler, steps


def schedule(config: DiffusionConfig) -> Schedule:
    """Return the noise schedule of a configuration."""
    return _linear(config.timesteps, config.beta_start, config.beta_end)


@functools.cache
def _linear(timesteps: int, first: float, last: float) -> Schedule:
    return Schedule.linear(timesteps, first, last)


class Downscaler(nn.Module):
    """A component of a model: normalised predictors and static fields in, normalised targets out.

    Three phases keep work from being done twice: `prepare` sees the static fields, once per model;
    `condition` sees the predictors, once per time; `draw` sees the noise, once per member.
    """

    @property
    def mean(self) -> Downscaler:
        """The mean alone, without noise, as a component of its own.

        Raises
        ------
        ArgumentError
            If the component has no regression.
        """
        raise ArgumentError(f"{type(self).__name__} has no regression")

    def prepare(self, static: Tensor) -> Any:
        """Compute everything that depends on the static channels (1, S, H, W) only."""
        raise NotImplementedError

    def condition(self, coarse: Tensor, prepared: Any) -> Any:
        """Compute everything that depends on the predictors (B, P, h, w) but not on noise."""
        raise NotImplementedError

    def draw(self, condition: Any, noise: Tensor | None, sampling: Sampling) -> Tensor:
        """Draw targets (B * M, C, H, W) of B times: M members of the first time, then the next.

        Without noise there is one field per time: (B, C, H, W), here the condition itself.
        """
        return condition

    def noise_shape(self, height: int, width: int) -> tuple[int, ...] | None:
        """Return the shape of the noise for a coarse grid; None if the component has no noise."""
        return None
