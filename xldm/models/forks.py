"""Processes that are forked after networks ran: torch would wait for ever in them."""

from __future__ import annotations

import os
import warnings

import torch

__all__ = ["mind_forks"]

# The process in which networks ran in several threads.
_ran_in: int | None = None


def mind_forks() -> None:
    """Keep networks from waiting for threads that a forked process does not have.

    Torch's threads do not come along when a process is forked, and it does not start them again.
    So in such a process networks run in one thread. This is called before networks run on a CPU.

    Warns
    -----
    UserWarning
        If torch is set to one thread in this process.
    """
    global _ran_in
    if torch.get_num_threads() == 1:
        return
    if _ran_in is not None and _ran_in != os.getpid():
        torch.set_num_threads(1)
        warnings.warn(
            "this process was forked after networks had run in several threads, which do not come "
            "along: torch now uses one thread here, so that it does not wait for ever. Fields may "
            "differ in the last bits. Start processes by spawn or forkserver instead",
            stacklevel=2,
        )
        return
    _ran_in = os.getpid()
