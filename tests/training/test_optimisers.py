import numpy as np
import pytest
import torch
from torch import nn

from xldm.training.optimisers import Muon, orthogonal

SHAPES = [(6, 40), (40, 6), (8, 8)]


@pytest.mark.parametrize("shape", SHAPES)
def test_steps_are_those_of_torch_which_computes_in_bfloat16(shape):
    torch.manual_seed(0)
    ours = nn.Parameter(torch.zeros(shape))
    theirs = nn.Parameter(torch.zeros(shape))
    steps = [
        Muon([ours], lr=0.02),
        torch.optim.Muon([theirs], lr=0.02, weight_decay=0.0, momentum=0.95),
    ]
    for _ in range(5):
        ours.grad = torch.randn(shape)
        theirs.grad = ours.grad.clone()
        for optimiser in steps:
            optimiser.step()
    apart = torch.linalg.norm(ours - theirs) / torch.linalg.norm(theirs)
    assert apart < 0.02  # bfloat16 has three digits


@pytest.mark.parametrize("shape", SHAPES)
def test_an_orthogonal_direction_has_the_singular_vectors_of_the_matrix(shape):
    torch.manual_seed(1)
    matrix = torch.randn(shape)
    left, _, right = np.linalg.svd(matrix.numpy(), full_matrices=False)
    values = left.T @ orthogonal(matrix).numpy() @ right.T
    np.testing.assert_allclose(values, np.diag(values.diagonal()), atol=1e-4)
    assert (values.diagonal() > 0.6).all()
    assert (values.diagonal() < 1.3).all()


def test_a_cpu_computes_in_float32():
    assert orthogonal(torch.eye(3, dtype=torch.bfloat16)).dtype == torch.float32


def test_a_matrix_without_a_gradient_stays():
    still, moved = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))
    moved.grad = torch.ones(2, 2)
    Muon([still, moved], lr=0.1).step()
    assert (still == 1).all()
    assert (moved != 1).all()
