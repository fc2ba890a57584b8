"""``xldm bench``: print time, work and memory of a model, and the speed of the machine."""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ArgumentError

if TYPE_CHECKING:
    from .timing import Inputs

__all__ = ["add"]


def add(command: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    command.description = (
        "Print the time and work of each part of a field, beside the rate of a large "
        "matrix product; then the time of DDIM steps with a cached context, and of steps that "
        "recompute it and swap averaged weights, as the paper's code does. On a GPU also print "
        "fields per second by batch and precision, and with the denoiser compiled. With --year, "
        "draw and write a few hours instead, and print what a year of hours takes."
    )
    command.add_argument(
        "--model", default="italy-2km", help="name, path or URL (default %(default)s)"
    )
    command.add_argument(
        "--paper", action="store_true", help="measure the paper's widths, with random weights"
    )
    command.add_argument(
        "--device", default="cpu", help="where to run, e.g. cuda (default %(default)s)"
    )
    command.add_argument(
        "--steps", type=int, default=3, help="steps that are timed (default %(default)s)"
    )
    command.add_argument(
        "--year", action="store_true",
        help="draw hours of the shipped sample, write them to a store, print the time of a year; "
        "at the paper's widths with six steps of UniPC",
    )  # fmt: skip
    command.add_argument(
        "--members", type=int, default=8, help="of each hour, for --year (default %(default)s)"
    )
    command.add_argument(
        "--hours", type=int, default=6, help="that are drawn for --year (default %(default)s)"
    )
    command.add_argument(
        "--dtype", choices=["float32", "bfloat16", "float16"],
        help="precision of the networks for --year (default float32)",
    )  # fmt: skip
    command.add_argument(
        "--folder",
        default=tempfile.gettempdir(),
        help="where the store of --year is written for a while (default %(default)s)",
    )
    command.set_defaults(run=_bench)


def _bench(args: argparse.Namespace) -> None:
    from ..models.on_device import device_fault
    from . import timing

    if fault := device_fault(args.device):
        raise ArgumentError(fault)
    if args.year:
        return _print_year(args)
    if not 1 <= args.steps <= 100:
        raise ArgumentError(f"steps must be from 1 to 100, the whole loop; got {args.steps}")
    given = timing.paper(args.device) if args.paper else timing.loaded(args.model, args.device)
    top = timing.ceiling(args.device)
    device = given.noise.device
    print(_where(args))
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
    _print_memory()


def _print_year(args: argparse.Namespace) -> None:
    """Print what a year of hours takes, from a few of them."""
    from ..arguments import PATH, refuse, whole
    from . import year

    refuse(
        members=(args.members, whole(1)), hours=(args.hours, whole(2)), folder=(args.folder, PATH)
    )
    options = {"sampler": "unipc", "steps": 6} if args.paper else {}
    model = year.paper() if args.paper else args.model
    print(f"{_where(args)}, {args.hours} hours x {args.members} members, {args.dtype or 'float32'}")
    piece = year.measured(
        model, args.hours, args.members, Path(args.folder), device=args.device, dtype=args.dtype,
        **options,
    )  # fmt: skip
    print(piece.text(args.members))
    _print_memory()


def _where(args: argparse.Namespace) -> str:
    """Return what is measured, and on what."""
    import torch

    device = torch.device(args.device)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    named = "the paper's widths, random weights" if args.paper else args.model
    return f"{named}; {where}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def _print_memory() -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\npeak memory of this process {peak:.2f} GiB")


def _print_together(given: Inputs) -> None:
    """Print the rate of fields drawn together on a GPU, and its share of a matrix product's."""
    import torch

    from . import timing

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
