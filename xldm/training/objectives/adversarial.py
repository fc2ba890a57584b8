"""The GAN baseline of arXiv 2406.13627: two adversaries, L1 and a hinge balanced by gradients."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor, nn

from ...models.components import ResidualDiffusion
from ...nets.gan import PatchDiscriminator
from ..lightning_module import Stage
from .base import Sample

__all__ = ["AdversarialStage", "adaptive_weight", "discriminator_loss", "generator_loss"]


class AdversarialStage(Stage):
    """The GAN baseline: the regression against a discriminator, from a certain step on."""

    def __init__(self, net: ResidualDiffusion, objective: Any, static: Tensor, where: str) -> None:
        super().__init__(net, objective, static, where)
        phase, targets = self.phase, len(objective.part.targets)
        self.discriminator = PatchDiscriminator(targets, phase.width, phase.layers)

    def training_step(self, sample: Sample, batch_idx: int) -> None:
        self.objective.begin_step(self.net, self.done)
        self.discriminator.train()
        generator, discriminator = self.optimizers(use_pl_optimizer=True)
        field, error = self.objective.generated(self.net, sample.on(self.static))
        if self.done < self.phase.start:
            self.manual_backward(error / self.phase.accumulate)
            self._end_step(error.detach(), batch_idx, [generator])
            return
        with _fixed(self.discriminator):
            loss = self.objective.adversarial_loss(self.net, self.discriminator, field, error)
            self.manual_backward(loss / self.phase.accumulate)
        logits = (self.discriminator(f) for f in (sample.fine, field.detach()))
        against = discriminator_loss(*logits)
        self.manual_backward(against / self.phase.accumulate)
        # The error is what is shown; a number lost by the discriminator is not to go unseen.
        self._end_step(error.detach() + 0 * against.detach(), batch_idx, [generator, discriminator])

    def configure_optimizers(self) -> tuple[list, list]:
        both = [self._adam(self.net.regression), self._adam(self.discriminator)]
        return both, [{"scheduler": self._schedule(o)} for o in both]


def generator_loss(
    reconstruction: Tensor, logits_fake: Tensor, last_layer: Tensor, *, weight: float = 0.2
) -> Tensor:
    r"""Error of the generated field, and how well the discriminator sees through it.

    .. math:: L_1 - w\,\lambda\,\overline{D(\hat y)}

    with lambda of `adaptive_weight`, through which no gradient flows.

    Parameters
    ----------
    reconstruction : Tensor
        Mean absolute error, a number.
    logits_fake : Tensor
        The discriminator's logits of the generated field.
    last_layer : Tensor
        Weight of the generator's last layer.
    weight : float
        w.
    """
    adversarial = -logits_fake.mean()
    balance = adaptive_weight(reconstruction, adversarial, last_layer)
    return reconstruction + weight * balance * adversarial


def adaptive_weight(reconstruction: Tensor, adversarial: Tensor, last_layer: Tensor) -> Tensor:
    r"""Ratio of the gradients that two losses have on the last layer.

    .. math:: \lambda = \min(|\nabla L_1| / (|\nabla L_{adv}| + 10^{-4}),\ 10^4)

    Examples
    --------
    >>> layer = torch.ones(1, requires_grad=True)
    >>> round(float(adaptive_weight(6 * layer.sum(), 2 * layer.sum(), layer)), 3)
    3.0
    """
    of_error, of_adversary = (
        torch.autograd.grad(loss, last_layer, retain_graph=True)[0].norm()
        for loss in (reconstruction, adversarial)
    )
    return (of_error / (of_adversary + 1e-4)).clamp(0.0, 1e4).detach()


def discriminator_loss(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    r"""The hinge.

    .. math:: (\overline{\max(0, 1 - D(y))} + \overline{\max(0, 1 + D(\hat y))}) / 2

    Examples
    --------
    >>> float(discriminator_loss(torch.tensor([2.0]), torch.tensor([0.0])))
    0.5
    """
    relu = nn.functional.relu
    return 0.5 * (relu(1.0 - logits_real).mean() + relu(1.0 + logits_fake).mean())


@contextlib.contextmanager
def _fixed(module: nn.Module):
    """Gradients pass through it but leave none on it."""
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)
