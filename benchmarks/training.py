"""Measure the speed of training stages: steps and samples a second, work, waiting, memory.

`xldm.training.train` trains on days of the twin in memory, each stage from the package of the
previous stage. Rates refer to the second half of the steps and exclude checkpoints and packages,
which a short run writes as often as a long one::

    python benchmarks/training.py --preset paper --component UV --device cuda
    python benchmarks/training.py --preset italy-2km --steps 6 --stages diffusion
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import warnings
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
from loader import write_store
from torch.utils.flop_counter import FlopCounterMode

from xldm.cli.timing import ceiling
from xldm.nets import afno
from xldm.stores.open import open_training_store
from xldm.training import train
from xldm.training.lightning_module import TrainingModule
from xldm.training.preset import Preset, read_preset
from xldm.training.stages import STAGES

CHAIN = "regression", "autoencoder", "diffusion"
VARIANTS = {
    "float32": {"precision": "32-true", "checkpointing": False},
    "bfloat16": {"precision": "bf16-mixed", "checkpointing": False},
    "bfloat16, recomputing": {"precision": "bf16-mixed", "checkpointing": True},
    "bfloat16, compiled": {"precision": "bf16-mixed", "checkpointing": False, "compile": True},
    "bfloat16, cached latents": {
        "precision": "bf16-mixed", "checkpointing": False, "cache_latents": True, "windows": 1,
    },
}  # fmt: skip


def short(
    preset: Preset, component: str | None, steps: int, changes: dict, batch: int | None = None
) -> Preset:
    """Return a preset with few steps of the last phase of each stage, and given settings."""
    changes = {**changes, **({} if batch is None else {"batch_size": batch})}
    changes = {"validate_every": None, "patience": None, "schedule": "constant", "warmup": 0,
               "steps": steps, "checkpoint_every": steps, **changes}  # fmt: skip
    phases = {}
    for stage in STAGES:
        for phase in preset.phases(stage)[-1:]:
            known = {f.name for f in fields(phase)}
            own = {n: v for n, v in changes.items() if n in known} | (
                {"standardise": 2} if stage == "autoencoder" else {}
            )
            phases[stage] = (replace(phase, **own),)
    parts = [p for p in preset.components if component in (None, p.name)]
    return replace(preset, components=tuple(parts[:1]), **phases)


class Counted(list):
    """Count the FLOPs of the first training step, forward and backward.

    The work is that of the published layers on every device: filters transform in this step.
    """

    def __enter__(self):
        self.plain = TrainingModule.training_step

        def counted(module: TrainingModule, sample, batch_idx: int) -> None:
            if self or module.phase.compile:
                return self.plain(module, sample, batch_idx)
            kept, afno.in_products = afno.in_products, lambda device: False
            try:
                with FlopCounterMode(display=False) as counter:
                    self.plain(module, sample, batch_idx)
            finally:
                afno.in_products = kept
            self.append(counter.get_total_flops())

        TrainingModule.training_step = counted
        return self

    def __exit__(self, *_):
        TrainingModule.training_step = self.plain


def measured(
    store: xr.DataTree, preset: Preset, stage: str, start, device: str, folder: Path
) -> tuple:
    """Return steps a second, batch, share of waiting, work of a step, peak GiB, and the package."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with Counted() as work:
        package = train(preset, store, folder, stage=stage, start=start, device=device,
                        progress=False)  # fmt: skip
    rows = pd.concat(map(pd.read_csv, folder.glob(f"{stage}/*/1/logs/version_0/metrics.csv")))
    rows = rows.dropna(subset="samples_per_s")
    rows = rows.iloc[len(rows) // 2 :]
    (phase,) = getattr(preset, stage)
    steps = 1 / (1 / rows["samples_per_s"]).mean() / phase.batch_size
    peak = torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else np.nan
    return steps, phase.batch_size, rows["data_wait"].mean(), sum(work), peak, package


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--component", help="the first of the preset unless given")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--batch", type=int, help="windows of a step (default: the preset's)")
    parser.add_argument("--days", type=int, default=2)
    parser.add_argument("--stages", nargs="+", default=CHAIN, choices=CHAIN)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS)[:2], choices=VARIANTS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compare(args, Path(folder))


def compare(args: argparse.Namespace, folder: Path) -> None:
    """Train stage after stage, in all variants of the requested stages."""
    warnings.simplefilter("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    preset = read_preset(args.preset)
    write_store(f"{folder}/store.zarr", args.days)
    store = open_training_store(f"{folder}/store.zarr", dask=False).load()
    where = torch.cuda.get_device_name() if args.device == "cuda" else "CPU"
    top = ceiling(args.device, "bfloat16" if args.device == "cuda" else "float32", 4096)
    print(f"{args.preset}; {where}, torch {torch.__version__}, a matrix product at "
          f"{top / 1e12:.3g} TFLOP/s", flush=True)  # fmt: skip
    packages: dict[str, str] = {}
    for stage in CHAIN:
        start = packages.get(CHAIN[max(0, CHAIN.index(stage) - 1)])
        wanted = args.variants if stage in args.stages else []
        work = 0
        for name in wanted or ["float32"]:
            steps = args.steps if wanted else 2
            plan = short(preset, args.component, steps, VARIANTS[name], args.batch)
            began = time.perf_counter()
            try:
                pace, batch, wait, counted, peak, package = measured(
                    store, plan, stage, start, args.device, folder / f"{stage} {name}"
                )
            except torch.OutOfMemoryError:
                print(f"{stage:11s} {name:22s} does not fit into memory", flush=True)
                continue
            packages.setdefault(stage, package)
            work = work or counted
            if wanted:
                print(
                    f"{stage:11s} {name:22s} batch {batch:2d} {pace:7.3f} steps/s "
                    f"{pace * batch:7.2f} samples/s {work * pace / 1e12:7.2f} TFLOP/s "
                    f"({work * pace / top:4.0%}) data wait {wait:5.1%} {peak:5.1f} GiB "
                    f"[{time.perf_counter() - began:.0f} s]",
                    flush=True,
                )


if __name__ == "__main__":
    main()
