"""Losses of the GAN baseline of arXiv 2406.13627: L1 and a hinge, balanced by their gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["adaptive_weight", "discriminator_loss", "generator_loss"]


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
