"""The objective of the GAN baseline of arXiv 2406.13627: L1 plus a hinge, balanced by gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...models.components import ResidualDiffusion, present
from ..stages import GANPhase
from .base import Objective, Sample

__all__ = ["GAN", "adaptive_weight", "discriminator_loss", "generator_loss"]


@dataclass(frozen=True)
class GAN(Objective):
    """Mean absolute error and, after ``start`` steps, the verdict of a discriminator.

    `xldm.training.adversarial_module` alternates between generator and discriminator.
    """

    phase: GANPhase

    def modules(self, net: ResidualDiffusion) -> list[nn.Module]:
        """Return the generator, which is the regression."""
        return [present(net.regression, "regression")]

    def generated(self, net: ResidualDiffusion, sample: Sample) -> tuple[Tensor, Tensor]:
        """Generate a field (B, C, H, W); return it and its mean absolute error."""
        coarse, fine, static = sample.fields
        field = net.mean.condition(coarse, static).float()
        return field, (field - fine).abs().mean()

    def loss(self, net: ResidualDiffusion, sample: Sample) -> Tensor:
        """Compute the mean absolute error of a batch, by which the GAN is validated."""
        return self.generated(net, sample)[1]

    def adversarial_loss(
        self, net: ResidualDiffusion, discriminator: nn.Module, field: Tensor, error: Tensor
    ) -> Tensor:
        """Compute the generator's loss once the discriminator takes part."""
        last = present(net.regression, "regression").outputs.weight
        return generator_loss(error, discriminator(field), last, weight=self.phase.weight)


def generator_loss(
    reconstruction: Tensor, logits_fake: Tensor, last_layer: Tensor, *, weight: float = 0.2
) -> Tensor:
    r"""Compute the generator's loss: its error, minus the balanced mean logit of its field.

    .. math:: L_1 - w\,\lambda\,\overline{D(\hat y)}

    with lambda from `adaptive_weight`; no gradient flows through it.

    Parameters
    ----------
    reconstruction : Tensor
        Mean absolute error, a scalar.
    logits_fake : Tensor
        Logits of the discriminator for the generated field.
    last_layer : Tensor
        Weight of the generator's last layer.
    weight : float
        w.
    """
    adversarial = -logits_fake.mean()
    balance = adaptive_weight(reconstruction, adversarial, last_layer)
    return reconstruction + weight * balance * adversarial


def adaptive_weight(reconstruction: Tensor, adversarial: Tensor, last_layer: Tensor) -> Tensor:
    r"""Return the ratio of the gradients of two losses on the last layer.

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
    r"""Compute the hinge loss of the discriminator.

    .. math:: (\overline{\max(0, 1 - D(y))} + \overline{\max(0, 1 + D(\hat y))}) / 2

    Examples
    --------
    >>> float(discriminator_loss(torch.tensor([2.0]), torch.tensor([0.0])))
    0.5
    """
    relu = nn.functional.relu
    return 0.5 * (relu(1.0 - logits_real).mean() + relu(1.0 + logits_fake).mean())
