"""A model ready to use: components on a grid, with their scaling and static fields."""

from __future__ import annotations

import copy
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
import xarray as xr

from .. import statics
from ..arguments import choice, instance, refuse
from ..config import ComponentConfig, ModelConfig
from ..errors import ArgumentError
from ..grids.projected import lon_lat
from ..nets.field_sizes import FieldSizes, field_sizes
from ..numerics import scaling, sun
from . import card, tiling
from .compiled import TOGETHER, compiled
from .components import ResidualDiffusion
from .downscaler import Downscaler, Sampling
from .interpolation import Interpolation
from .on_device import OnDevice, Part, Work, draw_parts
from .pickling import Origin, made, token

__all__ = ["Model"]


@dataclass(frozen=True, repr=False)
class Model:
    """A model ready to use: configuration, static fields and components.

    Parameters
    ----------
    config : ModelConfig
        Grid, predictors, targets, scaling and the rest of ``model.yaml``.
    static : xarray.Dataset
        Static fields on the fine grid.
    components : mapping of str to Downscaler
        By the names in the configuration.
    sha256 : str
        Hash of the package; empty for a model that was never written.
    origin : (callable, tuple), optional
        A function known by its name, and its arguments, that make the same model in another
        process. A model with an origin is pickled without its weights, so a changed model must not
        keep the origin.
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
    _next: Any = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def baseline(self, kind: str) -> Model:
        """Return a simpler model of the same grid, predictors and targets.

        Parameters
        ----------
        kind : {"interpolation", "regression"}
            Quadratic interpolation of the coarse fields, or the regression UNET alone.

        Raises
        ------
        ArgumentError
            If there is no such baseline, or a component has no regression.
        """
        refuse(kind=(kind, choice("interpolation", "regression")))
        config = self.config
        if kind == "interpolation":
            told = "nothing: interpolated"
            config = replace(config, training_data=told, warning="", footprint=None)
            parts: dict[str, Downscaler] = {
                c.name: Interpolation(config.predictors, c.targets, config.grid.factor).eval()
                for c in config.components
            }
        else:
            parts = {name: part.mean.eval() for name, part in self.components.items()}
        return Model(
            replace(config, name=f"{config.name} ({kind})"),
            self.static,
            parts,
            self.sha256,
            (Model.baseline, (self, kind)),
        )

    def tiled(self, size: int | tuple[int, int], overlap: int = 8) -> Model:
        """Return the same model, whose networks see one tile of the domain at a time.

        Overlapping tiles are blended smoothly at every step of the sampler, so there are no seams.
        Networks need the memory of one tile, so the domain may be larger than the memory allows
        otherwise. They see less of the domain, so fields differ a little from those without tiles;
        they are the same bit for bit if the domain, or the region, is no larger than a tile.

        Parameters
        ----------
        size : int or (int, int)
            Rows and columns of a tile in coarse cells.
        overlap : int
            Coarse cells that neighbours share at least.

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
        """Return a model of the same networks on another domain of the same spacing and projection.

        Terrain and northing are scaled as in training. Noise is addressed on the other domain:
        where two domains overlap, their members differ.

        Parameters
        ----------
        static : Dataset
            Static fields of the other domain, from `xldm.statics` or ``/static`` of a training
            store.

        Warns
        -----
        UserWarning
            Always: the networks were not trained there.

        Raises
        ------
        ArgumentError
            If the networks cannot work on these fields; see `xldm.statics.other_domain`.
        """
        refuse(static=(static, instance(xr.Dataset, "an xarray.Dataset of static fields")))
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

    def drawing(self, targets: Sequence[str]) -> Model:
        """Return a model of the components that have some of these targets, with their networks.

        Its fields are the same bit for bit.
        """
        parts = tuple(c for c in self.config.components if {v.name for v in c.targets} & {*targets})
        if parts == self.config.components:
            return self
        components = {part.name: self.components[part.name] for part in parts}
        origin = Model.drawing, (self, tuple(targets))
        config = replace(self.config, components=parts)
        some = Model(config, self.static, components, self.sha256, origin)
        # What is prepared is kept for both, and one of them draws at a time.
        vars(some).update(_cache=self._cache, _lock=self._lock, _next=self._next)
        return some

    def fields(
        self,
        coarse: np.ndarray,
        times: np.ndarray,
        sampling: Sampling,
        *,
        given: np.ndarray | None = None,
        rows: slice = slice(None),
        columns: slice = slice(None),
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int | None = None,
        compile: bool = False,
        **hooks: Any,
    ) -> np.ndarray:
        """Draw targets in physical units.

        Parameters
        ----------
        coarse : ndarray (time, P, h, w)
            Predictors in the model's units.
        times : ndarray (time,) of datetime64
            Valid times, which address the noise.
        sampling : Sampling
            Members, seed, sampler and steps.
        given : ndarray (time,) of str, optional
            Members of the input's ensemble, which address the noise, too.
        rows, columns : slice
            Window of the coarse grid that ``coarse`` covers.
        device, dtype : str, optional
            Device and precision of the networks; default CPU and float32.
        batch_size : int, optional
            Fields (times and members) that go through the networks together on an accelerator;
            default as many as fit on a CUDA device, and 1 on others. A CPU takes fields one by one:
            batches would gain little there, and change the order of sums.
        compile : bool
            Compile denoiser and decoder for blocks of ``batch_size`` fields, 16 by default.
        **hooks
            ``observe``, ``correct`` and ``finish`` of `xldm.models.on_device.Work`.

        Returns
        -------
        ndarray (member, time, C, H, W) float32
        """
        where = torch.device(device or "cpu")
        together = 1 if where.type == "cpu" else batch_size or (TOGETHER if compile else None)
        height, width = (n * self.config.grid.factor for n in coarse.shape[-2:])
        size = (len(sampling.members), len(coarse), len(self.config.targets))
        normalised = self._seen(coarse, times, rows, columns)
        addresses = [(t, "" if given is None else str(given[i])) for i, t in enumerate(times)]
        window, fast = (rows, columns, where), (compile and together) or 0
        work = Work(normalised, addresses, sampling, together, **hooks)
        out = np.empty((*size, height, width), np.float32)
        cells = self.config.grid.shape
        parts = [
            Part(
                c, self.components[c.name].noise_shape(*cells), partial(self._on, c, *window, fast)
            )
            for c in self.config.components
        ]
        draw_parts(out, work, parts, window, dtype, self._cache, self._next, self._lock)
        return out

    def reconstruct(self, coarse: np.ndarray, times: np.ndarray, fine: np.ndarray) -> np.ndarray:
        """Add the true residual, encoded and decoded by the autoencoder, to the regression's mean.

        Parameters
        ----------
        coarse : ndarray (time, P, h, w)
            Predictors in the model's units, on the whole coarse grid.
        times : ndarray (time,) of datetime64
            Valid times.
        fine : ndarray (time, C, H, W)
            True targets in physical units.

        Returns
        -------
        ndarray (time, C, H, W) float32

        Raises
        ------
        ArgumentError
            If a component has no autoencoder, or the model is a baseline or tiled.
        """
        out, at = np.empty(fine.shape, np.float32), 0
        everywhere = slice(None)
        given = torch.from_numpy(self._seen(coarse, times, everywhere, everywhere))
        with self._lock, torch.inference_mode():
            for part in self.config.components:
                component = self._on(part, everywhere, everywhere, torch.device("cpu"))
                if not isinstance(component.net, ResidualDiffusion):
                    raise ArgumentError(
                        f"{part.name} is a baseline or tiled: reconstruct with the model itself"
                    )
                channels = slice(at, at := at + len(part.targets))
                for t in range(len(coarse)):
                    truth = scaling.normalise(fine[t : t + 1, channels], part.targets)
                    again = component.net.reconstruct(
                        given[t : t + 1], component.prepared, torch.from_numpy(truth)
                    )
                    out[t, channels] = scaling.denormalise(again.numpy(), part.targets)[0]
        return out

    def _seen(
        self, coarse: np.ndarray, times: np.ndarray, rows: slice, columns: slice
    ) -> np.ndarray:
        """Return what the networks see: normalised predictors (time, P, h, w), then the sun."""
        normalised = scaling.normalise(coarse, self.config.predictors)
        normalised = scaling.fill_dry_land(normalised, self.config.predictors)
        if not self.config.sun:
            return normalised
        lon, lat = (a[rows, columns] for a in lon_lat(self.config.grid, fine=False))
        return np.concatenate([normalised, sun.channels(times, lat, lon)], axis=1)

    def _on(
        self, part: ComponentConfig, rows: slice, columns: slice, where: torch.device, fast: int = 0
    ) -> OnDevice:
        """Return a component on a device, prepared for a window, compiled for ``fast`` fields."""
        key = (part.name, rows.start, rows.stop, columns.start, columns.stop, where, fast)
        if key not in self._cache:
            grid, channels = self.config.grid, statics.channels(self.static)
            ends = ((s.start, s.stop) for s in (rows, columns))
            y, x = (slice(a and a * grid.factor, b and b * grid.factor) for a, b in ends)
            static = torch.from_numpy(np.ascontiguousarray(channels[:, y, x]))[None].to(where)
            # Convolutions of few channels are a third faster with channels last.
            net = self.components[part.name].to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
            net = compiled(net, fast, where) if fast else net
            prepared = net.prepare(static)
            self._cache[key] = OnDevice(part, net, prepared, where)
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
        # A copy has its own weights, to be changed; a model made by an origin is shared.
        parts = copy.deepcopy(self.components, memo)
        return Model(self.config, self.static, parts, self.sha256)

    def __dask_tokenize__(self) -> Any:
        return token(self, self._contents)

    def _contents(self) -> tuple:
        """Return everything that distinguishes this model from another."""
        parts = {
            name: (type(c), repr(c), [t.numpy(force=True) for t in c.state_dict().values()])
            for name, c in self.components.items()
        }
        return self.config, self.static, parts
