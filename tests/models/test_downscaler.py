"""How fields are drawn."""

import pytest
import tiny

from xldm.models.downscaler import Sampling


def test_an_unknown_sampler_lists_the_choices():
    with pytest.raises(ValueError, match=r"ddim, ddim-trailing, dpm-solver\+\+.*; got 'euler'"):
        Sampling(sampler="euler").resolve(tiny.part().diffusion)
