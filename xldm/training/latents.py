"""Latents of whole fields, computed once: to find them again in each step is most of its cost."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
import zarr

from ..batches import epoch_order
from ..errors import TrainingError
from ..models.components import ResidualDiffusion
from ..storage.location import Place, reaching
from ..stores.open import zarr_store
from .objectives.base import residual
from .samples import Draws, Encoded, Source

__all__ = ["Latents", "encode"]

#: Batches that are read before they are needed.
AHEAD = 4
#: Bytes up to which predictors and latents are kept in memory: a GPU is faster than a disk.
IN_MEMORY = 4 * 2**30


@dataclass(frozen=True)
class Latents:
    """Batches of hours whose latents are known; in use as `xldm.batches.read_ahead.Batches`.

    Predictors that were dropped from an hour when its latent was computed stay dropped. Windows are
    cut from latents of whole fields, as they are when a whole field is drawn.
    """

    place: Place
    rows: np.ndarray = field(repr=False)
    #: Rows and columns of a window in coarse cells, None for whole fields, and how many an hour.
    size: tuple[int, int] | None
    windows: int
    batch_size: int
    seed: int
    shard: tuple[int, int] = (0, 1)

    def __len__(self) -> int:
        """Batches of this shard in an epoch."""
        return len(epoch_order.global_batches(self._samples, self.batch_size, self.shard[1]))

    @property
    def _samples(self) -> int:
        return self.rows.size * self.windows

    @cached_property
    def _arrays(self) -> tuple[np.ndarray | zarr.Array, ...]:
        """Predictors and latents (hours, channel, y, x)."""
        group = zarr.open_group(zarr_store(self.place, read_only=True), mode="r")
        arrays = group["coarse"], group["latent"]
        if sum(a.nbytes for a in arrays) > IN_MEMORY:
            return arrays
        return tuple(a[:] for a in arrays)

    def epoch(self, number: int, start: int = 0) -> Iterator[Encoded]:
        """Batches of an epoch from one on; order and windows follow from seed and epoch."""
        rank, ranks = self.shard
        rng = np.random.default_rng([self.seed, number])
        rows = self.rows[rng.permutation(self._samples) // self.windows]
        places = np.arange(rows.size)
        every = epoch_order.global_batches(rows.size, self.batch_size, ranks)[start:]
        with reaching(self.place), ThreadPoolExecutor(AHEAD) as pool:
            arrays = self._arrays
            whole = arrays[0].shape[2:]
            size = self.size or whole
            corners = rng.integers(0, np.subtract(whole, size) + 1, (rows.size, 2))

            def read(at: np.ndarray) -> Encoded:
                cells = [
                    tuple(slice(c, c + n) for c, n in zip(corner, size, strict=True))
                    for corner in corners[at].tolist()
                ]
                sides = (
                    np.stack(
                        [
                            a[(int(r), slice(None), *of)]
                            for r, of in zip(rows[at], cells, strict=True)
                        ]
                    )
                    for a in arrays
                )
                return Encoded(
                    *sides, corners[at], np.stack([np.full(at.size, number), at], axis=1)
                )

            waiting: deque = deque()
            for batch in every:
                waiting.append(pool.submit(read, places[batch][rank::ranks]))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def encode(
    net: ResidualDiffusion,
    source: Source,
    split: str,
    draws: Draws,
    place: Place,
    *,
    seed: int,
    device: str,
    progress: bool,
) -> Latents:
    """Latents of a split's hours, kept at a place; goes on with what is there.

    Parameters
    ----------
    net : ResidualDiffusion
        Its regression and autoencoder are used.
    source : Source
    split : {"train", "val"}
        All hours of the one, so many as a validation takes of the other.
    draws : Draws
        Whose phase is trained.
    place : Place
        Folder for the arrays, at any fsspec URL: 4 bytes a value of predictors and latents.
    seed : int
        Of dropped predictors, and of the order of what is returned.
    device : str
    progress : bool
        Show a bar.
    """
    from tqdm.auto import tqdm

    phase = draws.objective.phase
    one = replace(phase, batch_size=1, size=None, windows=1)
    batches = source.batches(split, one, seed, (0, 1))
    hours = len(batches)
    if split == "val":
        hours = min(hours, phase.validate_batches * phase.batch_size)
    with reaching(place):
        group = zarr.open_group(zarr_store(place), mode="a", zarr_format=3)
        if "mean_square" not in group:
            predictors = (len(batches.predictors), *batches.size)
            _create(group, hours, coarse=predictors, latent=net.noise_shape(*batches.size))
            # The last hour that is there may have been cut off.
            start = max(0, group["latent"].nchunks_initialized - 1)
            net.to(device).eval()
            static = source.static.to(device)
            following = source.reading(batches.epoch(0, start))
            for hour in tqdm(
                range(start, hours), f"latents, {split}", hours, unit="hour", initial=start,
                disable=not progress,
            ):  # fmt: skip
                batch = next(following)
                group["coarse"][hour] = batch.coarse[0]
                group["latent"][hour] = _latent(net, draws.sample(batch), static, device)
            following.close()
            net.cpu()
            squares = [np.mean(group["latent"][hour] ** 2) for hour in range(hours)]
            group.create_array("mean_square", data=np.array(squares))  # marks all as there
        squares = group["mean_square"][:]
    rows = np.flatnonzero(squares <= (phase.latent_limit or np.inf))
    if not rows.size:
        raise TrainingError(
            f"no latent of {split} has a mean square below latent_limit {phase.latent_limit}: the "
            f"smallest is {squares.min():.3g}. Raise it, or let the autoencoder standardise"
        )
    return Latents(place, rows, phase.size, phase.windows, phase.batch_size, seed)


def _create(group: zarr.Group, hours: int, **shapes: tuple[int, ...]) -> None:
    for name, shape in shapes.items():
        if name not in group:
            group.create_array(
                name, shape=(hours, *shape), chunks=(1, *shape), dtype="float32",
                compressors=None, fill_value=np.nan,
            )  # fmt: skip


@torch.no_grad()
def _latent(net, sample, static: torch.Tensor, device: str) -> np.ndarray:
    there = sample._replace(coarse=sample.coarse.to(device), fine=sample.fine.to(device))
    return net.autoencoder.encode(residual(net, there.on(static)))[0][0].float().cpu().numpy()
