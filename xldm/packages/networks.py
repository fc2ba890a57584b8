"""Networks of a component, and the weights that fit them.

The networks are laid out without memory first: their configuration says how many bytes the weights
have, so a file is not read, and nothing allocated, that the configuration does not ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import safetensors.torch
import torch
from torch.overrides import TorchFunctionMode

from ..config import ComponentConfig
from ..errors import PackageError
from ..models.components import ResidualDiffusion
from ..models.forks import mind_forks
from .containers import WEIGHTS, reading
from .package_files import PackageFiles

__all__ = ["load_component", "most_bytes", "of_package", "read_component"]

#: No trained weight comes near; beyond it, products of a few layers leave the range of float32.
_LARGEST = 1e8
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
# Bytes for the names and shapes of tensors, and of the widest number.
_HEADER, _WIDEST = 2**24, 8


class _NoValues(TorchFunctionMode):
    """Leave out the initial weights: there is no memory for them.

    Arithmetic without memory would first import sympy, which takes two seconds.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return kwargs.get("tensor", args[0] if args else None)
        return func(*args, **kwargs)


def laid_out(make: Callable[..., ResidualDiffusion], *args: Any) -> ResidualDiffusion:
    """Return networks without weights, which takes no memory for them."""
    with torch.device("meta"), _NoValues():
        return make(*args)


def most_bytes(net: torch.nn.Module) -> int:
    """Return how many bytes a file with the weights of networks may have."""
    numbers = sum(tensor.numel() for tensor in net.state_dict().values())
    return min(_HEADER + _WIDEST * numbers, WEIGHTS)


def of_package(files: PackageFiles, part: ComponentConfig) -> ResidualDiffusion:
    """Return the networks of a component of a package, without weights."""
    config = files.config
    with reading(files.location, f"model.yaml: networks of {part.name}"):
        return laid_out(ResidualDiffusion.of, part, config)


def read_component(files: PackageFiles, part: ComponentConfig) -> ResidualDiffusion:
    """Read a component of an open package.

    Raises
    ------
    PackageError
        If the weights are missing, altered, damaged, or do not fit the configuration.
    """
    name = f"{part.name}.safetensors"
    net = of_package(files, part)
    data = files.read(name, most_bytes(net))
    with reading(files.location, name):
        return filled(net, safetensors.torch.load(data), f"{files.location}: {name}")


def load_component(
    part: ComponentConfig,
    predictors: int,
    static_channels: int,
    tensors: Mapping[str, torch.Tensor],
    where: str,
) -> ResidualDiffusion:
    """Build the networks of a component and load its weights as float32.

    Parameters
    ----------
    part : ComponentConfig
        Targets and widths.
    predictors, static_channels : int
        Channels of its inputs.
    tensors : mapping of str to Tensor
        Weights by the names of the component's state dict.
    where : str
        Origin of the weights, for error messages.

    Returns
    -------
    ResidualDiffusion
        In evaluation mode.

    Raises
    ------
    PackageError
        If a tensor is missing, unknown to the networks, of another shape or kind, not finite, or
        larger than weights are.
    """
    return filled(laid_out(ResidualDiffusion, part, predictors, static_channels), tensors, where)


def filled(
    net: ResidualDiffusion, tensors: Mapping[str, torch.Tensor], where: str
) -> ResidualDiffusion:
    """Give networks without weights theirs, as float32, or refuse these."""
    mind_forks()
    wanted = net.state_dict()
    wrong = [f"{name} is missing" for name in wanted.keys() - tensors.keys()]
    wrong += [f"{name} is not part of the networks" for name in tensors.keys() - wanted.keys()]
    for name in wanted.keys() & tensors.keys():
        if fault := _fault(name, tensors[name], wanted[name]):
            wrong.append(f"{name} {fault}")
    if wrong:
        listed = "; ".join(sorted(wrong)[:5])
        more = f" (and {len(wrong) - 5} more)" if len(wrong) > 5 else ""
        raise PackageError(
            f"{where}: the weights do not fit the configuration: {listed}{more}; weights and "
            "configuration must come from the same model"
        )
    kept = {name: tensor.to(wanted[name].dtype) for name, tensor in tensors.items()}
    net.load_state_dict(kept, strict=True, assign=True)
    return net.eval()


def _fault(name: str, tensor: torch.Tensor, wanted: torch.Tensor) -> str:
    if tensor.shape != wanted.shape:
        return f"has shape {tuple(tensor.shape)} instead of {tuple(wanted.shape)}"
    kinds = _FLOATS if wanted.is_floating_point() else (wanted.dtype,)
    if tensor.dtype not in kinds:
        return f"holds {tensor.dtype}, expected {' or '.join(map(str, kinds))}"
    if not wanted.is_floating_point() or not tensor.numel():
        return ""
    least, most = (float(value) for value in torch.aminmax(tensor))  # NaN if any value is
    if not abs(least) + abs(most) < float("inf"):
        return "holds values that are not finite"
    if max(-least, most) > _LARGEST:
        return f"holds values up to {max(-least, most):.2g}, expected {_LARGEST:g} at most"
    if name.endswith("running_var") and least < 0:
        return f"holds the negative variance {least:.2g}"
    return ""
