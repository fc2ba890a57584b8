"""``xldm bench``: print time, work and memory of a model, and the speed of the machine."""

from __future__ import annotations

import argparse
import resource

from ..errors import ArgumentError
from . import timing

__all__ = ["add"]


def add(commands: argparse._SubParsersAction) -> None:
    """Add the subcommand."""
    command = commands.add_parser(
        "bench",
        help="time, work and memory of a model on this machine",
        description="Print the time and work of each part of a field, beside the rate of a large "
        "matrix product; then the time of DDIM steps with a cached context, and of steps that "
        "recompute it and swap averaged weights, as the paper's code does. On a GPU also print "
        "fields per second by batch and precision, and with the denoiser compiled.",
    )
    command.add_argument("--model", default="italy-2km", help="name, path or URL of a model")
    command.add_argument(
        "--paper", action="store_true", help="the paper's widths with random weights instead"
    )
    command.add_argument("--device", default="cpu", help="e.g. cuda (default %(default)s)")
    command.add_argument("--steps", type=int, default=3, help="of each loop (default %(default)s)")
    command.set_defaults(run=_bench)


<<<<<<< HEAD
@dataclass(frozen=True)
class Inputs:
    """A component in evaluation mode, and random inputs of the Italian domain for it."""

    net: ResidualDiffusion
    static: Tensor
    coarse: Tensor
    noise: Tensor

    @classmethod
    def of(cls, net: ResidualDiffusion, predictors: int, static: Tensor, factor: int) -> Inputs:
        """Inputs on the device of the static channels (1, S, H, W)."""
        import torch

        height, width = (n // factor for n in static.shape[-2:])
        net = net.eval().to(static.device, memory_format=torch.channels_last)
        noise = torch.randn(1, *net.noise_shape(height, width), device=static.device)
        coarse = torch.randn(1, predictors, height, width, device=static.device)
        return cls(net, static, coarse, noise)


def loaded(name: str, device: str) -> Inputs:
    """The first component of a model that has every network."""
    import torch

    from .. import statics
    from ..models.components import ResidualDiffusion
    from ..packages.registry import load_model

    model = load_model(name)
    for net in model.components.values():
        if isinstance(net, ResidualDiffusion) and not net.config.partial:
            static = torch.from_numpy(statics.channels(model.static))[None].to(device)
            return Inputs.of(net, len(model.config.predictors), static, model.config.grid.factor)
    raise ArgumentError(
        f"{name} has no component with regression, autoencoder and denoiser, so there is nothing "
        "to measure; choose another model, or --paper"
    )


def paper(device: str) -> Inputs:
    """The paper's component for temperature, with random weights."""
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
    """FLOP/s of a large matrix product."""
    import torch

    a = torch.randn(size, size, device=device, dtype=getattr(torch, dtype))
    return 2 * size**3 / _seconds(lambda: a @ a, a.device)


def parts(given: Inputs) -> list[tuple[str, float, int]]:
    """What a field is made of: name, seconds and FLOPs of each part."""
    import torch

    net, device = given.net, given.noise.device
    with torch.inference_mode():
        prepared = net.prepare(given.static)
        condition = net.condition(given.coarse, prepared)
        step = torch.full((1,), 500, device=device)
        runs = {
            "static features, once a domain": lambda: net.prepare(given.static),
            "mean (UNET), once an hour": lambda: net.mean.condition(given.coarse, given.static),
            "context, once an hour": lambda: net.conditioner.context(prepared[1], given.coarse),
            "a step of the denoiser": lambda: net.denoiser(given.noise, step, condition.context),
            "decoder, once a member": lambda: net.autoencoder.decode(given.noise),
        }
        return [(name, _seconds(run, device), flops(run)) for name, run in runs.items()]


def flops(run: Callable[[], Any]) -> int:
    """FLOPs of matrix products and convolutions; Fourier transforms are not counted."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


@dataclass(frozen=True)
class Loops:
    """The same steps of DDIM done in two ways, in turns."""

    context: float  # s, which the cached loop takes once
    cached: list[float]  # s of each step
    plain: list[float]
    difference: float  # largest, between the two latents
    latent: Tensor

    def ratio(self, steps: int) -> float:
        """Time of so many cached steps over that of as many plain ones."""
        return (self.context + steps * min(self.cached)) / (steps * min(self.plain))


def plain_and_cached(given: Inputs, steps: int, of: int = 100) -> Loops:
    """The first steps of a DDIM of ``of`` steps, with the context computed once, and plainly.

    A plain step is that of the paper's code: it puts the averaged weights in the place of the
    trained ones and back, and computes the context from predictors and static fields.

    Parameters
    ----------
    given : Inputs
    steps : int
        How many steps to take: those from the noisiest on.
    of : int
        Steps of the whole loop.
    """
    import torch

    net, device = given.net, given.noise.device
    average = {name: p.clone() for name, p in net.denoiser.named_parameters()}
    every = len(net.schedule) // of
    times = [0, *range(1, len(net.schedule), every)][::-1][: steps + 1]
    seconds: dict[str, list[float]] = {"plain": [], "cached": []}

    def plain(x: Tensor, t: int) -> Tensor:
        trained = {name: p.clone() for name, p in net.denoiser.named_parameters()}
        _put(net.denoiser, average)
        context = net.conditioner(given.static, given.coarse)
        clean = net.denoise(context)(x, t)
        _put(net.denoiser, trained)
        return clean

    with torch.inference_mode():
        features = net.conditioner.static_features(given.static)
        context, once = _timed(lambda: net.conditioner.context(features, given.coarse), device)
        ways = {"plain": plain, "cached": net.denoise(context)}
        x = dict.fromkeys(ways, given.noise)
        for t, s in pairwise(times):
            for name, denoise in ways.items():
                clean, taken = _timed(lambda d=denoise, n=name, t=t: d(x[n], t), device)
                alpha, sigma = net.schedule.alpha, net.schedule.sigma
                noise = (x[name] - alpha(t) * clean) / sigma(t)
                x[name] = alpha(s) * clean + sigma(s) * noise
                seconds[name].append(taken)
    difference = float((x["plain"] - x["cached"]).abs().max())
    return Loops(once, seconds["cached"], seconds["plain"], difference, x["cached"])


def _put(net: torch.nn.Module, values: dict[str, Tensor]) -> None:
    for name, parameter in net.named_parameters():
        parameter.copy_(values[name])


def fields_per_second(
    given: Inputs, sampler: str, steps: int, batches: tuple[int, ...] = (1, 4, 16)
) -> list[tuple[str, int, float, float]]:
    """Members of one hour drawn together on a CUDA device, by precision and batch.

    The largest batch that fits is drawn once more with the denoiser compiled, which it stays.

    Returns
    -------
    list of (precision, batch, fields per second, peak GiB)
        Without those batches that do not fit into memory.
    """
    import torch

    from ..models.downscaler import Sampling

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
        given.net.denoiser.compile()
        with contextlib.suppress(torch.cuda.OutOfMemoryError):
            drawn("bfloat16, compiled", "bfloat16", rows[-1][1])
    return rows


def _seconds(run: Callable[[], Any], device: torch.device) -> float:
    """The fastest of five runs, or of those that start within ten seconds: other work only adds."""
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


=======
>>>>>>> db032e9 (Networks in plain English, types clean; measurements of bench apart from its command)
def _bench(args: argparse.Namespace) -> None:
    import torch

    if not 1 <= args.steps <= 100:
        raise ArgumentError(f"steps must be from 1 to 100, the whole loop; got {args.steps}")
    given = timing.paper(args.device) if args.paper else timing.loaded(args.model, args.device)
    top = timing.ceiling(args.device)
    device = given.noise.device
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    named = "the paper's widths, random weights" if args.paper else args.model
    print(f"{named}; {where}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"a matrix product of 2048 x 2048 runs at {top / 1e9:.0f} GFLOP/s (float32)\n")
    for name, seconds, work in timing.parts(given):
        share = work / seconds / top
        print(f"{name:31s} {seconds:8.3f} s {work / 1e9:9.1f} GFLOP  {share:4.0%} of that rate")
    loops = timing.plain_and_cached(given, args.steps)
    cached, plain = min(loops.cached), min(loops.plain)
    print(f"\n{args.steps} of 100 DDIM steps in turns, extrapolated to 100 from the fastest:")
    print(f"  plain, a context and swapped weights every step {plain:8.3f} s a step")
    print(f"  cached, a context once ({loops.context:.3f} s)         {cached:8.3f} s a step")
    print(f"  100 steps: {loops.ratio(100):.2f} of the plain loop's time; latents differ by "
          f"{loops.difference:.1e}")  # fmt: skip
    if device.type == "cuda":
        _print_together(given)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\npeak memory of this process {peak:.2f} GiB")


def _print_together(given: timing.Inputs) -> None:
    """Print the rate of fields drawn together on a GPU, and its share of a matrix product's."""
    import torch

    diffusion = given.net.config.diffusion
    taken = min(diffusion.steps, 10)
    share = taken / diffusion.steps
    with torch.inference_mode():
        context = given.conditioner(given.static, given.coarse)
        step = torch.full((1,), 500, device=given.noise.device)
        work = diffusion.steps * timing.flops(lambda: given.denoiser(given.noise, step, context))
        work += timing.flops(lambda: given.autoencoder.decode(given.noise))
    top = timing.ceiling(str(given.noise.device), "bfloat16", 8192)
    print(
        f"\n{diffusion.sampler}, {diffusion.steps} steps"
        + (f", from {taken} of them" if share < 1 else "")
        + ", members of an hour together; a matrix product of 8192 x 8192 runs at "
        f"{top / 1e12:.0f} TFLOP/s (bfloat16):"
    )
    for name, batch, rate, peak in timing.fields_per_second(given, diffusion.sampler, taken):
        rate *= share
        print(
            f"  {name:18s} batch {batch:3d} {rate:8.2f} fields/s {work * rate / 1e12:7.1f} TFLOP/s "
            f"{work * rate / top:4.0%} {peak:6.1f} GiB {8760 / rate / 3600:7.2f} h a year of hours"
        )
