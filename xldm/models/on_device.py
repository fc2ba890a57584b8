"""A component on a device, prepared for a window of its domain, and how it draws fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..arguments import Kind, faults
from ..config import ComponentConfig
from ..numerics import scaling
from ..numerics.persistence import persistent_normal
from .device_batches import draw_together, to_device
from .downscaler import Downscaler, Sampling

__all__ = ["Address", "OnDevice", "device_fault"]

Address = tuple[np.datetime64, str]
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
    shape : (int, int)
        Coarse cells of the whole domain.
    rows, columns : slice
        The window, in coarse cells.
    device : torch.device
        Device of the networks.
    together : int, optional
        Fields in a block, as the last call left it.
    """

    part: ComponentConfig
    net: Downscaler
    prepared: Any
    shape: tuple[int, int]
    rows: slice
    columns: slice
    device: torch.device
    together: int | None = None

    def draw(
        self,
        out: np.ndarray,
        coarse: np.ndarray,
        addresses: Sequence[Address],
        sampling: Sampling,
        together: int | None,
        observe: Callable[[int], None],
    ) -> None:
        """Fill ``out`` with targets in physical units.

        Parameters
        ----------
        out : ndarray (member, time, C, H, W)
            Filled in place.
        coarse : ndarray (time, P, h, w)
            Normalised predictors in the window.
        addresses : sequence of (datetime64, str), by time
            Valid times, and the members of the input.
        sampling : Sampling
            Members, seed, sampler and steps.
        together : int, optional
            Largest number of fields in a block; default as many as fit.
        observe : callable
            Told how many fields each finished block has.
        """

        def condition(hours: slice) -> Any:
            return self.net.condition(to_device(coarse[hours], self.device), self.prepared)

        def draw(condition: Any, hours: slice, members: slice) -> Tensor:
            noise = self.noise(addresses[hours], sampling.members[members], sampling)
            drawn = self.net.draw(condition, noise, sampling)
            return scaling.denormalise(drawn, self.part.targets)

        def put(drawn: np.ndarray, hours: slice, members: slice) -> None:
            place = out[members, hours]
            # A component without noise has one field for all members.
            place[:] = drawn.reshape(place.shape[1], -1, *drawn.shape[1:]).swapaxes(0, 1)
            observe(place.shape[0] * place.shape[1])

        self.together = draw_together(
            len(addresses),
            len(sampling.members),
            together or self.together,
            condition,
            draw,
            put,
            self.device,
        )

    def noise(
        self, addresses: Sequence[Address], members: Sequence[int], sampling: Sampling
    ) -> Tensor | None:
        """Return noise (B * M, L, h, w) of the window, a part of the noise of the whole domain."""
        shape = self.net.noise_shape(*self.shape)
        if shape is None:
            return None
        name, persistence = self.part.name, sampling.persistence(self.part.diffusion)
        whole = np.stack(
            [
                persistent_normal(sampling.seed, m, t, name, shape, g, persistence)
                for t, g in addresses
                for m in members
            ]
        )
        return to_device(whole[:, :, self.rows, self.columns], self.device)
