"""Networks that torch compiles for blocks of one number of fields."""

from __future__ import annotations

import copy
import functools
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from ..errors import ArgumentError
from ..nets.afno import hold_constants
from ..nets.autoencoder import Levels
from ..nets.denoiser import Denoiser

__all__ = ["TOGETHER", "compile_fault", "compiled"]

N = TypeVar("N", bound=nn.Module)
#: Fields in a block on an accelerator unless the user gives a number: a block that follows the
#: free memory would have several sizes, each compiled anew.
TOGETHER = 16


@functools.cache
def compile_fault(device: str) -> str:
    """Return why torch cannot compile for a device on this machine; empty if it can.

    It compiles a small function, once in a process.
    """
    try:
        torch.compile(_try, dynamic=False)(torch.zeros(8, device=device))
    except (RuntimeError, ImportError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        return (
            f"compile: torch cannot compile for {device} here: {reason}. It needs a C++ compiler "
            "such as g++, and Triton on a GPU: install them, or leave out compile"
        )
    return ""


def _try(x: Tensor) -> Tensor:
    return torch.sin(x) + 1


def compiled(net: N, fields: int, device: torch.device) -> N:
    """Return a component whose denoiser and decoder run compiled on blocks of some size.

    It shares the weights; the component itself stays as it is. Smaller blocks, such as the last
    of a call, run without compiling. Networks compile when they first run.

    Parameters
    ----------
    net : Module
        The component, on the device.
    fields : int
        Number of fields in a block.
    device : torch.device

    Raises
    ------
    ArgumentError
        If torch cannot compile here.
    """
    if fault := compile_fault(str(device)):
        raise ArgumentError(fault)
    return _replaced(net, fields)


def _replaced(net: Any, fields: int) -> Any:
    if isinstance(net, (Denoiser, Levels)):
        return _Compiled(net, fields)
    made = copy.copy(net)
    made._modules = {
        name: part if part is None else _replaced(part, fields)
        for name, part in net._modules.items()
    }
    return made


class _Compiled(nn.Module):
    """A network that runs compiled on blocks of one size, and as it is on others."""

    def __init__(self, net: nn.Module, fields: int) -> None:
        super().__init__()
        self.plain, self.fields = net, fields
        hold_constants()
        self.fast = torch.compile(net, dynamic=False)

    def forward(self, x: Tensor, *others: Any) -> Tensor:
        """Apply the network to a block (B, ...)."""
        out: Tensor = (self.fast if len(x) == self.fields else self.plain)(x, *others)
        return out
