"""Draw fields in blocks of hours and members that fit into a device's memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["draw_together", "to_device"]

# Some tens of fields keep a device busy; larger blocks only take longer.
MOST = 64
# Share of the free memory to use: the need of a block is not quite proportional to its fields.
SHARE = 0.8
# Blocks that are on their way to the output while the next is computed.
UNDER_WAY = 2


def draw_together(
    hours: int,
    members: int,
    together: int | None,
    condition: Callable[[slice], Any],
    draw: Callable[[Any, slice, slice], Tensor],
    put: Callable[[np.ndarray, slice, slice], None],
    device: torch.device,
    putting: Executor,
) -> tuple[int, list[Future[None]]]:
    """Draw all fields, one block of hours and members at a time.

    A block holds all members of some hours, or some members of one hour, so the condition of an
    hour is computed once. While a block is computed, the previous ones are put into the output.

    Parameters
    ----------
    hours, members : int
        Numbers of hours and members.
    together : int, optional
        Largest number of fields in a block. None on a CUDA device: as many as fit into its free
        memory, judged by the first field.
    condition : callable
        Slice of hours -> their condition.
    draw : callable
        Condition, slice of hours, slice of members -> fields (hour * member, ...): the members of
        the first hour, then of the next.
    put : callable
        Takes fields as an array, and the two slices.
    device : torch.device
        Device of the networks.
    putting : Executor
        Its one thread calls ``put``, in order.

    Returns
    -------
    together : int
        Largest number of fields in a block at the end: blocks are halved when memory runs out.
    last : list of Future
        The last calls of ``put``, which may not have ended.

    Raises
    ------
    torch.OutOfMemoryError
        If a single field does not fit.
    """
    at, member, known = 0, 0, None
    last: deque[Future[None]] = deque()
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
        last.append(putting.submit(_put, put, arrive, block))
        if len(last) > UNDER_WAY:
            last.popleft().result()
        if not together:
            together = _fitting(device, before)
        member = block[1].stop % members
        at = at if member else block[0].stop
    return together or 1, [*last]


def _put(
    put: Callable[[np.ndarray, slice, slice], None],
    arrive: Callable[[], np.ndarray],
    block: tuple[slice, slice],
) -> None:
    put(arrive(), *block)


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """Copy an array to the device; a GPU copies while it computes."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def _fetched(drawn: Tensor) -> Callable[[], np.ndarray]:
    """Start the copy of fields to the host; the returned function waits for its end."""
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
    """Reset the peak of a device's memory, and return the bytes in use."""
    if device.type != "cuda":
        return 0
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device)


def _fitting(device: torch.device, before: int) -> int:
    """Return how many fields fit into a device's memory, from the peak of the first field."""
    if device.type != "cuda":
        return 1
    each = torch.cuda.max_memory_allocated(device) - before
    in_use, reserved = torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device)
    free = torch.cuda.mem_get_info(device)[0] + reserved - in_use
    return _power_of_two(SHARE * free / max(each, 1))


def _power_of_two(fields: float) -> int:
    """Return the largest power of two up to a number of fields, from 1 to MOST."""
    return 1 << (max(1, min(int(fields), MOST)).bit_length() - 1)
