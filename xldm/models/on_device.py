"""A component on a device, prepared for a window of its domain, and how it draws fields."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..arguments import Kind, faults
from ..config import ComponentConfig
from ..numerics import scaling
from ..numerics.persistence import Knots, persistent_normal
from .device_batches import draw_together, to_device
from .downscaler import Downscaler, Sampling
from .forks import mind_forks
from .noise_ahead import Take, noise_ahead

__all__ = ["Address", "OnDevice", "Part", "Work", "device_fault", "draw_parts"]

Address = tuple[np.datetime64, str]
# Fields are corrected on the host where networks run there, or the device has no float64.
_HOST = ("cpu", "mps")
_DEVICE = Kind("a device of torch, as 'cpu' or 'cuda'", (str, torch.device), lambda d: d != "")


def device_fault(device: str | None) -> str:
    """Return why networks cannot run on a device of this machine; empty if they can."""
    if device is None:
        return ""
    if wrong := faults(device=(device, _DEVICE)):
        return wrong[0]
    try:
        torch.empty(1, device=device).cpu()  # nothing comes back from "meta"
    except (RuntimeError, AssertionError) as error:
        return f"device: {device!r} cannot be used here: {str(error).splitlines()[0]}"
    return ""


@dataclass(frozen=True)
class Work:
    """Fields to draw, with any component.

    Parameters
    ----------
    coarse : ndarray (time, P, h, w)
        What the networks see, in the window.
    addresses : sequence of (datetime64, str), by time
        Valid times, and the members of the input.
    sampling : Sampling
        Members, seed, sampler and steps.
    together : int, optional
        Largest number of fields in a block; default as many as fit.
    observe : callable
        Told how many fields each finished block has.
    correct : callable
        Corrects drawn fields, in physical units, in place: a tensor (hour * member, C, H, W) on an
        accelerator, the slice of hours, the name of the component.
    finish : callable
        Treats finished fields (member, hour, C, H, W) on the host, in place: these, the slices of
        hours and members, the name of the component, and whether ``correct`` has seen them.
    undried : set of str
        Targets whose dry values are left to ``finish``: they tell how close to rain a cell is.
    """

    coarse: np.ndarray
    addresses: Sequence[Address]
    sampling: Sampling
    together: int | None = None
    observe: Callable[[int], None] = lambda n: None
    correct: Callable[[Tensor, slice, str], None] = lambda drawn, hours, part: None
    finish: Callable[[np.ndarray, slice, slice, str, bool], None] = (
        lambda drawn, hours, members, part, corrected: None
    )
    undried: Set[str] = frozenset()


@dataclass
class OnDevice:
    """A component on a device, prepared for a window of its domain.

    Parameters
    ----------
    part : ComponentConfig
        Its name and targets.
    net : Downscaler
        Its networks, on the device.
    prepared : object
        Result of ``net.prepare`` for the window.
    device : torch.device
        Device of the networks.
    together : int, optional
        Fields in a block, as the last call left it.
    """

    part: ComponentConfig
    net: Downscaler
    prepared: Any
    device: torch.device
    together: int | None = None

    def draw(
        self, out: np.ndarray, work: Work, noise: Take[Tensor] | None, putting: Executor
    ) -> list[Future[None]]:
        """Fill ``out`` with targets in physical units.

        Parameters
        ----------
        out : ndarray (member, time, C, H, W)
            Filled in place.
        work : Work
            The fields to draw.
        noise : callable, optional
            Hands out the noise of hours and members, made ahead of time.
        putting : Executor
            Its one thread fills ``out``.

        Returns
        -------
        list of Future
            The last parts of this, which may not have ended.
        """
        sampling, doubles = work.sampling, self.device.type not in _HOST
        targets = [
            replace(v, dry_below=None) if v.name in work.undried else v for v in self.part.targets
        ]

        def condition(hours: slice) -> Any:
            return self.net.condition(to_device(work.coarse[hours], self.device), self.prepared)

        def draw(condition: Any, hours: slice, members: slice) -> Tensor:
            given = None if noise is None else self._joined(noise(hours, members))
            drawn = self.net.draw(condition, given, sampling)
            drawn = scaling.denormalise(drawn, targets)
            if doubles:
                work.correct(drawn, hours, self.part.name)
            return drawn

        def put(drawn: np.ndarray, hours: slice, members: slice) -> None:
            place = out[members, hours]
            # A component without noise has one field for all members.
            place[:] = drawn.reshape(place.shape[1], -1, *drawn.shape[1:]).swapaxes(0, 1)
            work.finish(place, hours, members, self.part.name, doubles)
            work.observe(place.shape[0] * place.shape[1])

        self.together, last = draw_together(
            len(work.addresses),
            len(sampling.members),
            work.together or self.together,
            condition,
            draw,
            put,
            self.device,
            putting,
        )
        return last

    def _joined(self, fields: Sequence[Tensor]) -> Tensor:
        """Copy fields of noise to the device, into one tensor (field, L, h, w)."""
        whole = torch.empty((len(fields), *fields[0].shape), device=self.device)
        for place, field in zip(whole, fields, strict=True):
            place.copy_(field, non_blocking=True)
        return whole


@dataclass(frozen=True)
class Part:
    """A component that is to draw.

    Parameters
    ----------
    config : ComponentConfig
    noise_shape : tuple of int, optional
        Of the noise of the whole domain; None if the component has none.
    on_device : callable
        Puts it on its device.
    """

    config: ComponentConfig
    noise_shape: tuple[int, ...] | None
    on_device: Callable[[], OnDevice]


def draw_parts(
    out: np.ndarray,
    work: Work,
    parts: Sequence[Part],
    window: tuple[slice, slice, torch.device],
    dtype: str | None,
    kept: dict,
    waiting: AbstractContextManager[Any],
    lock: AbstractContextManager[Any],
) -> None:
    """Fill ``out`` (member, time, C, H, W) with the targets of all components.

    One block of fields is drawn at a time: networks use every core already, and memory stays
    bounded. Another one waits at most, and makes its noise ahead of time meanwhile.

    Parameters
    ----------
    out : ndarray
    work : Work
    parts : sequence of Part
    window : (slice, slice, torch.device)
        Rows and columns, in coarse cells, and the device of the networks.
    dtype : str, optional
        Precision of the networks; default float32.
    kept : dict
        Keeps what the noise of hours has in common, from call to call.
    waiting, lock : context manager
        Held by whoever waits, and by whoever draws.
    """
    at, where = 0, window[2]
    if where.type == "cpu":
        mind_forks()
    low = torch.autocast(
        where.type, getattr(torch, dtype or "float32"), enabled=dtype not in (None, "float32")
    )
    last: list[Future[None]] = []
    with ExitStack() as held:
        putting = held.enter_context(ThreadPoolExecutor(1, "xldm-put"))
        with waiting:
            noise = [
                held.enter_context(
                    _noise(part, work, _knots(kept, part.config.name, work.sampling), *window)
                )
                for part in parts
            ]
            held.enter_context(lock)
        held.enter_context(torch.inference_mode())
        held.enter_context(low)
        for part, ahead in zip(parts, noise, strict=True):
            targets = out[:, :, at : (at := at + len(part.config.targets))]
            last += part.on_device().draw(targets, work, ahead, putting)
    for put in last:
        put.result()


@contextmanager
def _noise(
    part: Part, work: Work, knots: Knots, rows: slice, columns: slice, device: torch.device
) -> Iterator[Take[Tensor] | None]:
    """Make the noise of a window ahead of time, a part of the noise of the whole domain."""
    shape = part.noise_shape
    if shape is None:
        yield None
        return
    sampling, name = work.sampling, part.config.name
    persistence = sampling.persistence(part.config.diffusion)

    def make(hour: int, member: int) -> Tensor:
        (time, given), number = work.addresses[hour], sampling.members[member]
        whole = persistent_normal(
            sampling.seed, number, time, name, shape, given, persistence, knots
        )
        field = torch.from_numpy(np.ascontiguousarray(whole[:, rows, columns]))
        return field.pin_memory() if device.type == "cuda" else field

    count, size = (len(work.addresses), len(sampling.members)), 4 * math.prod(shape)
    with noise_ahead(make, *count, size, beside=device.type != "cpu") as take:
        yield take


def _knots(kept: dict, name: str, sampling: Sampling) -> Knots:
    """Return what the noise of hours has in common, kept for one ensemble of a component."""
    ensemble = sampling.seed, tuple(sampling.members)
    before, knots = kept.get(("knots", name), (None, {}))
    if before != ensemble:
        knots = {}
        kept["knots", name] = ensemble, knots
    return knots
