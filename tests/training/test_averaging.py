"""The moving average of weights against its formula."""

import copy

import pytest
import torch
from torch import nn

from xldm.training.averaging import averaged


@pytest.mark.parametrize(("limit", "decay"), [(0.9999, 6 / 15), (0.3, 0.3)])
def test_the_average_moves_by_the_papers_decay_up_to_its_limit(limit, decay):
    average, net = nn.Linear(1, 1), nn.Linear(1, 1)
    before = copy.deepcopy(average)
    kept = averaged(average, limit)
    kept.n_averaged.fill_(5)
    kept.update_parameters(net)
    want = decay * before.weight + (1 - decay) * net.weight
    torch.testing.assert_close(kept.module.weight, want)
