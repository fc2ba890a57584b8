"""Print what one GPU does: fields and training steps a second, and shares of its matrix product.

Most rows are in bfloat16; a dry run on a CPU computes them in float32, and compiles nothing.

`benchmarks/gpu.sh` runs this. Work is that of the published layers: convolutions and matrix
products, complex ones counted as real ones, Fourier transforms not at all. So shares of two ways of
the same layers compare as their speeds do. Rows that would begin after ``LIMIT`` are skipped.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import training
import training_store
import xarray as xr

import xldm
from xldm import statics
from xldm.cli import timing
from xldm.inputs.lists import predictor_variables
from xldm.models.downscaler import Sampling
from xldm.nets import afno
from xldm.twin import Twin

LIMIT = 400  # seconds
BEGAN = time.perf_counter()
#: Cells and channels of the paper's filters: its denoiser's three levels.
FILTERS = ((84, 72, 512), (42, 36, 1024), (21, 18, 2048))


@dataclass
class Card:
    """What is measured, and how large."""

    device: str
    dry: bool
    #: FLOP/s of a large matrix product, by precision.
    top: dict[str, float] = field(default_factory=dict)

    def share(self, rate: float) -> str:
        """Say what rate of FLOP/s was reached, and its share of the matrix product's."""
        top = self.top["float32" if self.dry else "bfloat16"]
        return f"{rate / 1e12:.3g} TFLOP/s = {rate / top:.0%}"

    def size(self, real: Any, tiny: Any) -> Any:
        return tiny if self.dry else real

    def wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()

    def seconds(self, run: Callable[[], Any], repeats: int = 3) -> float:
        """Return the shortest time of some runs, after one that warms up."""
        run()
        taken = []
        for _ in range(repeats):
            self.wait()
            began = time.perf_counter()
            run()
            self.wait()
            taken.append(time.perf_counter() - began)
        return min(taken)

    @contextlib.contextmanager
    def row(self, name: str) -> Iterator[list[str]]:
        """Print a row of what was added to it, with the memory that it took."""
        said: list[str] = []
        if time.perf_counter() - BEGAN > LIMIT and not self.dry:
            print(f"{name:62s} skipped: the time is up", flush=True)
            said.append("skipped")
        elif self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        began = time.perf_counter()
        try:
            yield said
        except torch.OutOfMemoryError:
            said.append("does not fit into memory")
        if said[:1] == ["skipped"]:
            return
        if self.device == "cuda":
            said.append(f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB")
        said.append(f"[{time.perf_counter() - began:.0f} s]")
        print(f"{name:62s} {', '.join(said)}", flush=True)


@contextlib.contextmanager
def filters(products: bool) -> Iterator[None]:
    """Filter by matrix products, or by transforms as the authors' code does."""
    kept = afno.in_products
    afno.in_products = lambda device: products
    try:
        yield
    finally:
        afno.in_products = kept


def embedded(card: Card, folder: Path) -> None:
    """Measure `downscale` and `to_store` with the embedded model."""
    hours, members = card.size((24, 16), (2, 2))
    one = Twin(0).era5("2008-07-15T12")
    era5 = xr.concat([one] * hours, "valid_time")
    era5["valid_time"] = one["valid_time"].values[0] + np.arange(hours) * np.timedelta64(1, "h")
    common: dict[str, Any] = {"device": card.device, "members": members, "progress": False}
    common["targets"] = ["t2m", "u10", "v10"]
    common |= card.size({}, {"steps": 1, "region": (9.0, 44.0, 11.0, 46.0)})
    for name, options in {
        "": {},
        ", bfloat16": {"dtype": "bfloat16"},
        ", compiled (both calls after the warm-up)": {"compile": True, "batch_size": members},
    }.items():
        with card.row(f"downscale, {hours} h x {members} members{name}") as said:
            if said:
                continue
            began = time.perf_counter()
            era5.isel(valid_time=slice(2)).ldm.downscale(**common, **options)
            warm = time.perf_counter() - began
            taken = card.seconds(lambda o=options: era5.ldm.downscale(**common, **o), 1)
            said += [f"{hours * members / taken:.1f} fields/s", f"first call {warm:.1f} s"]
    with card.row(f"to_store, {hours} h x {members} members, Zarr on the disk") as said:
        if not said:
            out = era5.chunk(valid_time=card.size(6, 1)).ldm.downscale(**common)
            began = time.perf_counter()
            xldm.to_store(out, str(folder / "out.zarr"))
            said.append(f"{hours * members / (time.perf_counter() - began):.1f} fields/s")


def paper(card: Card) -> None:
    """Measure the denoiser at the paper's widths: 100 steps of DDIM, from some of them."""
    steps = card.size(10, 2)
    with narrow() if card.dry else contextlib.nullcontext():
        given = timing.paper(card.device)
    plain, sampling = given.denoiser, Sampling(sampler="ddim", steps=steps)
    with torch.inference_mode(), filters(products=False):
        context = given.conditioner(given.static, given.coarse)
        step = torch.full((1,), 500, device=card.device)
        work = timing.flops(lambda: plain(given.noise, step, context))
    compiles = functools.partial(torch.compile, plain, dynamic=False)
    for name, batch, products, made in (
        ("transforms", 16, False, lambda: plain),
        ("products", 16, True, lambda: plain),
        ("products", 64, True, lambda: plain),
        ("products, compiled", 16, True, compiles),
        ("products, compiled, CUDA graphs", 16, True, lambda: compiles(mode="reduce-overhead")),
    ):
        batch = card.size(batch, 2)
        with card.row(f"paper's widths, DDIM 100, bfloat16, {batch} together, {name}") as said:
            if said:
                continue
            given.net.denoiser = made()
            noise = given.noise.expand(batch, -1, -1, -1).clone()
            low = torch.autocast(card.device, torch.bfloat16, enabled=not card.dry)
            with filters(products), torch.inference_mode(), low:
                began = time.perf_counter()
                condition = given.net.condition(given.coarse, given.net.prepare(given.static))
                given.net.draw(condition, noise, sampling)
                warm = time.perf_counter() - began
                run = functools.partial(given.net.draw_latent, condition, noise, "ddim", steps)
                taken = card.seconds(run) / steps
            rate = work * batch / taken
            said += [
                f"{batch / taken / 100:.2f} fields/s", f"a step {taken * 1e3:.1f} ms",
                card.share(rate),
                f"first call {warm:.0f} s",
            ]  # fmt: skip
    given.net.denoiser = plain


@contextlib.contextmanager
def narrow() -> Iterator[None]:
    """Give the paper's component the widths of the preset tiny, on a corner of the domain."""
    from xldm.training import preset

    read, fields = preset.read_preset, statics.embedded
    of_tiny = read("tiny").components[0]
    preset.read_preset = lambda name: replace(read("tiny"), components=(of_tiny,))
    statics.embedded = lambda: fields().isel(y=slice(64), x=slice(64))
    try:
        yield
    finally:
        preset.read_preset, statics.embedded = read, fields


def layers(card: Card) -> None:
    """Compare the two ways of the filter, at each of the paper's sizes."""
    batch = card.size(16, 2)
    for height, width, channels in card.size(FILTERS, ((10, 6, 16), (4, 6, 16))):
        net = afno.AFNOFilter(channels).to(card.device)
        x = torch.randn(batch, height, width, channels, device=card.device)
        for precision in ("float32", "bfloat16"):
            name = f"filter {height} x {width} x {channels}, batch {batch}, {precision}"
            with card.row(name) as said:
                if said:
                    continue
                low = torch.autocast(
                    card.device, torch.bfloat16, enabled=precision == "bfloat16"
                )  # fmt: skip
                taken, out = [], []
                with torch.inference_mode(), low:
                    for products in (False, True):
                        with filters(products):
                            out.append(net(x) - x)
                            taken.append(card.seconds(lambda net=net, x=x: net(x), 10))
                error = float((out[1] - out[0]).norm() / out[0].norm())
                said += [
                    f"transforms {taken[0] * 1e3:.3g} ms", f"products {taken[1] * 1e3:.3g} ms",
                    f"ratio {taken[1] / taken[0]:.2f}", f"relative RMS difference {error:.1e}",
                ]  # fmt: skip


def stages(card: Card, folder: Path) -> None:
    """Measure training steps of the first component, stage by stage."""
    preset = training.read_preset(card.size("paper", "tiny"))
    names = tuple(v.name for v in predictor_variables())
    grid = card.size(xldm.load_model("italy-2km").config.grid, training_store.GRID)
    store = training_store.made(grid, predictors=card.size(names, ("t2m", "u10", "sst")))
    if not card.dry:
        store["static"] = xr.DataTree(statics.embedded())
    packages: dict[str, Any] = {}
    for stage in training.CHAIN:
        start = packages.get(training.CHAIN[max(0, training.CHAIN.index(stage) - 1)])
        of_step = 0  # counted where networks are not compiled
        for compiles in (False, True)[: 2 if stage == "diffusion" else 1]:
            changes = {"precision": card.size("bf16-mixed", "32-true"), "compile": compiles}
            plan = training.short(preset, None, card.size(24, 4), changes, card.size(8, 2))
            name = f"training, {stage}, {plan.name}, bfloat16" + ", compiled" * compiles
            with card.row(f"{name}, batch {card.size(8, 2)}") as said:
                if said:
                    continue
                pace, batch, wait, work, _, packages[stage] = training.measured(
                    store, plan, stage, start, card.device, folder / f"{stage} {compiles}"
                )
                of_step = of_step or work
                done = pace * of_step
                said += [
                    f"{pace:.2f} steps/s", f"{pace * batch:.1f} samples/s",
                    card.share(done),
                    f"waiting for data {wait:.1%}",
                ]  # fmt: skip


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry", action="store_true", help="tiny sizes on the CPU")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    if not args.dry and not torch.cuda.is_available():
        raise SystemExit("torch sees no GPU here; --dry runs the same code on the CPU")
    card = Card("cpu" if args.dry else "cuda", args.dry)
    if args.dry:  # compiling takes minutes for the smallest networks
        torch.compile = lambda what, **options: what
    where = "CPU, dry" if args.dry else torch.cuda.get_device_name()
    print(f"{where}; torch {torch.__version__}, {torch.get_num_threads()} threads", flush=True)
    for precision in ("float32", "bfloat16"):
        card.top[precision] = timing.ceiling(card.device, precision, card.size(8192, 256))
        print(f"{'matrix product, ' + precision:62s} {card.top[precision] / 1e12:.3g} TFLOP/s")
    with tempfile.TemporaryDirectory() as folder:
        layers(card)
        paper(card)
        embedded(card, Path(folder))
        stages(card, Path(folder))
    print(f"all in {time.perf_counter() - BEGAN:.0f} s")


if __name__ == "__main__":
    main()
