"""The training module of the GAN: the regression against a discriminator."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ..models.components import ResidualDiffusion
from ..nets.gan import PatchDiscriminator
from .lightning_module import TrainingModule
from .objectives.base import Sample
from .objectives.gan import GAN, discriminator_loss

__all__ = ["AdversarialModule"]


class AdversarialModule(TrainingModule):
    """A phase of the GAN: the discriminator joins after the first ``start`` steps."""

    objective: GAN

    def __init__(self, net: ResidualDiffusion, objective: GAN, static: Tensor, where: str) -> None:
        super().__init__(net, objective, static, where)
        phase, targets = objective.phase, len(objective.part.targets)
        self.discriminator = PatchDiscriminator(targets, phase.width, phase.layers)

    def training_step(self, sample: Sample, batch_idx: int) -> None:
        """Step generator and discriminator in turn."""
        self.objective.begin_step(self.net, self.done)
        self.discriminator.train()
        generator, discriminator = self._optimisers()
        sample = sample.on(self.static)
        field, error = self.objective.generated(self.net, sample)
        if self.done < self.objective.phase.start:
            self.manual_backward(error / self.phase.accumulate)
            self._end_step(error.detach(), batch_idx, [generator])
            return
        with _fixed(self.discriminator):
            loss = self.objective.adversarial_loss(self.net, self.discriminator, field, error)
            self.manual_backward(loss / self.phase.accumulate)
        logits = (self.discriminator(f) for f in (sample.fine, field.detach()))
        against = discriminator_loss(*logits)
        self.manual_backward(against / self.phase.accumulate)
        # Only the error is reported, but a NaN of the discriminator must stop training too.
        self._end_step(error.detach() + 0 * against.detach(), batch_idx, [generator, discriminator])

    def _fitted(self) -> list[torch.optim.Optimizer]:
        return [self._adam(*self.objective.modules(self.net)), self._adam(self.discriminator)]


@contextlib.contextmanager
def _fixed(module: nn.Module) -> Iterator[None]:
    """Let gradients pass through a module without leaving any on its parameters."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
