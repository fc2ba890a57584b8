"""Measurements for ``xldm bench``: seconds, FLOPs and memory of the parts of a model."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..errors import ArgumentError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from ..models.components import ResidualDiffusion
    from ..nets.autoencoder import Autoencoder
    from ..nets.conditioner import Conditioner
    from ..nets.denoiser import Denoiser

__all__ = [
    "Inputs",
    "Loops",
    "ceiling",
    "fields_per_second",
    "flops",
    "loaded",
    "paper",
    "parts",
    "plain_and_cached",
]


@dataclass(frozen=True)
class Inputs:
    """A complete component in evaluation mode, and random inputs of the Italian domain."""

    net: ResidualDiffusion
    conditioner: Conditioner
    denoiser: Denoiser
    autoencoder: Autoencoder
    static: Tensor
    coarse: Tensor
    noise: Tensor

    @classmethod
    def of(cls, net: ResidualDiffusion, predictors: int, static: Tensor, factor: int) -> Inputs:
        """Draw inputs for a component, on the device of the static channels (1, S, H, W).

        Raises
        ------
        ArgumentError
            If the component lacks the autoencoder or the denoiser.
        """
        import torch

        height, width = (n // factor for n in static.shape[-2:])
        shape, conditioner, denoiser = net.noise_shape(height, width), net.conditioner, net.denoiser
        autoencoder = net.autoencoder
        if shape is None or conditioner is None or denoiser is None or autoencoder is None:
            raise ArgumentError(f"the component {net.config.name} has no denoiser to measure")
        net = net.eval().to(static.device)
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        noise = torch.randn(1, *shape, device=static.device)
        coarse = torch.randn(1, predictors, height, width, device=static.device)
        return cls(net, conditioner, denoiser, autoencoder, static, coarse, noise)


def loaded(name: str, device: str) -> Inputs:
    """Load the first component of a model that has every network.

    Raises
    ------
    ArgumentError
        If the model has no such component.
    """
    import torch

    from .. import statics
    from ..models.components import ResidualDiffusion
    from ..packages.registry import load_model

    model = load_model(name)
    for net in model.components.values():
        if isinstance(net, ResidualDiffusion) and not net.config.partial:
            static = torch.from_numpy(statics.channels(model.static))[None].to(device)
            return Inputs.of(net, model.config.coarse_channels, static, model.config.grid.factor)
    raise ArgumentError(
        f"{name} has no component with regression, autoencoder and denoiser, so there is nothing "
        "to measure; choose another model, or --paper"
    )


def paper(device: str) -> Inputs:
    """Build the paper's component for temperature, with random weights."""
    import torch

    from .. import statics
    from ..config import ComponentConfig, Variable
    from ..models.components import ResidualDiffusion
    from ..training.preset import read_preset

    part = read_preset("paper").components[0]
    t2m = Variable("t2m", "air_temperature", "K", mean=285.0, std=8.0)
    config = ComponentConfig(
        part.name, (t2m,), part.regression, part.autoencoder, part.conditioner, part.denoiser,
        part.diffusion,
    )  # fmt: skip
    static = torch.from_numpy(statics.channels(statics.embedded()))[None].to(device)
    with torch.device(device):
        net = ResidualDiffusion(config, 14, static.shape[1])
    return Inputs.of(net, 14, static, 8)


def ceiling(device: str = "cpu", dtype: str = "float32", size: int = 2048) -> float:
    """Measure the FLOP/s of a large matrix product."""
    import torch

    a = torch.randn(size, size, device=device, dtype=getattr(torch, dtype))
    return 2 * size**3 / _seconds(lambda: a @ a, a.device)


def parts(given: Inputs) -> list[tuple[str, float, int]]:
    """Measure the parts of a field: name, seconds and FLOPs of each."""
    import torch

    net, device = given.net, given.noise.device
    with torch.inference_mode():
        features = given.conditioner.static_features(given.static)
        context = given.conditioner.context(features, given.coarse)
        step = torch.full((1,), 500, device=device)
        runs: dict[str, Callable[[], Any]] = {
            "static features, once a domain": lambda: net.prepare(given.static),
            "mean (UNET), once an hour": lambda: net.mean.condition(given.coarse, given.static),
            "context, once an hour": lambda: given.conditioner.context(features, given.coarse),
            "a step of the denoiser": lambda: given.denoiser(given.noise, step, context),
            "decoder, once a member": lambda: given.autoencoder.decode(given.noise),
        }
        return [(name, _seconds(run, device), flops(run)) for name, run in runs.items()]


def flops(run: Callable[[], Any]) -> int:
    """Count the FLOPs of matrix products and convolutions; Fourier transforms do not count."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


@dataclass(frozen=True)
class Loops:
    """Times of the same DDIM steps, taken in two ways in turn."""

    context: float  # s, once for the cached loop
    cached: list[float]  # s of each step
    plain: list[float]
    difference: float  # largest difference between the two latents
    latent: Tensor

    def ratio(self, steps: int) -> float:
        """Return the time of cached steps relative to the same number of plain steps."""
        return (self.context + steps * min(self.cached)) / (steps * min(self.plain))


def plain_and_cached(given: Inputs, steps: int, of: int = 100) -> Loops:
    """Time the first steps of DDIM with a cached context, and as in the paper's code.

    A plain step, as in the paper's code, swaps the averaged weights in and out, and computes the
    context from predictors and static fields.

    Parameters
    ----------
    given : Inputs
        Component and inputs.
    steps : int
        Number of steps to take, from the noisiest on.
    of : int
        Steps of the whole loop.
    """
    import torch

    net, device = given.net, given.noise.device
    average = {name: p.clone() for name, p in given.denoiser.named_parameters()}
    every = len(net.schedule) // of
    times = [0, *range(1, len(net.schedule), every)][::-1][: steps + 1]
    seconds: dict[str, list[float]] = {"plain": [], "cached": []}

    def plain(x: Tensor, t: int) -> Tensor:
        trained = {name: p.clone() for name, p in given.denoiser.named_parameters()}
        _put(given.denoiser, average)
        context = given.conditioner(given.static, given.coarse)
        clean = net.denoise(context)(x, t)
        _put(given.denoiser, trained)
        return clean

    with torch.inference_mode():
        features = given.conditioner.static_features(given.static)
        context, once = _timed(partial(given.conditioner.context, features, given.coarse), device)
        ways = {"plain": plain, "cached": net.denoise(context)}
        x = dict.fromkeys(ways, given.noise)
        for t, s in pairwise(times):
            for name, denoise in ways.items():
                clean, taken = _timed(partial(denoise, x[name], t), device)
                x[name] = net.schedule.step(x[name], clean, t, s)
                seconds[name].append(taken)
    difference = float((x["plain"] - x["cached"]).abs().max())
    return Loops(once, seconds["cached"], seconds["plain"], difference, x["cached"])


def _put(net: torch.nn.Module, values: dict[str, Tensor]) -> None:
    for name, parameter in net.named_parameters():
        parameter.copy_(values[name])


def fields_per_second(
    given: Inputs, sampler: str, steps: int, batches: tuple[int, ...] = (1, 4, 16)
) -> list[tuple[str, int, float, float]]:
    """Time members of one hour, drawn together on a CUDA device, by precision and batch.

    The largest batch that fits is drawn again with the denoiser compiled; it stays compiled.

    Returns
    -------
    list of (precision, batch, fields per second, peak GiB)
        Without the batches that do not fit into memory.
    """
    import torch

    from ..models.downscaler import Sampling
    from ..nets.afno import hold_constants

    rows, device = [], given.noise.device
    sampling = Sampling(sampler=sampler, steps=steps)

    def drawn(name: str, precision: str, batch: int) -> None:
        torch.cuda.reset_peak_memory_stats(device)
        noise = given.noise.expand(batch, -1, -1, -1).contiguous()
        low = torch.autocast(device.type, getattr(torch, precision), enabled=precision != "float32")
        with torch.inference_mode(), low:
            condition = given.net.condition(given.coarse, given.net.prepare(given.static))
            given.net.draw(condition, noise, replace(sampling, steps=min(steps, 2)))
            seconds = _seconds(lambda: given.net.draw(condition, noise, sampling), device)
        peak = torch.cuda.max_memory_allocated(device) / 2**30
        rows.append((name, batch, batch / seconds, peak))

    for precision in ("float32", "bfloat16"):
        with contextlib.suppress(torch.cuda.OutOfMemoryError):
            for batch in batches:
                drawn(precision, precision, batch)
    if rows:
        hold_constants()
        given.denoiser.compile()
        with contextlib.suppress(torch.cuda.OutOfMemoryError):
            drawn("bfloat16, compiled", "bfloat16", rows[-1][1])
    return rows


def _seconds(run: Callable[[], Any], device: torch.device) -> float:
    """Return the fastest of five runs, or of those that start within ten seconds."""
    taken: list[float] = []
    while len(taken) < 5 and sum(taken) < 10:
        taken.append(_timed(run, device)[1])
    return min(taken)


def _timed(run: Callable[[], Any], device: torch.device) -> tuple[Any, float]:
    import torch

    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    out = run()
    wait()
    return out, time.perf_counter() - start
