"""A model ready to use: components on a grid, with their scaling and static fields."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from .. import statics
from ..config import ModelConfig
from ..errors import ArgumentError
from ..nets.field_sizes import FieldSizes, field_sizes
from ..numerics import noise as addressed
from ..numerics import scaling
from . import card, tiling
from .device_batches import draw_together, to_device
from .downscaler import Downscaler, Sampling
from .interpolation import Interpolation
from .pickling import Origin, made, token

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
    origin : (callable, tuple), optional
        How another process makes the same model: a function known by its name, and its arguments.
        Pickled, a model is that and not its weights, so whoever changes a model leaves it out.
    """

    config: ModelConfig
    static: xr.Dataset
    components: Mapping[str, Downscaler]
    sha256: str = ""
    origin: tuple[Callable[..., Model], tuple] | None = field(
        default=None, repr=False, compare=False
    )
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
        ArgumentError
            If there is no such baseline, or a component has no regression.
        """
        config = self.config
        if kind == "interpolation":
            config = replace(config, training_data="nothing: interpolated", warning="")
            parts: dict[str, Downscaler] = {
                c.name: Interpolation(config.predictors, c.targets, config.grid.factor).eval()
                for c in config.components
            }
        elif kind == "regression":
            parts = {name: part.mean.eval() for name, part in self.components.items()}
        else:
            raise ArgumentError(f"kind must be 'interpolation' or 'regression', got {kind!r}")
        return Model(
            replace(config, name=f"{config.name} ({kind})"),
            self.static,
            parts,
            self.sha256,
            (Model.baseline, (self, kind)),
        )

    def tiled(self, size: int | tuple[int, int], overlap: int = 8) -> Model:
        """The same model, whose networks see one tile of the domain at a time.

        Tiles are blended smoothly where they overlap, and at every step of the sampler, so that
        there are no seams. Memory is that of a tile, and domains may be larger than what fits; yet
        networks that look at the whole field see less of it, so fields differ a little from those
        of the whole domain. Where the domain, or a region of it, is no larger than a tile, they are
        the same bit for bit.

        Parameters
        ----------
        size : int or (int, int)
            Rows and columns of a tile in coarse cells.
        overlap : int
            Coarse cells that neighbours share, at least.

        Raises
        ------
        ArgumentError
            If the networks cannot work on such tiles, or the model is tiled already.

        Examples
        --------
        >>> import xldm
        >>> xldm.load_model("italy-2km").tiled(48).config.name
        'italy-2km (tiles of 48, overlap 8)'
        """
        factor = self.config.grid.factor
        parts = tiling.tiled(self.components, size, overlap, factor, self._sizes)
        named = " x ".join(map(str, size)) if isinstance(size, (tuple, list)) else size
        name = f"{self.config.name} (tiles of {named}, overlap {overlap})"
        origin = Model.tiled, (self, tuple(size) if isinstance(size, list) else size, overlap)
        return Model(replace(self.config, name=name), self.static, parts, self.sha256, origin)

    def on(self, static: xr.Dataset) -> Model:
        """The same networks on another domain, of the same spacing and projection.

        Terrain and northing are scaled as in training. Noise has other addresses there: where two
        domains overlap, their members are not the same.

        Parameters
        ----------
        static : Dataset
            Static fields of the other domain, as `xldm.statics` makes them or ``/static`` of a
            training store has them.

        Warns
        -----
        UserWarning
            That the networks were not trained there.

        Raises
        ------
        ArgumentError
            If the networks cannot work on these fields; see `xldm.statics.other_domain`.
        """
        config = self.config
        moved, grid = statics.transfer(static, self.static, config.grid, self._sizes)
        warnings.warn(
            f"{config.name} was trained on {config.domain} and not on this domain: compare its "
            "fields with observations there before you rely on them",
            stacklevel=2,
        )
        config = replace(
            config,
            name=f"{config.name} (on another domain)",
            domain=f"not that of its training, {config.domain}",
            grid=grid,
        )
        return Model(config, moved, self.components, self.sha256)

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
        batch_size: int | None = None,
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
        batch_size : int, optional
            Fields (times and members) that go through the networks together on an accelerator;
            default as many as fit into a CUDA device, and 1 on others. A CPU takes them one by one:
            there it gains little, and sums in another order for another batch.
        observe : callable
            Told the number of fields finished, as they are finished.

        Returns
        -------
        ndarray (member, time, C, H, W) float32
        """
        where = torch.device(device or "cpu")
        together = 1 if where.type == "cpu" else batch_size
        height, width = coarse.shape[-2:]
        factor = self.config.grid.factor
        size = (len(sampling.members), len(coarse), len(self.config.targets))
        normalised = self._normalised(coarse)
        precision = torch.autocast(
            where.type, getattr(torch, dtype or "float32"), enabled=dtype not in (None, "float32")
        )
        # One block at a time: the networks use every core already, and memory stays bounded.
        with self._lock, torch.inference_mode(), precision:
            out, at = np.empty((*size, height * factor, width * factor), np.float32), 0
            for part in self.config.components:
                targets = out[:, :, at : (at := at + len(part.targets))]
                window = part, rows, columns, where
                self._draw(targets, normalised, times, sampling, window, together, observe)
        return out

    def _draw(self, out, normalised, times, sampling, window, together, observe) -> None:
        """Fill ``out`` (member, time, C, H, W) with one component's targets."""
        part, rows, columns, device = window
        net, prepared = self._prepared(part.name, rows, columns, device)

        def condition(hours: slice) -> Any:
            return net.condition(to_device(normalised[hours], device), prepared)

        def draw(condition: Any, hours: slice, members: slice) -> Tensor:
            chosen = sampling.members[members]
            noise = self._noise(net, part.name, times[hours], chosen, sampling.seed)
            if noise is not None:
                noise = to_device(noise[:, :, rows, columns], device)
            return scaling.denormalise(net.draw(condition, noise, sampling), part.targets)

        def put(drawn: np.ndarray, hours: slice, members: slice) -> None:
            place = out[members, hours]
            # A component without noise has one field for all members.
            drawn = drawn.reshape(place.shape[1], -1, *drawn.shape[1:]).swapaxes(0, 1)
            place[:] = drawn
            observe(place.shape[0] * place.shape[1])

        # What fits is found out once for a component and window.
        fits = ("together", part.name, normalised.shape[-2:], device)
        together = together or self._cache.get(fits)
        self._cache[fits] = draw_together(
            len(times), len(sampling.members), together, condition, draw, put, device
        )

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
            raise ArgumentError(
                f"{', '.join(without)}: there is no autoencoder yet, train it first"
            )
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
                    truth = scaling.normalise(fine[t : t + 1, channels], part.targets)
                    residual, _ = net.autoencoder.encode(torch.from_numpy(truth) - mean)
                    again = (mean + net.autoencoder.decode(residual)).numpy()
                    out[t, channels] = scaling.denormalise(again, part.targets)[0]
        return out

    def _normalised(self, coarse: np.ndarray) -> np.ndarray:
        """Predictors (time, P, h, w) as the networks take them."""
        normalised = scaling.normalise(coarse, self.config.predictors)
        return scaling.fill_dry_land(normalised, self.config.predictors)

    def _noise(self, net, component, times, members, seed) -> np.ndarray | None:
        """Noise (B * M, L, h, w) of the whole grid, so that a region gets its share of the same."""
        shape = net.noise_shape(*self.config.grid.shape)
        if shape is None:
            return None
        draw = addressed.standard_normal
        return np.stack([draw(seed, m, t, component, shape) for t in times for m in members])

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
    def _sizes(self) -> FieldSizes:
        return field_sizes(self.config.components, self.config.grid.factor)

    @property
    def _parameters(self) -> int:
        return sum(p.numel() for net in self.components.values() for p in net.parameters())

    def __reduce__(self) -> tuple[Any, ...]:
        origin = Origin.of(self)
        if origin is None:
            return Model, (self.config, self.static, self.components, self.sha256)
        return made, (origin,)

    def __deepcopy__(self, memo: dict) -> Model:
        # Its own weights, to be changed: what an origin makes is shared by the whole process.
        parts = copy.deepcopy(self.components, memo)
        return Model(self.config, self.static, parts, self.sha256)

    def __dask_tokenize__(self) -> Any:
        return token(self, self._contents)

    def _contents(self) -> tuple:
        """Everything that tells this model from another."""
        parts = {
            name: (type(c), repr(c), [t.numpy(force=True) for t in c.state_dict().values()])
            for name, c in self.components.items()
        }
        return self.config, self.static, parts
