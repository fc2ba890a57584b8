"""The Lightning module of a phase: steps, optimisers, validation, and the state in checkpoints.

Optimisation is manual, since kernels may have another optimiser than other weights, and the GAN's
discriminator has its own (see `adversarial_module`).
"""

from __future__ import annotations

import contextlib
import functools
import io
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

import lightning
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..errors import TrainingError
from ..models.components import ResidualDiffusion, present
from ..nets.afno import hold_constants
from ..nets.denoiser import Denoiser
from .averaging import averaged
from .objectives.base import Objective, Sample
from .optimisers import with_muon

__all__ = ["TrainingModule"]


class TrainingModule(lightning.LightningModule):
    """The training of one component in one phase of a stage.

    Parameters
    ----------
    net : ResidualDiffusion
        Networks; the objective chooses those that are fitted.
    objective : Objective
    static : Tensor
        Static channels (S, y, x) of the whole fine grid.
    where : str
        Name of stage, component and phase for messages.
    """

    objective: Objective
    static: Tensor

    def __init__(
        self, net: ResidualDiffusion, objective: Objective, static: Tensor, where: str
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.register_buffer("static", static, persistent=False)
        self.net, self.objective, self.where = net, objective, where
        self.phase = objective.phase
        net.requires_grad_(False)
        for module in objective.modules(net):
            module.requires_grad_(True)
        if self.phase.channels_last:
            # torch's annotations of `to` lack this argument.
            net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        objective.begin(net)
        limit = getattr(self.phase, "average", 0.0)
        self.average = averaged(present(net.denoiser, "denoiser"), limit) if limit else None
        #: Steps done, and the losses of reports and validations by step.
        self.done = 0
        self.curve: list[dict[str, float]] = []
        #: Smallest validation loss, and the number of validations since.
        self.best, self.since_best = math.inf, 0
        #: Sum and number of the losses since the last report.
        self._sum: Tensor | float = 0.0
        self._count = 0
        self._validated: list[Tensor] = []
        #: Clock and seconds waited for data at the last report.
        self._mark = (0.0, 0.0)

    @property
    def finished(self) -> bool:
        """Whether all steps are done or patience has run out."""
        patience = self.phase.patience
        return self.done >= self.phase.steps or bool(patience and self.since_best >= patience)

    def setup(self, stage: str) -> None:
        """Wrap and compile modules here, since the result cannot be sent to another process."""
        if getattr(self.phase, "checkpointing", False):
            for block in self.objective.blocks(self.net):
                recomputed = functools.partial(checkpoint, block.forward, use_reentrant=False)
                block.forward = recomputed
        if self.phase.compile:
            hold_constants()
            for module in self.objective.modules(self.net):
                # A smaller batch at the end of an epoch is compiled too, as a size of its own.
                module.compile(dynamic=False)

    def __reduce__(self) -> tuple:
        # torch would send each tensor to another process as shared memory and an open file. Both
        # can run out, so the module is sent as bytes.
        file = io.BytesIO()
        torch.save(self.__getstate__(), file)
        return _received, (type(self), file.getvalue())

    # Steps

    def training_step(self, sample: Sample, batch_idx: int) -> None:
        """Add the gradients of a batch, and step the optimisers when a step's batches are done."""
        self.objective.begin_step(self.net, self.done)
        loss = self.objective.loss(self.net, sample.on(self.static))
        self.manual_backward(loss / self.phase.accumulate)
        self._end_step(loss.detach(), batch_idx, self._optimisers())

    def _optimisers(self) -> list[Any]:
        optimisers = self.optimizers(use_pl_optimizer=True)
        return optimisers if isinstance(optimisers, list) else [optimisers]

    def _end_step(self, loss: Tensor, batch_idx: int, optimisers: list[Any]) -> None:
        """Step the optimisers once enough batches were seen, unless a number is not finite."""
        self._sum, self._count = self._sum + loss, self._count + 1
        if (batch_idx + 1) % self.phase.accumulate:
            return
        parameters = [p for p in self.parameters() if p.grad is not None]
        norm = nn.utils.clip_grad_norm_(parameters, self.phase.clip or math.inf)
        if not torch.isfinite(self._sum + norm):
            raise TrainingError(
                f"{self.where}: at step {self.done + 1} the loss is {float(loss):g} and the norm "
                f"of its gradient {float(norm):g}, so this step is discarded; the last checkpoint "
                "is unchanged. Lower lr or clip, use precision 32-true, or look for extreme "
                "values in the store; then train in a new folder"
            )
        for optimiser in optimisers:
            optimiser.step()
        for parameter in self.parameters():
            parameter.grad = None
        if self.average is not None:
            self.average.update_parameters(present(self.net.denoiser, "denoiser"))
        if self.phase.schedule != "plateau":
            for rate in self._rates()[: len(optimisers)]:
                rate.step()
        self.done += 1
        if self.done % self.report_every == 0:
            self._report()

    @property
    def report_every(self) -> int:
        """Steps between two reports of the loss."""
        return max(1, min(50, self.phase.steps // 20))

    def _report(self) -> None:
        """Log mean loss and samples a second since the last report, and the share of data_wait."""
        row = {"step": self.done, "loss": float(self._sum) / self._count, "lr": self._lr()}
        self.curve.append(row)
        now, waited = time.perf_counter(), self._waited()
        elapsed = max(now - self._mark[0], 1e-9)
        seen = self._count * self.phase.batch_size * self.trainer.world_size
        pace = {"samples_per_s": seen / elapsed, "data_wait": (waited - self._mark[1]) / elapsed}
        self._mark, self._sum, self._count = (now, waited), 0.0, 0
        shown = {"loss": row["loss"], **pace}
        self.log_dict(shown, prog_bar=True, rank_zero_only=True, batch_size=1)
        self.log_dict(
            {"lr": row["lr"], "step": float(self.done)}, rank_zero_only=True, batch_size=1
        )

    def on_train_start(self) -> None:
        """Start the clock of reports."""
        self._mark = (time.perf_counter(), self._waited())

    def _waited(self) -> float:
        """Return the seconds that steps have waited for data."""
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        return data.stream.waited

    def _lr(self) -> float:
        return self.trainer.optimizers[0].param_groups[0]["lr"]

    # Validation

    def validation_step(self, sample: Sample, batch_idx: int) -> None:
        """Compute the loss of a batch, with the denoiser's average if there is one."""
        self.net.eval()
        with self._averaged_denoiser():
            loss = self.objective.loss(self.net, sample.on(self.static))
        self._validated.append(loss.detach())

    @contextlib.contextmanager
    def _averaged_denoiser(self) -> Iterator[None]:
        trained = self.net.denoiser
        if self.average is not None:
            self.net.denoiser = cast(Denoiser, self.average.module)
        try:
            yield
        finally:
            self.net.denoiser = trained

    def on_validation_start(self) -> None:
        """Stop the clock of reports."""
        self._pause = time.perf_counter()

    def on_validation_epoch_end(self) -> None:
        """Record the validation loss; lower the learning rate or stop if it no longer falls."""
        here = torch.stack(self._validated).mean()
        value = float(self.trainer.strategy.reduce(here, reduce_op="mean"))
        self._validated.clear()
        self.curve.append({"step": self.done, "val_loss": value})
        better = value < self.best
        self.best, self.since_best = (value, 0) if better else (self.best, self.since_best + 1)
        if self.phase.schedule == "plateau":
            for rate in self._rates():
                rate.step(value)
        if self.phase.patience and self.since_best >= self.phase.patience:
            self.trainer.should_stop = True
        # All ranks have the same value here.
        self.log("val_loss", value, prog_bar=True, rank_zero_only=True, batch_size=1)
        self.log("step", float(self.done), rank_zero_only=True, batch_size=1)

    def on_validation_end(self) -> None:
        """Restart the clock of reports."""
        paused = time.perf_counter() - self._pause
        self._mark = (self._mark[0] + paused, self._mark[1])

    # Optimisers

    def configure_optimizers(self) -> tuple[list, list]:
        """Make the optimisers, each with its schedule of learning rates."""
        optimisers = self._fitted()
        return optimisers, [{"scheduler": self._schedule(o)} for o in optimisers]

    def _fitted(self) -> list[torch.optim.Optimizer]:
        """Make the optimisers of the modules that are fitted."""
        fitted = nn.ModuleList(self.objective.modules(self.net))
        adam = self._adam(fitted)
        if self.phase.muon_lr is None:
            return [adam]
        return with_muon(fitted, adam, self.phase.muon_lr)

    def _adam(self, fitted: nn.Module) -> torch.optim.AdamW:
        phase = self.phase
        # One kernel for all parameters. A CPU keeps the loop, and so the bits of trained models.
        fused = True if self.device.type == "cuda" else None
        return torch.optim.AdamW(
            fitted.parameters(),
            lr=phase.lr,
            betas=phase.betas,
            weight_decay=phase.weight_decay,
            fused=fused,
        )

    def _schedule(self, optimiser: torch.optim.Optimizer) -> Any:
        phase = self.phase
        if phase.schedule == "plateau":
            return torch.optim.lr_scheduler.ReduceLROnPlateau(
                optimiser, factor=0.25, patience=phase.plateau_patience
            )

        def share(step: int) -> float:
            warm = min(1.0, (step + 1) / phase.warmup) if phase.warmup else 1.0
            if phase.schedule == "constant":
                return warm
            return warm * 0.5 * (1 + math.cos(math.pi * min(1.0, step / phase.steps)))

        return torch.optim.lr_scheduler.LambdaLR(optimiser, share)

    def _rates(self) -> Sequence[Any]:
        rates: Any = self.lr_schedulers()
        return rates if isinstance(rates, list) else [rates]

    # Checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add to a checkpoint what Lightning does not save."""
        checkpoint["xldm"] = {
            "done": self.done,
            "finished": self.finished,
            "curve": [dict(row) for row in self.curve],
            "best": self.best,
            "since_best": self.since_best,
            "sum": float(self._sum),
            "count": self._count,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the state that `on_save_checkpoint` added."""
        kept = checkpoint["xldm"]
        self.done, self.curve = kept["done"], kept["curve"]
        self.best, self.since_best = kept["best"], kept["since_best"]
        self._sum, self._count = kept["sum"], kept["count"]


def _received(kind: type[TrainingModule], content: bytes) -> TrainingModule:
    module = kind.__new__(kind)
    module.__setstate__(torch.load(io.BytesIO(content), weights_only=False))
    return module
