"""Latents of whole fields, encoded once: encoding them in each step is most of its cost."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
import zarr

from ..batches import epoch_order
from ..batches.windows import cells
from ..errors import TrainingError
from ..models.components import ResidualDiffusion, present
from ..storage import objects
from ..storage.location import Place, reaching
from ..stores.open import zarr_store
from .datamodule import DataModule
from .objectives.base import Sample, residual
from .samples import Encoded
from .stages import LatentPhase

__all__ = ["Latents", "encode"]

#: Object with the mean square of each hour's latent, as float64. It is put whole, after all
#: latents; a Zarr array would be there before its values.
SQUARES = "mean_squares.f8"
#: Batches that are read before they are needed.
AHEAD = 4
#: Bytes of predictors and latents that may be kept in memory: a GPU is faster than a disk.
IN_MEMORY = 4 * 2**30


@dataclass(frozen=True)
class Latents:
    """Batches of hours whose latents are known; used like `xldm.batches.generator.Batches`.

    Predictors that were dropped from an hour when its latent was computed stay dropped. Windows are
    cut from the latents of whole fields, as they are when a model draws whole fields.
    """

    place: Place
    rows: np.ndarray = field(repr=False)
    #: Rows and columns of a window in coarse cells, None for whole fields.
    size: tuple[int, int] | None
    #: Windows drawn from an hour in each epoch.
    windows: int
    batch_size: int
    seed: int
    shard: tuple[int, int] = (0, 1)

    def __len__(self) -> int:
        """Return the number of batches of this shard in an epoch."""
        return len(epoch_order.global_batches(self._samples, self.batch_size, self.shard[1]))

    @property
    def _samples(self) -> int:
        return self.rows.size * self.windows

    @cached_property
    def _arrays(self) -> list[np.ndarray | zarr.Array]:
        """Predictors and latents (hours, channel, y, x)."""
        group = zarr.open_group(zarr_store(self.place, read_only=True), mode="r")
        arrays = [_array(group, name) for name in ("coarse", "latent")]
        if sum(a.nbytes for a in arrays) > IN_MEMORY:
            return [*arrays]
        return [np.asarray(a[:]) for a in arrays]

    def epoch(self, number: int, start: int = 0, step: int = 1) -> Generator[Encoded, None, None]:
        """Yield every ``step``-th batch of an epoch from ``start`` on.

        Order and windows follow from seed and epoch.
        """
        rank, ranks = self.shard
        rng = np.random.default_rng([self.seed, number])
        rows = self.rows[rng.permutation(self._samples) // self.windows]
        places = np.arange(rows.size)
        every = epoch_order.global_batches(rows.size, self.batch_size, ranks)[start::step]
        with reaching(self.place), ThreadPoolExecutor(AHEAD) as pool:
            whole = self._arrays[0].shape[2:]
            size = self.size or (whole[0], whole[1])
            corners = rng.integers(0, np.subtract(whole, size) + 1, (rows.size, 2))

            def read(at: np.ndarray) -> Encoded:
                windows = [cells(corner, size) for corner in corners[at].tolist()]
                coarse, latent = (
                    np.stack(
                        [
                            np.asarray(a[int(row), :, of["y"], of["x"]])
                            for row, of in zip(rows[at], windows, strict=True)
                        ]
                    )
                    for a in self._arrays
                )
                address = np.stack([np.full(at.size, number), at], axis=1)
                return Encoded(coarse, latent, corners[at], address)

            waiting: deque = deque()
            for batch in every:
                waiting.append(pool.submit(read, places[batch][rank::ranks]))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def encode(
    net: ResidualDiffusion,
    data: DataModule,
    split: str,
    phase: LatentPhase,
    place: Place,
    *,
    device: str,
    progress: bool,
) -> Latents:
    """Encode the hours of a split, resuming from those that are there.

    Parameters
    ----------
    net : ResidualDiffusion
        Its regression and autoencoder are used.
    data : DataModule
        The store, and the seed of dropped predictors and of the order of the latents.
    split : {"train", "val"}
        All hours of ``train``; of ``val`` as many as a validation takes.
    phase : LatentPhase
        The phase that the latents are for.
    place : Place
        Folder for the arrays, at any fsspec URL: 4 bytes a value of predictors and latents.
    device : str
    progress : bool
        Show a bar.

    Raises
    ------
    TrainingError
        If the phase's ``latent_limit`` leaves no hour.
    """
    with reaching(place):
        group = zarr.open_group(zarr_store(place), mode="a", zarr_format=3)
        squares = objects.content(place, SQUARES)
        if squares is None:
            squares = _encode_hours(net, data, split, phase, group, device, progress).tobytes()
            objects.put(place, SQUARES, squares)
    mean_square = np.frombuffer(squares)
    limit = phase.latent_limit or np.inf
    rows = np.flatnonzero(mean_square <= limit)
    if not rows.size:
        raise TrainingError(
            f"no latent of {split} has a mean square below latent_limit {limit}: the smallest is "
            f"{mean_square.min():.3g}. Raise the limit, or let the autoencoder standardise"
        )
    seed = data.options["seed"]
    return Latents(place, rows, phase.size, phase.windows or 1, phase.batch_size, seed)


@torch.no_grad()
def _encode_hours(
    net: ResidualDiffusion,
    data: DataModule,
    split: str,
    phase: LatentPhase,
    group: zarr.Group,
    device: str,
    progress: bool,
) -> np.ndarray:
    """Write the latents that a group lacks; return the mean squares of all, as float64."""
    from tqdm.auto import tqdm

    batches = data.batches(split, batch_size=1, size=None, windows=1)
    hours = len(batches)
    if split == "val":
        hours = min(hours, phase.validate_batches * phase.batch_size)
    net.to(device).eval()
    static = data.static.to(device)
    predictors = (batches.channels, *batches.size)
    coarse = _created(group, "coarse", (hours, *predictors))
    latent = _created(group, "latent", (hours, *(net.noise_shape(*batches.size) or ())))
    # The last hour may have been cut off.
    start = max(0, latent.nchunks_initialized - 1)
    following = batches.epoch(0, start)
    bar = tqdm(
        range(start, hours), f"latents, {split}", hours, unit="hour", initial=start,
        disable=not progress,
    )  # fmt: skip
    for hour in bar:
        batch = next(following)
        sample = data.prepare(batch, split)
        coarse[hour] = batch.coarse[0]
        latent[hour] = _latent(net, sample, static, device)
    following.close()
    net.cpu()
    squares = [np.mean(np.asarray(latent[hour]) ** 2) for hour in range(hours)]
    return np.array(squares, "float64")


def _array(group: zarr.Group, name: str) -> zarr.Array:
    found = group[name]
    if not isinstance(found, zarr.Array):
        raise TrainingError(f"latents: {name} is a group instead of an array; delete the folder")
    return found


def _created(group: zarr.Group, name: str, shape: tuple[int, ...]) -> zarr.Array:
    """Return an array with a chunk for each hour; create it if there is none."""
    if name in group:
        return _array(group, name)
    return group.create_array(
        name, shape=shape, chunks=(1, *shape[1:]), dtype="float32", compressors=None,
        fill_value=np.nan,
    )  # fmt: skip


def _latent(
    net: ResidualDiffusion, sample: Sample, static: torch.Tensor, device: str
) -> np.ndarray:
    coarse, fine, _ = sample.fields
    there = sample._replace(coarse=coarse.to(device), fine=fine.to(device)).on(static)
    encode = present(net.autoencoder, "autoencoder").encode
    return encode(residual(net, there))[0][0].float().cpu().numpy()
