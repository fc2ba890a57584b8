"""A model ready to use: components on a grid, with their scaling and static fields."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from . import card
from .components import Downscaler, Interpolation, Sampling
from .config import ModelConfig, Variable
from .data import statics
from .numerics import noise as addressed
from .numerics import scaling

__all__ = ["Model"]


@dataclass(frozen=True, repr=False)
class Model:
    """A model ready to use: what its package says, its static fields and its components.

    Parameters
    ----------
    config : ModelConfig
        Grid, predictors, targets, scaling and the rest of ``model.yaml``.
    static : xarray.Dataset
        Static fields on the fine grid.
    components : mapping of str to Downscaler
        By the names in the configuration.
    sha256 : str
        Identifies the package; empty for a model that was never written.
    """

    config: ModelConfig
    static: xr.Dataset
    components: Mapping[str, Downscaler]
    sha256: str = ""
    _cache: dict = field(default_factory=dict, init=False, repr=False, compare=False)
    _lock: Any = field(default_factory=threading.RLock, init=False, repr=False, compare=False)

    def baseline(self, kind: str) -> Model:
        """The same grid, predictors and targets with a simpler downscaler.

        Parameters
        ----------
        kind : {"interpolation", "regression"}
            Quadratic interpolation of the coarse field, or the regression UNET alone.

        Raises
        ------
        ValueError
            If there is no such baseline, or a component has no regression.
        """
        config = self.config
        if kind == "interpolation":
            config = replace(config, training_data="nothing: interpolated", warning="")
            parts = {
                c.name: Interpolation(config.predictors, c.targets, config.grid.factor).eval()
                for c in config.components
            }
        elif kind == "regression":
            parts = {name: part.mean.eval() for name, part in self.components.items()}
        else:
            raise ValueError(f"kind must be 'interpolation' or 'regression', got {kind!r}")
        return Model(
            replace(config, name=f"{config.name} ({kind})"), self.static, parts, self.sha256
        )

    def fields(
        self,
        coarse: np.ndarray,
        times: np.ndarray,
        sampling: Sampling,
        *,
        rows: slice = slice(None),
        columns: slice = slice(None),
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int = 1,
        observe: Callable[[int], None] = lambda n: None,
    ) -> np.ndarray:
        """Draw targets in physical units.

        Parameters
        ----------
        coarse : ndarray (time, P, h, w)
            Predictors in the model's units.
        times : ndarray (time,) of datetime64
            Valid times: they address the noise.
        sampling : Sampling
            Members, seed, sampler and steps.
        rows, columns : slice
            Window of the coarse grid that ``coarse`` covers.
        device, dtype : str, optional
            Where, and in what precision, the networks run; default CPU and float32.
        batch_size : int
            Times that go through the networks together on an accelerator. A CPU takes them one by
            one: there it gains nothing, and sums in another order for another batch.
        observe : callable
            Told the number of fields finished, as they are finished.

        Returns
        -------
        ndarray (member, time, C, H, W) float32
        """
        height, width = coarse.shape[-2:]
        factor = self.config.grid.factor
        size = (len(sampling.members), len(coarse), len(self.config.targets))
        out = np.empty((*size, height * factor, width * factor), np.float32)
        normalised = self._normalised(coarse)
        where = torch.device(device or "cpu")
        together = 1 if where.type == "cpu" else batch_size
        precision = torch.autocast(
            where.type, getattr(torch, dtype or "float32"), enabled=dtype not in (None, "float32")
        )
        # One block at a time: the networks use every core already, and memory stays bounded.
        with self._lock, torch.inference_mode(), precision:
            at = 0
            for part in self.config.components:
                net, prepared = self._prepared(part.name, rows, columns, where)
                channels = slice(at, at := at + len(part.targets))
                for first in range(0, len(coarse), together):
                    batch = slice(first, first + together)
                    given = torch.from_numpy(normalised[batch]).to(where)
                    condition = net.condition(given, prepared)
                    for m, member in enumerate(sampling.members):
                        noise = self._noise(net, part.name, times[batch], member, sampling.seed)
                        if noise is not None:
                            noise = noise[:, :, rows, columns].to(where)
                        drawn = net.draw(condition, noise, sampling).float().cpu().numpy()
                        out[m, batch, channels] = scaling.denormalise(
                            drawn, *_moments(part.targets)
                        )
                        observe(len(drawn))
        return out

    def reconstruct(self, coarse: np.ndarray, fine: np.ndarray) -> np.ndarray:
        """The regression's mean plus what the autoencoder keeps of the true residual.

        Parameters
        ----------
        coarse : ndarray (time, P, h, w)
            Predictors in the model's units, on the whole coarse grid.
        fine : ndarray (time, C, H, W)
            True targets in physical units.

        Returns
        -------
        ndarray (time, C, H, W) float32
        """
        if without := [c.name for c in self.config.components if not c.autoencoder]:
            raise ValueError(f"{', '.join(without)}: there is no autoencoder yet, train it first")
        out, at = np.empty(fine.shape, np.float32), 0
        given = self._normalised(coarse)
        with self._lock, torch.inference_mode():
            for part in self.config.components:
                net, (static, _) = self._prepared(
                    part.name, slice(None), slice(None), torch.device("cpu")
                )
                channels = slice(at, at := at + len(part.targets))
                for t in range(len(coarse)):
                    mean = torch.zeros(())
                    if net.regression is not None:
                        mean = net.mean.condition(torch.from_numpy(given[t : t + 1]), static)
                    truth = scaling.normalise(fine[t : t + 1, channels], *_moments(part.targets))
                    residual, _ = net.autoencoder.encode(torch.from_numpy(truth) - mean)
                    again = (mean + net.autoencoder.decode(residual)).numpy()
                    out[t, channels] = scaling.denormalise(again, *_moments(part.targets))[0]
        return out

    def _normalised(self, coarse: np.ndarray) -> np.ndarray:
        """Predictors (time, P, h, w) as the networks take them."""
        normalised = scaling.normalise(coarse, *_moments(self.config.predictors))
        return scaling.fill_dry_land(normalised, [v.only_at_sea for v in self.config.predictors])

    def _noise(self, net, component, times, member, seed) -> Tensor | None:
        """Noise (B, L, h, w) of the whole grid, so that a region gets its share of the same."""
        shape = net.noise_shape(*self.config.grid.shape)
        if shape is None:
            return None
        whole = [addressed.standard_normal(seed, member, t, component, shape) for t in times]
        return torch.from_numpy(np.stack(whole))

    def _prepared(self, component: str, rows: slice, columns: slice, device: torch.device) -> tuple:
        """A component on a device and what it makes of the static fields, kept for later calls."""
        key = (component, rows.start, rows.stop, columns.start, columns.stop, device)
        if key not in self._cache:
            factor = self.config.grid.factor
            window = tuple(
                slice(*(None if e is None else e * factor for e in (s.start, s.stop)))
                for s in (rows, columns)
            )
            channels = np.ascontiguousarray(statics.channels(self.static)[(slice(None), *window)])
            # Convolutions of few channels run a third faster so.
            net = self.components[component].to(device, memory_format=torch.channels_last)
            self._cache[key] = net, net.prepare(torch.from_numpy(channels)[None].to(device))
        return self._cache[key]

    def __repr__(self) -> str:
        return card.text(self.config, self.sha256, self._parameters)

    def _repr_html_(self) -> str:
        return card.html(self.config, self.sha256, self._parameters)

    @property
    def _parameters(self) -> int:
        return sum(p.numel() for net in self.components.values() for p in net.parameters())

    def __getstate__(self) -> dict:
        return {k: v for k, v in self.__dict__.items() if k not in ("_cache", "_lock")}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state, _cache={}, _lock=threading.RLock())


def _moments(variables: Sequence[Variable]) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations (C,) of variables."""
    return np.array([v.mean for v in variables]), np.array([v.std for v in variables])
