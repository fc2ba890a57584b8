"""The discriminator against what its description says."""

import torch

from xldm.nets.gan import PatchDiscriminator


def test_the_papers_discriminator_has_as_many_weights_as_its_layers_say():
    kernels = [1 * 64, 64 * 128, 128 * 256, 256 * 512, 512 * 1]
    biases_and_norms = 64 + 2 * (128 + 256 + 512) + 1
    count = sum(p.numel() for p in PatchDiscriminator(1).parameters())
    assert count == 16 * sum(kernels) + biases_and_norms


def test_a_logit_sees_a_patch_of_70_cells():
    net = PatchDiscriminator(1, width=4).eval()
    field = torch.randn(1, 1, 160, 160, requires_grad=True)
    logits = net(field)
    logits[0, 0, 9, 9].backward()
    seen = field.grad[0, 0] != 0
    rows, columns = seen.any(1).nonzero(), seen.any(0).nonzero()
    assert len(rows) == len(columns) == 70
    assert rows[-1] - rows[0] == columns[-1] - columns[0] == 69


def test_kernels_start_with_a_spread_of_two_hundredths():
    torch.manual_seed(0)
    kernels = [p for p in PatchDiscriminator(1).parameters() if p.ndim == 4]
    assert all(abs(k.std() - 0.02) < 2e-3 for k in kernels[1:-1])
