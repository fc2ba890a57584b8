r"""The noise schedule, and conversions between clean field, noise and velocity v.

At time ``t`` a clean field :math:`z_0` with noise :math:`\epsilon` is seen as
:math:`z_t = \alpha_t z_0 + \sigma_t \epsilon` where :math:`\alpha_t^2 = \bar\alpha_t` and
:math:`\sigma_t^2 = 1 - \bar\alpha_t`; networks are trained on
:math:`v_t = \alpha_t \epsilon - \sigma_t z_0` [1]_.

References
----------
.. [1] Salimans and Ho, Progressive Distillation for Fast Sampling of Diffusion Models,
   arXiv 2202.00512.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .arrays import Array

__all__ = ["Schedule"]


@dataclass(frozen=True, eq=False)
class Schedule:
    """Share of the clean field at each time of the diffusion.

    Every method takes ``t`` as one integer time, or as integers of shape (batch,), one for each
    field of a batch. Times run from 0 (nearly clean) to ``len(schedule) - 1`` (nearly noise).
    Coefficients are computed in float64; one time gives a Python float, so fields keep their own
    precision.

    Parameters
    ----------
    abar : numpy.ndarray, shape (timesteps,)
        Share of the clean field's variance, strictly falling between 1 and 0; dimensionless.

    Raises
    ------
    ArgumentError
        If ``abar`` is not one row of at least two values that fall strictly between 1 and 0.

    Examples
    --------
    >>> schedule = Schedule.linear()
    >>> len(schedule)
    1000
    >>> round(schedule.alpha(0), 5), round(schedule.sigma(0), 5)
    (0.99995, 0.01)
    """

    abar: np.ndarray

    def __post_init__(self) -> None:
        abar = np.array(self.abar, dtype=np.float64)
        if abar.ndim != 1 or abar.size < 2:
            raise ArgumentError(f"abar is one row of at least 2 values; got shape {abar.shape}")
        if not (np.all(np.diff(abar) < 0) and abar[-1] > 0 and abar[0] < 1):
            raise ArgumentError(
                f"abar falls strictly, between 1 and 0; got {abar[0]:g} ... {abar[-1]:g}. "
                "With betas, each has to lie between 0 and 1"
            )
        abar.flags.writeable = False
        object.__setattr__(self, "abar", abar)

    @classmethod
    def linear(
        cls, timesteps: int = 1000, beta_start: float = 1e-4, beta_end: float = 2e-2
    ) -> Schedule:
        """Return the schedule of arXiv 2406.13627: the square root of beta grows linearly."""
        beta = np.linspace(beta_start**0.5, beta_end**0.5, timesteps) ** 2
        return cls(np.cumprod(1 - beta))

    def __len__(self) -> int:
        return len(self.abar)

    def alpha(self, t: Any) -> Any:
        """Return the factor of the clean field; a float, or float64 of shape (batch,)."""
        return _plain(np.sqrt(self._abar(t)))

    def sigma(self, t: Any) -> Any:
        """Return the factor of the noise; a float, or float64 of shape (batch,)."""
        return _plain(np.sqrt(1 - self._abar(t)))

    def lam(self, t: Any) -> Any:
        """Return half the log signal-to-noise ratio, ``log(alpha / sigma)``; falls with ``t``."""
        abar = self._abar(t)
        return _plain(np.log(abar / (1 - abar)) / 2)

    def add_noise(self, clean: Array, noise: Array, t: Any) -> Array:
        """Return the noisy field, ``alpha z0 + sigma eps``; fields have dims (batch, ...)."""
        return _of(self.alpha(t), clean) * clean + _of(self.sigma(t), noise) * noise

    def velocity(self, clean: Array, noise: Array, t: Any) -> Array:
        """Return the velocity that networks are trained on, ``v = alpha eps - sigma z0``."""
        return _of(self.alpha(t), noise) * noise - _of(self.sigma(t), clean) * clean

    def clean_from_v(self, x: Array, v: Array, t: Any) -> Array:
        """Return the clean field of noisy field ``x``, ``z0 = alpha x - sigma v``.

        Examples
        --------
        >>> schedule = Schedule.linear()
        >>> clean, noise = np.array([[2.0, 3.0]]), np.array([[0.5, -0.5]])
        >>> x, v = (f(clean, noise, 321) for f in (schedule.add_noise, schedule.velocity))
        >>> np.allclose(schedule.clean_from_v(x, v, 321), clean)
        True
        """
        return _of(self.alpha(t), x) * x - _of(self.sigma(t), v) * v

    def step(self, x: Array, clean: Array, t: Any, s: Any) -> Array:
        """Return the field at time ``s`` with the clean field and noise of ``x`` at ``t``.

        This is a step of DDIM (arXiv 2010.02502, eq. 12, eta 0) if ``clean`` is a denoiser's
        estimate.
        """
        noise = (x - _of(self.alpha(t), clean) * clean) / _of(self.sigma(t), x)
        return _of(self.alpha(s), clean) * clean + _of(self.sigma(s), noise) * noise

    def clean_from_step(self, x: Array, later: Array, t: Any, s: Any) -> Array:
        """Return the clean field for which :meth:`step` takes ``x`` at ``t`` to ``later``.

        Examples
        --------
        >>> schedule = Schedule.linear()
        >>> x, clean = np.array([[2.0, 3.0]]), np.array([[0.5, -0.5]])
        >>> later = schedule.step(x, clean, 500, 250)
        >>> np.allclose(schedule.clean_from_step(x, later, 500, 250), clean)
        True
        """
        share = self.sigma(s) / self.sigma(t)
        of_clean = self.alpha(s) - share * self.alpha(t)
        return (later - _of(share, x) * x) / _of(of_clean, x)

    def _abar(self, t: Any) -> np.ndarray:
        times = np.asarray(t)
        # A negative index would quietly count from the noisy end.
        if times.dtype.kind not in "iu" or np.any((times < 0) | (times >= len(self))):
            raise IndexError(f"times are integers from 0 to {len(self) - 1}; got {t}")
        return self.abar[times]


def _plain(coefficient: Any) -> Any:
    # A NumPy float64 scalar would raise float32 fields to float64; a Python float does not.
    return float(coefficient) if np.ndim(coefficient) == 0 else coefficient


def _of(coefficient: Any, field: Any) -> Any:
    """Shape coefficients to broadcast over a batch, as the array type of ``field``."""
    if isinstance(coefficient, float):
        return coefficient
    column = coefficient.reshape(-1, *[1] * (field.ndim - 1))
    return field.new_tensor(column) if hasattr(field, "new_tensor") else column.astype(field.dtype)
