"""Fields drawn together: blocks of hours and members that fit into a device's memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["draw_together", "to_device"]

# Beyond some tens of fields a device is busy all the time, and blocks only take longer to fill.
MOST = 64
# Of the free memory, since what a block needs is not quite proportional to its fields.
SHARE = 0.8


def draw_together(
    hours: int,
    members: int,
    together: int | None,
    condition: Callable[[slice], Any],
    draw: Callable[[Any, slice, slice], Tensor],
    put: Callable[[np.ndarray, slice, slice], None],
    device: torch.device,
) -> int:
    """Draw all fields, a block of hours and members at a time.

    What depends on the hour alone is done once for it: a block has all members of some hours, or
    some members of one. While a GPU works on a block, the one before is put to its place.

    Parameters
    ----------
    hours, members : int
        How many of each.
    together : int, optional
        Fields of a block at most. None on a CUDA device: as many as its free memory holds, by what
        the first field takes.
    condition : callable
        From a slice of hours to what draws for them start from.
    draw : callable
        From that and the slices of hours and members to fields (hour * member, ...), members of an
        hour in turn.
    put : callable
        Takes fields as an array, and the slices.
    device : torch.device
        Where the networks run.

    Returns
    -------
    int
        Fields of a block in the end: a block that does not fit is halved, and so are those after.

    Raises
    ------
    torch.OutOfMemoryError
        If a single field does not fit.
    """
    at, member, known, waiting = 0, 0, None, None
    while at < hours:
        limit = together or 1
        block = (
            slice(at, min(at + max(1, limit // members), hours)),
            slice(member, min(member + limit, members)),
        )
        try:
            before = 0 if together else _watch(device)
            if known is None or known[0] != block[0]:
                known = block[0], condition(block[0])
            arrive = _fetched(draw(known[1], *block))
        except torch.OutOfMemoryError:
            size = (block[0].stop - at) * (block[1].stop - member)
            if size == 1:
                raise
            known, together = None, size // 2
            continue
        if waiting is not None:
            put(waiting[0](), *waiting[1])
        waiting = arrive, block
        if not together:
            together = _fitting(device, before)
        member = block[1].stop % members
        at = at if member else block[0].stop
    if waiting is not None:
        put(waiting[0](), *waiting[1])
    return together or 1


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """A tensor on the device; a GPU fetches it while it works on what it was given before."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _fetched(drawn: Tensor) -> Callable[[], np.ndarray]:
    """The copy of fields to the host, begun; called, it waits for its end."""
    drawn = drawn.float()
    if drawn.device.type != "cuda":
        return drawn.cpu().numpy
    there = torch.empty(drawn.shape, pin_memory=True)
    there.copy_(drawn, non_blocking=True)
    copied = torch.cuda.Event()
    copied.record(torch.cuda.current_stream(drawn.device))

    def arrive() -> np.ndarray:
        copied.synchronize()
        return there.numpy()

    return arrive


def _watch(device: torch.device) -> int:
    """Bytes in use on a device, whose peak is watched from now on."""
    if device.type != "cuda":
        return 0
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device)


def _fitting(device: torch.device, before: int) -> int:
    """Fields that fit into a device's memory, given what was in use before the first was drawn."""
    if device.type != "cuda":
        return 1
    each = torch.cuda.max_memory_allocated(device) - before
    in_use, reserved = torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device)
    free = torch.cuda.mem_get_info(device)[0] + reserved - in_use
    return _power_of_two(SHARE * free / max(each, 1))


def _power_of_two(fields: float) -> int:
    """The largest power of two up to a number of fields, from 1 to MOST."""
    return 1 << (max(1, min(int(fields), MOST)).bit_length() - 1)
