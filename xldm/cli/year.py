"""Measurement for ``xldm bench --year``: hours of a record, drawn and written to a store."""

from __future__ import annotations

import tempfile
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from ..models.model import Model

__all__ = ["Piece", "measured", "paper"]

HOURS = 8760


@dataclass(frozen=True)
class Piece:
    """What a piece of a record took.

    Parameters
    ----------
    fields : int
        Hours times members.
    begun, seconds : float
        Until the first hour was drawn, which prepares the model; then for the piece.
    stored : int
        Bytes of the store.
    """

    fields: int
    begun: float
    seconds: float
    stored: int

    def text(self, members: int) -> str:
        """Return what this means for a year of hours.

        Examples
        --------
        >>> print(Piece(fields=48, begun=2.0, seconds=24.0, stored=160 * 10**6).text(8))
        48 fields drawn and written in 24.0 s, after 2.0 s to begin: 2 fields/s
        a year of hours with 8 members, 70,080 fields: 9.73 h, a store of 234 GB
        """
        year = HOURS * members
        rate = self.fields / self.seconds
        return (
            f"{self.fields} fields drawn and written in {self.seconds:.1f} s, after "
            f"{self.begun:.1f} s to begin: {rate:.3g} fields/s\n"
            f"a year of hours with {members} members, {year:,} fields: {year / rate / 3600:.2f} h, "
            f"a store of {self.stored / self.fields * year / 1e9:.0f} GB"
        )


def measured(model: Model | str, hours: int, members: int, folder: Path, **options: Any) -> Piece:
    """Draw some hours of the shipped sample of ERA5, repeated, lazily, and write them to a store.

    Parameters
    ----------
    model : Model or str
    hours, members : int
    folder : path
        Where the store is written for a while.
    **options
        Of `xldm.downscale`, such as ``device``.
    """
    from ..downscaling import downscale
    from ..writing import to_store

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a sample that is known
        out = downscale(_record(hours), model, members=members, missing="climatology", **options)
        start = time.perf_counter()
        out.isel(time=[0]).compute()
        begun = time.perf_counter() - start
        with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as place:
            store, start = Path(place) / "year.zarr", time.perf_counter()
            to_store(out, store)
            seconds = time.perf_counter() - start
            stored = sum(p.stat().st_size for p in store.rglob("*") if p.is_file())
    return Piece(hours * members, begun, seconds, stored)


def _record(hours: int) -> xr.Dataset:
    """Return lazy hourly ERA5 that repeats the shipped hours."""
    from ..catalog import open_catalog

    sample = open_catalog().era5_sample.read().load()
    time = next(str(d) for d in sample.dims if "time" in str(d))
    repeated = sample.isel({time: np.arange(hours) % sample.sizes[time]})
    when = np.datetime64("2001-01-01", "ns") + np.arange(hours) * np.timedelta64(1, "h")
    return repeated.assign_coords({time: when}).chunk()


def paper() -> Model:
    """Return both components at the paper's widths, with random weights, on the shipped grid."""
    from ..config import ComponentConfig
    from ..models.components import ResidualDiffusion
    from ..models.model import Model
    from ..packages.registry import load_model
    from ..training.preset import read_preset

    like = load_model("italy-2km")
    targets = {v.name: v for v in like.config.targets}
    parts = tuple(
        ComponentConfig(
            part.name, tuple(targets[n] for n in part.targets), part.regression, part.autoencoder,
            part.conditioner, part.denoiser, part.diffusion,
        )
        for part in read_preset("paper").components
    )  # fmt: skip
    config = replace(
        like.config, name="the paper's widths", components=parts, sun=False, warning=""
    )
    nets = {
        p.name: ResidualDiffusion(p, config.coarse_channels, config.static_channels) for p in parts
    }
    nets = {name: net.eval() for name, net in nets.items()}
    return Model(config, like.static, nets)
